"""GETs from the API: MessagePack answers, problems as our errors. Over urllib3, with one pool of connections a process.

A process may make ten thousand runs and read from as many threads: it has CONNECTIONS to an API at most, however many
transports, runs and threads there are. This file is loaded with the first transport, never with the SDK.

From the environment, as most clients of HTTP: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (names, addresses,
networks), in small letters too, but never for this very host; and REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE or
SSL_CERT_DIR in place of the system's certificates.
"""

import contextlib
import http.client
import ipaddress
import os
import ssl
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3

from mldash.errors import RequestRefused, ServerUnreachable
from mldash.process.locks import reentrant_lock

_CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 30.0
CONNECTIONS: Final = 16
"""To one API. A request beyond them waits for one of them."""
_APIS: Final = 4
"""To which connections are kept."""

Query = Mapping[str, str | int | float | Sequence[str] | None]


class Problem(RequestRefused):
    """RequestRefused with the problem's `type` and its further members."""

    def __init__(self, status: int, title: str, detail: str, kind: str, members: dict[str, Any]) -> None:
        super().__init__(status, title, detail)
        self.args = (status, title, detail, kind, members)
        self.kind, self.members = kind, members


class FileBrokeOff(ServerUnreachable):
    """The answer ended before it was whole: what went wrong in its middle the API could no longer say."""


class Transport:
    """GETs from one API. Thread-safe; it holds nothing open by itself."""

    def __init__(self, address: str, token: str | None = None, *, keep: bool = True) -> None:
        """`keep`: whether connections are kept for the next request.

        Raises ValueError for an address without http:// or https://.
        """
        parts = urlsplit(address if "//" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"remote {address!r}: write http://HOST:PORT or https://HOST")
        self.address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._headers = {"Accept": "application/msgpack"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if not keep:
            self._headers["Connection"] = "close"

    def get(
        self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None, wait: float = 0.0
    ) -> Any:
        """The decoded answer. `wait`: seconds that the server was asked to wait, above the usual time for an answer.

        Raises ServerUnreachable, or Problem (a RequestRefused) for an answer that is none.
        """
        kind, body = self._answer(path, query, headers, wait)
        try:
            return msgspec.msgpack.decode(body) if "msgpack" in kind else msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise RequestRefused(200, "No API", f"{self.address} answered with {kind or 'nothing'}") from error

    def get_file(
        self, path: str, media_type: str, query: Query, headers: Mapping[str, str] | None = None, wait: float = 0.0
    ) -> bytes:
        """The answer's bytes, in the form of this media type. Raises as `get`, and FileBrokeOff."""
        kind, body = self._answer(path, query, {**(headers or {}), "Accept": media_type}, wait)
        if kind.split(";")[0] != media_type:
            raise RequestRefused(200, "No API", f"{self.address} answered with {kind or 'nothing'}")
        return body

    def _answer(
        self, path: str, query: Query | None, headers: Mapping[str, str] | None, wait: float
    ) -> tuple[str, bytes]:
        """Its type and its bytes."""
        text = urlencode({k: v for k, v in (query or {}).items() if v is not None}, doseq=True)
        url = f"{self.address}{path}?{text}" if text else f"{self.address}{path}"
        status, kind, body = self._request(url, {**self._headers, **(headers or {})}, ANSWER_TIMEOUT_S + wait)
        if status >= 400:
            raise _problem(status, kind, body)
        return kind, body

    def _request(self, url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, str, bytes]:
        try:
            answer = self._begin(url, headers, timeout_s)
        except urllib3.exceptions.ProtocolError:
            # A connection that was kept may have been closed by the server just now: once more with another one.
            with self._told():
                answer = self._begin(url, headers, timeout_s)
        try:
            with self._told():
                body = answer.data
        except ServerUnreachable as error:
            if isinstance(error.__cause__, urllib3.exceptions.ProtocolError):
                raise FileBrokeOff(self.address, "the answer broke off in the middle") from error.__cause__
            raise
        finally:
            answer.release_conn()
        return answer.status, answer.headers.get("Content-Type", ""), body

    def _begin(self, url: str, headers: Mapping[str, str], timeout_s: float) -> urllib3.BaseHTTPResponse:
        """Raises ServerUnreachable, and ProtocolError where the connection ended without an answer."""
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=timeout_s)
        with self._told(urllib3.exceptions.ProtocolError):
            return _pool_for(url).request(
                "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False, preload_content=False
            )

    @contextlib.contextmanager
    def _told(self, *but: type[Exception]) -> Iterator[None]:
        try:
            yield
        except but:
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(self.address, _reason(error)) from error


_pools: dict[tuple[str | None, bool], urllib3.PoolManager] = {}
"""By proxy, and whether the address is one of https. Never more than a few: it is what the environment says."""
_lock = reentrant_lock()


def _pool_for(url: str) -> urllib3.PoolManager:
    key = proxy_of(url), url.startswith("https:")
    with _lock:
        pool = _pools.get(key)
        if pool is None:
            pool = _pools.setdefault(key, _make_pool(*key))  # a handler may have made one meanwhile
        return pool


def _make_pool(proxy: str | None, secure: bool) -> urllib3.PoolManager:
    options: dict[str, Any] = {"num_pools": _APIS, "maxsize": CONNECTIONS, "block": True}
    if secure:
        options["ssl_context"] = _certificates()
    return urllib3.PoolManager(**options) if proxy is None else urllib3.ProxyManager(proxy, **options)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address; None where it is asked directly."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    # urllib.request names it without telling type checkers.
    is_bypassed = vars(urllib.request)["proxy_bypass_environment"]
    if not proxy or _is_loopback(host) or is_bypassed(host, proxies):
        return None
    with contextlib.suppress(ValueError):  # a name: networks do not apply
        address = ipaddress.ip_address(host)
        if any(address in network for network in _networks(proxies.get("no", ""))):
            return None
    return proxy if "//" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _networks(text: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for one in text.split(","):
        if "/" in one:
            with contextlib.suppress(ValueError):
                yield ipaddress.ip_network(one.strip(), strict=False)


def _certificates() -> ssl.SSLContext:
    """SSL_CERT_FILE and SSL_CERT_DIR are OpenSSL's own. Raises OSError where a bundle that is named is not there."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not named:
        return ssl.create_default_context()
    if Path(named).is_dir():
        return ssl.create_default_context(capath=named)
    return ssl.create_default_context(cafile=named)


def _leave_the_parents_connections() -> None:
    """In a forked child: they are the parent's, which goes on reading from them."""
    global _pools
    _pools = {}


os.register_at_fork(after_in_child=_leave_the_parents_connections)


def _problem(status: int, kind: str, body: bytes) -> RequestRefused:
    try:
        members = msgspec.msgpack.decode(body) if "msgpack" in kind else msgspec.json.decode(body)
        assert isinstance(members, dict)
    except (msgspec.DecodeError, AssertionError):
        members = {}
    told = {name: members.pop(name, "") for name in ("type", "title", "detail")}
    title = told["title"] or http.client.responses.get(status, "Error")
    return Problem(status, title, told["detail"], told["type"], members)


def _reason(error: BaseException) -> str:
    """The system's own message, which urllib3 wraps more than once."""
    inner: BaseException | None = error
    while inner is not None:
        if text := getattr(inner, "strerror", None):
            return str(text)
        reason = getattr(inner, "reason", None)
        inner = reason if isinstance(reason, BaseException) else inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__
