"""Floor 4: settings become clients here, once, and are handed down as arguments. Nothing is opened at import."""

import atexit
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from app.core import migrations
from app.core.clients import Clients
from app.core.config import Settings
from app.core.copies import Copies
from app.core.database import Database
from app.core.embedded_postgres import running
from app.core.queue import JobQueue
from app.core.rds import Login, password_maker
from app.core.s3 import Store, store_at
from app.domain.errors import DatabaseAway, NoOwnerAddress


@contextmanager
def opened(settings: Settings, *, starts_database: bool = True) -> Iterator[Clients]:
    """The outside world for as long as the block lasts; the embedded database is started, and brought up to date.

    Unless it `starts_database`, another process does, and starts it again should it end.

    Raises:
        PostgresWouldNotStart: the embedded database did not.
        DatabaseAhead, ForeignDatabase: the embedded database is another program's; it stays as it is.
    """
    with ExitStack() as stack:
        url = _application_url(settings, stack, starts_database=starts_database)
        password = _password(settings, url)
        database = stack.enter_context(Database(_for_sqlalchemy(url), password=password))
        yield Clients(
            database=database,
            store=open_store(settings),
            queue=JobQueue(url, password=password),
            may_call_private=settings.webhooks_to_private,
            workers_expected=bool(settings.workers_expected),
            functions_up_to=settings.functions_up_to_bytes,
        )


def opened_for_good(settings: Settings) -> Clients:
    """The outside world until the process ends, for a door that is called and never told that it was the last time.

    Without copies of the lake: such a process reads little twice, and nobody tells it of erasures while it is frozen.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(opened(settings.model_copy(update={"copies_mb": 0})))


def migrate(settings: Settings) -> None:
    """Bring the configured database to the newest version, as its owner.

    Raises:
        NoOwnerAddress: a database is configured, but not how its owner reaches it.
        DatabaseAway: it did not answer.
        DatabaseAhead, ForeignDatabase: it is another program's; it stays as it is.
    """
    if settings.database_url is None:
        with running(settings.home / "postgres") as owner:
            migrations.upgrade(_for_sqlalchemy(owner))
        return
    if settings.owner_database_url is None:
        raise NoOwnerAddress
    owner_url = settings.owner_database_url.get_secret_value()
    with told_when_away(owner_url):
        migrations.upgrade(_for_sqlalchemy(owner_url))


@contextmanager
def told_when_away(libpq_url: str) -> Iterator[None]:
    """Turn a database that does not answer into words, with its address and without its password.

    Raises:
        DatabaseAway: it did not answer in the block.
    """
    try:
        yield
    except OperationalError as error:
        url = make_url(libpq_url)
        raise DatabaseAway(address=f"{url.host or url.query.get('host', '')}:{url.port or 5432}") from error


def open_store(settings: Settings) -> Store:
    """The lake's objects."""
    return store_at(
        settings.lake,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        kms_key=settings.s3_kms_key,
        copies=_copies(settings),
    )


def _copies(settings: Settings) -> Copies | None:
    """A lake in a folder of this machine needs none; two lakes have each its own."""
    if settings.copies_mb == 0 or settings.lake.startswith("file:"):
        return None
    lake = hashlib.sha256(f"{settings.s3_endpoint} {settings.lake}".encode()).hexdigest()[:16]
    return Copies(settings.copies / lake, limit=settings.copies_mb * 1_000_000)


def _application_url(settings: Settings, stack: ExitStack, *, starts_database: bool) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    owner = stack.enter_context(running(settings.home / "postgres", starts=starts_database))
    migrations.upgrade(_for_sqlalchemy(owner))
    return owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@", 1)


def _password(settings: Settings, libpq_url: str) -> Callable[[], str] | None:
    if settings.database_iam_region is None:
        return None
    url = make_url(libpq_url)
    login = Login(
        host=url.host or "", port=url.port or 5432, user=url.username or "", region=settings.database_iam_region
    )
    return password_maker(login)


def _for_sqlalchemy(libpq_url: str) -> str:
    return make_url(libpq_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
