"""How a request came: headers of proxies are believed of those that are named."""

from typing import Any

import pytest
from litestar.connection import ASGIConnection

from mldash_api.rights.arrival import Arrival, arrival_of, networks_of

TRUSTED = networks_of(["10.0.0.1", "10.1.0.0/16", "fd00::/8"])


def arrival(peer: str | None, scheme: str = "http", **headers: str) -> Arrival:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "headers": raw, "client": (peer, 1) if peer else None, "scheme": scheme, "path": "/"}
    return arrival_of(ASGIConnection(scope), TRUSTED)


def test_a_direct_request_is_its_peers() -> None:
    found = arrival("192.0.2.7")
    assert (found.address, found.is_loopback, found.is_tls, found.is_forwarded) == ("192.0.2.7", False, False, False)
    assert arrival("192.0.2.7", "https").is_private
    assert arrival("127.0.0.1").is_private and arrival("::1").is_private and arrival("::ffff:127.0.0.1").is_private


@pytest.mark.parametrize("peer", ["10.0.0.1", "10.1.2.3", "fd00::7"])
def test_a_trusted_proxy_tells_sender_and_tls(peer: str) -> None:
    found = arrival(peer, x_forwarded_for="203.0.113.9", x_forwarded_proto="https")
    assert (found.address, found.is_tls, found.is_loopback, found.is_private) == ("203.0.113.9", True, False, True)
    assert not arrival(peer, x_forwarded_for="203.0.113.9", x_forwarded_proto="http").is_private


def test_what_a_sender_says_of_itself_before_the_proxy_is_not_believed() -> None:
    """It begins the list; the proxy writes behind it."""
    found = arrival("10.0.0.1", x_forwarded_for="127.0.0.1, 203.0.113.9, 10.1.0.2", x_forwarded_proto="https, http")
    assert (found.address, found.is_tls, found.is_loopback) == ("203.0.113.9", False, False)


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.7", None])
@pytest.mark.parametrize(
    "header", ["x_forwarded_for", "x_forwarded_proto", "x_forwarded_host", "forwarded", "via", "x_real_ip"]
)
def test_of_any_other_proxy_it_is_only_known_that_there_is_one(peer: str | None, header: str) -> None:
    found = arrival(peer, **{header: "https"})
    assert (found.address, found.is_forwarded, found.is_private) == (peer, True, False)


def test_names_of_proxies_are_addresses() -> None:
    with pytest.raises(ValueError, match=r"proxy\.example"):
        networks_of(["proxy.example"])
