"""Schemathesis walks the whole document with a key, right data and wrong: no 5xx, no undocumented status or answer."""

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.stateful import initialize
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.generation.stateful.state_machine import StepInput
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.shop import CNPJ
from tests.test_api.served import GONE, Served

Record = Callable[[str, object], None]

FORM = "multipart/form-data"
EXAMPLES = int(os.environ.get("QUANTYFY_SCHEMATHESIS_EXAMPLES", "50"))
WALKS = EXAMPLES
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TRIED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


DOCUMENT = json.loads((Path(__file__).parent.parent.parent / "openapi.json").read_text())
ANY_TEXT_IS_RIGHT = {"/problems/{code}"}


def _promises() -> Iterator[tuple[str, str, GenerationMode]]:
    """Every operation with data that is right, and with data that is wrong where it takes any that can be."""
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield verb, path, GenerationMode.POSITIVE
            takes_data = operation.get("parameters") or operation.get("requestBody")
            if takes_data and path not in ANY_TEXT_IS_RIGHT:
                yield verb, path, GenerationMode.NEGATIVE


@pytest.fixture(scope="session")
def api(served: Served) -> Any:  # noqa: ANN401  schemathesis' own schema
    return schemathesis.openapi.from_asgi("/openapi.json", served.http.app)


@pytest.mark.parametrize(("verb", "path", "mode"), list(_promises()), ids=str)
def test_every_operation_keeps_its_promises(
    api: Any,  # noqa: ANN401
    served: Served,
    verb: str,
    path: str,
    mode: GenerationMode,
    record_property: Record,
) -> None:
    cases = itertools.count()

    @TRIED
    @given(case=api[path][verb.upper()].as_strategy(generation_mode=mode))
    def promise(case: Any) -> None:  # noqa: ANN401
        next(cases)
        _name_what_is_there(case, served)
        case.call_and_validate(headers=served.headers, checks=CHECKS, session=served.http)

    promise()
    record_property("schemathesis", {"operation": f"{verb} {path}", "cases": next(cases)})


def test_operations_after_one_another_keep_their_promises(
    api: Any,  # noqa: ANN401
    served: Served,
    record_property: Record,
) -> None:
    """Along the document's links, and those that Schemathesis finds by itself."""
    steps, followed = Counter[str](), Counter[str]()

    machine = api.as_state_machine()

    class Walk(machine):  # type: ignore[misc, valid-type]
        @initialize(target=machine.bundles["POST /upload -> 202"])
        def an_upload(self) -> Any:  # noqa: ANN401
            return self._begun(api["/upload"]["POST"].Case(body={}, media_type=FORM))

        @initialize(target=machine.bundles["POST /uploads -> 201"])
        def an_upload_announced(self) -> Any:  # noqa: ANN401
            return self._begun(api["/uploads"]["POST"].Case(body={}, media_type="application/json"))

        def _begun(self, case: Any) -> Any:  # noqa: ANN401
            first = StepInput.initial(case)
            self.recorder.record_case(case=case)
            self.control.record_step(first, self.recorder)
            return self.step(first)

        def step(self, input: Any) -> Any:  # noqa: A002, ANN401  Schemathesis' own name
            if input.transition is not None and input.is_applied and not input.transition.is_inferred:
                followed[input.transition.id] += 1
            return super().step(input)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ANN401
            steps[case.operation.label] += 1
            _send_what_is_right(case, served)
            _spare_what_others_need(case, served)
            return {"headers": served.headers, "session": served.http}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:  # noqa: ANN401
            del kwargs
            case.validate_response(response, checks=CHECKS)

    Walk.run(settings=settings(TRIED, max_examples=WALKS, stateful_step_count=6))
    record_property(
        "schemathesis", {"cases": steps.total(), "links followed": followed.total(), "links": len(followed)}
    )
    assert {way.split(" -> ")[0] for way in followed} >= {"POST /upload", "POST /uploads"}, followed


_turn = itertools.count()


def _name_what_is_there(case: Any, served: Served) -> None:  # noqa: ANN401
    """Every other time the path names something real, unless that would end it for the tests after this one."""
    if next(_turn) % 2 or case.method == "DELETE":
        return
    for name in case.path_parameters or {}:
        if name in served.ids:
            case.path_parameters[name] = served.ids[name]


def _send_what_is_right(case: Any, served: Served) -> None:  # noqa: ANN401
    """No generator finds a CNPJ or a spreadsheet; a walk begins with some. No upload is made anew.

    Wrong data is tried operation by operation, above.
    """
    if case.operation.label == "POST /upload":
        sent = (served.shop.settings.home / "files").iterdir()
        case.body = {"cnpj": CNPJ, "company_name": "Padaria"} | {file.stem: file.read_bytes() for file in sent}
        case.query = {}
    elif case.operation.label == "POST /uploads":
        case.body = {"cnpj": CNPJ, "company_name": "Padaria", "files": [{"name": "itens.csv"}]}
    elif case.operation.label == "POST /keys":
        case.body = {"name": "ERP"}
    elif case.operation.label == "POST /webhooks":
        case.body = {"url": "http://127.0.0.1:9/none"}


def _spare_what_others_need(case: Any, served: Served) -> None:  # noqa: ANN401
    """Nothing of the account that every test shares is ended, though a link may lead there."""
    if case.method != "DELETE":
        return
    for name, value in (case.path_parameters or {}).items():
        if value == served.ids.get(name):
            case.path_parameters[name] = GONE if name == "cnpj" else str(uuid4())
