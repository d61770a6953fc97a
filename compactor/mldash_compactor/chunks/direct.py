"""The two requests that every chunk takes, GET and PUT of an object, by the shortest way through botocore.

Its client resolves an endpoint, runs some forty handlers and parses an answer for each request; two thirds of what a
request costs this process. Here the address is resolved once, and botocore's own signer and HTTP session do the rest.

It handles success only. Any other answer (a bucket in another region, a missing object, a clock that is off) goes to
the client, which asks again and raises the error: so errors have one source.
"""

from io import BytesIO
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from aiobotocore.httpsession import AIOHTTPSession
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.utils import get_environ_proxies

_OK, _PARTIAL = 200, 206
_SAFE: Final = "/~"
"""What botocore leaves as it is in a key."""

_STREAMED_FROM: Final = 1 << 20
"""Larger bodies are written piece by piece, so that nothing else waits for them."""


def speaks_tls(address: str | None) -> bool:
    """None is AWS. Certificates are read for TLS alone: to load those of the host takes 40 ms of each client."""
    return address is None or not address.startswith("http:")


class DirectRequests:
    """Of one bucket. `async with` closes its connections; no call tries twice, errors are botocore's."""

    def __init__(self, base_url: str, credentials: Any, region: str, config: Config, ca_bundle: str | None) -> None:
        """`base_url` is what stands before a key; `credentials` are botocore's, which renews them by itself."""
        self._base_url, self._credentials, self._region = base_url, credentials, region
        self._user_agent = config.user_agent
        self._http = AIOHTTPSession(
            timeout=(config.connect_timeout, config.read_timeout),
            max_pool_connections=config.max_pool_connections,
            verify=(ca_bundle or True) if speaks_tls(base_url) else False,
            proxies=get_environ_proxies(base_url),
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def get(self, key: str, byte_range: str | None = None) -> bytes | None:
        """The object's bytes, or those of a range ("bytes=0-99"); None: ask the client."""
        headers = {} if byte_range is None else {"Range": byte_range}
        status, body = await self._send("GET", key, headers)
        return body if status == (_OK if byte_range is None else _PARTIAL) else None

    async def put(self, key: str, data: bytes, headers: dict[str, str]) -> bool:
        """Whether the store says that it has the object; False: ask the client."""
        status, _ = await self._send("PUT", key, headers, data if len(data) < _STREAMED_FROM else BytesIO(data))
        return status == _OK

    async def _send(
        self, method: str, key: str, headers: dict[str, str], data: bytes | BytesIO | None = None
    ) -> tuple[int, bytes]:
        named = {**headers, "User-Agent": self._user_agent}
        request = AWSRequest(method, self._base_url + quote(key, _SAFE), named, data)
        S3SigV4Auth(await self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        answer = await self._http.send(request.prepare())
        return answer.status_code, await answer.content


async def open_direct(
    session: Any, client: Any, bucket: str, config: Config, ca_file: str | None
) -> DirectRequests | None:
    """Where `client`, made by the botocore session with this config, would go; None where it does not sign."""
    credentials = await session.get_credentials()
    if credentials is None:
        return None
    name = "key"
    url = await client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": name})
    base_url = url.partition("?")[0].removesuffix(name)
    ca_bundle = ca_file or session.get_config_variable("ca_bundle")
    return DirectRequests(base_url, credentials, client.meta.region_name, config, ca_bundle)
