"""The outside world as one value: opened once by `bootstrap`, handed down to the stories."""

from dataclasses import dataclass

from app.core.database import Database
from app.core.queue import JobQueue
from app.core.s3 import Store


@dataclass(frozen=True)
class Clients:
    """What a story needs to reach outside."""

    database: Database
    store: Store
    queue: JobQueue
    may_call_private: bool = False  # webhooks on the developer's own machine
    workers_expected: bool = False  # without one that lives the service is not ready
    functions_up_to: int = 0  # bytes a stage may read and still be a function's work; 0: all is the worker's
