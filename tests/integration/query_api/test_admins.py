"""What admins do: tokens over HTTP and by command, each change with its line."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mldash.process.environment import to_variables
from mldash_api.rights.token_text import is_token
from tests.secret_scan import write_secret
from tests.stack import run_mldash
from tests.world import World

from .conftest import Client, Running
from .test_tokens import bearer, token_for
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as made:
        yield made


async def make(client: Client, admin: str, **asked: Any) -> Any:
    answer = await client.http.post("/v1/tokens", json={"subject": "job", **asked}, headers=bearer(admin))
    return answer.status_code, answer.json()


def on(*scopes: str, right: str = "write") -> list[dict[str, str]]:
    return [{"right": right, "scope": scope} for scope in scopes]


async def test_an_admin_makes_lists_and_revokes_tokens_within_what_is_theirs(world: World, guarded: Client) -> None:
    admin = await token_for(world, ("admin", "a"))
    status, made = await make(guarded, admin, grants=on("a/p", "/a/q/"), note="nightly")
    assert status == 201 and is_token(made["token"])
    assert made["grants"] == on("a/p", "a/q")
    await guarded.get("/v1/params", bearer(made["token"]), prefix="a/p/run")
    listed = await guarded.get("/v1/tokens", bearer(admin))
    assert [one["subject"] for one in listed["tokens"]] == ["job", "ada"]
    assert made["token"] not in json.dumps(listed)
    for _ in range(2):
        answer = await guarded.http.delete(f"/v1/tokens/{made['id']}", headers=bearer(admin))
        assert (answer.status_code, answer.json()["revokedAt"] is None) == (200, False)
    assert (await guarded.raw("/v1/params", bearer(made["token"]), prefix="a/p/run")).status_code == 401


async def test_nobody_gives_or_takes_what_is_not_theirs(world: World, guarded: Client) -> None:
    admin, writer = await token_for(world, ("admin", "a")), await token_for(world, ("write", ""))
    for grants in (on("b"), on("a", "b"), on(""), on("/")):
        assert (await make(guarded, admin, grants=grants))[0] == 403
    assert (await make(guarded, writer, grants=on("a", right="read")))[0] == 403
    _, others = await make(guarded, await token_for(world, ("admin", "")), grants=on("b"))
    assert (await guarded.http.delete(f"/v1/tokens/{others['id']}", headers=bearer(admin))).status_code == 404
    assert others["id"] not in [one["id"] for one in (await guarded.get("/v1/tokens", bearer(admin)))["tokens"]]
    assert (await guarded.get("/v1/tokens", bearer(writer)))["tokens"] == []


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"grants": []}, "grants"),
        ({"grants": on("a//b")}, "scope"),
        ({"grants": on("a", right="own")}, "right"),
        ({"grants": on("a"), "expires_in_days": -1}, "expires_in_days"),
        ({"grants": on("a"), "subject": ""}, "subject"),
        ({"grants": on("a"), "subject": "a\nb"}, "subject"),
        ({"grants": on("a"), "note": "x" * 201}, "note"),
        ({"grants": [{"right": "read"}]}, "grants"),
        ({"grants": on("a"), "expires": 3}, "expires"),
        ({"subject": "x"}, "grants"),
    ],
)
async def test_what_is_wrong_with_a_wish_is_named(
    world: World, guarded: Client, asked: dict[str, Any], parameter: str
) -> None:
    status, told = await make(guarded, await token_for(world, ("admin", "")), **asked)
    assert (status, told["type"]) == (400, "wrong-parameter"), told
    assert parameter in told["detail"]


async def test_each_change_has_a_line_for_admins_of_all_it_is_about(world: World, guarded: Client) -> None:
    everywhere, mine = await token_for(world, ("admin", "")), await token_for(world, ("admin", "a"))
    await make(guarded, mine, grants=on("a/p"), subject="job 1")
    await make(guarded, everywhere, grants=on("a", "b"), subject="job 2")
    _, made = await make(guarded, everywhere, grants=on("a/p", "a/q"), subject="job 3")
    await guarded.http.delete(f"/v1/tokens/{made['id']}", headers=bearer(everywhere))
    lines = (await guarded.get("/v1/changes", bearer(everywhere)))["changes"]
    assert [(one["action"], one["details"]["subject"], one["scope"]) for one in lines] == [
        ("revoke a token", "job 3", "a"),
        ("make a token", "job 3", "a"),
        ("make a token", "job 2", ""),
        ("make a token", "job 1", "a/p"),
    ]
    assert {one["subject"] for one in lines} == {"ada"} and {one["address"] for one in lines} == {"127.0.0.1"}
    assert all(one["tokenId"] and one["at"].endswith("Z") for one in lines)
    own = (await guarded.get("/v1/changes", bearer(mine)))["changes"]
    assert [one["details"]["subject"] for one in own] == ["job 3", "job 3", "job 1"]
    pages, before = list[Any](), None
    while True:
        page = await guarded.get("/v1/changes", bearer(mine), limit=2, **({"before": before} if before else {}))
        pages += page["changes"]
        if (before := page["next"]) is None:
            break
    assert pages == own
    assert (await guarded.get("/v1/changes", bearer(await token_for(world, ("write", "a")))))["changes"] == []


async def test_a_page_of_another_site_makes_no_token_on_loopback(client: Client) -> None:
    """Where nobody signs in, a change has to come from our own page, or from a program that says so."""
    asked = {"subject": "job", "grants": on("a")}
    for headers in ({}, {"Origin": "https://evil.example"}, {"Content-Type": "text/plain"}):
        assert (await client.http.post("/v1/tokens", json=asked, headers=headers)).status_code == 403
    own = {"Origin": str(client.http.base_url).rstrip("/")}
    assert (await client.http.post("/v1/tokens", json=asked, headers=own)).status_code == 201


async def test_the_first_admin_is_made_by_mongodbs_credentials_and_goes_on_over_http(
    world: World, guarded: Client, tmp_path: Path
) -> None:
    direct = {"MLDASH_MONGO": world.servers.mongo, "MLDASH_MONGO_DATABASE": world.name}
    address = str(guarded.http.base_url)
    made = await _mldash("token", "create", "root", "--admin", "--days", "1", **direct, MLDASH_REMOTE=address)
    admin = made.stdout.strip()
    assert is_token(admin) and "admin on everything" in made.stderr and admin not in made.stderr
    write_secret(tmp_path / "token", f"{admin}\n")
    over_http = {"MLDASH_REMOTE": address, "MLDASH_TOKEN_FILE": str(tmp_path / "token")}
    made = await _mldash("token", "create", "job", "--write", "a/p", "--read", "/", "--no-expiry", **over_http)
    token = made.stdout.strip()
    await guarded.get("/v1/params", bearer(token), prefix="b/p/run")
    listed = json.loads((await _mldash("token", "list", "--json", **over_http)).stdout)
    assert [one["subject"] for one in listed] == ["job", "root"]
    assert listed[0]["createdBy"] == "root" and "@" in listed[1]["createdBy"]
    table = (await _mldash("token", "list", "--direct", **direct, **over_http)).stdout
    assert "write on a/p" in table and "never" in table and token not in table
    ended = await _mldash("token", "revoke", listed[0]["id"], **over_http)
    assert ended.stdout.startswith("revoked: token")
    assert (await guarded.raw("/v1/params", bearer(token), prefix="b/p/run")).status_code == 401


async def test_what_commands_change_by_mongodbs_credentials_has_its_line_too(world: World, guarded: Client) -> None:
    await Chain(world, "params", "").begin()
    servers = to_variables(world.servers, "")
    await _mldash("retention", "owner", "--logs", "30d", **servers)
    await _mldash("retention", "owner", "--logs", "40d", "--dry-run", **servers)
    await _mldash("rm", PREFIX, "--yes", **servers)
    lines = (await guarded.get("/v1/changes", bearer(await token_for(world, ("admin", "owner")))))["changes"]
    assert [(one["action"], one["scope"], one["details"]) for one in lines] == [
        ("delete an experiment", PREFIX, {}),
        ("set retention", "owner", {"logs": "30.0"}),
    ]
    assert all("@" in one["subject"] and one["address"] == "by MongoDB's credentials" for one in lines)


async def test_the_command_says_what_is_wrong_in_one_line(world: World, guarded: Client) -> None:
    address, reader = str(guarded.http.base_url), await token_for(world, ("read", "a"))
    for arguments, environment, said in (
        (("create", "job", "--read", "a"), {}, "none was sent"),
        (("create", "job", "--read", "a"), {"MLDASH_TOKEN": reader}, "has no right to admin a"),
        (("create", "job"), {"MLDASH_TOKEN": reader}, "a token without rights opens nothing"),
        (("revoke", "0" * 16), {"MLDASH_TOKEN": reader}, "there is no token"),
    ):
        done = await _mldash("token", *arguments, check=False, MLDASH_REMOTE=address, **environment)
        lines = done.stderr.splitlines()
        assert done.returncode and said in lines[0] and reader not in done.stderr, done.stderr
        assert len(lines) == 1 or "--help shows" in lines[1]


async def _mldash(*arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_mldash, *arguments, check=check, **environment)
