"""Which requests come in at all, by their headers and addresses alone."""

from typing import Any

import pytest
from msgspec.structs import replace

from mldash_api.errors import RequestRefused
from mldash_api.rights.arrival import Arrival
from mldash_api.rights.door import check_private, check_readers_on_the_way, check_unguarded

LOCAL = Arrival(
    address="127.0.0.1", is_loopback=True, is_tls=False, is_forwarded=False, host="127.0.0.1:8700", origin=None
)
OWN = "http://127.0.0.1:8700"


def unguarded(method: str = "GET", names: tuple[str, ...] = (), **how: Any) -> str | None:
    return _told(lambda: check_unguarded(replace(LOCAL, **how), method, names))


def private(**how: Any) -> str | None:
    return _told(lambda: check_private(replace(LOCAL, **how)))


def with_token(**how: Any) -> str | None:
    return _told(lambda: check_readers_on_the_way(replace(LOCAL, **how)))


def _told(check: Any) -> str | None:
    try:
        check()
    except RequestRefused as error:
        return str(error)
    return None


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost:1", "LOCALHOST", "[::1]:87", "127.9.9.9", "node7:87"])
def test_loopback_and_configured_names_are_asked(host: str) -> None:
    assert unguarded(host=host, names=("node7",)) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example:8700", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "10.0.0.1", "a@b"]
)
def test_a_name_that_was_bound_to_loopback_by_another_is_not(host: str) -> None:
    """DNS rebinding: the page of evil.example asks evil.example, which now leads here."""
    assert "which is no name of loopback" in (unguarded(host=host) or "")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "file://", "http://127.0.0.1.evil.example", "http://["]
)
def test_pages_of_other_hosts_ask_nothing(origin: str) -> None:
    assert "only pages of this host" in (unguarded(origin=origin) or "")


def test_a_page_of_this_host_may_read_and_change() -> None:
    assert unguarded(origin=OWN) is None
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert unguarded(method, origin=OWN, fetch_site="same-origin") is None
        assert unguarded(method, origin=OWN) is None


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8700"},
        {"origin": OWN, "fetch_site": "cross-site"},
        {"origin": OWN, "fetch_site": "same-site"},
        {"origin": OWN, "fetch_site": "none"},
    ],
)
def test_a_form_of_another_page_changes_nothing(how: dict[str, Any]) -> None:
    """Not even of another server on this host, which is another user's."""
    assert OWN in (unguarded("POST", **how) or "")


def test_what_a_proxy_passed_on_is_refused_where_nobody_signs_in() -> None:
    assert "mldash up --private" in (unguarded(is_forwarded=True) or "")


def test_with_a_private_token_any_host_and_proxy_is_taken_and_origin_must_be_it() -> None:
    """As behind a notebook's proxy."""
    assert private(host="hub.example", is_forwarded=True) is None
    assert private(host="hub.example", origin="https://hub.example") is None
    assert private(host="hub.example:8443", origin="https://HUB.example:8443") is None
    for origin in ("https://evil.example", "null", "https://hub.example:1"):
        assert "it is not ours" in (private(host="hub.example", origin=origin) or "")


def test_tokens_are_taken_where_nobody_reads_along() -> None:
    assert with_token() is None
    assert with_token(is_loopback=False, is_tls=True) is None
    assert with_token(is_loopback=False, is_tls=True, is_forwarded=True) is None
    assert "revoke it" in (with_token(is_loopback=False) or "")
    assert "MLDASH_API_TRUSTED_PROXIES" in (with_token(is_loopback=False, is_forwarded=True) or "")
