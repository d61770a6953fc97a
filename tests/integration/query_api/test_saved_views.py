"""Saved views and short addresses: two who write at once, their history, undo, rights, and what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mldash_api.errors import NotFound
from mldash_api.saved import addresses
from mldash_api.saved.cards import AskedCard, AskedChange, View
from mldash_api.saved.views import change_view, delete_view, undo_change
from mldash_ingest.documents.changes import Who
from tests.world import World

from .conftest import Client, Running
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

ID = "loss-and-reward-1"
SCOPE = "alice/robots"
VIEW = f"/v1/saved-views/{ID}"


async def send(
    client: Client, method: str, address: str, status: int = 200, headers: dict[str, str] | None = None, **body: Any
) -> Any:
    origin = {"Origin": str(client.http.base_url).rstrip("/")}
    sent = {"json": body} if method != "DELETE" else {"params": body}
    answer = await client.http.request(method, address, headers=origin | (headers or {}), **sent)
    assert answer.status_code == status, answer.text
    return answer.json()


def cards(version: int = 0, **contents: Any) -> dict[str, Any]:
    return {key: {"content": content, "version": version} for key, content in contents.items()}


async def begin(client: Client, headers: dict[str, str] | None = None, **contents: Any) -> Any:
    return await send(client, "PUT", VIEW, headers=headers, scope=SCOPE, name={"text": "Mine"}, cards=cards(**contents))


async def test_changes_of_different_cards_merge_and_of_the_same_card_the_second_is_told(client: Client) -> None:
    await begin(client, loss={"metric": "train"}, reward={"y": [1, 2.5, None]})
    await send(client, "PUT", VIEW, cards=cards(1, loss={"metric": "eval"}))
    made = await send(client, "PUT", VIEW, cards=cards(1, reward={"y": []}))
    assert {key: (one["content"], one["version"]) for key, one in made["cards"].items()} == {
        "loss": ({"metric": "eval"}, 2),
        "reward": ({"y": []}, 3),
    }
    both = {**cards(1, loss={"metric": "third"}), **cards(3, reward={"y": [9]})}
    told = await send(client, "PUT", VIEW, 412, cards=both)
    assert (told["type"], told["version"]) == ("view-overtaken", 3)
    assert told["cards"] == {"loss": {"version": 2, "content": {"metric": "eval"}}}
    assert await client.get(VIEW) == made, "nothing of what was refused is saved"
    assert await send(client, "PUT", VIEW, cards=cards(1, loss={"metric": "eval"})) == made, "an answer that was lost"
    named = await send(client, "PUT", VIEW, name={"text": "Ours", "version": 1})
    assert (named["name"], named["nameVersion"]) == ("Ours", 4)
    assert (await send(client, "PUT", VIEW, 412, name={"text": "Yours", "version": 1}))["name"] == {
        "version": 4,
        "text": "Ours",
    }


async def test_many_who_write_at_once_all_find_their_cards(client: Client) -> None:
    """Also those who make the view at the same moment."""
    await asyncio.gather(*(begin(client, **{f"card {at}": at}) for at in range(12)))
    found = await client.get(VIEW)
    assert {key: one["content"] for key, one in found["cards"].items()} == {f"card {at}": at for at in range(12)}
    history = (await client.get(f"{VIEW}/history"))["history"]
    assert [one["version"] for one in history] == list(range(12, 0, -1))


async def test_a_change_is_undone_by_a_change_and_a_deleted_view_is_had_back(client: Client) -> None:
    await begin(client, loss=1, reward=1)
    await send(client, "PUT", VIEW, cards={**cards(1, loss=None), **cards(new=2)})
    await send(client, "PUT", VIEW, cards=cards(1, reward=3))
    back = await send(client, "POST", f"{VIEW}/undo", version=2)
    assert {key: one["content"] for key, one in back["cards"].items()} == {"loss": 1, "reward": 3}
    forth = await send(client, "POST", f"{VIEW}/undo", version=4)
    assert {key: one["content"] for key, one in forth["cards"].items()} == {"new": 2, "reward": 3}
    told = await send(client, "POST", f"{VIEW}/undo", 412, version=1)
    assert set(told["cards"]) == {"reward"}
    await send(client, "POST", f"{VIEW}/undo", 404, version=77)

    await send(client, "DELETE", VIEW, 412, version=4)
    deleted = (await send(client, "DELETE", VIEW, version=5))["history"][0]
    assert [(one["part"], one["after"]) for one in deleted["edits"]] == [("view", None)]
    assert (await client.get("/v1/saved-views"))["views"] == []
    await client.problem(VIEW, 404)
    await send(client, "PUT", VIEW, 404, cards=cards(5, reward=4))
    await send(client, "DELETE", VIEW, 404)
    again = await send(client, "POST", f"{VIEW}/undo", version=deleted["version"])
    assert again["cards"] == forth["cards"] and (await client.get(VIEW))["version"] == 7
    history = (await client.get(f"{VIEW}/history"))["history"]
    first = [(one["part"], one["card"], one["before"], one["after"]) for one in history[-1]["edits"]]
    assert first == [("name", None, "", "Mine"), ("card", "loss", None, 1), ("card", "reward", None, 1)]


async def test_a_right_on_one_scope_changes_no_view_that_another_made_on_theirs_meanwhile(
    world: World, client: Client
) -> None:
    await begin(client, loss=1)
    eve, other = Who(subject="eve", address=None), "bob/robots"
    new, asked = View(id=ID, scope=other), AskedChange(cards={"loss": AskedCard(1, b"2")})
    with pytest.raises(NotFound):
        await change_view(world.mongo, eve, new, asked)
    with pytest.raises(NotFound):
        await undo_change(world.mongo, eve, ID, other, 1)
    with pytest.raises(NotFound):
        await delete_view(world.mongo, eve, ID, other, None)
    found = await client.get(VIEW)
    assert (found["version"], found["cards"]["loss"]["content"]) == (1, 1)


async def test_rights_on_the_scope_decide_and_what_may_not_be_read_is_not_there(world: World) -> None:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        ada, bob = bearer(await token_for(world, ("write", SCOPE))), bearer(await token_for(world, ("read", "alice")))
        eve = bearer(await token_for(world, ("admin", "alice/robots2")))
        await begin(client, ada, loss=1)
        await send(client, "PUT", VIEW, 403, bob, cards=cards(1, loss=2))
        for way, path, body in (
            ("PUT", VIEW, {"cards": cards(1, loss=2)}),
            ("DELETE", VIEW, {}),
            ("POST", f"{VIEW}/undo", {"version": 1}),
        ):
            assert "alice" not in str(await send(client, way, path, 404, eve, **body))
        await client.problem(VIEW, 404, eve)
        await client.problem(f"{VIEW}/history", 404, eve)
        other = f"{VIEW}-2"
        await send(client, "PUT", other, 403, ada, scope="alice", name={"text": "x"})
        await send(client, "PUT", VIEW, 400, ada, scope="alice/robots/walk", cards=cards(1, loss=2))
        for who, within, count in ((bob, "", 1), (bob, "alice", 1), (bob, "alice/robots/walk", 0), (eve, "", 0)):
            assert len((await client.get("/v1/saved-views", who, scope=within))["views"]) == count
        admin = bearer(await token_for(world, ("admin", "alice")))
        lines = (await client.get("/v1/changes", admin))["changes"]
        assert [(one["action"], one["scope"]) for one in lines] == [("change a saved view", SCOPE)]


async def test_a_list_comes_in_pages_in_one_order(client: Client) -> None:
    scopes = ["bob", "alice/b", "alice/a", "/", "alice"]
    for at in range(10):
        body = {"scope": scopes[at % 5], "name": {"text": f"View {at}"}}
        await send(client, "PUT", f"/v1/saved-views/{'v' * 16}{at}", **body)
    found, cursor = list[Any](), None
    while True:
        page = await client.get("/v1/saved-views", limit=3, **({"cursor": cursor} if cursor else {}))
        found += [(one["scope"], one["id"]) for one in page["views"]]
        if (cursor := page["next"]) is None:
            break
    assert len(found) == 10 and found == sorted(found)
    below = (await client.get("/v1/saved-views", scope="alice"))["views"]
    assert [one["scope"] for one in below] == ["alice"] * 2 + ["alice/a"] * 2 + ["alice/b"] * 2


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cards": cards(**{"": 1})}, "cards"),
    ({"cards": cards(**{"a\nb": 1})}, "cards"),
    ({"cards": cards(big=2**80)}, "cards"),
    ({"cards": cards(long="x" * 70_000)}, "bytes of card 'long'"),
    ({"cards": cards(**{f"c{at}": at for at in range(501)})}, "number of cards"),
    ({"name": {"text": ""}}, "name"),
    ({"scope": "a//b"}, "scope"),
]


async def test_a_wrong_view_is_refused_by_name(client: Client) -> None:
    whole = {"scope": SCOPE, "name": {"text": "x"}}
    for body, parameter in WRONG:
        assert (await send(client, "PUT", VIEW, 400, **(whole | body)))["parameter"] == parameter
    await send(client, "PUT", "/v1/saved-views/short", 400, **whole)
    await send(client, "PUT", VIEW, 404, cards=cards(1, loss=1))
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    await send(client, "PUT", VIEW, 400, **(whole | {"cards": cards(deep=deep)}))
    for at in range(17):
        status = 200 if at < 16 else 400
        body = whole | {"cards": cards(**{f"c{at}": "x" * 65_000})}
        await send(client, "PUT", VIEW, status, **body)


async def test_names_and_contents_are_data_and_never_operators(client: Client) -> None:
    hostile = {"$set": {"$where": "1"}, "a.b": {"__proto__": [{"$gt": ""}]}, "<b>": "\u202e", "cards.0.k": {"": None}}
    made = await begin(client, **hostile)
    assert {key: one["content"] for key, one in made["cards"].items()} == hostile
    assert await client.get(VIEW) == made


async def test_a_view_that_is_changed_for_ever_keeps_its_newest_changes(world: World, client: Client) -> None:
    """Each line has a card twice: more than thirty of them would be more than a history may hold."""
    await begin(client, loss="0")
    for at in range(1, 45):
        await send(client, "PUT", VIEW, cards=cards(at, loss=f"{at}" + "x" * 65_000))
    history = (await client.get(f"{VIEW}/history"))["history"]
    assert 30 <= len(history) <= 34 and history[0]["version"] == 45
    document = await world.mongo.views.find_one({"_id": ID})
    assert document is not None and len(document["history"]) == len(history)


async def test_no_scope_has_more_views_than_it_may(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldash_api.saved.views.MOST_SAVED_VIEWS", 1)
    await begin(client)
    body = {"scope": SCOPE, "name": {"text": "x"}}
    assert (await send(client, "PUT", f"{VIEW}-2", 422, **body))["type"] == "too-many-saved"
    await send(client, "PUT", f"{VIEW}-2", **(body | {"scope": "alice"}))


async def test_an_address_has_one_short_id_whoever_sends_it(world: World) -> None:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        ada = bearer(await token_for(world, ("read", "alice")))
        bob = bearer(await token_for(world, ("read", "bob"), subject="bob"))
        path = "/?filter=" + "params.lr%20%3C%201%20and%20" * 1000 + "#zoom=ä"
        first = await send(client, "PUT", "/v1/short-urls", headers=ada, path=path)
        second = await send(client, "PUT", "/v1/short-urls", headers=bob, path=path)
        assert first["id"] == second["id"] and len(first["id"]) == 24
        found = await client.get(f"/v1/short-urls/{first['id']}", bob)
        assert (found["path"], found["expiresAt"] >= first["expiresAt"][:10]) == (path, True)
        await client.problem("/v1/short-urls/unknown", 404, ada)
        await client.problem(f"/v1/short-urls/{first['id']}", 401)
        eve = bearer(await token_for(world, subject="eve"))  # she may read nothing
        await client.problem(f"/v1/short-urls/{first['id']}", 403, eve)
        await send(client, "PUT", "/v1/short-urls", 403, eve, path="/runs")


async def test_an_address_is_kept_longer_by_being_asked_for_and_not_for_ever(world: World, client: Client) -> None:
    id_ = (await send(client, "PUT", "/v1/short-urls", path="/runs"))["id"]
    of_id = {"_id": id_}
    soon = datetime.now(UTC) + timedelta(days=1)
    await world.mongo.short_urls.update_one(of_id, {"$set": {"until": soon}})
    await client.get(f"/v1/short-urls/{id_}")
    document = await world.mongo.short_urls.find_one(of_id)
    assert document is not None and document["until"] > soon + timedelta(seconds=addresses.KEPT_S / 2)
    await world.mongo.short_urls.update_one(of_id, {"$set": {"until": datetime.now(UTC) - timedelta(seconds=1)}})
    await client.problem(f"/v1/short-urls/{id_}", 404)


ELSEWHERE = ["", "runs", "//evil.example/x", "/\\evil.example", "https://evil.example", "/a\nb", "/" + "x" * 70_000]


async def test_what_is_no_address_of_the_page_is_refused(client: Client) -> None:
    for path in ELSEWHERE:
        assert (await send(client, "PUT", "/v1/short-urls", 400, path=path))["parameter"] == "path"


async def test_of_too_many_addresses_of_one_subject_the_longest_unused_go(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mldash_api.saved.addresses.MOST_SHORT_URLS", 2)
    made = [(await send(client, "PUT", "/v1/short-urls", path=f"/{at}"))["id"] for at in range(2)]
    await world.mongo.short_urls.update_one(
        {"_id": made[1]}, {"$set": {"until": datetime.now(UTC) + timedelta(days=9)}}
    )
    made.append((await send(client, "PUT", "/v1/short-urls", path="/2"))["id"])
    await client.problem(f"/v1/short-urls/{made[1]}", 404)
    for id_ in (made[0], made[2]):
        await client.get(f"/v1/short-urls/{id_}")
