"""The rules of docs/protocol.md, each broken by a small patch of the source, and the tests that must catch it.

A patch is text for text: where the source no longer has it, exactly once, `make mutants` fails and says so.
"""

from typing import Final

from msgspec import Struct


class Edit(Struct, frozen=True):
    """In one file, `old` becomes `new`; `old` is there exactly once."""

    path: str
    old: str
    new: str


class Mutation(Struct, frozen=True):
    """One broken rule. Each of `caught_by`, by itself, must fail with it, and pass without."""

    name: str
    edits: list[Edit]
    caught_by: list[str]


_SLEPT: Final = "tests/integration/ingest_workers/test_a_worker_that_slept.py"
_STEPS: Final = "tests/integration/compactor/test_a_compactor_dies_between_two_steps.py"
_RUNS: Final = "tests/integration/compactor/test_neighbours_move_together.py"
_FENCES: Final = "tests/integration/compactor/test_fences.py"
_HOLDS: Final = "tests/integration/compactor/test_holds.py"
_MOVING: Final = "tests/integration/query_api/test_reads_while_things_move.py"

MUTATIONS: Final = [
    # -- ingest
    Mutation(
        "no check of cold after the insert",
        [
            Edit(
                "ingest_workers/mldash_ingest/store/chains.py",
                " for bucket in buckets if cold.get(bucket.stream, CLOSED) <= bucket.first_index]",
                " for bucket in buckets]",
            )
        ],
        [f"{_SLEPT}::test_what_lands_in_a_range_that_was_moved_away_is_stored_again_at_the_end"],
    ),
    Mutation(
        "the next insert of a stream before the check of the last",
        [
            Edit(
                "ingest_workers/mldash_ingest/store/appending.py",
                "        for turn in rounds(plans):\n",
                "        turns = []\n        for turn in rounds(plans):\n",
            ),
            Edit(
                "ingest_workers/mldash_ingest/store/appending.py",
                "            failed = await self._chains.check(session, placed)",
                "            turns.append(placed)\n"
                "            lost |= taken\n"
                "        for placed in turns:\n"
                "            placed = [bucket for bucket in placed if bucket.stream not in lost]\n"
                "            failed = await self._chains.check(session, placed)",
            ),
            Edit(
                "ingest_workers/mldash_ingest/store/appending.py",
                "            lost |= taken | failed\n",
                "            lost |= failed\n",
            ),
        ],
        [f"{_SLEPT}::test_of_a_batch_with_two_buckets_the_second_waits_for_the_check_of_the_first"],
    ),
    Mutation(
        "a walk without the second look",
        [
            Edit(
                "ingest_workers/mldash_ingest/store/chains.py",
                "            if look.get(stream.id, CLOSED) > starts[stream.id]:\n",
                "            if False:\n",
            )
        ],
        [f"{_SLEPT}::test_what_a_late_insert_left_in_a_moved_range_is_not_taken_for_stored"],
    ),
    Mutation(
        "commit before the check",
        [
            Edit(
                "ingest_workers/mldash_ingest/worker.py",
                "            refused = await self._appending.append(batch.arrivals, admitted)\n",
                "            await self._statements.announce(batch.offsets)\n"
                "            await self._commit(batch)\n"
                "            refused = await self._appending.append(batch.arrivals, admitted)\n",
            )
        ],
        [f"{_SLEPT}::test_a_worker_that_dies_before_its_check_has_committed_nothing"],
    ),
    Mutation(
        "a snapshot before the check",
        [
            Edit(
                "ingest_workers/mldash_ingest/store/appending.py",
                "            failed = await self._chains.check(session, placed)",
                "            for bucket in placed:\n"
                "                self._chains.known[bucket.stream].snapshot.advance(bucket)\n"
                "                self._chains.known[bucket.stream].note(bucket)\n"
                "            await self._snapshots.write([bucket.stream for bucket in placed])\n"
                "            failed = await self._chains.check(session, placed)",
            ),
            Edit(
                "ingest_workers/mldash_ingest/store/chains.py",
                "        advance_all((self.known[bucket.stream].snapshot, bucket) for bucket in passed)\n",
                "",
            ),
        ],
        [f"{_SLEPT}::test_what_lands_in_a_range_that_was_moved_away_is_stored_again_at_the_end"],
    ),
    Mutation(
        "highest-seq dedupe",
        [
            Edit(
                "producer/mldash/events/seen.py",
                "            if hole_first < end and first < hole_end\n",
                "            if False\n",
            )
        ],
        ["tests/unit/producer/events/test_seen.py"],
    ),
    Mutation(
        "a walk that jumps gaps",
        [
            Edit(
                "ingest_workers/mldash_ingest/documents/walk.py",
                "                gone.add(stream)\n                continue\n",
                "                pass\n",
            )
        ],
        [f"{_SLEPT}::test_what_lies_behind_a_gap_is_not_of_the_chain"],
    ),
    Mutation(
        "generation from a cache",
        [
            Edit(
                "ingest_workers/mldash_ingest/store/sessions.py",
                "            current = await self._generations(session, new.values())\n",
                "            self._cached = {\n"
                "                **await self._generations(session, new.values()),\n"
                "                **getattr(self, '_cached', {}),\n"
                "            }\n"
                "            current = self._cached\n",
            )
        ],
        [f"{_SLEPT}::test_a_new_session_is_of_the_generation_that_there_is_now"],
    ),
    Mutation(
        "reading on after a refused commit",
        [
            Edit(
                "ingest_workers/mldash_ingest/worker.py", "            self._kafka.assignment.lapse(assignment)\n", ""
            ),
        ],
        [
            "tests/integration/ingest_workers/test_assignments.py"
            "::test_after_a_refused_commit_nothing_is_stored_or_announced_before_what_was_dropped"
        ],
    ),
    Mutation(
        "a batch announced before the one before it is committed",
        [
            Edit(
                "ingest_workers/mldash_ingest/worker.py",
                "            await self._settled()  # the batch before",
                "            # the batch before",
            ),
        ],
        [
            "tests/integration/ingest_workers/test_assignments.py"
            "::test_after_a_refused_commit_nothing_is_stored_or_announced_before_what_was_dropped"
        ],
    ),
    Mutation(
        "checkpoint at the highest acknowledged",
        [
            Edit(
                "producer/mldash/delivery/window.py",
                "        return None if place is None or place.waiting or place.flying else place\n",
                "        return place if any(not one.waiting and not one.flying for one in self._places) else None\n",
            )
        ],
        ["tests/unit/producer/publishing/test_lane.py::test_the_checkpoint_is_the_end_of_the_acknowledged_prefix"],
    ),
    # -- compaction
    Mutation(
        "cold advanced without a snapshot",
        [
            Edit(
                "compactor/mldash_compactor/moving/move.py",
                '    covered = {"_id": move.stream.id, "next": {"$gte": move.live.end}}\n',
                '    covered = {"_id": move.stream.id}\n',
            )
        ],
        [f"{_STEPS}::test_the_cold_end_never_passes_the_snapshot"],
    ),
    Mutation(
        "the compactor's snapshot before its commit",
        [
            Edit(
                "compactor/mldash_compactor/moving/move.py",
                "    commit,\n    cover_by_snapshot,\n",
                "    cover_by_snapshot,\n    commit,\n",
            ),
            Edit(
                "compactor/mldash_compactor/moving/move.py",
                "    assert move.live is not None\n"
                "    if move.stream.next >= move.live.end:\n"
                "        return\n"
                "    await cover(move.mongo, move.stream.id, move.live.end, sessions=move.snapshot_sessions)\n",
                "    await cover(move.mongo, move.stream.id, move.live.end if move.live else move.want)\n",
            ),
        ],
        [f"{_FENCES}::test_who_has_lost_its_chunk_writes_no_snapshot"],
    ),
    Mutation(
        "live.end judged by an earlier read",
        [
            Edit(
                "compactor/mldash_compactor/chunks/manifest.py",
                '        {"$inc": {"epoch": 1}, "$set": taken},\n        return_document=True,\n    )\n',
                '        {"$inc": {"epoch": 1}, "$set": taken},\n        return_document=True,\n    )\n'
                "    if changed is not None:\n"
                "        return msgspec.structs.replace(from_document(changed), live=seen.live)\n",
            )
        ],
        [f"{_FENCES}::test_an_intent_returns_what_was_committed_since_the_chunk_was_read"],
    ),
    Mutation(
        "a run's snapshot and cold end before its commit",
        [
            Edit(
                "compactor/mldash_compactor/moving/neighbours.py",
                "    commit,\n    cover_by_snapshot,\n    advance_cold_end,\n",
                "    cover_by_snapshot,\n    advance_cold_end,\n    commit,\n",
            ),
            Edit(
                "compactor/mldash_compactor/moving/neighbours.py",
                "    await move.cover_by_snapshot(neighbours.last)\n",
                "    neighbours.last.live = committed(neighbours.last)\n"
                "    await move.cover_by_snapshot(neighbours.last)\n",
            ),
        ],
        [f"{_RUNS}::test_one_that_slept_past_its_lease_moves_nothing_of_what_it_lost"],
    ),
    Mutation(
        "buckets deleted before cold is advanced",
        [
            Edit(
                "compactor/mldash_compactor/moving/move.py",
                "    advance_cold_end,\n    delete_hot,\n",
                "    delete_hot,\n    advance_cold_end,\n",
            )
        ],
        [f"{_FENCES}::test_buckets_go_only_when_readers_take_the_chunk_instead"],
    ),
    Mutation(
        "sweep without the epoch test",
        [
            Edit(
                "compactor/mldash_compactor/upkeep/sweep.py",
                "    return parts.chunk_count > 1 or parts.epoch < chunks[0].epoch\n",
                "    return True\n",
            )
        ],
        [f"{_STEPS}::test_the_sweep_leaves_what_may_still_be_committed"],
    ),
    Mutation(
        "a sweep that does not ask for holds",
        [
            Edit(
                "compactor/mldash_compactor/upkeep/sweep.py",
                "    if orphans and await objects_are_held(mongo):  #",
                "    if False:  #",
            )
        ],
        [f"{_HOLDS}::test_an_orphan_stays_while_any_hold_stands_and_goes_with_the_next_sweep"],
    ),
    Mutation(
        "a removal that does not ask for holds",
        [
            Edit(
                "compactor/mldash_compactor/upkeep/removal.py",
                "    if keys and await objects_are_held(removal.mongo):\n",
                "    if False:\n",
            )
        ],
        [f"{_HOLDS}::test_a_deletion_leaves_held_objects_and_its_note_and_a_compactor_finishes_it"],
    ),
    Mutation(
        "one object key a chunk",
        [Edit("compactor/mldash_compactor/chunks/keys.py", "{last}{parts.epoch:06}.parquet", "{last}{1:06}.parquet")],
        [f"{_FENCES}::test_each_try_at_a_chunk_writes_under_a_key_of_its_own"],
    ),
    Mutation(
        "a chunk's rows read without a second look at cold",
        [Edit("compactor/mldash_compactor/moving/chain.py", "    if look > cold:\n", "    if False:\n")],
        [f"{_FENCES}::test_rows_that_a_late_insert_left_in_a_moved_range_are_not_taken_for_the_chain"],
    ),
    Mutation(
        "a snapshot folded without a second look at cold",
        [
            Edit(
                "compactor/mldash_compactor/moving/covering.py",
                "        if look.get(stream, CLOSED) > first_index:\n",
                "        if False:\n",
            )
        ],
        [f"{_FENCES}::test_a_snapshot_is_not_folded_over_what_a_late_insert_left"],
    ),
    # -- reading
    Mutation(
        "no second read of cold",
        [
            Edit(
                "query_api/mldash_api/seam/hot.py",
                '    if document is None or document["cold"] > first_used:\n        raise Moved\n',
                "",
            )
        ],
        [
            f"{_MOVING}::test_points_that_move_away_behind_the_first_look_are_read_anew",
        ],
    ),
]
