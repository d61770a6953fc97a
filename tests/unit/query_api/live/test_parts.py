"""How pending events are told: an event that JSON can't say is left out, and no stream ends by it."""

from typing import Any

import msgspec
import pytest

from mldash.events.schema import Record, Rows
from mldash_api.live.asked import Asked
from mldash_api.live.pending.parts import Part


def part(*values: Any) -> Part:
    rows = Rows(["x"], [1.0] * len(values), [[value] for value in values])
    record = Record(
        prefix="a/b",
        kind="metrics",
        name="loss",
        session=b"s" * 16,
        first_seq=0,
        logged_at=1.0,
        blocks=[rows],
    )
    return Part(0, record, 0, len(values), 100)


@pytest.mark.parametrize("nonfinite", ["null", "string"])
async def test_an_event_that_json_cannot_say_is_left_out(nonfinite: Any) -> None:
    foreign = msgspec.msgpack.Ext(5, b"of its own")
    told = msgspec.json.decode(await part(1, foreign, {"deep": [foreign]}, 2).told_to(Asked(nonfinite=nonfinite)))
    assert (told["firstSeq"], told["count"]) == (0, 4)
    assert [(one["seq"], one["data"]) for one in told["events"]] == [(0, {"x": 1}), (3, {"x": 2})]
    assert await part(foreign).told_to(Asked(nonfinite=nonfinite)) == b""
