"""API keys: made, shown once, and known afterwards by their hash alone."""

import hashlib
import secrets
from typing import NamedTuple

_PREFIX = "qk_"
_SHOWN = 8


class NewKey(NamedTuple):
    """A key that was just made. `secret` is shown to its owner once and stored nowhere."""

    secret: str
    prefix: str
    key_hash: bytes


def make_key() -> NewKey:
    """A key of 256 random bits."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    return NewKey(secret=secret, prefix=secret[:_SHOWN], key_hash=hash_key(secret))


def hash_key(secret: str) -> bytes:
    """SHA-256: a key of 256 random bits needs no slow hash, and no request should wait for one."""
    return hashlib.sha256(secret.encode()).digest()
