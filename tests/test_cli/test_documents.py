"""Every command that a document names is one there is, with the options it is given."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.test_cli.typed import ROOT, Call, calls, mistake

DOCUMENTS = sorted(
    [
        *(ROOT / name for name in ("README.md", "README.pt-BR.md", "docker-compose.yml", ".env.example", "Dockerfile")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").rglob("*.sh"),
    ]
)
THAT_NAME_SOME = {
    "README.md": 8,
    "README.pt-BR.md": 8,
    "docker-compose.yml": 3,
    "Dockerfile": 3,
    "docs/runbook.md": 1,
    "docs/exemplos.md": 3,
    "docs/api.md": 5,
}
MARKDOWN = [path for path in DOCUMENTS if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_a_document_names_is_one_there_is(document: Path) -> None:
    found = list(calls(document))
    assert len(found) >= THAT_NAME_SOME.get(name_of(document), 0), found
    wrong = {" ".join(call.words): why for call in found if (why := mistake(call)) is not None}
    assert wrong == {}


@pytest.mark.parametrize(
    ("words", "is_mentioned", "why"),
    [
        (("key", "Minha loja"), False, "no such command: Minha loja"),
        (("conta", "new"), True, "no such command: conta"),
        (("account", "new"), False, "Missing argument"),
        (("account",), False, "no command"),
        (("upload", "x.csv", "--cnpj", "1"), True, "Missing option '--name'"),
        (("serve", "--workers", "2"), True, "No such option: --workers"),
        (("migrate", "now"), False, "unexpected extra argument"),
    ],
)
def test_a_command_that_is_none_is_found(words: tuple[str, ...], is_mentioned: bool, why: str) -> None:  # noqa: FBT001
    assert why in (mistake(Call(words, is_mentioned=is_mentioned)) or "")


def test_a_command_is_found_however_a_document_writes_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "A `quantyfy a|b`, `.venv/bin/quantyfy c --x` and the service quantyfy itself; "
        '`run --overrides \'{"command":["quantyfy","d","e"]}\'`.\n\n```sh\nX=1 ./quantyfy f \\\n  g | head\n```\n'
    )
    compose = tmp_path / "compose.yml"
    compose.write_text('name: quantyfy\n#   exec api quantyfy h "I J"\ncommand: [quantyfy, k, "--l"]\n')
    assert {call.words for call in calls(page)} == {("a",), ("b",), ("c", "--x"), ("d", "e"), ("f", "g")}
    assert {call.words for call in calls(compose)} == {("h", "I J"), ("k", "--l")}


@pytest.mark.parametrize("document", MARKDOWN, ids=name_of)
def test_every_target_of_make_that_a_document_names_is_there(document: Path) -> None:
    typed = re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )?make ([a-z-]+)", document.read_text(), re.MULTILINE)
    for target in set(typed):
        planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
        assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("document", MARKDOWN, ids=name_of)
def test_every_command_of_cdk_names_one_environment_and_one_release(document: Path) -> None:
    typed = re.findall(r"`(cdk (?:bootstrap|deploy|destroy|diff|synth)[^`]*)`", document.read_text())
    for command in typed:
        assert len(re.findall(r" -c env=\S+", command)) == len(re.findall(r" -c tag=\S+", command)) == 1, command
        assert "--all" not in command
    if document.name == "runbook.md":
        assert len(typed) >= 7
