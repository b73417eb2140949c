"""The three functions as they run on AWS, with S3 over HTTP and PostgreSQL."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys
from app.core.s3 import Store
from infrastructure.rules import KEYS
from tests.s3_server import S3Server
from tests.shop import CNPJ, write_shop
from tests.test_lambdas.runtime import RETRIES, Function, Invocation, deployed

EVENTS = Path(__file__).parent / "events"
CREATED = json.loads((EVENTS / "object_created.json").read_text())
NIGHTLY = json.loads((EVENTS / "nightly.json").read_text())
RULES = {f"{role}_handler": pattern for role, pattern in KEYS.items()}
MEGABYTES = 50


def created(key: str, *, bucket: str = "lake") -> dict[str, Any]:
    """The event that EventBridge sends for a new object."""
    event: dict[str, Any] = copy.deepcopy(CREATED)
    event["detail"]["bucket"]["name"] = bucket
    event["detail"]["object"]["key"] = key
    return event


@pytest.fixture(scope="module")
def prefix() -> str:
    """Where the module's lake lies in the bucket."""
    return f"functions-{uuid4()}"


@pytest.fixture
def lake(s3_server: S3Server, prefix: str) -> Store:
    return s3_server.store(prefix)


@pytest.fixture(scope="module")
def environment(s3_server: S3Server, application_url: str, prefix: str) -> dict[str, str]:
    """What a function is told: no key of S3 among the settings, they are the machine's, as its role's are on AWS."""
    return {
        "QUANTYFY_DATABASE_URL": application_url,
        "QUANTYFY_LAKE_URL": f"s3://{s3_server.bucket}/{prefix}",
        "QUANTYFY_S3_ENDPOINT": s3_server.endpoint,
        "QUANTYFY_FUNCTIONS_UP_TO_MB": str(MEGABYTES),
        "AWS_ACCESS_KEY_ID": s3_server.credentials.key_id,
        "AWS_SECRET_ACCESS_KEY": s3_server.credentials.secret,
    }


def reason(function: Function, event: object) -> str:
    """Send an event that cannot be done; the words it lands with in the dead-letter queue, event and all."""
    invocation = function.invoke(event)
    assert invocation.over.wait(120)
    [dead] = function.dead
    assert dead is invocation
    assert dead.tries == len(dead.errors) == 1 + RETRIES
    return f"{dead.errors[-1]['errorType']}: {dead.errors[-1]['errorMessage']}"


@dataclass
class Aws:
    """The bucket, EventBridge's rules and the functions."""

    functions: dict[str, Function]
    lake: Store
    prefix: str

    def carry(self, seen: set[str]) -> list[Invocation]:
        """Send one event for each new object that a rule speaks of, and wait for the answers."""
        sent = []
        for key in sorted({stored.key for stored in self.lake.list()} - seen):
            seen.add(key)
            sent += [self.send(name, key) for name, rule in RULES.items() if fnmatchcase(key, rule)]
        for invocation in sent:
            invocation.result()
        return sent

    def carry_all(self) -> None:
        """Until nothing new comes of it."""
        seen: set[str] = set()
        while self.carry(seen):
            pass

    def receive(self) -> str:
        """Have what was delivered received; the key of its receipt."""
        self.carry(set())
        [receipt] = [stored.key for stored in self.lake.list("raw") if "envio_" in stored.key]
        return receipt

    def send(self, name: str, key: str) -> Invocation:
        """One event, by hand."""
        return self.functions[name].invoke(created(f"{self.prefix}/{key}"))


@pytest.fixture(scope="module")
def functions(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Function]]:
    folder = tmp_path_factory.mktemp("functions")
    with ExitStack() as stack:
        yield {name: stack.enter_context(deployed(name, environment, folder=folder, at_once=2)) for name in RULES}


@pytest.fixture
def aws(functions: dict[str, Function], lake: Store, prefix: str, clients: Clients) -> Aws:
    """The functions on an empty lake, with no failure yet."""
    clients.store.delete([stored.key for stored in clients.store.list()])
    for function in functions.values():
        function.dead.clear()
    return Aws(functions, lake, prefix)


@pytest.fixture
def deliver(lake: Store, account: AccountId, tmp_path: Path) -> Callable[..., UUID]:
    """Put a shop's files into `incoming/`, as a customer with signed addresses does; returns the delivery's id."""

    def put(*, account: AccountId = account, **shop: Any) -> UUID:  # noqa: ANN401  the shop's own words
        upload = uuid4()
        keys = IncomingKeys(account, upload)
        files = write_shop(tmp_path / str(upload), **shop)
        for number, file in enumerate(files):
            lake.put(keys.file(f"{number}.csv"), file.path)
        listed = [{"key": f"{number}.csv", "name": file.name} for number, file in enumerate(files)]
        manifest = {"cnpj": CNPJ, "company_name": "Padaria São João Ltda", "files": listed}
        lake.put(keys.manifest, json.dumps(manifest).encode())
        return upload

    return put
