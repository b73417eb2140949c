"""How often a caller may ask: one bucket for all processes of the service, without a question to it each time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, text

from app.api.main import create_app
from app.api.rates import Rates
from app.core.clients import Clients
from app.core.config import Settings
from app.core.database import AccountId
from app.domain.access import Scope
from app.domain.errors import TooManyRequests
from app.pipeline.access import Caller, WantedKey
from app.pipeline.rates import lease
from tests.shop import CNPJ
from tests.test_api.served import Served


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def caller(account: AccountId) -> Caller:
    return Caller(account=account, id=uuid4(), actor="key:1", scopes=frozenset({Scope.READ}))


def ask(rates: Rates, clients: Clients, caller: Caller) -> dict[bytes, bytes] | None:
    """The headers of a request that is let through; None for one that is not."""
    scope: dict[str, Any] = {"state": {}}
    try:
        rates.take(clients, scope, caller)
    except TooManyRequests:
        return None
    return dict(scope["state"]["rate_headers"])


def age(clients: Clients, caller: Caller, *, seconds: int) -> None:
    """Let time pass for the bucket, whose clock is PostgreSQL's."""
    with clients.database.session(caller.account) as session:
        back = text("UPDATE rate_buckets SET updated_at = updated_at - make_interval(secs => :seconds)")
        session.execute(back, {"seconds": seconds})


def test_a_bucket_gives_what_it_has_and_fills_with_time(clients: Clients, caller: Caller) -> None:
    assert lease(clients, caller, quota=60, wanted=40) == (40, 20.0)
    assert lease(clients, caller, quota=60, wanted=40).granted == 20
    assert lease(clients, caller, quota=60, wanted=40).granted == 0
    age(clients, caller, seconds=10)
    assert lease(clients, caller, quota=60, wanted=40).granted == 10
    age(clients, caller, seconds=3600)
    assert lease(clients, caller, quota=60, wanted=1) == (1, 59.0)


def test_what_was_not_spent_goes_back(clients: Clients, caller: Caller) -> None:
    assert lease(clients, caller, quota=60, wanted=30) == (30, 30.0)
    granted, left = lease(clients, caller, quota=60, wanted=30, returned=25)
    assert (granted, round(left)) == (30, 25)


def test_many_who_take_at_once_get_no_more_than_there_is(clients: Clients, caller: Caller) -> None:
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda _: lease(clients, caller, quota=60, wanted=5), range(40)))
    assert 60 <= sum(each.granted for each in leases) <= 62, "what flows in meanwhile is a token a second"


def test_two_processes_let_through_what_one_would(clients: Clients, caller: Caller) -> None:
    quick = Caller(**{**vars(caller), "requests_per_minute": 40})
    processes = [Rates(per_minute=10_000), Rates(per_minute=10_000)]
    answered = [ask(processes[at % 2], clients, quick) for at in range(100)]
    assert 40 <= sum(headers is not None for headers in answered) <= 42
    assert answered[0] == {b"ratelimit-policy": b'"caller";q=40;w=60', b"ratelimit": b'"caller";r=39;t=2'}


def test_over_http_two_services_on_one_database_hold_a_key_to_one_limit(
    settings: Settings, served: Served, key_of: Callable[[WantedKey], dict[str, str]]
) -> None:
    mine = key_of(WantedKey("lenta", scopes=[Scope.READ], requests_per_minute=20))
    with ExitStack() as stack:
        neighbour = stack.enter_context(
            TestClient(create_app(settings.model_copy(update={"lake_url": served_lake(served)})))
        )
        answers = [
            client.get(f"/predictions/{CNPJ}", headers=mine) for _ in range(20) for client in (served.http, neighbour)
        ]
    statuses = [answer.status_code for answer in answers]
    assert 20 <= statuses.count(200) <= 22
    assert set(statuses) == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "too-many-requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 3
    assert refused.headers["ratelimit"].startswith('"caller";r=0;t=')


def served_lake(served: Served) -> str:
    return served.shop.settings.lake


def test_a_block_is_spent_without_asking_anybody(clients: Clients, caller: Caller) -> None:
    rates, statements = Rates(per_minute=2000), Statements(clients)
    with statements:
        answered = [ask(rates, clients, caller) for _ in range(1000)]
    assert None not in answered
    assert statements.of_buckets == 10, "one block of a hundred after the other"


def test_a_block_that_lies_about_is_given_back(clients: Clients, caller: Caller) -> None:
    clock = Clock()
    one, two = Rates(per_minute=100, clock=clock), Rates(per_minute=100, clock=clock)
    assert ask(one, clients, caller)
    for _ in range(20):  # each time the other process's block is too old, and what is left of it goes back
        clock.now += 6
        assert ask(one, clients, caller)
        assert ask(two, clients, caller)
    with clients.database.session(caller.account) as session:
        tokens = session.execute(text("SELECT tokens FROM rate_buckets")).scalar_one()
    assert tokens >= 100 - 41 - 2 * 5


def test_who_is_over_the_limit_costs_the_database_nothing_more(clients: Clients, caller: Caller) -> None:
    rates, statements = Rates(per_minute=2), Statements(clients)
    assert [ask(rates, clients, caller) is not None for _ in range(3)] == [True, True, False]
    with statements:
        assert [ask(rates, clients, caller) for _ in range(50)] == [None] * 50
    assert statements.of_buckets == 0


def test_a_full_bucket_still_counts_the_request_that_was_made(clients: Clients, caller: Caller) -> None:
    clock = Clock()
    rates = Rates(per_minute=1200, clock=clock)
    assert ask(rates, clients, caller)
    clock.now += 4
    assert ask(rates, clients, caller) == {
        b"ratelimit-policy": b'"caller";q=1200;w=60',
        b"ratelimit": b'"caller";r=1199;t=1',
    }


def test_time_brings_tokens_back(clients: Clients, caller: Caller) -> None:
    clock = Clock()
    rates = Rates(per_minute=2, clock=clock)
    assert [ask(rates, clients, caller) is not None for _ in range(3)] == [True, True, False]
    clock.now += 31
    age(clients, caller, seconds=31)
    assert ask(rates, clients, caller) is not None
    assert ask(rates, clients, caller) is None


def test_another_callers_bucket_is_its_own(clients: Clients, caller: Caller) -> None:
    rates = Rates(per_minute=1)
    assert ask(rates, clients, caller) is not None
    assert ask(rates, clients, caller) is None
    assert ask(rates, clients, Caller(**{**vars(caller), "id": uuid4()})) is not None


class Statements:
    """Counts the statements about buckets that reach the database."""

    def __init__(self, clients: Clients) -> None:
        self._engine = clients.database._engine
        self.of_buckets = 0

    def __enter__(self) -> None:
        event.listen(self._engine, "before_cursor_execute", self._count)

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._count)

    def _count(self, *told: Any) -> None:  # noqa: ANN401  SQLAlchemy's own arguments
        self.of_buckets += "rate_buckets" in told[2]
