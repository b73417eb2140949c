"""Schemathesis walks the whole document with a key: no 5xx, no undocumented status, no answer unlike its schema."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.test_api.served import Served

EXAMPLES = int(os.environ.get("QUANTYFY_SCHEMATHESIS_EXAMPLES", "50"))
WALKS = max(1, EXAMPLES // 2)
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


OPERATIONS = [
    (verb, path)
    for path, verbs in json.loads((Path(__file__).parent.parent.parent / "openapi.json").read_text())["paths"].items()
    for verb in verbs
]


@pytest.fixture(scope="session")
def api(served: Served) -> Any:  # noqa: ANN401  schemathesis' own schema
    return schemathesis.openapi.from_asgi("/openapi.json", served.http.app)


@pytest.mark.parametrize(("verb", "path"), OPERATIONS, ids=" ".join)
def test_every_operation_keeps_its_promises(api: Any, served: Served, verb: str, path: str) -> None:  # noqa: ANN401
    @TRIED
    @given(case=api[path][verb.upper()].as_strategy())
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
