"""Tags, notes and the archive flag over HTTP: what they do, who may, and their history."""

import asyncio
import itertools
from typing import Any

import pytest

from mldash.events.identity import parse_prefix
from mldash_api.errors import NotFound
from mldash_api.experiments.annotations import AskedChange, change_annotation
from mldash_api.limits import MOST_NOTE_BYTES
from mldash_api.stores.streams import find_experiment
from mldash_compactor.upkeep.removal import Removal, delete_chunks
from mldash_ingest.documents.changes import Who
from mldash_ingest.documents.removals import find_target, raise_generation
from tests.stack import run_mldash
from tests.world import World

from .conftest import Client, Running
from .runs import put_run, until
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

PREFIX = "alice/robots/1"
OTHER = "alice/robots/2"


async def change(client: Client, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Any:
    address = str(client.http.base_url).rstrip("/")
    answer = await client.http.post("/v1/experiments/change", json=body, headers={"Origin": address, **(headers or {})})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_tags_notes_and_the_archive_flag_are_seen_by_reads_and_searches(world: World, client: Client) -> None:
    await put_run(world, PREFIX, tags=["said", "wrong"])
    await put_run(world, OTHER, tags=["said"])
    body = {"add_tags": ["best", "said"], "remove_tags": ["wrong"], "notes": "look again", "archived": True}
    answer = await change(client, prefixes=[PREFIX, OTHER], **body)
    first = {"prefix": PREFIX, "tags": ["said", "best"], "notes": "look again", "archived": True}
    first |= {"title": "", "changed": True}
    assert answer["experiments"] == [first, first | {"prefix": OTHER}]
    told = await client.get("/v1/experiment", prefix=PREFIX)
    assert (told["tags"], told["notes"], told["archived"]) == (["said", "best"], "look again", True)
    await until(client, [PREFIX, OTHER], filter='archived and tags has "best" and notes contains "again"')
    await change(client, prefixes=[PREFIX], archived=False, add_tags=["wrong"], remove_tags=["best"])
    await until(client, [PREFIX], filter='not archived and tags has "wrong" and not tags has "best"')
    listed = (await client.get("/v1/experiments"))["experiments"]
    assert [one["tags"] for one in listed] == [["said", "wrong"], ["said", "best"]]


async def test_the_history_says_who_when_and_from_what_to_what(world: World) -> None:
    await put_run(world, PREFIX, tags=["a"])
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        ada, bob = await token_for(world, ("write", "alice")), await token_for(world, ("write", ""), subject="bob")
        await change(client, prefixes=[PREFIX], add_tags=["b"], headers=bearer(ada))
        await change(client, prefixes=[PREFIX], notes="x", archived=True, headers=bearer(bob))
        await change(client, prefixes=[PREFIX], notes="x", archived=True, add_tags=["b"], headers=bearer(bob))
        history = (await client.get("/v1/experiments/history", bearer(ada), prefix=PREFIX))["history"]
        assert [(one["subject"], one["part"], one["before"], one["after"]) for one in history] == [
            ("bob", "archived", False, True),
            ("bob", "notes", "", "x"),
            ("ada", "tags", ["a"], ["a", "b"]),
        ]
        assert all(one["at"].startswith("20") and one["tokenId"] and one["address"] for one in history)
        admin = bearer(await token_for(world, ("admin", "alice")))
        lines = (await client.get("/v1/changes", admin))["changes"]
        assert [(one["action"], one["scope"]) for one in lines] == [("change an experiment", PREFIX)] * 3
        assert lines[-1]["details"] == {"add_tags": "b"}


async def test_a_title_is_told_searched_listed_and_kept_in_the_history(world: World, client: Client) -> None:
    """The prefix stays the name; what was noted before there were titles has none."""
    await put_run(world, PREFIX)
    await put_run(world, OTHER)
    await change(client, prefixes=[OTHER], notes="x")
    await world.mongo.annotations.update_one({"prefix": OTHER}, {"$unset": {"title": ""}})
    assert (await client.get("/v1/experiment", prefix=OTHER))["title"] == ""
    for title in ("First try", 'A <b> "$set" title'):
        await change(client, prefixes=[PREFIX], title=title)
    told = await client.get("/v1/experiment", prefix=PREFIX)
    assert (told["title"], told["prefix"]) == ('A <b> "$set" title', PREFIX)
    await until(client, [PREFIX], filter='title contains "<b>"', sort="title")
    ls = ("ls", "--remote", str(client.http.base_url))
    listed = (await asyncio.to_thread(run_mldash, *ls)).stdout
    assert "title" in listed and 'A <b> "$set" title' in listed
    assert "title" not in (await asyncio.to_thread(run_mldash, *ls, 'notes = "x"')).stdout
    await change(client, prefixes=[PREFIX], title="")
    await until(client, [], filter="title exists")
    history = (await client.get("/v1/experiments/history", prefix=PREFIX))["history"]
    assert [(one["part"], one["before"], one["after"]) for one in history] == [
        ("title", 'A <b> "$set" title', ""),
        ("title", "First try", 'A <b> "$set" title'),
        ("title", "", "First try"),
    ]


async def test_who_may_not_write_one_of_them_changes_none(world: World) -> None:
    await put_run(world, PREFIX)
    await put_run(world, "bob/robots/1")
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        reads, writes = await token_for(world, ("read", "alice")), await token_for(world, ("write", "alice"))
        await change(client, 403, prefixes=[PREFIX], archived=True, headers=bearer(reads))
        await change(client, 403, prefixes=[PREFIX, "bob/robots/1"], archived=True, headers=bearer(writes))
        await change(client, 404, prefixes=[PREFIX, "alice/robots/none"], archived=True, headers=bearer(writes))
        assert "archived" not in await client.get("/v1/experiment", bearer(reads), prefix=PREFIX)


async def test_where_one_would_have_too_many_tags_none_is_changed(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run says so too."""
    monkeypatch.setattr("mldash_api.experiments.annotations.MOST_TAGS", 2)
    await put_run(world, PREFIX)
    await put_run(world, OTHER)
    await change(client, prefixes=[OTHER], add_tags=["a", "b"])
    for dry_run in (True, False):
        told = await change(client, 400, prefixes=[PREFIX, OTHER], add_tags=["c"], dry_run=dry_run)
        assert told["parameter"] == "add_tags"
    assert (await client.get("/v1/experiment", prefix=PREFIX))["tags"] == []


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"prefixes": []}, "prefixes"),
        ({"prefixes": ["a/b"] * 201}, "number of prefixes"),
        ({"prefixes": [PREFIX], "add_tags": [""]}, "add_tags"),
        ({"prefixes": [PREFIX], "add_tags": ["a\nb"]}, "add_tags"),
        ({"prefixes": [PREFIX], "remove_tags": ["x" * 300]}, "remove_tags"),
        ({"prefixes": [PREFIX], "notes": "x" * 70_000}, "bytes of notes"),
        ({"prefixes": ["a"]}, "prefix"),
        ({"prefixes": [PREFIX], "title": "a\nb"}, "title"),
        ({"prefixes": [PREFIX], "title": "x" * 201}, "title"),
        ({"prefixes": [PREFIX], "add_note": "x" * 65_537}, "bytes of add_note"),
        ({"prefixes": [PREFIX], "filter": "archived"}, "filter"),
    ],
)
async def test_a_wrong_change_is_refused_by_name(client: Client, body: dict[str, Any], parameter: str) -> None:
    assert (await change(client, 400, **body))["parameter"] == parameter


async def test_changes_at_once_are_all_made_and_told_in_one_line_of_history(world: World, client: Client) -> None:
    """Each finds the version of the one before, so every `before` is the `after` of the line behind it."""
    await put_run(world, PREFIX)
    found = await find_experiment(world.mongo, parse_prefix(PREFIX))
    assert found is not None
    who = Who(subject="ada", address=None)
    changes = [AskedChange(add_tags=(f"t{at}",)) for at in range(8)]
    await asyncio.gather(*(change_annotation(world.mongo, who, found, [], one) for one in changes))
    history = (await client.get("/v1/experiments/history", prefix=PREFIX))["history"]
    assert len(history) == 8 and sorted(history[0]["after"]) == [f"t{at}" for at in range(8)]
    assert all(newer["before"] == older["after"] for newer, older in itertools.pairwise(history))


async def test_notes_at_one_moment_all_stay_each_below_the_other(world: World, client: Client) -> None:
    await put_run(world, PREFIX)
    noted = [f"note {at}" for at in range(8)]
    answers = await asyncio.gather(*(change(client, prefixes=[PREFIX], add_note=one) for one in noted))
    notes = (await client.get("/v1/experiment", prefix=PREFIX))["notes"]
    assert sorted(notes.split("\n\n")) == noted
    assert sorted(len(one["experiments"][0]["notes"].split("\n\n")) for one in answers) == [*range(1, 9)]
    history = (await client.get("/v1/experiments/history", prefix=PREFIX))["history"]
    assert all(newer["before"] == older["after"] for newer, older in itertools.pairwise(history)) and len(history) == 8
    told = await change(client, 400, prefixes=[PREFIX], notes="x" * MOST_NOTE_BYTES, add_note="y")
    assert told["parameter"] == "add_note" and (await client.get("/v1/experiment", prefix=PREFIX))["notes"] == notes


async def test_long_notes_can_be_changed_for_ever_and_the_newest_changes_are_told(world: World, client: Client) -> None:
    """Each line has the notes before and after it: 130 of them are more than MongoDB takes in a document."""
    await put_run(world, PREFIX)
    found = await find_experiment(world.mongo, parse_prefix(PREFIX))
    assert found is not None
    who = Who(subject="ada", address=None)
    for at in range(140):
        await change_annotation(world.mongo, who, found, [], AskedChange(notes=f"{at}" + "x" * 65_000))
    history = (await client.get("/v1/experiments/history", prefix=PREFIX))["history"]
    assert 30 <= len(history) <= 34
    assert [one["after"].rstrip("x") for one in history] == [f"{139 - at}" for at in range(len(history))]


async def test_an_experiment_that_is_made_again_has_nothing_of_what_people_set(world: World, client: Client) -> None:
    await put_run(world, PREFIX)
    await change(client, prefixes=[PREFIX], add_tags=["old"], notes="old", archived=True)
    old = await find_experiment(world.mongo, parse_prefix(PREFIX))
    assert old is not None
    target = await find_target(world.mongo, parse_prefix(PREFIX))
    assert target is not None and await raise_generation(world.mongo, target)
    await put_run(world, PREFIX, generation=1)
    told = await client.get("/v1/experiment", prefix=PREFIX)
    assert told["tags"] == [] and "notes" not in told
    await until(client, [PREFIX], filter="not archived and not notes exists")
    assert (await client.get("/v1/experiments/history", prefix=PREFIX))["history"] == []
    await change(client, prefixes=[PREFIX], notes="new")
    with pytest.raises(NotFound):  # of who found it before it was made again
        await change_annotation(world.mongo, Who(subject="ada", address=None), old, [], AskedChange(notes="late"))
    await delete_chunks(Removal(world.mongo, world.objects, parse_prefix(PREFIX), 0))
    assert (await client.get("/v1/experiment", prefix=PREFIX))["notes"] == "new"
    await delete_chunks(Removal(world.mongo, world.objects, parse_prefix(PREFIX), 1))
    assert await world.mongo.annotations.count_documents({}) == 0
