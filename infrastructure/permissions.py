"""Who may do what, read out of the synthesised templates: `python -m infrastructure.permissions` prints the document.

`make infra-permissions` writes `docs/aws-permissions.md`, and `make infra-check` holds it against the templates.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import aws_cdk as cdk

from infrastructure.app import build_environment
from infrastructure.environments import PROD

HEAD = f"""# Who may do what on AWS

Written by `make infra-permissions` from the templates of `{PROD.name}`, where the lake has a key of its own; `dev` says
the same without it, and `make infra-check` compares. Everything is *Allow*; there is no managed policy. `${{Lake.Arn}}`
is a part of a template. That IAM enforces it only an account can show.
"""
_HASH = re.compile(r"[0-9A-F]{8}$")
_EXPORT = re.compile(r"ExportsOutput(?:Ref|FnGetAtt)(?P<name>.+?)[0-9A-F]{8}(?P<part>[A-Z][A-Za-z]*?)?[0-9A-F]{8}$")


class Statement(NamedTuple):
    """One line of the document."""

    role: str
    actions: str
    resources: str
    condition: str


def document(assembly: Path) -> str:
    """The document on the templates that lie in `assembly`."""
    parts = [HEAD]
    for role, said in groupby(sorted(_statements(assembly)), key=lambda statement: statement.role):
        rows = "".join(f"| {one.actions} | {one.resources} | {one.condition} |\n" for one in said)
        parts.append(f"## {role}\n\n| may | on | when |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def _statements(assembly: Path) -> Iterator[Statement]:
    for path in sorted(assembly.glob(f"Quantyfy-{PROD.name}-*.template.json")):
        for body in json.loads(path.read_text())["Resources"].values():
            if body["Type"] != "AWS::IAM::Policy":
                continue
            [role] = body["Properties"]["Roles"]
            for statement in body["Properties"]["PolicyDocument"]["Statement"]:
                yield _statement(_HASH.sub("", role["Ref"]), statement)


def _statement(role: str, statement: Mapping[str, Any]) -> Statement:
    condition = statement.get("Condition", {})
    return Statement(
        role,
        "<br>".join(f"`{action}`" for action in _listed(statement["Action"])),
        "<br>".join(f"`{_text(resource)}`" for resource in _listed(statement["Resource"])),
        "<br>".join(
            f"`{key}` {test} {_text(value)}" for test, wanted in condition.items() for key, value in wanted.items()
        ),
    )


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  as CloudFormation nests it
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:  # noqa: ANN401  as CloudFormation nests it
    """A value of a template as people write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    [(function, said)] = value.items()
    return _READ[function](said)


def _import(said: str) -> str:
    export = _EXPORT.fullmatch(said.split(":")[1])
    assert export is not None, said  # noqa: S101  CDK names every export of ours so
    return _part(export["name"], export["part"])


def _part(name: str, part: str | None = None) -> str:
    return f"${{{name}.{part}}}" if part else f"${{{name}}}"


_READ: Mapping[str, Callable[[Any], str]] = {
    "Fn::Join": lambda said: said[0].join(map(_text, said[1])),
    "Fn::GetAtt": lambda said: _part(_HASH.sub("", said[0]), said[1]),
    "Fn::ImportValue": _import,
    "Ref": lambda said: _part(_HASH.sub("", said)),
}


def main() -> None:
    """Synthesise the environment that the document is about, and print."""
    with tempfile.TemporaryDirectory() as folder:
        app = cdk.App(outdir=folder)
        build_environment(app, PROD, tag="any")
        app.synth()
        print(document(Path(folder)), end="")  # noqa: T201  that is what it is for


if __name__ == "__main__":
    main()
