"""What is asked of the provider: over TLS where its issuer is, within a time and a size, and never across a redirect,
for the code and the client's secret are in it.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import msgspec

from mldash_api.errors import CertificateUnusable

from .errors import ProviderAway

_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 1 << 20
_TOLD_LETTERS: Final = 200


class Fetcher:
    """One a provider. Closed by who made it."""

    def __init__(self, issuer: str, ca_file: str | None) -> None:
        """Raises CertificateUnusable: of the CA file."""
        self._needs_tls = issuer.startswith("https://")
        # Proxies of the environment are taken: a cluster may reach its provider by one alone.
        try:
            trusted = ssl.create_default_context(cafile=str(Path(ca_file).expanduser()) if ca_file else None)
        except OSError as error:  # ssl.SSLError is one
            raise CertificateUnusable(str(ca_file), error.strerror or str(error)) from error
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, verify=trusted, follow_redirects=False)

    async def get(self, url: str, token: str | None = None) -> dict[str, Any]:
        """A JSON object. Raises ProviderAway."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self._json(self._http.build_request("GET", url, headers=headers), (200,))

    async def post(self, url: str, form: Mapping[str, str], auth: tuple[str, str] | None) -> dict[str, Any]:
        """A JSON object; of a refusal by the provider (400, 401) too, which has an `error`. Raises ProviderAway."""
        headers = {"Accept": "application/json"}
        request = self._http.build_request("POST", url, data=dict(form), headers=headers)
        if auth:
            request.headers["Authorization"] = _basic(*auth)
        return await self._json(request, (200, 400, 401))

    async def close(self) -> None:
        await self._http.aclose()

    def check(self, url: Any) -> str:
        """An address that the provider gave. Raises ProviderAway: over plain http, all on the way could read."""
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise ProviderAway(str(url)[:_TOLD_LETTERS], "this is no address")
        if self._needs_tls and not url.startswith("https://"):
            raise ProviderAway(url[:_TOLD_LETTERS], "its issuer is on https, and this address is not")
        return url

    async def _json(self, request: httpx.Request, taken: tuple[int, ...]) -> dict[str, Any]:
        url = str(request.url.copy_with(query=None))
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await self._http.send(request, stream=True)
                try:
                    body = await _bounded(answer, url)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderAway(url, f"{type(error).__name__} {error}".strip()[:_TOLD_LETTERS]) from None
        if answer.status_code not in taken:
            raise ProviderAway(url, f"it answers with status {answer.status_code}")
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise ProviderAway(url, "its answer is no JSON object") from None


async def _bounded(answer: httpx.Response, url: str) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _MOST_BYTES:
            raise ProviderAway(url, f"its answer has more than {_MOST_BYTES} bytes")
    return bytes(body)


def _basic(name: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are encoded as in a form before they are joined."""
    return "Basic " + b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode()
