"""The audit finds each kind of damage, made for real, and names where it is; and it raises no false alarm."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from mldash.events.identity import Prefix
from mldash.events.schema import Rows
from mldash.process.environment import to_variables
from mldash_api.audit.findings import Finding, Report
from mldash_api.commands.audit import audit_experiment
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.keys import KeyParts, object_key
from mldash_ingest.documents.buckets import CHUNK, bucket_id
from mldash_ingest.fetch.decode import Arrival
from mldash_ingest.plan.appends import Plan, plan
from tests.integration.compactor.chains import compacting
from tests.integration.ingest_workers.emitting import PREFIX, Emitter, emitting, eventually, points, working
from tests.stack import run_mldash
from tests.world import World

from .conftest import EXPERIMENT, HOT, LOSS, ONE, POSITION, TWO, claim, committed_to_the_end, last_offset

pytestmark = pytest.mark.integration


async def audit(world: World) -> Report:
    return await audit_experiment(world.api(), world.name, Prefix(PREFIX))


async def damage_of(world: World) -> list[Finding]:
    report = await audit(world)
    assert not report.ok
    return [one for one in report.findings if one.is_damage]


async def live_of(world: World) -> dict[str, Any]:
    chunk = await world.mongo.chunks.find_one({"_id": {"s": LOSS, "k": 0}})
    assert chunk is not None
    live: dict[str, Any] = chunk["live"]
    return live


async def test_a_sound_experiment_is_ok_and_every_session_has_what_it_claims(experiment: World) -> None:
    report = await audit(experiment)
    assert report.findings == []
    assert report.ok
    counts = {(one.kind, one.name): (one.floor, one.cold, one.end, one.chunks) for one in report.streams}
    assert counts["metrics", "loss"] == (0, CHUNK, CHUNK + HOT + 300, 1)
    assert counts["tracks", "position"] == (0, 0, 400, 0)
    assert all(one.claimed == one.stored and one.final for one in report.sessions)
    assert len(report.sessions) == 7


async def test_a_deleted_bucket_is_a_gap_and_its_events_are_named(experiment: World) -> None:
    buckets = experiment.mongo.buckets
    first, middle, *_ = [one async for one in buckets.find({"s": LOSS}).sort("_id", 1)]
    await buckets.delete_one({"_id": middle["_id"]})
    found = await damage_of(experiment)
    begin = CHUNK + first["n"]
    assert [(one.what, one.first, one.end) for one in found if one.session is None] == [
        ("gap", begin, begin + middle["n"])
    ]
    lost = {(one.session, one.first, one.end) for one in found if one.what == "missing-events"}
    assert lost == {(owner.hex(), seq, seq + count) for owner, seq, count in middle["src"]}
    assert "gone with a damaged part" in next(one.detail for one in found if one.session)


async def test_a_deleted_last_bucket_is_an_end_that_is_lost(experiment: World) -> None:
    last = await experiment.mongo.buckets.find_one({"s": LOSS}, sort=[("_id", -1)])
    assert last is not None
    await experiment.mongo.buckets.delete_one({"_id": last["_id"]})
    found = await damage_of(experiment)
    end = CHUNK + HOT + 300
    assert ("lost-end", end - last["n"], end) in [(one.what, one.first, one.end) for one in found]


async def flip(world: World, live: dict[str, Any]) -> None:
    data = bytearray(await world.objects.get(live["key"]))
    data[len(data) // 2] ^= 0xFF
    await world.objects.put(live["key"], bytes(data), crc32c(bytes(data)))


async def cut(world: World, live: dict[str, Any]) -> None:
    data = (await world.objects.get(live["key"]))[:-100]
    await world.objects.put(live["key"], data, crc32c(data))


async def delete_object(world: World, live: dict[str, Any]) -> None:
    await world.objects.delete([live["key"]])


@pytest.mark.parametrize(
    ("damage", "told"),
    [(flip, "its CRC32C is"), (cut, "bytes came, the manifest says"), (delete_object, "no object owner=")],
)
async def test_an_object_that_is_broken_or_gone_is_named_with_its_range_and_key(
    experiment: World, damage: Callable[[World, dict[str, Any]], Awaitable[None]], told: str
) -> None:
    live = await live_of(experiment)
    await damage(experiment, live)
    found = await damage_of(experiment)
    (broken,) = [one for one in found if one.what == "object-damaged"]
    assert (broken.kind, broken.name, broken.first, broken.end, broken.key) == (
        "metrics",
        "loss",
        0,
        CHUNK,
        live["key"],
    )
    assert told in broken.detail
    lost = [(one.session, one.first, one.end) for one in found if one.what == "missing-events"]
    assert lost == [(ONE.hex(), 0, CHUNK)]


async def test_an_object_of_another_chunk_is_not_taken_for_this_one(experiment: World) -> None:
    """The bytes are whole and their checksum is right: it is the wrong object all the same."""
    live = await live_of(experiment)
    await experiment.mongo.chunks.insert_one(
        {
            "_id": {"s": LOSS, "k": 1},
            "epoch": 1,
            "owner": "x",
            "until": None,
            "want": 2 * CHUNK,
            "live": {**live, "end": 2 * CHUNK},
        }
    )
    await experiment.mongo.streams.update_one({"_id": LOSS}, {"$set": {"cold": 2 * CHUNK}})
    found = await damage_of(experiment)
    assert any(one.what == "object-damaged" and "it says that it holds 0 … 10000" in one.detail for one in found)


async def test_a_chunk_that_the_manifest_does_not_know_is_a_gap(experiment: World) -> None:
    await experiment.mongo.chunks.delete_many({"_id.s": LOSS})
    found = await damage_of(experiment)
    assert [(one.what, one.first, one.end) for one in found if one.session is None] == [("gap", 0, CHUNK)]


async def test_a_record_that_the_workers_passed_without_storing_it_is_a_hole(
    fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with a fault that makes nothing of one record, and commits its offset all the same."""

    def faulty(stream: bytes, kind: str, known: Any, arrivals: Sequence[Arrival]) -> Plan:
        return plan(stream, kind, known, [one for one in arrivals if one.record.first_seq != 300])

    monkeypatch.setattr("mldash_ingest.store.appending.plan", faulty)
    async with emitting(fresh) as emitter, working(fresh.worker()):
        await emitter.send(TWO, 300, points(TWO, 300, 40))
        await emitter.send(TWO, 340, points(TWO, 340, 10))
        await claim(fresh, emitter, TWO, {("metrics", "loss"): 350})
        await eventually(lambda: committed_to_the_end(fresh))
    (hole,) = await damage_of(fresh)
    assert (hole.what, hole.kind, hole.name, hole.session, hole.first, hole.end) == (
        "missing-events",
        "metrics",
        "loss",
        TWO.hex(),
        300,
        340,
    )
    assert str(hole) == (
        f"missing-events  metrics 'loss'  session {TWO.hex()}  seq 300 … 339: "
        "written, passed by the workers, and not stored"
    )


async def test_a_repair_fills_from_kafka_what_a_fault_had_lost_and_then_the_audit_is_ok(
    fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two records that were lost, in a metric and in the parameters; a worker runs meanwhile."""

    def faulty(stream: bytes, kind: str, known: Any, arrivals: Sequence[Arrival]) -> Plan:
        kept = [one for one in arrivals if (kind, one.record.first_seq) not in {("metrics", 300), ("params", 1)}]
        return plan(stream, kind, known, kept)

    async with emitting(fresh) as emitter:
        with monkeypatch.context() as fault:
            fault.setattr("mldash_ingest.store.appending.plan", faulty)
            async with working(fresh.worker()):
                await emitter.send(TWO, 300, points(TWO, 300, 40))
                await emitter.send(TWO, 340, points(TWO, 340, 10))
                await emitter.send(ONE, 1, Rows(["lost"], [2.0], [[7]]), kind="params")
                await claim(fresh, emitter, TWO, {("metrics", "loss"): 350})
                await claim(fresh, emitter, ONE, {("params", ""): 2})
                await eventually(lambda: committed_to_the_end(fresh))
        variables = {**to_variables(fresh.api(), "api"), "MLDASH_WORKER_GROUP": fresh.name}
        async with working(fresh.worker()):
            done = await asyncio.to_thread(run_mldash, "audit", PREFIX, "--repair", **variables)
            await emitter.send(TWO, 350, points(TWO, 350, 5))
            await eventually(lambda: committed_to_the_end(fresh))
    first, last = done.stdout.splitlines()
    assert first.startswith("repair: 41 missing events found in ")
    assert last.startswith(f"ok: {PREFIX}: ")
    report = await audit(fresh)
    assert report.ok
    assert {(one.kind, one.stored) for one in report.sessions if one.session == TWO.hex()} == {
        ("metrics", 355),
        ("runs", 2),
    }
    params = await fresh.mongo.streams.find_one({"kind": "params"})
    assert params is not None
    assert [one["k"] for one in params["data"]] == ["lr", "lost"]


async def test_what_kafka_does_not_hold_any_more_stays_missing(experiment: World) -> None:
    """A claim of more than was ever sent."""
    key = {"_id": {"sid": TWO, "s": LOSS}}
    await experiment.mongo.claims.update_one(key, {"$set": {"seq": 310}})
    variables = {**to_variables(experiment.api(), "api"), "MLDASH_WORKER_GROUP": experiment.name}
    done = run_mldash("audit", PREFIX, "--repair", check=False, **variables)
    assert done.returncode == 1
    assert "repair: 0 missing events found" in done.stdout
    assert f"session {TWO.hex()}  seq 300 … 309" in done.stdout


async def test_what_the_workers_have_not_passed_is_no_hole_yet(fresh: World) -> None:
    async with emitting(fresh) as emitter:
        await emitter.send(TWO, 300, points(TWO, 300, 40))
        offset = await last_offset(fresh, "metrics", "loss")
        key = {"sid": TWO, "s": LOSS}
        await fresh.mongo.claims.update_one({"_id": key}, {"$set": {"seq": 340, "offset": offset}})
        report = await audit(fresh)
        assert report.ok
        assert [(one.what, one.first, one.end) for one in report.findings] == [("not-yet", 300, 340)]
        async with working(fresh.worker()):
            await eventually(lambda: committed_to_the_end(fresh))
    assert (await audit(fresh)).findings == []


async def test_dead_letters_are_no_holes_and_yet_not_ok_until_they_are_stored(fresh: World) -> None:
    async with emitting(fresh) as emitter, working(fresh.worker()):
        await emitter.send(TWO, 300, Rows(["a", "b"], [1.0, 2.0], [[1], [2]]))
        await claim(fresh, emitter, TWO, {("metrics", "loss"): 302})
        await eventually(lambda: committed_to_the_end(fresh))
    report = await audit(fresh)
    assert (report.ok, report.verdict, report.set_aside_count) == (False, "set aside", 2)
    (letter,) = report.findings
    assert (letter.what, letter.session, letter.first, letter.end) == ("dead-letter", TWO.hex(), 300, 302)
    assert "set aside as letter 0/0: a row has not one value" in letter.detail
    variables = {**to_variables(fresh.api(), "api"), "MLDASH_WORKER_GROUP": fresh.name}
    done = await asyncio.to_thread(run_mldash, "audit", PREFIX, "--quiet", check=False, **variables)
    assert done.returncode == 3
    assert "dead-letter  metrics 'loss'" in done.stdout
    assert done.stderr.startswith(f"set aside: {PREFIX}: 2 events wait in the dead letters")
    async with emitting(fresh) as emitter, working(fresh.worker()):
        await emitter.send(TWO, 300, points(TWO, 300, 2))  # as a mended worker would understand the replay
        await eventually(lambda: committed_to_the_end(fresh))
    assert (await audit(fresh)).findings == []


async def test_letters_of_a_session_that_claimed_nothing_are_named_too(fresh: World) -> None:
    """Killed before it said what it wrote: one stream of which something is stored, and one of which nothing is. And
    one of a session whose experiment was deleted, of which nobody asks."""
    broken, three, deleted = Rows(["a", "b"], [1.0, 2.0], [[1], [2]]), b"3" * 16, b"4" * 16
    elsewhere = {"_id": deleted, "exp": EXPERIMENT, "gen": -1}
    await fresh.mongo.sessions.insert_one(elsewhere)
    async with emitting(fresh) as emitter, working(fresh.worker()):
        await emitter.send(three, 0, points(three, 0, 5))
        await emitter.send(three, 5, broken)
        await emitter.send(three, 0, broken, name="other")
        await emitter.send(deleted, 0, broken, name="other")
        await eventually(lambda: committed_to_the_end(fresh))
    report = await audit(fresh)
    assert report.verdict == "set aside"
    found = {(one.name, one.session, one.first, one.end) for one in report.findings if one.is_set_aside}
    assert found == {("loss", three.hex(), 5, 7), ("other", three.hex(), 0, 2)}
    assert await fresh.mongo.sessions.find_one({"_id": deleted}) == elsewhere


async def test_a_letter_that_cannot_be_decoded_is_named_where_events_of_its_stream_are_missing(
    fresh: World,
) -> None:
    async with emitting(fresh) as emitter, working(fresh.worker()):
        await emitter.send_bytes(b"\xc1 torn")
        await claim(fresh, emitter, TWO, {("metrics", "loss"): 305})
        await eventually(lambda: committed_to_the_end(fresh))
    (hole,) = await damage_of(fresh)
    assert (hole.first, hole.end) == (300, 305)
    assert "letters of this stream that can't be decoded may hold them: 0/0" in hole.detail


async def test_a_session_without_a_final_claim_has_an_unknown_end(experiment: World) -> None:
    await experiment.mongo.claims.update_one({"_id": {"sid": TWO, "s": LOSS}}, {"$set": {"final": False, "seq": 200}})
    await experiment.mongo.claims.delete_one({"_id": {"sid": ONE, "s": POSITION}})
    report = await audit(experiment)
    assert report.ok
    told = {(one.kind, one.session): one.detail for one in report.findings}
    assert told == {
        ("metrics", TWO.hex()): "it last said that it wrote 200; 300 are stored",
        ("tracks", ONE.hex()): "it said nothing of what it wrote; 400 are stored",
    }
    assert {one.what for one in report.findings} == {"end-unknown"}


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("metrics", {"stats.0.2": 1.5}, "the statistics of its fields"),
        ("metrics", {"firstAt": 1.0}, "its first time"),
        ("metrics", {"fields": ["session"]}, "its fields"),
        ("metrics", {f"sess.{TWO.hex()}": [300, 5, 7]}, f"the seqs of session {TWO.hex()}"),
        ("params", {"data": []}, "its folded values"),
        ("runs", {"data": []}, "its folded values"),
    ],
)
async def test_a_snapshot_that_does_not_follow_from_its_chain_is_named(
    experiment: World, kind: str, change: dict[str, Any], told: str
) -> None:
    await experiment.mongo.streams.update_one({"kind": kind}, {"$set": change})
    found = [one for one in await damage_of(experiment) if one.what == "snapshot-wrong"]
    assert [(one.kind, one.detail) for one in found] == [(kind, f"{told} are not what a recount gives")]


async def test_what_expired_of_a_session_that_was_moved_out_of_the_snapshot_is_not_missing(experiment: World) -> None:
    """Only `seqs` still says that it was stored."""
    stream = await experiment.mongo.streams.find_one({"kind": "logs"})
    assert stream is not None
    assert stream["sess"] == {ONE.hex(): [1]}
    await experiment.mongo.buckets.delete_many({"s": stream["_id"]})
    await experiment.mongo.seqs.insert_one({"_id": {"s": stream["_id"], "sid": ONE}, "at": 1, "r": [1]})
    moved_out = {"sess": {}, "crowded": True, "floor": 1, "cold": 1}
    await experiment.mongo.streams.update_one({"_id": stream["_id"]}, {"$set": moved_out})
    assert (await audit(experiment)).findings == []


async def change_last_bucket(world: World, **fields: Any) -> dict[str, Any]:
    last = await world.mongo.buckets.find_one({"s": LOSS}, sort=[("_id", -1)])
    assert last is not None
    await world.mongo.buckets.update_one({"_id": last["_id"]}, {"$set": fields})
    return last


async def test_a_bucket_whose_sources_do_not_count_what_it_holds_is_damaged(experiment: World) -> None:
    last = await change_last_bucket(experiment, src=[[TWO, 0, 299]])
    (found,) = [one for one in await damage_of(experiment) if one.what == "bucket-damaged"]
    end = CHUNK + HOT + 300
    assert (found.first, found.end) == (end - last["n"], end)
    assert found.detail.startswith("its sources count 299 events")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"cols.0.bytes": b"\xc1", "cols.0.zstd": False}, "column 'session' can't be read"),
        ({"cols.1.bytes": b"\0" * 8}, "column 'seq' has 1 values for"),
        ({"times": b"\0" * 16}, "it has 2 rows for"),
        ({"cols": None}, "its document can't be read"),
    ],
)
async def test_a_bucket_whose_columns_do_not_hold_its_rows_is_damaged(
    experiment: World, fields: dict[str, Any], told: str
) -> None:
    await change_last_bucket(experiment, **fields)
    found = [one for one in await damage_of(experiment) if one.what == "bucket-damaged"]
    assert told in found[0].detail


async def test_events_that_are_stored_twice_are_named(experiment: World) -> None:
    """A bucket more at the chain's end, as a worker without knowledge of the chain would put it."""
    last = await experiment.mongo.buckets.find_one({"s": LOSS}, sort=[("_id", -1)])
    assert last is not None
    again = {**last, "_id": bucket_id(LOSS, CHUNK + HOT + 300)}
    await experiment.mongo.buckets.insert_one(again)
    found = await damage_of(experiment)
    assert [(one.what, one.session, one.first, one.end) for one in found] == [
        ("stored-twice", owner.hex(), first, first + count) for owner, first, count in last["src"]
    ]


async def test_a_bucket_that_begins_within_another_is_an_overlap(experiment: World) -> None:
    last = await experiment.mongo.buckets.find_one({"s": LOSS}, sort=[("_id", -1)])
    assert last is not None
    await experiment.mongo.buckets.insert_one({**last, "_id": bucket_id(LOSS, CHUNK + HOT + 299)})
    (found,) = await damage_of(experiment)
    assert (found.what, found.first) == ("overlap", CHUNK + HOT + 299)


async def test_leftovers_are_noted_and_are_no_damage(experiment: World) -> None:
    """A late insert below the cold end, and an object of an epoch that was never committed."""
    last = await experiment.mongo.buckets.find_one({"s": LOSS}, sort=[("_id", -1)])
    assert last is not None
    await experiment.mongo.buckets.insert_one({**last, "_id": bucket_id(LOSS, 700)})
    orphan = object_key(Prefix(PREFIX), KeyParts(LOSS, 0, 0, 7))
    await experiment.objects.put(orphan, b"x", crc32c(b"x"))
    report = await audit(experiment)
    assert report.ok
    assert [(one.what, one.first, one.key) for one in report.findings] == [
        ("leftover", 700, None),
        ("leftover", None, orphan),
    ]


async def test_a_chunk_whose_compactor_died_after_the_commit_is_noted(experiment: World) -> None:
    """Its cold end was not advanced, its buckets are still there."""
    await experiment.mongo.streams.update_one({"_id": LOSS}, {"$set": {"cold": CHUNK - 10}})
    report = await audit(experiment)
    assert report.ok
    assert [one.what for one in report.findings] == ["unfinished-move"]


async def test_an_audit_while_everything_runs_raises_no_false_alarm(world: World) -> None:
    """Sessions write, a worker stores, a compactor moves each chunk as it is full, and audits follow each other."""
    audits = sent = 0

    async def log(emitter: Emitter) -> None:
        nonlocal sent
        while sent < 3 * CHUNK or audits < 4:
            await emitter.send(ONE, sent, points(ONE, sent, 500, loss=sent / 7))
            await emitter.send(TWO, sent // 5, points(TWO, sent // 5, 100))
            track = Rows(["x"], [float(seq % 77) for seq in range(sent, sent + 500)], [[seq] for seq in range(500)])
            await emitter.send(ONE, sent, track, kind="tracks", name="position")
            sent += 500

    async with emitting(world) as emitter, working(world.worker()), compacting(world.compactor(keep_track_events=0)):
        logging = asyncio.create_task(log(emitter))
        await eventually(lambda: world.mongo.streams.count_documents({}))
        while not logging.done() or not await committed_to_the_end(world):
            report = await audit(world)
            assert [one for one in report.findings if one.is_damage] == []
            audits += 1
        await logging
    assert (await audit(world)).event_count == sent * 2 + sent // 5


async def test_the_command_prints_ok_or_each_hole_and_its_exit_code_tells_which(experiment: World) -> None:
    variables = {**to_variables(experiment.api(), "api"), "MLDASH_WORKER_GROUP": experiment.name}
    done = run_mldash("audit", PREFIX, **variables)
    assert done.stdout == f"ok: {PREFIX}: {CHUNK + HOT + 300 + 400 + 2 + 4} events in 5 streams by 2 sessions\n"
    await experiment.mongo.buckets.delete_many({"s": POSITION})
    failed = run_mldash("audit", PREFIX, check=False, **variables)
    assert failed.returncode == 1
    assert "lost-end  tracks 'position'  index 0 … 399" in failed.stdout
    assert failed.stderr.startswith(f"not ok: {PREFIX}")
    told = json.loads(run_mldash("audit", PREFIX, "--json", check=False, **variables).stdout)
    assert (told["ok"], {one["what"] for one in told["findings"]}) == (False, {"lost-end", "missing-events"})
    absent = run_mldash("audit", "no/body", check=False, **variables)
    assert (absent.returncode, absent.stderr) == (1, "mldash: audit: there is no experiment 'no/body'\n")
