"""People with browsers: what a cookie opens, who can use it, and when it no longer counts."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from time import time

import pytest
import trustme

from mldash_api.rights.people.sign_ins import list_sign_ins
from mldash_api.rights.token_text import hash_of, id_of, new_token
from mldash_api.rights.tokens import revoke_token
from mldash_ingest.documents.changes import list_changes
from tests.certificates import files_of
from tests.plain_http import plain_http
from tests.world import World

from .browser import Browser, browser_of
from .conftest import Client, Running
from .test_tokens import bearer, token_for
from .writing import PREFIX

pytestmark = pytest.mark.integration

OWNER = PREFIX.split("/", maxsplit=1)[0]


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as made:
        yield made


@pytest.fixture
async def browser(guarded: Client) -> AsyncIterator[Browser]:
    async with browser_of(guarded) as made:
        yield made


async def test_a_token_signs_a_browser_in_and_its_cookie_opens_the_same(world: World, browser: Browser) -> None:
    token = await token_for(world, ("read", OWNER), ends_in_s=3_600)
    assert (await browser.get("/v1/params", prefix=PREFIX)).status_code == 401
    answer = await browser.sign_in(token)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    me = (await browser.get("/v1/me")).json()
    assert me == answer.json()
    assert (me["subject"], me["grants"]) == ("ada", [{"right": "read", "scope": OWNER}])
    assert me["tokenId"] == id_of(hash_of(token)) and me["until"] and me["signInId"]
    assert (await browser.get("/v1/params", prefix=PREFIX)).status_code == 200
    assert (await browser.get("/v1/params", prefix="another/run")).status_code == 403
    assert token not in answer.text + repr(answer.headers)


async def test_a_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(world: World, browser: Browser) -> None:
    answer = await browser.sign_in(await token_for(world, ("read", OWNER)))
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == f"mldash-{browser.http.base_url.port}"
    assert {one.strip().lower() for one in attributes.split(";")[1:]} >= {"httponly", "samesite=lax", "path=/"}
    assert "secure" not in attributes.lower() and "domain" not in attributes.lower()


async def test_over_https_the_cookie_is_of_this_host_alone(world: World, tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, key = files_of(tmp_path, authority, "127.0.0.1")
    running = Running(world.api(auth="tokens", tls_cert_file=str(cert), tls_key_file=str(key)))
    stop, task = running._stop, asyncio.create_task(running.api.run(running._stop))
    await asyncio.sleep(0)
    token = await token_for(world, ("read", OWNER))
    try:
        async with plain_http(base_url=f"https://127.0.0.1:{running.api.port}", timeout=30) as http:
            browser = Browser(http)
            answer = await browser.sign_in(token)
            told = answer.headers["set-cookie"].lower()
            assert told.startswith("__host-mldash-") and "secure" in told and "path=/;" in told + ";"
            assert (await browser.get("/v1/params", prefix=PREFIX)).status_code == 200
            plain = {"Cookie": f"mldash-{running.api.port}={http.cookies[browser.cookies[0]]}"}
            http.cookies.clear()
            assert (await http.get("/v1/me", headers=plain)).status_code == 401
            over_http = browser.origin.replace("https", "http")
            assert (await browser.change("POST", "/v1/sign-in", {"token": token}, over_http)).status_code == 403
    finally:
        stop.set()
        await task


async def test_a_page_of_another_site_signs_nobody_in_nor_out_and_changes_nothing(
    world: World, browser: Browser
) -> None:
    """Another port of this host is another site's too: cookies do not know ports."""
    token = await token_for(world, ("admin", OWNER))
    await browser.sign_in(token)
    asked = {"subject": "job", "grants": [{"right": "read", "scope": OWNER}]}
    for origin, site in (
        ("https://evil.example", "cross-site"),
        ("http://127.0.0.1:1", "same-site"),
        ("null", "cross-site"),
        (browser.origin, "cross-site"),
        ("", "same-origin"),
    ):
        for path, content in (("/v1/sign-in", {"token": token}), ("/v1/sign-out", None), ("/v1/tokens", asked)):
            answer = await browser.change("POST", path, content, origin, site)
            assert (answer.status_code, answer.json()["type"]) == (403, "request-refused"), (origin, site, path)
    for site in ("cross-site", "same-site"):
        told = await browser.http.get("/v1/me", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})
        assert told.status_code == 403
        assert (await browser.open("/v1/me", site)).status_code == 200
    assert (await browser.change("POST", "/v1/tokens", asked)).status_code == 201


async def test_who_signs_out_is_out_wherever_the_cookie_is(world: World, browser: Browser) -> None:
    await browser.sign_in(await token_for(world, ("read", OWNER)))
    kept = dict(browser.http.cookies)
    assert (await browser.change("POST", "/v1/sign-out")).status_code == 200
    assert browser.cookies == []
    stolen = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
    answer = await browser.http.get("/v1/me", headers=stolen)
    assert (answer.status_code, "signed out" in answer.text) == (401, True)


async def test_a_revoked_or_expired_token_ends_its_cookies_at_once(world: World, browser: Browser) -> None:
    token = await token_for(world, ("read", OWNER))
    await browser.sign_in(token)
    await revoke_token(world.mongo, id_of(hash_of(token)), time())
    answer = await browser.get("/v1/params", prefix=PREFIX)
    assert (answer.status_code, "was revoked" in answer.text) == (401, True)
    short = await token_for(world, ("read", OWNER), ends_in_s=3_600)
    await browser.sign_in(short)
    await world.mongo.tokens.update_one({"_id": id_of(hash_of(short))}, {"$set": {"expires_at": time() - 1}})
    assert (await browser.get("/v1/me")).status_code == 401


async def test_a_sign_in_ends_with_its_token_and_after_a_setting(world: World) -> None:
    async with Running(world.api(auth="tokens", session_s=3_600.0)) as client, browser_of(client) as browser:
        for ends_in_s, at_most in ((60.0, 61.0), (None, 3_601.0)):
            token = await token_for(world, ("read", OWNER), ends_in_s=ends_in_s)
            await browser.sign_in(token)
            (found, *_) = await list_sign_ins(world.mongo, "ada", time())
            assert at_most - 30 < found.expires_at - time() < at_most
        await world.mongo.sign_ins.update_many({}, {"$set": {"expires_at": time() - 1}})
        assert (await browser.get("/v1/me")).status_code == 401


async def test_a_cookie_that_was_there_before_is_never_taken_over(world: World, browser: Browser) -> None:
    """Else whoever put theirs into a browser would hold what its owner signs in to."""
    await browser.sign_in(await token_for(world, ("read", "another"), subject="eve"))
    before = dict(browser.http.cookies)
    await browser.sign_in(await token_for(world, ("read", OWNER)))
    assert dict(browser.http.cookies) != before
    old = {"Cookie": "; ".join(f"{name}={value}" for name, value in before.items())}
    assert (await browser.http.get("/v1/me", headers=old)).status_code == 401
    assert (await browser.get("/v1/me")).json()["subject"] == "ada"


async def test_a_forged_cookie_and_one_of_other_keys_open_nothing(world: World, browser: Browser) -> None:
    await browser.sign_in(await token_for(world, ("read", OWNER)))
    ((_, value),) = browser.http.cookies.items()
    async with Running(world.api(auth="tokens", signing_keys="k" * 32)) as other:
        for forged in (value, value[:-4] + "AAAA", "x", "", value.split(".")[1]):
            port = other.http.base_url.port
            told = await other.http.get("/v1/me", headers={"Cookie": f"mldash-{port}={forged}"})
            assert told.status_code == 401, forged
        told = await other.http.get("/v1/me", headers={"Cookie": f"mldash-{port}={value}"})
        assert "MLDASH_SIGNING_KEYS" in told.text


async def test_processes_with_the_same_keys_believe_each_others_cookies(world: World, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("k" * 43 + "\n")
    settings = {"auth": "tokens", "signing_keys_file": str(keys)}
    async with Running(world.api(**settings)) as one, Running(world.api(**settings)) as other, browser_of(one) as there:
        await there.sign_in(await token_for(world, ("read", OWNER)))
        ((_, value),) = there.http.cookies.items()
        cookie = {"Cookie": f"mldash-{other.http.base_url.port}={value}"}
        assert (await other.http.get("/v1/me", headers=cookie)).json()["subject"] == "ada"


async def test_sign_ins_that_fail_are_bounded_for_their_address(world: World, browser: Browser) -> None:
    """Those that succeed are not."""
    token = await token_for(world, ("read", OWNER))
    for _ in range(15):
        assert (await browser.sign_in(token)).status_code == 200
    statuses = [(await browser.sign_in(new_token())).status_code for _ in range(12)]
    assert (statuses[:10], set(statuses[10:])) == ([401] * 10, {429})
    refused = await browser.sign_in(token)
    assert (refused.json()["type"], int(refused.headers["retry-after"]) >= 1) == ("too-many-sign-ins", True)


async def test_people_see_and_end_their_own_sign_ins_and_admins_all(world: World, browser: Browser) -> None:
    await browser.sign_in(await token_for(world, ("read", OWNER)))
    admin, other = await token_for(world, ("admin", "")), await token_for(world, ("admin", "b"), subject="bob")
    mine = (await browser.get("/v1/sign-ins")).json()["signIns"]
    assert [(one["subject"], one["way"]) for one in mine] == [("ada", "token")]
    path = f"/v1/sign-ins/{mine[0]['id']}"
    assert (await browser.http.delete(path, headers=bearer(other))).status_code == 404
    assert (await browser.http.get("/v1/sign-ins", headers=bearer(other))).json() == {"signIns": []}
    ended = await browser.http.delete(path, headers=bearer(admin))
    assert (ended.status_code, ended.json()["endedAt"] is None) == (200, False)
    assert (await browser.get("/v1/me")).status_code == 401
    actions = [one.action for one in await list_changes(world.mongo, [""], None, 10)]
    assert actions == ["end a sign-in", "sign in"]


async def test_answers_are_kept_by_no_cache(world: World, guarded: Client, browser: Browser) -> None:
    await browser.sign_in(await token_for(world, ("read", OWNER)))
    for path in ("/v1/me", "/v1/experiments", "/v1/nothing", "/v1/params"):
        assert (await browser.get(path)).headers["cache-control"] == "no-store"
    assert (await guarded.raw("/v1/me")).headers["cache-control"] == "no-store"


async def test_the_page_runs_scripts_of_its_own_alone_and_stands_in_no_frame(guarded: Client) -> None:
    for path, kind in (("/sign-in", "text/html"), ("/sign-in.js", "text/javascript"), ("/sign-in.css", "text/css")):
        answer = await guarded.raw(path)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_link_for_one_use_signs_in_the_user_of_a_private_api(world: World, tmp_path: Path) -> None:
    token_file, link_file = tmp_path / "token", tmp_path / "link"
    settings = world.api(private_token_file=str(token_file), link_file=str(link_file))
    async with Running(settings) as client, browser_of(client) as browser, browser_of(client) as thief:
        assert stat.S_IMODE(link_file.stat().st_mode) == 0o600
        address, _, text = link_file.read_text().strip().partition("#once=")
        assert address == f"{browser.origin}/sign-in"
        for _ in range(3):  # previews: no server is sent what stands behind the #
            assert (await thief.open("/sign-in", "cross-site")).status_code == 200
        assert (await browser.sign_in(text)).json()["subject"] == "local"
        assert (await browser.get("/v1/params", prefix=PREFIX)).status_code == 200
        used = await thief.sign_in(text)
        assert (used.status_code, "has been used" in used.text) == (401, True)
        assert (await thief.get("/v1/me")).status_code == 401
        assert (await thief.sign_in(token_file.read_text().strip())).status_code == 200
        assert (await thief.sign_in(await token_for(world, ("admin", "")))).status_code == 401
    async with Running(settings) as client, browser_of(client) as browser:
        text = link_file.read_text().strip().partition("#once=")[2]
        await world.mongo.links.update_many({}, {"$set": {"expires_at": time() - 1}})
        answer = await browser.sign_in(text)
        assert (answer.status_code, "has expired" in answer.text) == (401, True)


async def test_of_two_who_come_with_a_link_for_one_use_one_gets_in(world: World, tmp_path: Path) -> None:
    link_file = tmp_path / "link"
    async with Running(world.api(private_token_file=str(tmp_path / "t"), link_file=str(link_file))) as client:
        text = link_file.read_text().strip().partition("#once=")[2]
        async with browser_of(client) as one:
            answers = await asyncio.gather(*(one.sign_in(text) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_behind_a_notebooks_proxy_the_cookie_is_sent_below_its_path_alone(world: World, tmp_path: Path) -> None:
    """The hub's other paths are other users'."""
    token = tmp_path / "token"
    async with Running(world.api(private_token_file=str(token))) as client:
        headers = {"Host": "hub.example", "Origin": "https://hub.example", "X-Forwarded-For": "203.0.113.9"}
        body = {"token": token.read_text().strip(), "path": "/user/ada/proxy/8700/"}
        answer = await client.http.post("/v1/sign-in", json=body, headers=headers)
        told = answer.headers["set-cookie"].lower()
        assert told.startswith("__secure-mldash=") and "path=/user/ada/proxy/8700/" in told and "secure" in told
        value = answer.headers["set-cookie"].partition(";")[0]
        there = {"Host": "hub.example", "X-Forwarded-For": "203.0.113.9", "Cookie": value}
        assert (await client.http.get("/v1/me", headers=there)).status_code == 200
        for path in ("user/", "/user", "//evil.example/", "/a;b/", "/a b/", "/?x/", ""):
            refused = await client.http.post("/v1/sign-in", json={**body, "path": path}, headers=headers)
            assert refused.json()["parameter"] == "path", path


async def test_where_nobody_signs_in_there_is_nothing_to_sign_in_to(client: Client) -> None:
    async with browser_of(client) as browser:
        assert (await browser.get("/v1/sign-in")).json() == {"ways": []}
        assert (await browser.sign_in(new_token())).json()["type"] == "request-refused"
        assert (await browser.get("/v1/me")).json()["isSomebody"] is False
