"""What a reader prefers, as `Accept` and `Accept-Language` say it (RFC 9110, 12.4.2)."""

from typing import NamedTuple


class Wish(NamedTuple):
    """One thing a reader takes, and how gladly: 1 most, 0 not at all."""

    name: str
    quality: float


def wishes(header: str) -> list[Wish]:
    """Every wish of a header, lower case, in its order."""
    return [_wish(part) for part in header.split(",")]


def _wish(part: str) -> Wish:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((found[2:] for found in parameters if found.startswith("q=")), "1")
    try:
        return Wish(name.lower(), float(quality))
    except ValueError:
        return Wish(name.lower(), 0.0)
