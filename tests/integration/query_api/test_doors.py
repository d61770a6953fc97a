"""How one comes in: on loopback without a token, with a private one, through proxies, over TLS."""

import asyncio
from pathlib import Path

import httpx
import pytest
import trustme

from mldash_api.app import Api
from mldash_api.errors import CertificateUnusable, TokenFileUnusable
from tests.certificates import context_of, files_of, is_served
from tests.own_address import own_address
from tests.plain_http import plain_http
from tests.world import World

from .conftest import Client, Running
from .test_tokens import bearer, token_for
from .writing import PREFIX

pytestmark = pytest.mark.integration


async def test_on_loopback_nobody_signs_in_and_a_rebound_name_gets_nothing(client: Client) -> None:
    assert await client.get("/v1/params", prefix=PREFIX) == {"params": {}}
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        told = await client.problem("/v1/params", 403, headers, prefix=PREFIX)
        assert (told["type"], "evil.example" in told["detail"]) == ("request-refused", True)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via"])
async def test_on_loopback_nothing_comes_through_a_proxy_without_a_token(client: Client, header: str) -> None:
    told = await client.problem("/v1/experiments", 403, {header: "1.1 x"})
    assert "mldash up --private" in told["detail"]


async def test_a_private_token_lets_a_proxy_in_and_nobody_without_it(world: World, tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with Running(world.api(private_token_file=str(file))) as client:
        headers = {**bearer(file.read_text().strip()), "Host": "hub.example", "X-Forwarded-For": "203.0.113.9"}
        await client.get("/v1/params", headers, prefix=PREFIX)
        await client.get("/v1/params", {**headers, "Origin": "https://hub.example"}, prefix=PREFIX)
        told = await client.problem("/v1/params", 403, {**headers, "Origin": "https://evil.example"}, prefix=PREFIX)
        assert told["type"] == "request-refused"
        assert (await client.raw("/v1/params", prefix=PREFIX)).status_code == 401
        other = bearer(await token_for(world, ("admin", "")))
        told = await client.problem("/v1/params", 401, other, prefix=PREFIX)
        assert str(file) in told["detail"]


async def test_a_token_file_that_others_can_read_keeps_the_api_from_starting(world: World, tmp_path: Path) -> None:
    (tmp_path / "token").touch(0o644)
    with pytest.raises(TokenFileUnusable):
        async with Running(world.api(private_token_file=str(tmp_path / "token"))):
            pass


async def test_tokens_beyond_loopback_are_taken_over_tls_alone(world: World, tmp_path: Path) -> None:
    """This host's own address is another than loopback, as that of any caller."""
    address, token = own_address(), await token_for(world, ("read", ""))
    async with Running(world.api(host="0.0.0.0", auth="tokens")) as local:
        await local.get("/v1/params", bearer(token), prefix=PREFIX)
        async with plain_http(base_url=f"http://{address}:{local.http.base_url.port}") as http:
            told = await Client(http).problem("/v1/params", 403, bearer(token), prefix=PREFIX)
            assert "could be read on the way" in told["detail"]
    authority = trustme.CA()
    files = files_of(tmp_path, authority, address)
    async with _over_tls(world, files, authority, address) as client:
        await client.get("/v1/params", bearer(token), prefix=PREFIX)


async def test_behind_a_proxy_its_name_decides(world: World) -> None:
    token = await token_for(world, ("read", ""))
    over_tls = {**bearer(token), "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    async with Running(world.api(auth="tokens", trusted_proxies=("127.0.0.1",))) as client:
        await client.get("/v1/params", over_tls, prefix=PREFIX)
        await client.problem("/v1/params", 403, {**over_tls, "X-Forwarded-Proto": "http"}, prefix=PREFIX)
    async with Running(world.api(auth="tokens", trusted_proxies=("192.0.2.0/24",))) as client:
        told = await client.problem("/v1/params", 403, over_tls, prefix=PREFIX)
        assert "MLDASH_API_TRUSTED_PROXIES" in told["detail"]


async def test_a_new_certificate_is_served_without_a_restart(world: World, tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    async with _over_tls(world, files_of(tmp_path, old, "127.0.0.1"), old, "127.0.0.1") as client:
        port = client.http.base_url.port or 0
        files_of(tmp_path, new, "127.0.0.1")
        async with asyncio.timeout(30):
            while not await is_served(port, new):  # noqa: ASYNC110 - it looks every five seconds
                await asyncio.sleep(0.1)
        assert not await is_served(port, old)


async def test_a_pair_that_does_not_match_keeps_the_api_from_starting(world: World, tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, _ = files_of(tmp_path / "a", authority, "127.0.0.1")
    _, key = files_of(tmp_path / "b", authority, "127.0.0.1")
    for pair in ((cert, key), (cert, str(tmp_path / "none")), (cert, cert)):
        with pytest.raises(CertificateUnusable) as told:
            await Api(world.api(tls_cert_file=pair[0], tls_key_file=pair[1])).run(asyncio.Event())
        assert pair[1] in str(told.value)


class _over_tls(Running):  # noqa: N801 - read as a verb in its block
    """An API that speaks https, and a client that knows its authority."""

    def __init__(self, world: World, files: tuple[str, str], authority: trustme.CA, address: str) -> None:
        auth = world.api(host="0.0.0.0", auth="tokens", tls_cert_file=files[0], tls_key_file=files[1])
        super().__init__(auth)
        self.context, self._address = context_of(authority), address

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"https://{self._address}:{self.api.port}", verify=self.context, trust_env=False, timeout=30
        )
