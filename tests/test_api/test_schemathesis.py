"""Schemathesis walks the whole document with a key, right data and wrong: no 5xx, no undocumented status or answer."""

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.test_api.served import Served

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
) -> None:
    @TRIED
    @given(case=api[path][verb.upper()].as_strategy(generation_mode=mode))
    def promise(case: Any) -> None:  # noqa: ANN401
        _name_what_is_there(case, served)
        case.call_and_validate(headers=served.headers, checks=CHECKS, session=served.http)

    promise()


def test_operations_after_one_another_keep_their_promises(api: Any, served: Served) -> None:  # noqa: ANN401
    class Walk(api.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ANN401
            _name_what_is_there(case, served)
            return {"headers": served.headers, "session": served.http}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:  # noqa: ANN401
            del kwargs
            case.validate_response(response, checks=CHECKS)

    Walk.run(settings=settings(TRIED, max_examples=WALKS, stateful_step_count=6))


_turn = itertools.count()


def _name_what_is_there(case: Any, served: Served) -> None:  # noqa: ANN401
    """Every other time the path names something real, unless that would end it for the tests after this one."""
    if next(_turn) % 2 or case.method == "DELETE":
        return
    for name in case.path_parameters or {}:
        if name in served.ids:
            case.path_parameters[name] = served.ids[name]
