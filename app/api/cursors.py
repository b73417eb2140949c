"""Cursors of lists that go back in time: the moment and id of the last line shown."""

import base64
import binascii
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.errors import StaleCursor


def cursor_after(rows: list[Any], limit: int) -> str | None:
    """Where the next page starts: after the last of these rows, if there may be more."""
    if len(rows) < limit:
        return None
    last = rows[-1]
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The moment and id that a cursor names.

    Raises:
        StaleCursor: it was cut, or is none of ours.
    """
    if cursor is None:
        return None
    try:
        moment, _, identity = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise StaleCursor
        return at, UUID(identity)
    except (binascii.Error, ValueError) as error:
        raise StaleCursor from error
