"""Every route of the API, hidden ones too: what the document says of it, and to whom it answers."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from time import time
from typing import Any, Final

import httpx
import pytest
from litestar.routes import HTTPRoute

from mldash_api.app import make_app
from mldash_api.rights.caller import RIGHTS, Right
from mldash_api.rights.needed import Needed, needed_by
from mldash_api.rights.opened import LINK_KINDS, LinkKind, Opened
from mldash_api.rights.people.links import create_link
from mldash_api.rights.token_text import new_token
from mldash_api.settings import ApiSettings
from mldash_api.stores.streams import Stores
from tests.world import World

from .browser import browser_of
from .conftest import Client, Running
from .test_tokens import bearer, token_for
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

OWNER = PREFIX.split("/", maxsplit=1)[0]
PAGES = {"/sign-in", "/sign-in.js", "/sign-in.css"}
DASHBOARD = {"/", "/charts", "/compare", "/access", "/status", "/run/{path}", "/dashboard/{version}/{path}"}
OPEN = {"/healthz", "/readyz", "/v1/sign-in", "/v1/sign-in/oidc", "/v1/sign-in/oidc/back", *PAGES, *DASHBOARD}
"""docs/security.md names them."""


def _routes() -> list[tuple[str, str, Needed | None]]:
    settings, nowhere = ApiSettings(kafka="127.0.0.1:1", mongo="mongodb://127.0.0.1:1"), None
    stores: Any = Stores(settings, nowhere, nowhere, nowhere, nowhere)  # type: ignore[arg-type]
    return [
        (method, route.path_format, needed_by(handler))
        for route in make_app(stores).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods)
    ]


OPENED: Final[dict[LinkKind, tuple[Opened, dict[str, str]]]] = {
    "experiment": (Opened(kind="experiment", prefix=PREFIX), {"prefix": PREFIX}),
    "chart": (
        Opened(kind="chart", prefix=PREFIX, name="train", fields=("loss",)),
        {"prefix": PREFIX, "name": "train", "fields": "loss"},
    ),
    "range": (
        Opened(kind="range", prefix=PREFIX, name="train", fields=("loss",), start=10, end=20),
        {"prefix": PREFIX, "name": "train", "fields": "loss", "start_index": "10", "limit": "10"},
    ),
}
"""A link of each kind, and a query that asks for what it opens."""

ROUTES = _routes()
GUARDED = [one for one in ROUTES if one[1] not in OPEN]


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as made:
        yield made


async def ask(client: Client, method: str, path: str, needed: Needed | None, token: str | None) -> httpx.Response:
    """With the prefix where the right has to hold on it, and nothing else that the route needs."""
    query = asked_for(needed)
    return await client.http.request(
        method, filled_in(path), params=query, headers=bearer(token) if token else {}, follow_redirects=False
    )


def asked_for(needed: Needed | None) -> dict[str, str]:
    return {needed.of: PREFIX} if needed is not None and needed.of in ("prefix", "prefixes") else {}


def filled_in(path: str) -> str:
    return re.sub(r"\{\w+\}", "0" * 16, path)


def test_every_route_states_what_it_needs() -> None:
    assert [(method, path) for method, path, needed in ROUTES if needed is None and method != "OPTIONS"] == []
    assert {path for _, path, needed in ROUTES if needed is not None and needed.right is None} == OPEN


async def test_who_has_no_token_that_holds_gets_nothing(world: World, guarded: Client) -> None:
    """No token, one that was never made, one that has expired."""
    expired = await token_for(world, ("admin", ""), ends_in_s=-1)
    for token in (None, new_token(), expired):
        for method, path, needed in GUARDED:
            answer = await ask(guarded, method, path, needed, token)
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer ")
            assert answer.headers["content-type"] == "application/problem+json"


async def test_who_has_another_owners_token_gets_nothing_of_this_one(world: World, guarded: Client) -> None:
    """A route that shows what one may read has nothing to show; every other one refuses."""
    await Chain(world, "params", "").begin()
    token = await token_for(world, ("admin", "another"))
    for method, path, needed in GUARDED:
        answer = await ask(guarded, method, path, needed, token)
        if needed is not None and needed.of != "shown":
            assert answer.status_code == 403, (method, path, answer.text)
        elif method == "GET":
            assert PREFIX not in answer.text, (method, path)


@pytest.mark.parametrize("right", RIGHTS)
async def test_who_has_a_right_gets_what_needs_no_more(world: World, guarded: Client, right: Right) -> None:
    """Not 401, and 403 exactly where more is needed; what else is wrong with such a bare request is another matter."""
    token = await token_for(world, (right, OWNER))
    for method, path, needed in GUARDED:
        if needed is None or needed.right is None or needed.of == "shown":
            continue
        answer = await ask(guarded, method, path, needed, token)
        is_enough = RIGHTS.index(right) >= RIGHTS.index(needed.right) and needed.of != "everything"
        assert (answer.status_code not in (401, 403)) == is_enough, (method, path, answer.text)


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_cookie_opens_what_its_token_does(world: World, guarded: Client, right: Right) -> None:
    """Asked as the API's own page asks."""
    token = await token_for(world, (right, OWNER))
    async with browser_of(guarded) as browser:
        for method, path, needed in GUARDED:
            await browser.sign_in(token)  # one of the routes signs out
            query = asked_for(needed)
            headers = {"Origin": browser.origin, "Sec-Fetch-Site": "same-origin"}
            by_cookie = await browser.http.request(method, filled_in(path), params=query, headers=headers)
            by_token = await ask(guarded, method, path, needed, token)
            assert by_cookie.status_code == by_token.status_code, (method, path, by_cookie.text)


@pytest.mark.parametrize("kind", LINK_KINDS)
async def test_a_link_opens_the_routes_that_name_its_kind_and_no_other(
    world: World, guarded: Client, kind: LinkKind
) -> None:
    opens, query = OPENED[kind]
    text, _ = await create_link(world.mongo, opens, time() + 60, "test", time())
    named = 0
    async with browser_of(guarded) as browser:
        for method, path, needed in GUARDED:
            await browser.sign_in(text)
            headers = {"Origin": browser.origin, "Sec-Fetch-Site": "same-origin"}
            named_by = needed.of if needed is not None and needed.of == "prefixes" else "prefix"
            own = {**query, named_by: PREFIX}
            async with browser.http.stream(method, filled_in(path), params=own, headers=headers) as answer:
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):  # which has no end
                    await answer.aread()
            is_named = method == "OPTIONS" or (needed is not None and kind in needed.links)
            named += is_named
            assert (answer.status_code in (401, 403)) != is_named, (method, path, answer.status_code)
            if needed is not None and needed.of in ("prefix", "prefixes"):
                other = {**query, named_by: f"{PREFIX}/below"}
                answer = await browser.http.request(method, filled_in(path), params=other, headers=headers)
                assert answer.status_code == 403, (method, path, answer.text)
    assert named > 2


async def test_the_document_says_the_right_and_the_refusals_of_every_operation(world: World, guarded: Client) -> None:
    document = (await guarded.raw("/v1/openapi.json", bearer(await token_for(world, ("read", OWNER))))).json()
    scheme = document["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    told = {(method.upper(), path): one for path, item in document["paths"].items() for method, one in item.items()}
    assert set(told) == {(method, path) for method, path, _ in ROUTES if (method, path) in told}
    for method, path, needed in ROUTES:
        operation = told.get((method, path))
        if operation is None:
            assert not path.startswith("/v1/") or "openapi" in path or method == "OPTIONS"
            continue
        assert needed is not None
        if path in OPEN:
            assert operation["security"] == [{}]
            continue
        assert operation["security"] == [{"token": [needed.right]}, {"cookie": [needed.right]}]
        assert f"right to {needed.right}" in operation["description"]
        for status in ("400", "401", "403", "default"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


async def test_where_nobody_signs_in_the_document_says_so(client: Client) -> None:
    document = (await client.raw("/v1/openapi.json")).json()
    assert document["paths"]["/v1/params"]["get"]["security"] == [{"token": ["read"]}, {"cookie": ["read"]}, {}]


async def test_a_large_body_of_who_may_not_send_it_is_not_read(world: World, guarded: Client) -> None:
    """The answer comes before the body: 401 for what announces 10 GB."""
    port = guarded.http.base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v1/params?prefix=a/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n")
    async with asyncio.timeout(10):
        assert b" 401 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_the_document_holds_together(guarded: Client, world: World) -> None:
    """Every reference leads somewhere, and no `oneOf` takes one value twice: generators stumble there."""
    document = (await guarded.raw("/v1/openapi.json", bearer(await token_for(world, ("read", ""))))).json()
    known = {f"#/components/{kind}/{name}" for kind, part in document["components"].items() for name in part}
    for part in _parts(document):
        assert part.get("$ref", "") in {*known, ""}
        kinds = {one.get("type") for one in part.get("oneOf", [])}
        assert not {"number", "integer"} <= kinds, part


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _parts(one)
