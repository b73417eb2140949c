"""What a document has its reader type: the lines of its shell blocks, and every `quantyfy ...` in it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer
from typer.exceptions import TyperException

from app.cli.main import app

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"^```(?:sh|console|bash)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_CALL: Final = re.compile(r"(?:^|[\s(;&|])(?:\./|\.venv/bin/)?quantyfy[ \t]+(.+)$", re.MULTILINE)
_LISTED: Final = re.compile(r"[\[,]\s*\"?quantyfy\"?\s*,\s*([^\]]*)\]")
_ENDS: Final = {"|", "||", "&&", ";", ">", "2>", "&"}


class Call(NamedTuple):
    """A command of ours as a document writes it; only `mentioned` ones may leave their arguments out."""

    words: tuple[str, ...]
    is_mentioned: bool


def blocks(document: str) -> list[str]:
    """The shell blocks of a Markdown document."""
    return [found[1] for found in re.finditer(r"^```sh\n(.*?)^```", document, re.MULTILINE | re.DOTALL)]


def commands(block: str) -> list[str]:
    """What is typed of a block, a command at a time: a line, with those that a backslash adds to it."""
    lines = re.findall(r"(?:.*\\\n)*.*", block)
    return [line for line in lines if line.strip()]


def calls(path: Path) -> Iterator[Call]:
    """Every `quantyfy ...` of a file."""
    text = path.read_text(encoding="utf-8")
    for found in _LISTED.finditer(text):
        yield Call(tuple(word.strip().strip("\"'") for word in found[1].split(",")), is_mentioned=False)
    if path.suffix != ".md":
        yield from _typed(re.sub(r"\\\n", " ", text))
        return
    for block in _BLOCK.findall(text):
        yield from _typed(re.sub(r"\\\n", " ", block))
    for span in _SPAN.findall(_BLOCK.sub("", text)):
        for found in _CALL.finditer(span):
            words = _words(found[1])
            yield from (Call((name, *words[1:]), is_mentioned=True) for name in words[0].split("|"))


def _typed(text: str) -> Iterator[Call]:
    yield from (Call(_words(found[1]), is_mentioned=False) for found in _CALL.finditer(text))


def _words(typed: str) -> tuple[str, ...]:
    words = shlex.split(typed, comments=True)
    end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
    return tuple(words[:end])


def mistake(call: Call) -> str | None:
    """Why the command line does not take a call; None when it does."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("quantyfy", ["--help"], resilient_parsing=True)
    words = list(call.words)
    while hasattr(command, "get_command"):
        if not words:
            return None if call.is_mentioned else "no command"
        found = command.get_command(context, words[0])
        if found is None:
            return f"no such command: {words[0]}"
        command, words = found, words[1:]
    if call.is_mentioned and not words:
        return None
    try:
        command.make_context(command.name, words, parent=context)
    except TyperException as error:
        return error.format_message()
    return None
