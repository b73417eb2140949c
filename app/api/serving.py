"""The HTTP service on a port, until it is told to stop."""

import socket
from typing import TYPE_CHECKING, cast

import uvicorn
from fastapi import FastAPI

if TYPE_CHECKING:
    from app.api.watching import Watchers


class Server(uvicorn.Server):
    """Told to stop, it takes no more connections, finishes the requests it has, and ends the streams of events."""

    def __init__(self, app: FastAPI, *, host: str, port: int, grace_s: int) -> None:
        self._app = app
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=grace_s,
            proxy_headers=False,  # by itself it believes whoever is on this machine; the application knows whom to
        )
        super().__init__(config)

    def end(self) -> None:
        """As if told to stop, from any thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, but nobody's events keep it waiting: who watches comes back, to another process."""
        cast("Watchers", self._app.state.watchers).end()
        await super().shutdown(sockets)
