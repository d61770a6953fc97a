"""People whom a trusted proxy has signed in; this test's client is the proxy."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.world import World

from .conftest import Client, Running
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "Host": "ml.example"}
RIGHTS = ("robots=write:a", "leads=admin:/", "*=read:public")


def signed_in(user: str, groups: str = "", **more: str) -> dict[str, str]:
    return {**TLS, "X-Forwarded-User": user, "X-Forwarded-Groups": groups, **more}


@pytest.fixture
async def proxied(world: World) -> AsyncIterator[Client]:
    settings: dict[str, Any] = {"auth": "proxy", "trusted_proxies": ("127.0.0.1",), "group_rights": RIGHTS}
    async with Running(world.api(**settings)) as made:
        yield made


async def test_people_may_what_their_groups_may(proxied: Client) -> None:
    for headers, prefix, status in (
        (signed_in("ada", "robots, others"), "a/p/run", 200),
        (signed_in("ada", "robots"), "b/p/run", 403),
        (signed_in("ada"), "public/p/run", 200),
        (signed_in("ada"), "a/p/run", 403),
        (signed_in("eve", "leads"), "b/p/run", 200),
    ):
        assert (await proxied.raw("/v1/params", headers, prefix=prefix)).status_code == status, (headers, prefix)


async def test_who_is_not_signed_in_or_does_not_come_over_tls_gets_nothing(proxied: Client) -> None:
    assert (await proxied.raw("/v1/params", TLS, prefix="public/p/run")).status_code == 401
    plain = signed_in("ada") | {"X-Forwarded-Proto": "http"}
    assert (await proxied.raw("/v1/params", plain, prefix="public/p/run")).status_code == 403
    twice = [*signed_in("ada").items(), ("X-Forwarded-User", "root")]
    answer = await proxied.http.get("/v1/params", params={"prefix": "public/p/run"}, headers=twice)
    assert (answer.status_code, "twice" in answer.text) == (401, True)


async def test_a_form_of_another_page_changes_nothing_in_the_name_of_who_is_signed_in(proxied: Client) -> None:
    """The browser sends the proxy's cookie along; the Origin it sends too is the other page's."""
    asked = {"subject": "job", "grants": [{"right": "read", "scope": "a"}]}
    for origin, status in ((None, 403), ("https://evil.example", 403), ("null", 403), ("https://ml.example", 201)):
        headers = signed_in("eve", "leads", **({"Origin": origin} if origin else {}))
        assert (await proxied.http.post("/v1/tokens", json=asked, headers=headers)).status_code == status, origin


async def test_programs_come_with_tokens(world: World, proxied: Client) -> None:
    token = await token_for(world, ("read", "a"))
    await proxied.get("/v1/params", {**TLS, **bearer(token)}, prefix="a/p/run")
    both = {**signed_in("eve", "leads"), **bearer(token)}
    assert (await proxied.raw("/v1/params", both, prefix="b/p/run")).status_code == 403


async def test_a_header_that_no_trusted_proxy_sent_names_nobody(world: World) -> None:
    settings: dict[str, Any] = {"auth": "proxy", "trusted_proxies": ("192.0.2.1",), "group_rights": RIGHTS}
    async with Running(world.api(**settings)) as client:
        for headers in (signed_in("eve", "leads"), {"X-Forwarded-User": "eve", "X-Forwarded-Groups": "leads"}):
            assert (await client.raw("/v1/params", headers, prefix="a/p/run")).status_code == 403
        plain = {"Remote-User": "eve"}
        assert (await client.raw("/v1/params", plain, prefix="a/p/run")).status_code == 401


async def test_changes_stand_under_the_persons_name_and_address(world: World, proxied: Client) -> None:
    asked = {"subject": "job", "grants": [{"right": "read", "scope": "a"}]}
    headers = signed_in("eve", "leads", Origin="https://ml.example")
    assert (await proxied.http.post("/v1/tokens", json=asked, headers=headers)).status_code == 201
    (line,) = (await proxied.get("/v1/changes", signed_in("eve", "leads")))["changes"]
    assert (line["subject"], line["address"], line["tokenId"]) == ("eve", "203.0.113.9", None)
