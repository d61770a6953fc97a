"""docs/agents.md, Rights: note and tag are offered where a setting and a right allow it, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mldash import Client as SdkClient
from mldash_api.agents.changing import CHANGING
from mldash_api.agents.tools import READING
from tests.world import World

from .conftest import Client, Running
from .runs import put_run, until
from .test_agents_over_http import MINE, OTHERS, asking, told
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", mcp=True, mcp_changes=True, stop_timeout_s=5.0)) as made:
        for prefix in (MINE, OTHERS):
            await put_run(world, prefix, {"lr": 0.1}, tags=["first"])
        admin = await token_for(world, ("admin", ""))
        made.http.headers.update(bearer(admin))
        await until(made, [MINE, OTHERS], sort="prefix")
        yield made


async def test_who_may_write_notes_and_tags_and_the_history_is_kept(world: World, guarded: Client) -> None:
    async with asking(guarded, await token_for(world, ("write", "ada"))) as ada:
        tools = (await ada.list_tools()).tools
        assert [one.name for one in tools] == [*READING, *CHANGING]
        assert [one.name for one in tools if not (one.annotations and one.annotations.read_only_hint)] == [*CHANGING]
        text = await told(ada, "note", run=MINE, text="the loss\nbegins well")
        assert r'end with: "the loss\nbegins well"' in text
        text = await told(ada, "note", run=MINE, text="and ends badly")
        assert r'end with: "the loss\nbegins well\n\nand ends badly"' in text
        text = await told(ada, "tag", run=MINE, add=["looked-at"], remove=["first"])
        assert text.startswith("Changed.") and text.count('"looked-at"') == 1 and '"first"' not in text
        assert (await told(ada, "tag", run=MINE, add=["looked-at"])).startswith("They were so already.")
        for tool, more in (("note", {"text": "mine"}), ("tag", {"add": ["mine"]})):
            found = await ada.call_tool(tool, {"run": OTHERS, **more})
            assert found.is_error and "read" in str(found.content)
    history = (await guarded.get("/v1/experiments/history", prefix=MINE))["history"]
    assert [(one["part"], one["before"], one["after"]) for one in history][1:] == [
        ("notes", "the loss\nbegins well", "the loss\nbegins well\n\nand ends badly"),
        ("notes", "", "the loss\nbegins well"),
    ]
    assert history[0]["part"] == "tags" and not (await guarded.get("/v1/experiments/history", prefix=OTHERS))["history"]


async def test_two_who_note_at_one_moment_are_both_kept(world: World, guarded: Client) -> None:
    one, two = await token_for(world, ("write", "ada")), await token_for(world, ("write", "ada/robots"))
    async with asking(guarded, one) as ada, asking(guarded, two) as eve:
        noted = [f"note {at}" for at in range(6)]
        asked = [told(eve if at % 2 else ada, "note", run=MINE, text=text) for at, text in enumerate(noted)]
        assert all(text.startswith("Noted.") for text in await asyncio.gather(*asked))
    assert sorted((await guarded.get("/v1/experiment", prefix=MINE))["notes"].split("\n\n")) == noted


async def test_who_may_only_read_is_offered_nothing_more_and_refused(world: World, guarded: Client) -> None:
    async with asking(guarded, await token_for(world, ("read", "ada"))) as ada:
        assert [one.name for one in (await ada.list_tools()).tools] == [*READING]
        found = await ada.call_tool("note", {"run": MINE, "text": "mine"})
        assert found.is_error and "needs the right to write" in str(found.content)
    async with asking(guarded, await token_for(world, ("read", "ada"), ("write", "carol"))) as ada:
        found = await ada.call_tool("tag", {"run": MINE, "add": ["mine"]})
        assert found.is_error and "write" in str(found.content) and "ada" in str(found.content)
    assert not (await guarded.get("/v1/experiments/history", prefix=MINE))["history"]


async def test_without_the_setting_nobody_is_offered_them(world: World) -> None:
    async with Running(world.api(auth="tokens", mcp=True, stop_timeout_s=5.0)) as api:
        await put_run(world, MINE)
        async with asking(api, await token_for(world, ("admin", ""))) as ada:
            assert [one.name for one in (await ada.list_tools()).tools] == [*READING]
            found = await ada.call_tool("note", {"run": MINE, "text": "mine"})
            assert found.is_error and 'There is no tool "note"' in str(found.content)


async def test_where_nobody_signs_in_a_change_has_to_say_that_it_is_meant(world: World) -> None:
    """As at every route: a page of another site can't set this header."""
    async with Running(world.api(mcp=True, mcp_changes=True, stop_timeout_s=5.0)) as api:
        await put_run(world, MINE)
        async with asking(api) as asker:
            assert "needs the header Origin" in await told(asker, "tag", run=MINE, add=["mine"])


async def test_a_client_in_python_changes_and_tells_what_it_may(world: World, guarded: Client) -> None:
    client = SdkClient(str(guarded.http.base_url), token=await token_for(world, ("write", "ada")))
    assert await asyncio.to_thread(client.grants) == [{"right": "write", "scope": "ada"}]
    found = await asyncio.to_thread(lambda: client.annotate(MINE, notes="good", add_tags=["a"], dry_run=True))
    assert (found["notes"], found["changed"]) == ("good", True)
    found = await asyncio.to_thread(lambda: client.annotate(MINE, add_tags=["a"]))
    assert (found["notes"], found["tags"]) == ("", ["first", "a"])
