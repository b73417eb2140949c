"""The API's document is committed, so that what changes in it is seen in review; and it leaves nothing unsaid."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from app.api.main import create_app
from app.api.openapi import PORTUGUESE, operations
from app.api.samples import sample_of
from app.api.schemas.problems import problem_responses
from app.core.config import Settings
from app.domain.errors import by_code
from tests.test_api import route_table

COMMITTED = Path(__file__).parent.parent.parent / "openapi.json"
DOCUMENT = json.loads(COMMITTED.read_text())
OPERATIONS = [pytest.param(*found, id=" ".join(found[:2])) for found in operations(DOCUMENT)]
OPEN_TO_ALL = {"/health/live", "/health/ready", "/metrics", "/problems/{code}", "/session", "/session/links/{link}"}
PROBLEM = "application/problem+json"


def test_the_committed_document_is_the_services() -> None:
    document = create_app(Settings()).openapi()
    assert json.loads(json.dumps(document)) == DOCUMENT, "make openapi"


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_says_what_it_is_and_who_may(method: str, path: str, operation: dict[str, Any]) -> None:
    del method
    for name in ("summary", PORTUGUESE, "description"):
        assert operation[name], name
    assert operation["summary"] != operation[PORTUGUESE]
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    schemes = {name: scopes for need in operation["security"] for name, scopes in need.items()}
    if path not in OPEN_TO_ALL:
        assert schemes.keys() == {"key", "session"}
        assert schemes["key"] == schemes["session"]
        assert len(schemes["key"]) == 1
        assert {"401", "403", "429", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_request_and_every_success_has_a_valid_example(method: str, path: str, operation: dict[str, Any]) -> None:
    del method, path
    bodies = [operation.get("requestBody", {}), *_answers(operation, "2")]
    for media, content in [pair for body in bodies for pair in body.get("content", {}).items()]:
        if content["schema"].get("format") != "binary":
            assert content["example"] not in ("", [], {}), media
            if "json" in media:
                _require_valid(content["example"], content["schema"])


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_error_of_an_operation_has_an_example_in_both_languages(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    del method, path
    for status in operation["responses"]:
        if status.startswith(("4", "5")):
            examples = operation["responses"][status]["content"][PROBLEM]["examples"]
            assert len(examples) >= 2
            for name, example in examples.items():
                told = DOCUMENT["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]
                assert told["status"] == int(status)
                assert told["code"] == name.removesuffix(".en")
                assert {told["code"], f"{told['code']}.en"} <= examples.keys()
                _require_valid(told, {"$ref": "#/components/schemas/Problem"})


def test_names_of_operations_are_fit_for_programs_and_nobodys_twice() -> None:
    names = [operation["operationId"] for _, _, operation in operations(DOCUMENT)]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_every_error_a_route_may_answer_can_be_told_by_example() -> None:
    named = {name for _, _, operation in operations(DOCUMENT) for name in _codes(operation)}
    for code, kind in by_code().items():
        if code in named:
            assert sample_of(kind).detail("en")
    assert set(DOCUMENT["components"]["examples"]) >= named
    assert list(problem_responses()) == [400, 414, 431]


def _answers(operation: dict[str, Any], first: str) -> list[dict[str, Any]]:
    return [answer for status, answer in operation["responses"].items() if status.startswith(first)]


def _codes(operation: dict[str, Any]) -> Iterator[str]:
    for answer in _answers(operation, "4") + _answers(operation, "5"):
        yield from answer["content"][PROBLEM]["examples"]


def _require_valid(value: object, schema: dict[str, Any]) -> None:
    jsonschema_rs.validate(schema | {"components": DOCUMENT["components"]}, value)


def test_the_page_of_routes_is_what_the_document_and_the_tests_say() -> None:
    assert route_table.PAGE.read_text(encoding="utf-8") == route_table.page()


def test_every_link_leads_to_an_operation_with_what_the_example_holds() -> None:
    by_name = {operation["operationId"]: operation for _, _, operation in operations(DOCUMENT)}
    ways = [
        (source, target, link, answer["content"]["application/json"]["example"])
        for source, operation in by_name.items()
        for answer in operation["responses"].values()
        for target, link in answer.get("links", {}).items()
    ]
    assert {source for source, *_ in ways} >= {"upload", "announce_upload", "complete_upload", "erase", "make_key"}
    for source, target, link, example in ways:
        taken = {each["name"]: each["in"] for each in by_name[link["operationId"]].get("parameters", [])}
        assert {name for name, place in taken.items() if place == "path"} == set(link["parameters"]), (source, target)
        for expression in link["parameters"].values():
            found: Any = example
            for step in expression.removeprefix("$response.body#/").split("/") if expression.startswith("$") else ():
                found = found[int(step) if step.isdecimal() else step]
            assert found, (source, target)
