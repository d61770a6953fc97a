"""People sign in at a real OpenID provider, and what comes back from it wrong, late or twice opens nothing."""

import re
from collections.abc import AsyncIterator
from html import unescape
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mldash_api.live import tending
from mldash_api.oidc import provider as provider_module
from mldash_ingest.documents.changes import list_changes
from tests.components import free_port
from tests.oidc_provider.provider import CLIENT, SECRET, RunningProvider, new_key, provider_on
from tests.plain_http import plain_http
from tests.world import World

from .conftest import Client, Running
from .listening import listening
from .test_every_route import GUARDED, asked_for, filled_in
from .test_tokens import bearer, token_for
from .writing import PREFIX

pytestmark = pytest.mark.integration

OWNER = PREFIX.split("/", maxsplit=1)[0]
RIGHTS = (f"robots=write:{OWNER}", "leads=admin:/", "*=read:public")
KEY, OTHER_KEY = new_key("one"), new_key("two")


class People:
    """An API whose people sign in at a provider; each `browser` is another person's."""

    def __init__(self, world: World, port: int, provider: RunningProvider) -> None:
        self.world, self.address, self.provider = world, f"http://127.0.0.1:{port}", provider

    def api(self, **more: Any) -> Running:
        settings = {
            "auth": "oidc",
            "port": urlsplit(self.address).port,
            "public_address": self.address,
            "oidc_issuer": self.provider.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_scopes": ("groups", "email"),
            "group_rights": RIGHTS,
        }
        return Running(self.world.api(**{**settings, **more}))


@pytest.fixture
async def people(world: World) -> AsyncIterator[People]:
    port = free_port()
    async with provider_on(free_port(), f"http://127.0.0.1:{port}/v1/sign-in/oidc/back", KEY) as provider:
        yield People(world, port, provider)


@pytest.fixture
async def api(people: People) -> AsyncIterator[Client]:
    await people.provider.tell(groups={"ada": ["robots"], "bob": []})
    async with people.api() as made:
        yield made


@pytest.fixture
async def browser(api: Client) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_http(base_url=api.http.base_url, timeout=30) as made:
        yield made


async def to_the_provider_and_back(browser: httpx.AsyncClient, name: str, start: str = "/v1/sign-in/oidc") -> str:
    """All that a person does: follows redirects, fills in the provider's forms. Answers the address that leads back to
    the API with a code, not yet opened."""
    answer = await browser.get(start)
    for _ in range(20):
        if answer.has_redirect_location:
            target = str(httpx.URL(str(answer.url)).join(answer.headers["location"]))
            if "/v1/sign-in/oidc/back" in target:
                return target
            answer = await browser.get(target)
            continue
        assert answer.status_code == 200, answer.text
        (action,) = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
        (prompt,) = re.findall(r'name="prompt" value="(\w+)"', answer.text)
        form = {"prompt": prompt, "login": name, "password": "any"}
        answer = await browser.post(unescape(action), data=form)
    raise AssertionError(f"the provider leads nowhere: {answer.url}")


async def sign_in(browser: httpx.AsyncClient, name: str, start: str = "/v1/sign-in/oidc") -> httpx.Response:
    return await browser.get(await to_the_provider_and_back(browser, name, start))


async def test_a_person_signs_in_and_has_the_rights_of_their_groups(
    people: People, api: Client, browser: httpx.AsyncClient
) -> None:
    answer = await sign_in(browser, "ada", "/v1/sign-in/oidc?next=/charts%3Fx%3D1")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{people.address}/charts?x=1")
    assert answer.headers["cache-control"] == "no-store"
    me = (await browser.get("/v1/me")).json()
    assert (me["subject"], me["isSomebody"]) == ("ada", True)
    assert me["grants"] == [{"right": "write", "scope": OWNER}, {"right": "read", "scope": "public"}]
    assert (await browser.get("/v1/params", params={"prefix": PREFIX})).status_code == 200
    assert (await browser.get("/v1/params", params={"prefix": "other/run"})).status_code == 403
    assert [name for name in browser.cookies if name.startswith("mldash-oidc")] == []
    (line,) = await list_changes(people.world.mongo, [""], None, 10)
    assert (line.action, line.who.subject, line.details) == ("sign in", "ada", {"way": "oidc"})


async def test_a_person_gets_of_every_route_what_a_token_with_the_same_rights_does(
    people: People, api: Client, browser: httpx.AsyncClient
) -> None:
    token = await token_for(people.world, ("write", OWNER), ("read", "public"))
    headers = {"Origin": people.address, "Sec-Fetch-Site": "same-origin"}
    await sign_in(browser, "ada")
    for method, path, needed in GUARDED:
        if path == "/v1/sign-out":
            continue
        query, path = asked_for(needed), filled_in(path)
        by_cookie = await browser.request(method, path, params=query, headers=headers)
        by_token = await api.http.request(method, path, params=query, headers=bearer(token))
        assert by_cookie.status_code == by_token.status_code, (method, path, by_cookie.text)
    assert (await browser.post("/v1/sign-out", headers=headers)).status_code == 200
    assert (await browser.get("/v1/me")).status_code == 401


async def test_what_is_sent_to_the_provider_is_a_code_flow_with_pkce(
    people: People, browser: httpx.AsyncClient
) -> None:
    answer = await browser.get("/v1/sign-in/oidc")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["scope"] == "openid groups email"
    assert asked["redirect_uri"] == f"{people.address}/v1/sign-in/oidc/back"
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told and "samesite=lax" in told and "max-age=600" in told
    again = parse_qs(urlsplit((await browser.get("/v1/sign-in/oidc")).headers["location"]).query)
    assert not {again[name][0] for name in ("state", "nonce", "code_challenge")} & set(asked.values())


async def test_programs_come_with_tokens_beside(people: People, api: Client) -> None:
    token = await token_for(people.world, ("read", OWNER))
    assert await api.get("/v1/params", bearer(token), prefix=PREFIX) == {"params": {}}
    assert (await api.raw("/v1/sign-in")).json() == {"ways": ["token", "oidc"]}


async def test_a_public_client_comes_by_pkce_alone(people: People) -> None:
    running = people.api(oidc_client_id="native", oidc_client_secret=None)
    async with running as api, plain_http(base_url=api.http.base_url) as browser:
        assert (await sign_in(browser, "ada")).status_code == 303


async def test_a_sign_in_that_was_not_begun_in_this_browser_is_refused(
    people: People, api: Client, browser: httpx.AsyncClient
) -> None:
    """Else somebody could sign others in as themselves, and read what these then do."""
    back = await to_the_provider_and_back(browser, "ada")
    async with plain_http(base_url=api.http.base_url) as other:
        for begins in (False, True):
            if begins:
                await other.get("/v1/sign-in/oidc")
            told = await other.get(back)
            assert (told.status_code, told.json()["type"]) == (403, "sign-in-refused")
    for name in ("state", "iss"):
        changed = httpx.URL(back).copy_set_param(name, "another")
        told = await browser.get(changed)
        assert (told.status_code, f"`{name}`" in told.json()["detail"]) == (403, True)
    told = await browser.get(httpx.URL(back).copy_remove_param("iss"))
    assert "`iss`" in told.json()["detail"]
    assert (await browser.get(back)).status_code == 303


async def test_pages_that_have_a_browser_ask_the_way_back_use_up_no_sign_in(browser: httpx.AsyncClient) -> None:
    """Without what a sign-in has left in the browser: images of another site's page, as many as it likes."""
    for _ in range(30):
        assert (await browser.get("/v1/sign-in/oidc/back")).status_code == 403
    assert (await sign_in(browser, "alice")).status_code == 303


async def test_a_code_is_taken_once(browser: httpx.AsyncClient) -> None:
    back = await to_the_provider_and_back(browser, "ada")
    kept = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar if "mldash" in one.name)}
    assert (await browser.get(back)).status_code == 303
    told = await browser.get(back)
    assert (told.status_code, "not begun in this browser" in told.json()["detail"]) == (403, True)
    browser.cookies.clear()
    told = await browser.get(back, headers=kept)  # with all that the browser had
    assert (told.status_code, "invalid_grant" in told.json()["detail"]) == (403, True)


async def test_who_says_no_at_the_provider_is_told_so(browser: httpx.AsyncClient) -> None:
    back = httpx.URL(await to_the_provider_and_back(browser, "ada")).copy_remove_param("code")
    told = await browser.get(back.copy_merge_params({"error": "access_denied", "error_description": "<b>no"}))
    assert (told.status_code, "access_denied" in told.json()["detail"]) == (403, True)
    assert told.headers["content-type"] == "application/problem+json"


WRONG: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "another"},
    {"aud": None},
    {"aud": [CLIENT, "another"]},
    {"azp": "another"},
    {"at_hash": "another"},
    {"iss": "https://another.example"},
    {"iss": None},
    {"exp": 1_000},
    {"exp": None},
    {"iat": 99_999_999_999},
    {"iat": None},
    {"sub": None},
    {"sub": "eve"},  # the user information is then somebody else's
]


@pytest.mark.parametrize("some", [WRONG[:8], WRONG[8:]], ids=["for another", "at another time, of another"])
async def test_an_id_token_that_is_not_for_this_sign_in_opens_nothing(
    people: People, browser: httpx.AsyncClient, some: list[dict[str, Any]]
) -> None:
    """The provider's own key has signed it."""
    for claims in some:
        await people.provider.tell(claims=claims)
        told = await sign_in(browser, "ada")
        assert (told.status_code, told.json()["type"]) == (403, "sign-in-refused"), (claims, told.text)
        assert (await browser.get("/v1/me")).status_code == 401
    await people.provider.tell(claims={"aud": [CLIENT, "another"], "azp": CLIENT, "exp": int(time()) - 30})
    assert (await sign_in(browser, "ada")).status_code == 303  # and clocks may differ by a minute


async def test_an_id_token_of_another_key_or_algorithm_opens_nothing(
    people: People, browser: httpx.AsyncClient
) -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0IG9mIG1sZGFzaCBzZWNyZXQgb2YgbWxkYXNo", "kid": "one"}
    forged: list[dict[str, Any]] = [
        {"key": {**OTHER_KEY, "kid": "one"}},
        {"key": OTHER_KEY, "header": {"kid": "two"}},
        {"key": secret, "header": {"alg": "HS256"}},
    ]
    for answer in forged:
        await people.provider.tell(answer=answer)
        told = await sign_in(browser, "ada")
        assert (told.status_code, "does not hold" in told.json()["detail"]) == (403, True), told.text


async def test_new_keys_of_the_provider_are_taken_up_and_at_most_once_a_minute(
    people: People, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await sign_in(browser, "ada")).status_code == 303
    public = {name: OTHER_KEY[name] for name in ("kty", "kid", "use", "alg", "n", "e")}
    new = {"key": OTHER_KEY, "header": {"kid": "two"}, "jwks": [public]}
    asked = (await people.provider.tell(answer=new))["used"]["/jwks"]
    for _ in range(3):
        assert (await sign_in(browser, "ada")).status_code == 403
    assert (await people.provider.tell())["used"]["/jwks"] == asked
    monkeypatch.setattr(provider_module, "AGAIN_AFTER_S", 0.0)  # a minute later
    for _ in range(2):
        assert (await sign_in(browser, "ada")).status_code == 303
    assert (await people.provider.tell())["used"]["/jwks"] == asked + 1


async def test_groups_that_change_count_from_the_next_sign_in_on_in_every_browser(
    people: People, api: Client, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser, "ada")
    await people.provider.tell(groups={"ada": ["leads", "unknown"]})
    assert (await browser.get("/metrics")).status_code == 403
    async with plain_http(base_url=api.http.base_url) as other:
        await sign_in(other, "ada")
        for one in (other, browser):
            assert (await one.get("/metrics")).status_code == 200
        await people.provider.tell(groups={"ada": []})
        await sign_in(other, "ada")
        for one in (other, browser):
            assert (await one.get("/v1/me")).json()["grants"] == [{"right": "read", "scope": "public"}]
        listed = (await other.get("/v1/sign-ins")).json()["signIns"]
    assert {(one["way"], one["subject"]) for one in listed} == {("oidc", "ada")}


async def test_a_stream_ends_with_the_group_that_gave_the_right_to_it(
    people: People, api: Client, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.2)
    await sign_in(browser, "ada")
    cookie = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)}
    port = httpx.URL(people.address).port or 0
    async with listening(port, cookie, scope=OWNER) as lost, listening(port, cookie, scope="public") as kept:
        await lost.until("up-to-date")
        await kept.until("up-to-date")
        await people.provider.tell(groups={"ada": []})
        async with plain_http(base_url=api.http.base_url) as other:
            await sign_in(other, "ada")
        assert (await lost.until("closed", 5.0)).data == {"reason": "not-allowed"}
        assert (await browser.post("/v1/sign-out", headers={"Origin": people.address})).status_code == 200
        assert (await kept.until("closed", 5.0)).data == {"reason": "not-signed-in"}


async def test_groups_of_another_form_are_no_groups(people: People, browser: httpx.AsyncClient) -> None:
    """One text is one group."""
    forms: list[Any] = ["robots", {"robots": 1}, [["robots"], 7, None], 7, None]
    for groups in forms:
        await people.provider.tell(answer={"me": {"groups": groups}})
        await sign_in(browser, "bob")
        rights = {grant["right"] for grant in (await browser.get("/v1/me")).json()["grants"]}
        assert rights == ({"write", "read"} if groups == "robots" else {"read"}), groups


async def test_people_may_be_called_by_an_email_that_the_provider_has_verified(people: People) -> None:
    async with people.api(oidc_subject_claim="email") as api:
        for name, status in (("ada", 303), ("eve", 403)):
            async with plain_http(base_url=api.http.base_url) as browser:
                assert (await sign_in(browser, name)).status_code == status
                if status == 303:
                    assert (await browser.get("/v1/me")).json()["subject"] == "ada@example.org"


async def test_a_sign_in_leads_to_no_other_site(people: People, browser: httpx.AsyncClient) -> None:
    outside = ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", "/a\nb", "/v1/sign-in/oidc"]
    for wanted in outside:
        answer = await sign_in(browser, "ada", str(httpx.URL("/v1/sign-in/oidc", params={"next": wanted})))
        assert answer.headers["location"] == f"{people.address}/sign-in", wanted


async def test_a_provider_that_is_away_is_told_and_is_asked_again(people: People, world: World) -> None:
    async with people.api(oidc_issuer=f"http://127.0.0.1:{free_port()}") as api:
        for _ in range(12):  # these are no failures of who signs in
            told = await api.raw("/v1/sign-in/oidc")
            assert (told.status_code, told.json()["type"]) == (503, "provider-away")
    async with people.api(oidc_issuer=people.provider.issuer + "/") as api:
        assert "it calls itself" in (await api.raw("/v1/sign-in/oidc")).json()["detail"]


async def test_where_people_do_not_sign_in_by_a_provider_there_is_no_such_way(world: World) -> None:
    async with Running(world.api(auth="tokens")) as api:
        for path in ("/v1/sign-in/oidc", "/v1/sign-in/oidc/back"):
            assert (await api.raw(path)).status_code == 404
