"""AWS Lambda on this machine: real `awslambdaric` processes against a local Runtime API.

Invocations are asynchronous, as EventBridge makes them: an error is sent again twice, and what still fails lands with
its reason where the failure destination is. The pauses between tries (AWS: one and two minutes) are ours to shorten.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parents[2]
RETRIES = 2
PATIENCE_S = 120


@dataclass
class Invocation:
    """One event on its way."""

    event: object
    id: str = field(default_factory=lambda: str(uuid4()))
    tries: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    answer: object = None
    over: threading.Event = field(default_factory=threading.Event)

    def result(self) -> object:
        """What the function answered, once it has."""
        assert self.over.wait(PATIENCE_S), "the function never answered"
        assert len(self.errors) <= RETRIES, self.errors
        return self.answer


class Function:
    """A function with a queue of its own and a failure destination."""

    def __init__(self, *, pause_s: float) -> None:
        self._waiting: queue.SimpleQueue[Invocation] = queue.SimpleQueue()
        self._flying: dict[str, Invocation] = {}
        self._pause_s = pause_s
        self.dead: list[Invocation] = []
        self.asked = threading.Event()  # for an event, for the first time: a process is up

    def invoke(self, event: object) -> Invocation:
        """Send an event; more than one runs at once when there is more than one process."""
        invocation = Invocation(event)
        self._waiting.put(invocation)
        return invocation

    def next(self) -> Invocation:
        """The next event, whenever there is one."""
        self.asked.set()
        invocation = self._waiting.get()
        invocation.tries += 1
        self._flying[invocation.id] = invocation
        return invocation

    def done(self, request: str, answer: object) -> None:
        """The function answered."""
        invocation = self._flying.pop(request)
        invocation.answer = answer
        invocation.over.set()

    def failed(self, request: str, error: dict[str, Any]) -> None:
        """The function raised, or its process died: try again, or give up."""
        invocation = self._flying.pop(request)
        invocation.errors.append(error)
        if invocation.tries <= RETRIES:
            threading.Timer(self._pause_s, self._waiting.put, [invocation]).start()
            return
        self.dead.append(invocation)
        invocation.over.set()


class RuntimeApi(BaseHTTPRequestHandler):
    """The part of the Runtime API that `awslambdaric` speaks."""

    protocol_version = "HTTP/1.1"
    function: Function

    def do_GET(self) -> None:
        invocation = self.function.next()
        body = json.dumps(invocation.event).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(round((time.time() + 900) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:sa-east-1:123456789012:function:local")
        self._end(body)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        *_, request, what = self.path.split("/")
        if what == "response":
            self.function.done(request, json.loads(content))
        elif what == "error" and request != "init":
            self.function.failed(request, json.loads(content))
        self.send_response(202)
        self._end(b"{}")

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def deployed(
    handler: str, environment: Mapping[str, str], *, folder: Path, at_once: int = 1, pause_s: float = 0.1
) -> Iterator[Function]:
    """A function with `at_once` processes, warm for as long as the block lasts."""
    with runtime_api(pause_s=pause_s) as (function, address):
        processes = [_process(handler, environment, address, folder, number) for number in range(at_once)]
        try:
            yield function
        finally:
            for process in processes:
                process.kill()
                process.wait()


@contextmanager
def runtime_api(*, pause_s: float) -> Iterator[tuple[Function, str]]:
    """A function that waits for its processes, and where they ask for events."""
    function = Function(pause_s=pause_s)
    door = type("Door", (RuntimeApi,), {"function": function})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield function, f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _process(
    handler: str, environment: Mapping[str, str], address: str, folder: Path, number: int
) -> "subprocess.Popen[bytes]":
    with (folder / f"{handler}-{number}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", f"lambdas.{handler}.handler.handle"],
            cwd=ROOT,
            env=_machine() | dict(environment) | {"AWS_LAMBDA_RUNTIME_API": address},
            stdout=log,
            stderr=log,
        )


def _machine() -> dict[str, str]:
    """Of this machine's environment only what any program needs: a function has its own settings and credentials."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "NUMBA_CACHE_DIR") if name in os.environ} | {
        "AWS_REGION": "sa-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "local",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
    }
