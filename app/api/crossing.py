"""Pages of other sites (CORS): those that whoever runs the service has named may call the API, with a key.

Never with a session: credentials are not allowed, the cookie is `SameSite=Strict`, and the header that a session
needs to change something is not among those another site may send. So no page elsewhere acts as who is logged in here.
"""

from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE")
_SENT: Final = (
    *("Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "If-Modified-Since", "If-None-Match"),
    *("Quantyfy-Version", "X-Request-Id"),
)
_SEEN: Final = (
    *("Content-Disposition", "ETag", "Link", "Location", "Quantyfy-Run", "Quantyfy-Version"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"),
)


def allow(app: FastAPI, origins: list[str]) -> None:
    """Let pages of these origins call; with none, no header of CORS is ever sent."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_SEEN,
            allow_credentials=False,
        )
