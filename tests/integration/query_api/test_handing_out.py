"""Who is handed a user of Kafka by GET /v1/connect, and that nobody else is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mldash_api.settings import ApiSettings
from mldash_deploy.prepare import prepare
from tests.own_address import own_address
from tests.plain_http import plain_http
from tests.world import PARTITIONS, World

from .browser import browser_of
from .conftest import Client, Running
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

PASSWORD = "only for training hosts"
KAFKA = {
    "public_kafka_security_protocol": "SASL_SSL",
    "public_kafka_sasl_mechanism": "SCRAM-SHA-512",
    "public_kafka_username": "hosts",
    "public_kafka_password": PASSWORD,
}


@pytest.fixture
async def api(world: World) -> AsyncIterator[Client]:
    """It speaks to a Kafka that asks nobody, and says how training hosts speak to theirs."""
    await prepare(world.servers, PARTITIONS)
    settings = {**KAFKA, "hand_out_kafka_credentials": True, "host": "0.0.0.0"}
    async with Running(world.api(auth="tokens", trusted_proxies=("127.0.0.2",), **settings)) as made:
        yield made


async def test_who_may_write_everything_is_handed_kafkas_user(
    world: World, api: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    for right in ("write", "admin"):
        token = await token_for(world, (right, ""))  # type: ignore[arg-type]
        answer = await api.raw("/v1/connect", bearer(token))
        told = answer.json()
        assert (told["kafka_username"], told["kafka_password"], told["transport"]) == ("hosts", PASSWORD, "auto")
        assert answer.headers["cache-control"] == "no-store"
    said = capfd.readouterr()
    assert "handed out" in said.out + said.err
    assert PASSWORD not in said.out + said.err


async def test_who_may_not_write_everything_is_told_to_send_records_to_the_api(world: World, api: Client) -> None:
    for grants in ((("read", ""),), (("write", "a"), ("read", "")), (("admin", "a"), ("admin", "b"))):
        answer = await api.raw("/v1/connect", bearer(await token_for(world, *grants)))  # type: ignore[arg-type]
        assert PASSWORD not in answer.text
        told = answer.json()
        assert (told["kafka_username"], told["kafka_password"], told["transport"]) == (None, None, "http")


async def test_a_browser_is_handed_nothing(world: World, api: Client) -> None:
    async with browser_of(api) as browser:
        await browser.sign_in(await token_for(world, ("admin", "")))
        answer = await browser.get("/v1/connect")
    assert (answer.status_code, answer.json()["kafka_password"], answer.json()["transport"]) == (200, None, "http")


async def test_over_plain_http_from_another_host_nothing_is_told(world: World, api: Client) -> None:
    token = await token_for(world, ("admin", ""))
    async with plain_http(base_url=f"http://{own_address()}:{api.http.base_url.port}") as http:
        answer = await http.get("/v1/connect", headers=bearer(token))
    assert (answer.status_code, PASSWORD in answer.text) == (403, False)


async def test_unless_the_operator_says_so_nobody_is_handed_anything(world: World) -> None:
    await prepare(world.servers, PARTITIONS)
    token = await token_for(world, ("admin", ""))
    async with Running(world.api(auth="tokens", **KAFKA)) as api:
        answer = await api.raw("/v1/connect", bearer(token))
        assert (PASSWORD in answer.text, answer.json()["transport"]) == (False, "http")
    async with Running(world.api(auth="tokens")) as api:  # a Kafka that asks nobody
        assert (await api.raw("/v1/connect", bearer(token))).json()["transport"] == "auto"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"auth": None}, "MLDASH_AUTH"),
        ({"auth": "open"}, "MLDASH_AUTH"),
        ({"public_kafka_password": None}, "public_kafka_password"),
        ({"public_kafka_username": None}, "public_kafka_username"),
        ({"public_kafka_security_protocol": "SSL"}, "takes passwords"),
        ({"public_kafka_sasl_mechanism": "OAUTHBEARER"}, "takes passwords"),
    ],
    ids=str,
)
def test_what_could_hand_nothing_out_or_to_anybody_is_refused(more: dict[str, Any], told: str) -> None:
    base = {"kafka": "k:1", "mongo": "mongodb://m", "auth": "tokens", **KAFKA, "hand_out_kafka_credentials": True}
    assert PASSWORD not in repr(ApiSettings(**base))
    with pytest.raises(ValueError, match=told) as refused:
        ApiSettings(**{**base, **more})
    assert PASSWORD not in str(refused.value)
