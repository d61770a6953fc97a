"""What a session says that it has written: of all its streams, whoever sends the last of it, and never lost."""

import asyncio
import os
import signal
from typing import Any

import pytest
from aiokafka import TopicPartition

from mldash.delivery.resend import resend
from mldash.delivery.signals import _tell_again, signals_of
from mldash.events.schema import Claim, Record, Signals
from mldash.journal.sessions import find_sessions

from .emission import Sessions, Topics, eventually, in_thread

pytestmark = pytest.mark.integration


def claims_in(records: list[tuple[TopicPartition, bytes, Record]], session: bytes) -> dict[Any, Claim]:
    """The newest claim of each stream of a session."""
    return {
        (one.kind, one.name): one
        for _, _, record in records
        if record.session == session
        for block in record.blocks
        if isinstance(block, Signals)
        for one in block.signals
        if isinstance(one, Claim)
    }


async def test_who_sends_what_a_killed_process_left_claims_finally_also_what_that_one_had_sent(
    topics: Topics, sessions: Sessions
) -> None:
    """One stream was wholly acknowledged before the kill, one in part, one not at all."""
    child = os.fork()
    if child == 0:
        journal, publisher = Sessions(sessions.root).begin(topics.connection)
        sent, half, unsent = (journal.stream("metrics", name) for name in ("sent", "half", "unsent"))
        for i in range(50):
            sent.append(float(i), {"i": i})
            half.append(float(i), {"i": i})
        publisher.flush(30.0)
        publisher._stopping.set()
        publisher.wake()
        for thread in publisher._threads:
            thread.join(20)
        for i in range(7):
            half.append(float(i), {"i": i})
            unsent.append(float(i), {"i": i})
        os.kill(os.getpid(), signal.SIGKILL)
    await in_thread(os.waitpid, child, 0)
    (dead,) = find_sessions(sessions.root)
    assert (await resend(dead, topics.connection())).left is None
    claims = claims_in(await topics.records(), dead.head.session_id)
    assert {name: (one.seq, one.final) for (_, name), one in claims.items()} == {
        "sent": (50, True),
        "half": (57, True),
        "unsent": (7, True),
    }
    assert claims["metrics", "sent"].offset == -1
    assert claims["metrics", "half"].offset >= 0


async def test_a_claim_that_was_lost_is_told_again(topics: Topics, sessions: Sessions) -> None:
    """Its acknowledgement fails: the stream counts as untold, though nothing more is logged to it."""
    journal, publisher = sessions.begin(topics.connection)
    journal.stream("metrics", "train").append(1.0, {"i": 1})
    await in_thread(publisher.flush, 30.0)
    lane = publisher._own
    assert lane is not None
    await eventually(lambda: not lane.changed)
    failing = asyncio.get_running_loop().create_future()
    failing.set_exception(RuntimeError("the producer died"))
    lane.changed.add(("metrics", "train"))
    (record,) = signals_of(lane)
    assert not lane.changed
    _tell_again(lane, record)(failing)
    assert lane.changed == {("metrics", "train")}
