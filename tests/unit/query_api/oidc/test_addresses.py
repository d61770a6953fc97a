"""Addresses that a provider gives, and those that a sign-in is asked to lead to."""

import pytest

from mldash_api.errors import CertificateUnusable
from mldash_api.oidc.errors import ProviderAway
from mldash_api.oidc.fetching import Fetcher
from mldash_api.oidc.flow import Flow
from mldash_api.rights.people.signing_keys import SigningKeys
from mldash_api.settings import ApiSettings

SETTINGS = ApiSettings(
    kafka="127.0.0.1:1",
    mongo="mongodb://127.0.0.1:1",
    auth="oidc",
    public_address="https://mldash.example/base/",
    oidc_issuer="https://login.example",
    oidc_client_id="mldash",
    oidc_client_secret="told to nobody",
    group_rights=("*=read:/",),
)


async def test_under_an_issuer_on_https_every_address_is() -> None:
    fetcher = Fetcher("https://login.example", None)
    assert fetcher.check("https://keys.example/all") == "https://keys.example/all"
    for url in ("http://login.example/token", "ftp://login.example", "javascript:alert(1)", "", None, 7, ["https://x"]):
        with pytest.raises(ProviderAway):
            fetcher.check(url)
    plain = Fetcher("http://127.0.0.1:1", None)
    assert plain.check("http://127.0.0.1:1/token")
    for one in (fetcher, plain):
        await one.close()


async def test_pages_of_ours_are_led_to_and_no_others() -> None:
    flow = Flow(SETTINGS, SigningKeys(None, None))
    for text in ("/", "/charts?x=1&y=a%2Fb", "/run/a/b"):
        assert flow.checked_next(text) == text
    for text in (
        "",
        "a",
        "//a",
        "/\\a",
        "https://a",
        "/v1/sign-in/oidc",
        "/a\r\nSet-Cookie: b",
        "/ä",
        "/" + "a" * 3_000,
    ):
        assert flow.checked_next(text) == "/sign-in", text
    assert flow.address_of("/charts") == "https://mldash.example/base/charts"
    await flow.close()


def test_a_file_of_authorities_that_cannot_be_read_is_told() -> None:
    with pytest.raises(CertificateUnusable, match="/nowhere"):
        Fetcher("https://login.example", "/nowhere")


def test_the_clients_secret_is_in_no_repr() -> None:
    assert "told to nobody" not in repr(SETTINGS)
