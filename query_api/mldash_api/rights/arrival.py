"""How a request came: from where, over what, through whom. Headers that proxies set are believed of named ones only.

A trusted proxy (`trusted_proxies`) tells the sender by X-Forwarded-For (the last address that is no trusted proxy's,
for a sender may have begun the list) and TLS by X-Forwarded-Proto (the last one).
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, Final

from litestar.connection import ASGIConnection
from msgspec import Struct

from mldash.connections.loopback import is_loopback

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORWARDED: Final = ("forwarded", "via", "x-real-ip")
_FORWARDED_PREFIX: Final = "x-forwarded-"


class Arrival(Struct, frozen=True, kw_only=True):
    """What is believed of it."""

    address: str | None
    """The sender's."""
    is_loopback: bool
    """Whether it comes from this host, and says of no proxy that passed it on."""
    is_tls: bool
    """Whether it came over TLS to us, or to a trusted proxy."""
    is_forwarded: bool
    """Whether it says of a proxy that passed it on, trusted or not."""
    is_from_proxy: bool = False
    """Whether a trusted proxy sent it to us."""
    host: str
    """As it was asked for: the Host header."""
    origin: str | None
    """The Origin header: of the page that a browser was on. Others send it by intent."""
    fetch_site: str | None = None
    """The Sec-Fetch-Site header, which browsers set."""
    fetch_mode: str | None = None
    """The Sec-Fetch-Mode header: `navigate` where a person opens an address."""

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way reads along."""
        return self.is_tls or self.is_loopback


def networks_of(texts: Iterable[str]) -> list[Network]:
    """Addresses and networks. Raises ValueError that names the one at fault."""
    return [ipaddress.ip_network(text, strict=False) for text in texts]


def arrival_of(connection: ASGIConnection[Any, Any, Any, Any], trusted: Sequence[Network]) -> Arrival:
    headers = connection.headers
    peer = connection.client.host if connection.client else None
    is_forwarded = any(name in _FORWARDED or name.startswith(_FORWARDED_PREFIX) for name in headers)
    address, is_tls = peer, connection.scope["scheme"] == "https"
    is_from_proxy = peer is not None and _is_in(peer, trusted)
    if is_forwarded and is_from_proxy:
        address = _sender(_values(headers.getall("x-forwarded-for", [])), trusted) or peer
        is_tls = _values(headers.getall("x-forwarded-proto", []))[-1:] == ["https"]
    return Arrival(
        address=address,
        is_loopback=not is_forwarded and peer is not None and is_loopback(peer),
        is_tls=is_tls,
        is_forwarded=is_forwarded,
        is_from_proxy=is_from_proxy,
        host=headers.get("host", ""),
        origin=headers.get("origin"),
        fetch_site=headers.get("sec-fetch-site"),
        fetch_mode=headers.get("sec-fetch-mode"),
    )


def _values(headers: Sequence[str]) -> list[str]:
    return [value.strip() for header in headers for value in header.split(",") if value.strip()]


def _sender(addresses: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """The last one that is no trusted proxy's; where all are, the first."""
    for address in reversed(addresses):
        if not _is_in(address, trusted):
            return address
    return addresses[0] if addresses else None


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)
