"""A worker beside the service: a process of its own that is started again whenever it ends."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from app.domain.errors import WorkerKeepsEnding
from app.utils.logger import get_logger

WITHOUT_DATABASE: Final = 75
"""Exit code of a worker whose database is away: another may find it there (`EX_TEMPFAIL` of sysexits.h)."""

COMMAND: Final = (sys.executable, "-m", "app.cli.main", "worker", "--with-parent")
_GRACE_S: Final = 30  # a job that is not done by then is another worker's (`JobQueue`)
_GLANCE_S: Final = 0.1
_QUICK_S: Final = 20.0  # who ends sooner after its start died of what it began with
_PAUSES_S: Final = (1, 2, 4, 8, 16)  # before each new worker after one that ended so soon


class _Life(NamedTuple):
    """How a worker lived and ended."""

    exit_code: int
    seconds: float
    began: bool  # whether it came to work at all, however long that took

    @property
    def was_in_vain(self) -> bool:
        """Whether the next one will likely fare no better."""
        quick = not self.began or self.seconds < _QUICK_S
        return quick and self.exit_code != WITHOUT_DATABASE


class WorkerBeside(threading.Thread):
    """Keeps one worker. It ends with this process, however this process ends: it watches its input.

    `failure` says why there is none any more: as many as there are pauses, and one, lived in vain in a row.
    """

    def __init__(self) -> None:
        super().__init__(name="worker beside", daemon=True)
        self.failure: WorkerKeepsEnding | None = None
        self._over = threading.Event()
        self._lost: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Start worker after worker, until told to stop or in vain."""
        in_vain = 0
        while not self._over.is_set():
            life = self._live()
            if life is None:
                return
            in_vain = in_vain + 1 if life.was_in_vain else 0
            if in_vain > len(_PAUSES_S):
                self._fail(life, times=in_vain)
                return
            pause = _PAUSES_S[max(in_vain - 1, 0)]
            get_logger().warning("worker ended", exit_code=life.exit_code, again_in_s=pause)
            self._over.wait(pause)

    def on_failure(self, lost: Callable[[], None]) -> None:
        """Have `lost` called when there is no worker any more, at once if that has happened."""
        self._lost = lost
        if self.failure:
            lost()

    def stop(self) -> None:
        """Let the worker finish its jobs, for a while, and return when it is gone."""
        self._over.set()
        self.join()

    def _live(self) -> _Life | None:
        """One worker's life, or None if it was told to end."""
        started = time.monotonic()
        ours, its = socket.socketpair()
        # In a group of its own: Ctrl+C in a terminal is for the service, which then ends its worker.
        with ours, its, subprocess.Popen(COMMAND, stdin=its.fileno(), process_group=0) as child:  # noqa: S603  our own program
            its.close()
            while child.poll() is None:
                if self._over.wait(_GLANCE_S):
                    _end(child, ours)
                    return None
            return _Life(child.returncode, time.monotonic() - started, began=_has_said_something(ours))

    def _fail(self, life: _Life, *, times: int) -> None:
        get_logger().error("worker keeps ending", exit_code=life.exit_code, times=times)
        self.failure = WorkerKeepsEnding(times=times, exit_code=life.exit_code)
        self._lost()


@contextmanager
def worker_beside() -> Iterator[WorkerBeside]:
    """A worker for as long as the block lasts.

    Raises:
        WorkerKeepsEnding: at the end of the block, if there was none any more.
    """
    beside = WorkerBeside()
    beside.start()
    try:
        yield beside
    finally:
        beside.stop()
    if beside.failure:
        raise beside.failure


def _has_said_something(line: socket.socket) -> bool:
    line.settimeout(0)
    try:
        return bool(line.recv(1))
    except OSError:
        return False


def _end(child: subprocess.Popen[bytes], line: socket.socket) -> None:
    line.close()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
