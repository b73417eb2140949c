"""Behind a load balancer: only a proxy that was named says whose request it brings."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.api.main import create_app
from app.core.config import Settings

PROXY = "10.0.3.7"
Door = Callable[..., TestClient]


@pytest.fixture
def door(settings: Settings) -> Iterator[Door]:
    """The service as it is reached from an address, with these proxies trusted; `/whose` tells who it thinks we are."""
    with ExitStack() as stack:

        def reached_from(address: str, *, trusted: str = "10.0.0.0/16 fd00::/8") -> TestClient:
            app = create_app(settings.model_copy(update={"trusted_proxies": trusted}))

            @app.get("/whose")
            def whose(request: Request) -> str:
                return request.client.host if request.client else ""

            return stack.enter_context(TestClient(app, client=(address, 50_000)))

        yield reached_from


@pytest.mark.parametrize(
    ("peer", "forwarded", "whose"),
    [
        (PROXY, "198.51.100.1", "198.51.100.1"),
        ("fd00::7", "2001:db8::1", "2001:db8::1"),
        (PROXY, None, PROXY),
        ("198.51.100.77", "203.0.113.1", "198.51.100.77"),  # who is no proxy cannot be somebody else
        (
            PROXY,
            "203.0.113.1, 198.51.100.3",
            "198.51.100.3",
        ),  # before whom the proxy saw, the sender wrote what it liked
        (PROXY, "198.51.100.4, 10.0.9.1", "198.51.100.4"),  # a second proxy is looked through
    ],
)
def test_the_address_is_what_a_trusted_proxy_saw(door: Door, peer: str, forwarded: str | None, whose: str) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert door(peer).get("/whose", headers=headers).json() == whose


def test_unless_told_nobody_is_believed_not_even_this_machine(door: Door) -> None:
    http = door("127.0.0.1", trusted="")
    assert http.get("/whose", headers={"X-Forwarded-For": "203.0.113.1"}).json() == "127.0.0.1"


def test_behind_a_proxy_one_who_guesses_passwords_stops_nobody_else(door: Door) -> None:
    http = door(PROXY)
    guesses = [_guess(http, at, address="2001:db8:50::1") for at in range(55)]  # an address no other test guesses from
    assert guesses[:50] == [401] * 50
    assert 429 in guesses
    assert _guess(http, 99, address="2001:db8:50::2") == 401


def _guess(http: TestClient, at: int, *, address: str) -> int:
    """Each try is for another person, so that only the address counts."""
    login = {"email": f"pessoa{at}@proxies.com.br", "password": "uma senha errada"}
    return http.post("/session", json=login, headers={"X-Forwarded-For": address}).status_code


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "::/0", "*", "balancer.internal", "10.0.0.1/16"])
def test_only_exact_networks_can_be_trusted(proxies: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=proxies)
