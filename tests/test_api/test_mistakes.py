"""A wrong field is told in the reader's language, whichever field it is of whatever the OpenAPI document takes."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from app.api.main import create_app
from app.api.mistakes import UNFORESEEN, told
from app.api.openapi import operations
from app.core.config import Settings
from tests.test_api.served import Served, announce

DOCUMENT = create_app(Settings()).openapi()
BOUNDS = {"minimum": -1, "maximum": 1}
MIXED = re.compile(r"\b(should|must|input|field|valid|invalid|or|is)\b", re.IGNORECASE)


class Wrong(NamedTuple):
    """One request with one mistake."""

    method: str
    path: str
    place: str
    where: str
    value: Any


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind references and beside null."""
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return resolved(schema["anyOf"][0]) if "anyOf" in schema else schema


def wrong_texts(schema: dict[str, Any]) -> Iterator[str]:
    """Texts that the schema refuses; none for a free text."""
    if schema.get("type") in {"integer", "boolean"} or "enum" in schema or "format" in schema:
        yield "nada"
    yield from (str(schema[bound] + step) for bound, step in BOUNDS.items() if bound in schema)
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if "pattern" in schema:
        yield "~nada~\xe7"


def wrong_values(schema: dict[str, Any]) -> Iterator[Any]:
    """Values of a JSON body that the schema refuses."""
    yield {"a": 1} if schema.get("type") != "object" else []
    if schema.get("type") == "string":
        if "format" not in schema:  # of a date, a number is seconds
            yield 7
        yield from wrong_texts(schema)
    if schema.get("type") == "integer":
        yield from ("nada", 1.5, *(schema[bound] + step for bound, step in BOUNDS.items() if bound in schema))
    if schema.get("minLength") or schema.get("minItems"):
        yield "" if schema["type"] == "string" else []
    if "maxItems" in schema:
        yield ["x"] * (schema["maxItems"] + 1)
    if schema.get("type") == "array":
        yield ["nada\x00"]


def mistakes() -> Iterator[Wrong]:
    """Every mistake that one field can have."""
    for method, path, operation in operations(DOCUMENT):
        for parameter in operation.get("parameters", []):
            for text in wrong_texts(resolved(parameter["schema"])):
                yield Wrong(method, path, parameter["in"], parameter["name"], text)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            schema = resolved(body["schema"])
            yield from (Wrong(method, path, "body", name, None) for name in schema.get("required", ()))
            yield Wrong(method, path, "body", "a_field_we_do_not_know", 1)
            for name, part in schema["properties"].items():
                yield from (Wrong(method, path, "body", name, value) for value in wrong_values(resolved(part)))


def sent(served: Served, wrong: Wrong, language: str) -> Any:  # noqa: ANN401  the client's own answer
    """The request: right but for its one mistake."""
    operation = DOCUMENT["paths"][wrong.path][wrong.method.lower()]
    facts = {**served.ids, "at": "0", "link": "x"}
    if "{at}" in wrong.path:  # taken of an upload that waits for its files alone
        facts["upload_id"] = served.ids["direct"]
    asked: dict[str, Any] = {"headers": served.headers | {"Accept-Language": language}}
    if wrong.place == "path":
        facts[wrong.where] = wrong.value
    elif wrong.place == "query":
        asked["params"] = {wrong.where: wrong.value}
    elif wrong.place == "header":
        asked["headers"] |= {wrong.where: wrong.value.encode()}
    else:
        asked["json"] = dict(operation["requestBody"]["content"]["application/json"]["example"])
        asked["json"] |= {wrong.where: wrong.value}
        if wrong.value is None:
            del asked["json"][wrong.where]
    return served.http.request(wrong.method, wrong.path.format(**facts), **asked)


def test_every_mistake_with_a_field_is_told_in_the_readers_language(served: Served) -> None:
    waiting = announce(served.http, served.shop).json()["id"]  # other tests may have had that of all
    served = served._replace(ids=served.ids | {"direct": waiting})
    told_of = set()
    for wrong in mistakes():
        portuguese, english = (sent(served, wrong, language) for language in ("pt-BR", "en"))
        assert (portuguese.status_code, english.status_code) == (422, 422), (wrong, portuguese.text)
        assert portuguese.json()["code"] == "invalid-request", wrong
        said, same = portuguese.json()["detail"], english.json()["detail"]
        assert wrong.where.lower() in said.partition(":")[0].lower(), wrong
        words = said.partition(": ")[2]
        assert words != same.partition(": ")[2], wrong
        assert UNFORESEEN.pt not in said, wrong
        assert UNFORESEEN.en not in same, wrong
        assert not MIXED.search(words.split("padr\xe3o ")[0]), (wrong, said)
        told_of.add(words)
    assert len(told_of) > 25


@pytest.mark.parametrize(
    ("body", "portuguese", "english"),
    [
        (b"{", "não é JSON válido", "is not valid JSON"),
        (b"", "body: faltou informar", "body: is missing"),
        (b"[]", "body: deve ser um objeto JSON", "body: must be a JSON object"),
    ],
)
def test_a_body_that_is_none_is_told_in_the_readers_language(
    served: Served, body: bytes, portuguese: str, english: str
) -> None:
    for language, words in (("pt-BR", portuguese), ("en", english)):
        headers = served.headers | {"Content-Type": "application/json", "Accept-Language": language}
        answer = served.http.post("/keys", headers=headers, content=body)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_an_error_that_nobody_foresaw_is_told_plainly_in_both_languages() -> None:
    text = told([{"type": "of_a_later_pydantic", "loc": ("query", "limit"), "msg": "Input should be nicer"}])
    assert text.pt == f"limit: {UNFORESEEN.pt}"
    assert text.en == f"limit: {UNFORESEEN.en}"


def test_what_a_customer_sent_is_no_template() -> None:
    text = told([{"type": "extra_forbidden", "loc": ("body", "{pt}{0}"), "msg": "", "ctx": {}}])
    assert text.pt.startswith("{pt}{0}: ")
