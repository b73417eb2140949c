"""A password for PostgreSQL on RDS that lasts a quarter of an hour, signed with the role of the machine.

No password of the application is kept anywhere, so there is none to leak or to rotate. The token is the signed address
of a request that is never sent (AWS Signature Version 4, query string; `rds-db:connect`).
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlencode
from urllib.request import urlopen

_LASTS_S = 900
_ENDPOINT = "http://169.254.170.2"  # where ECS tells a task its role's credentials
_EMPTY = hashlib.sha256(b"").hexdigest()


class RoleCredentials(NamedTuple):
    """The temporary key of a role."""

    key_id: str
    secret: str
    token: str


class Login(NamedTuple):
    """Who connects where."""

    host: str
    port: int
    user: str
    region: str


def password_maker(login: Login) -> Callable[[], str]:
    """A fresh token at each call, signed with what the machine's role is just then."""
    return lambda: auth_token(login, role_credentials(), now=datetime.now(UTC))


def role_credentials() -> RoleCredentials:
    """The role's key: a function finds it in its environment, a task of ECS asks for it.

    Raises:
        KeyError: this is neither.
    """
    variables = os.environ
    if "AWS_ACCESS_KEY_ID" in variables:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return RoleCredentials(*(variables.get(name, "") for name in names))
    address = variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") or (
        _ENDPOINT + variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    )
    with urlopen(address, timeout=5) as answer:  # noqa: S310  the address is the machine's own
        told = json.load(answer)
    return RoleCredentials(told["AccessKeyId"], told["SecretAccessKey"], told["Token"])


def auth_token(login: Login, credentials: RoleCredentials, *, now: datetime) -> str:
    """What RDS takes for `login.user`'s password for a quarter of an hour from `now`."""
    at = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"{at[:8]}/{login.region}/rds-db/aws4_request"
    query = {
        "Action": "connect",
        "DBUser": login.user,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(_LASTS_S),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        query["X-Amz-Security-Token"] = credentials.token
    address = f"{login.host}:{login.port}"
    asked = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    canonical = f"GET\n/\n{asked}\nhost:{address}\n\nhost\n{_EMPTY}"
    to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(_signing_key(credentials.secret, scope), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{address}/?{asked}&X-Amz-Signature={signature}"


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
