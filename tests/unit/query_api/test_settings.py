"""Settings that do not go together keep the API from starting."""

from typing import Any

import pytest

from mldash.process.environment import SettingError, read_settings
from mldash_api.settings import ApiSettings

SERVERS = {"kafka": "127.0.0.1:1", "mongo": "mongodb://127.0.0.1:1"}


def settings(**given: Any) -> ApiSettings:
    return read_settings(ApiSettings, "api", given={**SERVERS, **given}, environ={})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "node7", ""])
def test_beyond_loopback_somebody_has_to_say_who_may_call(host: str) -> None:
    with pytest.raises(SettingError, match="MLDASH_AUTH"):
        settings(host=host)
    assert settings(host=host, auth="tokens").auth == "tokens"
    assert settings(host=host, auth="open").auth == "open"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_on_loopback_nobody_has_to(host: str) -> None:
    assert settings(host=host).auth is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"auth": "tokens", "private_token_file": "f"}, "private_token_file"),
        ({"auth": "proxy", "trusted_proxies": ["10.0.0.1"]}, "group_rights"),
        ({"auth": "proxy", "group_rights": ["a=read:/"]}, "trusted_proxies"),
        ({"tls_cert_file": "c"}, "go together"),
        ({"tls_key_file": "k"}, "go together"),
        ({"trusted_proxies": ["proxy.example"]}, "proxy.example"),
    ],
)
def test_what_does_not_go_together_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        settings(**given)
