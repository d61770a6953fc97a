"""Requests to the API: MessagePack answers, problems as our errors. Over urllib3, with one pool a process.

A process may make ten thousand runs and read from as many threads: it has CONNECTIONS to an API at most, however many
transports, runs and threads there are. This file is loaded with the first transport, never with the SDK.

From the environment, as most clients of HTTP: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (names, addresses,
networks), in small letters too, but never for this very host; and REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE or
SSL_CERT_DIR in place of the system's certificates.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import ssl
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

import msgspec
import urllib3

from mldash.connections.api_address import bare_address
from mldash.connections.loopback import is_loopback
from mldash.errors import NotAllowed, RequestRefused, ServerUnreachable, TokenNotSent, TokenRefused
from mldash.events.batches import ENCODING, MEDIA_TYPE
from mldash.process.locks import reentrant_lock
from mldash.settings import SdkSettings

from .opening import Opening
from .streaming import ConnectedAnswer, OpenAnswer, reason_of

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
    """Requests to one API. Thread-safe; it holds nothing open by itself."""

    def __init__(
        self, address: str, token: str | None = None, *, keep: bool = True, token_over_http: bool = False
    ) -> None:
        """`keep`: whether connections are kept for the next request. A token is sent over TLS and to this very host
        alone, unless `token_over_http`: any other request raises TokenNotSent.

        Raises ValueError for an address without http:// or https://.
        """
        self.address = bare_address(address)  # a password in it is sent nowhere, and stands in no error
        parts = urlsplit(self.address)
        self._headers = {"Accept": "application/msgpack"}
        is_safe_way = parts.scheme == "https" or is_loopback(parts.hostname or "")
        self._is_token_safe = not token or is_safe_way or token_over_http
        if token and self._is_token_safe:
            self._headers["Authorization"] = f"Bearer {token}"
        if not keep:
            self._headers["Connection"] = "close"

    @classmethod
    def of(cls, settings: SdkSettings, address: str, *, keep: bool = True) -> Transport:
        """To this address, with the settings' token."""
        return cls(address, settings.token, keep=keep, token_over_http=settings.token_over_http)

    def get(
        self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None, wait: float = 0.0
    ) -> Any:
        """The decoded answer. `wait`: seconds that the server was asked to wait, above the usual time for an answer.

        Raises ServerUnreachable, or Problem (a RequestRefused) for an answer that is none.
        """
        return self._decoded(*self._answer(path, query, headers, wait))

    def open(
        self, path: str, query: Query, headers: Mapping[str, str], silent_s: float, opening: Opening | None = None
    ) -> OpenAnswer:
        """An answer that is read as it comes, over a connection of its own; whoever gets it closes it. One that says
        nothing for `silent_s` is given up, and by `opening` another thread gives up waiting. Raises as `get`."""
        pool = _make_pool(proxy_of(self.address), self.address.startswith("https:"))
        if opening is not None:
            opening.watch(pool)
        try:
            try:
                answer = self._begin("GET", self._url(path, query), {**self._headers, **headers}, silent_s, pool=pool)
            except urllib3.exceptions.ProtocolError as error:
                raise ServerUnreachable(self.address, reason_of(error)) from error
            if answer.status >= 300:
                with self._told():
                    self._settled(answer.status, answer.headers.get("Content-Type", ""), answer.data, answer.headers)
        except BaseException:
            pool.clear()
            raise
        return ConnectedAnswer(self.address, pool, answer)

    def _decoded(self, kind: str, body: bytes) -> Any:
        try:
            return msgspec.msgpack.decode(body) if "msgpack" in kind else msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise RequestRefused(200, "No API", f"{self.address} answered with {kind or 'nothing'}") from error

    def change(self, method: str, path: str, document: Any = None) -> Any:
        """The decoded answer to a change (POST, DELETE, …), None where it has none. `document` is sent as JSON. It is
        not sent again where the connection ends without an answer.

        Raises as `get`.
        """
        body = None if document is None else msgspec.json.encode(document)
        kind, content = self._changed(method, path, {"Content-Type": "application/json"}, body, again=False)
        return self._decoded(kind, content) if content else None

    def post_records(self, body: bytes) -> bytes:
        """The answer to POST /v1/records with this RecordBatch, compressed (mldash/events/batches.py).

        It may be sent twice where a connection ends: the store drops what it has. Raises as `get`.
        """
        headers = {"Content-Type": MEDIA_TYPE, "Content-Encoding": ENCODING}
        return self._changed("POST", "/v1/records", headers, body, again=True)[1]

    def _changed(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, again: bool
    ) -> tuple[str, bytes]:
        # Origin of our own accord, as a page of the API would send it: query_api's rights/door.py.
        own = {**self._headers, **headers, "Origin": _origin(self.address)}
        url = f"{self.address}{path}"
        return self._settled(*self._request(method, url, own, ANSWER_TIMEOUT_S, body, again=again))

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
        url, own = self._url(path, query), {**self._headers, **(headers or {})}
        return self._settled(*self._request("GET", url, own, ANSWER_TIMEOUT_S + wait))

    def _url(self, path: str, query: Query | None) -> str:
        text = urlencode({k: v for k, v in (query or {}).items() if v is not None}, doseq=True)
        return f"{self.address}{path}?{text}" if text else f"{self.address}{path}"

    def _settled(
        self, status: int, kind: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[str, bytes]:
        """Raises RequestRefused for an answer that is none."""
        if status >= 400:
            refused = _problem(self.address, status, kind, body)
            with contextlib.suppress(ValueError):  # it may also be a date, which nothing of ours sends
                refused.retry_after_s = max(0.0, float((headers or {}).get("Retry-After", "")))
            raise refused
        if status >= 300:
            detail = f"{self.address} leads elsewhere, where no token is sent: set MLDASH_REMOTE to where it is now"
            raise RequestRefused(status, "Redirected", detail)
        return kind, body

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout_s: float,
        posted: bytes | None = None,
        *,
        again: bool = True,
    ) -> tuple[int, str, bytes, Mapping[str, str]]:
        """`again`: whether it may be sent twice."""
        try:
            answer = self._begin(method, url, headers, timeout_s, posted)
        except urllib3.exceptions.ProtocolError as error:
            if not again:
                raise ServerUnreachable(self.address, reason_of(error)) from error
            # A connection that was kept may have been closed by the server just now: once more with another one.
            with self._told():
                answer = self._begin(method, url, headers, timeout_s, posted)
        try:
            with self._told():
                body = answer.data
        except ServerUnreachable as error:
            if isinstance(error.__cause__, urllib3.exceptions.ProtocolError):
                raise FileBrokeOff(self.address, "the answer broke off in the middle") from error.__cause__
            raise
        finally:
            answer.release_conn()
        return answer.status, answer.headers.get("Content-Type", ""), body, answer.headers

    def _begin(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout_s: float,
        body: bytes | None = None,
        pool: urllib3.PoolManager | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Never follows a redirect: it may lead to another host, and the token with it.

        Raises TokenNotSent, ServerUnreachable, and ProtocolError where the connection ended without an answer."""
        if not self._is_token_safe:
            raise TokenNotSent(self.address)
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=timeout_s)
        with self._told(urllib3.exceptions.ProtocolError):
            return (pool or _pool_for(url)).request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )

    @contextlib.contextmanager
    def _told(self, *but: type[Exception]) -> Iterator[None]:
        try:
            yield
        except but:
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(self.address, reason_of(error)) from error


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
    if proxy is None:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    if parts.username is not None:  # urllib3 does not take them from the address
        signed = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=signed)
    return urllib3.ProxyManager(proxy, **options)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address; None where it is asked directly."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    # urllib.request names it without telling type checkers.
    is_bypassed = vars(urllib.request)["proxy_bypass_environment"]
    if not proxy or is_loopback(host) or is_bypassed(host, proxies):
        return None
    with contextlib.suppress(ValueError):  # a name: networks do not apply
        address = ipaddress.ip_address(host)
        if any(address in network for network in _networks(proxies.get("no", ""))):
            return None
    return proxy if "//" in proxy else f"http://{proxy}"


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


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


def _problem(address: str, status: int, kind: str, body: bytes) -> RequestRefused:
    try:
        members = msgspec.msgpack.decode(body) if "msgpack" in kind else msgspec.json.decode(body)
        assert isinstance(members, dict)
    except (msgspec.DecodeError, AssertionError):
        members = {}
    told = {name: members.pop(name, "") for name in ("type", "title", "detail")}
    if status == 401:
        return TokenRefused(address, told["detail"])
    if status == 403:
        return NotAllowed(address, told["detail"])
    title = told["title"] or http.client.responses.get(status, "Error")
    return Problem(status, title, told["detail"], told["type"], members)
