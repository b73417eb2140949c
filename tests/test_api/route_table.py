"""`docs/routes.md`: every route with its scope, its rate limit, and the tests that ask it. Written by `make routes`.

What it says of scopes and limits is the OpenAPI document's; what it says of tests is what pytest parametrizes.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from app.api.main import create_app
from app.core.config import Settings
from tests.test_api import test_isolation

PAGE: Final = Path(__file__).parent.parent.parent / "docs/routes.md"
_HEAD: Final = """\
# Routes

Written by `make routes` from the OpenAPI document and from what `tests/test_api/test_isolation.py` walks; compared in
the tests. A route that is in none of its tables fails the build.

Rate limits: **caller** is the key's or the person's own bucket over all processes of the service, {per_minute}
requests a minute unless the key has another limit; **logins** is the throttle of wrong ones, by e-mail and
address from the fifth, by address from the fiftieth, by e-mail from the hundredth.

| route | what it does | scope | rate limit | asked by |
|---|---|---|---|---|
"""
# What is for browsers, and in no document of operations.
_PAGES: Final = {
    ("GET", "/docs"): "Show this document to people",
    ("GET", "/session/links/{link}"): "Show the page that sets a password",
    ("POST", "/session/links/{link}/password"): "What that page's form sends",
}


def page() -> str:
    """The whole page."""
    document = create_app(Settings()).openapi()["paths"]
    letters = {name: chr(ord("a") + at) for at, name in enumerate(_tests())}
    tables = test_isolation.OF_ONE_ACCOUNT, test_isolation.OF_THE_CALLER, sorted(test_isolation.OF_NOBODY)
    rows = [
        _row(method, path, document.get(path, {}).get(method.lower(), {}), letters) for method, path in chain(*tables)
    ]
    legend = [f"- **{letter}** `{name}`" for name, letter in letters.items()]
    head = _HEAD.format(per_minute=Settings.model_fields["requests_per_minute"].default)
    return head + "\n".join(rows) + "\n\n" + "\n".join(legend) + "\n"


def _row(method: str, path: str, operation: dict[str, Any], letters: dict[str, str]) -> str:
    asked_by = " ".join(letters[name] for name, routes in _tests().items() if (method, path) in routes)
    summary = operation.get("summary") or _PAGES[method, path]
    return f"| `{method} {path}` | {summary} | {_scope(operation)} | {_limit(operation)} | {asked_by} |"


def _scope(operation: dict[str, Any]) -> str:
    needs = operation.get("security", [])
    scopes = {scope for need in needs for names in need.values() for scope in names}
    return ", ".join(sorted(scopes)) or ("a session" if needs else "none")


def _limit(operation: dict[str, Any]) -> str:
    if "429" not in operation.get("responses", {}):
        return "none"
    return "caller" if operation["security"] else "logins"


def _tests() -> dict[str, set[tuple[str, str]]]:
    """The routes that each test walks, by the test's name."""
    return {name: routes for name, routes in _walked() if routes}


def _walked() -> Iterator[tuple[str, set[tuple[str, str]]]]:
    for name, test in vars(test_isolation).items():
        if isinstance(test, FunctionType) and name.startswith("test_"):
            marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.args[:1] == (("method", "path"),)]
            yield name, {route for mark in marks for route in mark.args[1]}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
