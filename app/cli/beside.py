"""A worker beside the service: a process of its own that is started again whenever it ends."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from app.domain.errors import WorkerKeepsEnding
from app.utils.logger import get_logger

COMMAND: Final = (sys.executable, "-m", "app.cli.main", "worker", "--with-parent")
_GRACE_S: Final = 30  # a job that is not done by then is another worker's (`JobQueue`)
_GLANCE_S: Final = 0.1
_QUICK_S: Final = 20.0  # a worker that ends sooner never worked, or died of what it began with
_PAUSES_S: Final = (1, 2, 4, 8, 16)  # before each new worker after one that ended so soon


class WorkerBeside(threading.Thread):
    """Keeps one worker. It ends with this process, however this process ends: it watches its input.

    `failure` says why there is none any more: as many as there are pauses, and one, ended quickly in a row.
    """

    def __init__(self) -> None:
        super().__init__(name="worker beside", daemon=True)
        self.failure: WorkerKeepsEnding | None = None
        self._over = threading.Event()
        self._lost: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Start worker after worker, until told to stop or in vain."""
        quick = 0
        while not self._over.is_set():
            began = time.monotonic()
            code = self._work()
            if code is None:
                return
            quick = quick + 1 if time.monotonic() - began < _QUICK_S else 0
            if quick > len(_PAUSES_S):
                self._fail(code, times=quick)
                return
            pause = _PAUSES_S[max(quick - 1, 0)]
            get_logger().warning("worker ended", exit_code=code, again_in_s=pause)
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

    def _work(self) -> int | None:
        """One worker's life; how it ended, or None if it was told to."""
        # In a group of its own: Ctrl+C in a terminal is for the service, which then ends its worker.
        with subprocess.Popen(  # noqa: S603  our own program
            COMMAND, stdin=subprocess.PIPE, process_group=0
        ) as child:
            while child.poll() is None:
                if self._over.wait(_GLANCE_S):
                    _end(child)
                    return None
        return child.returncode

    def _fail(self, code: int, *, times: int) -> None:
        get_logger().error("worker keeps ending", exit_code=code, times=times)
        self.failure = WorkerKeepsEnding(times=times, exit_code=code)
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


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        child.stdin.close()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
