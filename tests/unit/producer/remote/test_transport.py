"""Which proxy a request takes; and how many connections a process has, however many threads read."""

import threading

import pytest

from mldash.errors import ServerUnreachable
from mldash.remote.transport import CONNECTIONS, Transport, proxy_of

from .api import Api

PROXIED = {"HTTPS_PROXY": "http://proxy:3128", "http_proxy": "proxy:8080"}


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("https://api.example.org/v1", "", "http://proxy:3128"),
        ("http://api.example.org/v1", "", "http://proxy:8080"),
        ("https://api.example.org/v1", "example.org", None),
        ("https://api.example.org/v1", "other.org, .example.org", None),
        ("https://api.example.org/v1", "*", None),
        ("https://10.1.2.3/v1", "10.0.0.0/8", None),
        ("https://11.1.2.3/v1", "10.0.0.0/8", "http://proxy:3128"),
        ("http://127.0.0.1:8000/v1", "", None),
        ("http://localhost:8000/v1", "", None),
        ("http://[::1]:8000/v1", "", None),
    ],
)
def test_a_request_takes_the_proxy_of_the_environment(
    url: str, no_proxy: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**PROXIED, "NO_PROXY": no_proxy}.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == expected


def test_without_a_proxy_a_request_goes_directly() -> None:
    assert proxy_of("https://api.example.org/v1") is None


def test_a_bundle_of_certificates_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(ServerUnreachable, match="No such file"):
        Transport("https://127.0.0.1:9").get("/v1/connect")


def test_very_many_threads_share_a_few_connections(api: Api) -> None:
    """Each thread is one that reads once and stays; each has a transport of its own, as each run has."""
    connected = set[tuple[str, int]]()
    handle = api.server.process_request

    def counted(request: object, client: tuple[str, int]) -> None:
        connected.add(client)
        handle(request, client)  # type: ignore[arg-type]

    api.server.process_request = counted  # type: ignore[method-assign, assignment]
    threads = [threading.Thread(target=Transport(api.address).get, args=("/v1/connect",)) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(api.asked) == 100
    assert 1 <= len(connected) <= CONNECTIONS
