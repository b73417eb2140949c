"""Keys, passwords and sessions: made, shown once, and known afterwards by their hash alone."""

import hashlib
import hmac
import secrets
from functools import cache
from threading import BoundedSemaphore
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_PREFIX = "qk_"
_SHOWN = 8

# argon2-cffi's defaults are RFC 9106's second choice: argon2id, 64 MiB, 3 passes, 4 lanes.
_PASSWORDS = PasswordHasher()
_AT_ONCE = BoundedSemaphore(2)  # so that a flood of logins takes 128 MiB, not 64 MiB each


class NewKey(NamedTuple):
    """A key that was just made. `secret` is shown to its owner once and stored nowhere."""

    secret: str
    prefix: str
    key_hash: bytes


def make_key() -> NewKey:
    """A key of 256 random bits."""
    secret = _PREFIX + make_token()
    return NewKey(secret=secret, prefix=secret[:_SHOWN], key_hash=token_hash(secret))


def make_token() -> str:
    """256 random bits, for a cookie, a link or the inside of a key."""
    return secrets.token_urlsafe(32)


def token_hash(secret: str) -> bytes:
    """SHA-256: 256 random bits need no slow hash, and no request should wait for one."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def csrf_token(session: str) -> str:
    """What a page of a session sends beside its cookie; another site cannot read the cookie, so cannot make it."""
    return hmac.digest(session.encode(errors="surrogateescape"), b"quantyfy csrf", "sha256").hex()


def is_same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))


def hash_password(password: str) -> str:
    """argon2id, with its salt and parameters inside."""
    with _AT_ONCE:
        return _PASSWORDS.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether this is the password; takes as long when there is none to compare with."""
    known = password_hash or _nobodys_hash()
    try:
        with _AT_ONCE:
            _PASSWORDS.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _PASSWORDS.check_needs_rehash(password_hash)


@cache
def _nobodys_hash() -> str:
    return hash_password(make_token())
