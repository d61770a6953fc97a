"""HTTP over the standard library, small: GET, a connection a thread, MessagePack answers, problems as our errors."""

import http.client
import ssl
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from mldash.producer.errors import RequestRefused, ServerUnreachable

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 30.0

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
    """GETs from one API. Thread-safe: each thread has a connection of its own."""

    def __init__(self, address: str, token: str | None = None) -> None:
        """Raises ValueError for an address that is no http:// or https:// one."""
        parts = urlsplit(address if "//" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"remote {address!r}: write http://HOST:PORT or https://HOST")
        self.address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._headers = {"Accept": "application/msgpack"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._of_thread = threading.local()
        # Threads come and go without a word; whoever drops the transport drops all of their connections.
        self._connections: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close_all, self._connections)

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
        target = f"{self._path}{path}?{text}" if text else f"{self._path}{path}"
        status, kind, body = self._request(target, {**self._headers, **(headers or {})}, ANSWER_TIMEOUT_S + wait)
        if status >= 400:
            raise _problem(status, kind, body)
        return kind, body

    def close(self) -> None:
        """This thread's connection."""
        connection = self._of_thread.__dict__.pop("connection", None)
        if connection is not None:
            self._connections.remove(connection)
            connection.close()

    def _request(self, target: str, headers: Mapping[str, str], timeout: float) -> tuple[int, str, bytes]:
        kept = "connection" in self._of_thread.__dict__
        try:
            return self._exchange(target, headers, timeout)
        except http.client.IncompleteRead as error:
            self.close()
            raise FileBrokeOff(self.address, "the answer broke off in the middle") from error
        except (http.client.HTTPException, OSError) as error:
            self.close()
            if not kept:
                raise ServerUnreachable(self.address, _reason(error)) from error
        # A connection that was kept alive may have been closed by the server meanwhile: once more with a new one.
        try:
            return self._exchange(target, headers, timeout)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise ServerUnreachable(self.address, _reason(error)) from error

    def _exchange(self, target: str, headers: Mapping[str, str], timeout: float) -> tuple[int, str, bytes]:
        connection = self._connection()
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.request("GET", target, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()

    def _connection(self) -> http.client.HTTPConnection:
        known: http.client.HTTPConnection | None = self._of_thread.__dict__.get("connection")
        if known is not None:
            return known
        if self._secure:
            context = ssl.create_default_context()
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=CONNECT_TIMEOUT_S, context=context
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_TIMEOUT_S)
        made.connect()
        self._of_thread.connection = made
        self._connections.append(made)
        return made


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


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
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
