"""Requests to addresses that customers give us: to public ones only, and never led elsewhere on the way."""

import ipaddress
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx2

from app.domain.errors import ForbiddenAddress

_TIMEOUT: Final = httpx2.Timeout(15, connect=5)
_LONGEST_URL: Final = 2000
# IPv6 ranges that are public by name and lead to IPv4 addresses that may not be (RFC 6052, 3056, 4380).
_DISGUISES: Final = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


def post(url: str, body: bytes, *, headers: Mapping[str, str], may_be_private: bool = False) -> int:
    """Send a body; returns the status. The answer's body is not read and no redirect is followed.

    The name is resolved once and what was checked is what is called: it cannot mean another address a moment later.

    Raises:
        ForbiddenAddress: the URL is not https, or leads to an address that is not public.
        httpx2.HTTPError: nobody answers, or too late.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = public_address(url, may_be_private=may_be_private)
    literal = f"[{address}]" if ":" in address else address
    target = parts._replace(netloc=f"{literal}:{_port(url)}").geturl()
    said = {**headers, "Host": parts.netloc}
    client = httpx2.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)
    with client, client.stream("POST", target, content=body, headers=said, extensions={"sni_hostname": host}) as answer:
        return answer.status_code


def public_address(url: str, *, may_be_private: bool = False) -> str:
    """An address that the URL's host has, all of which are public.

    Raises:
        ForbiddenAddress: one of them is not, or there is none, or the URL is not plain https.
    """
    host = _host(url, may_be_plain=may_be_private)
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, _port(url), type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise ForbiddenAddress(host=host) from error
    if not found or not (may_be_private or all(map(_is_public, found))):
        raise ForbiddenAddress(host=host)
    return min(found)


def _host(url: str, *, may_be_plain: bool) -> str:
    schemes = {"https", "http"} if may_be_plain else {"https"}
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ForbiddenAddress(host="URL")
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ForbiddenAddress(host="URL") from error
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or not port_is_right:
        raise ForbiddenAddress(host=parts.hostname or "URL")
    return parts.hostname


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(str(address.ipv4_mapped))
        if any(address in disguise for disguise in _DISGUISES):
            return False
    return address.is_global and not address.is_multicast
