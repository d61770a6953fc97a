"""What the journal takes is never too large for a worker: one limit, to the byte."""

from pathlib import Path
from typing import Any

import pytest

from mldash.events.encoding import JSON, MSGPACK, decode_record, encode_record, headers
from mldash.events.limits import CALL_BYTES
from mldash.handles.bulk_columns import cut, pack_columns
from mldash.journal.append import Journal
from mldash.journal.reading.scan import LiveSource
from mldash_ingest.fetch.sizes import check_sizes
from tests.unit.producer.journal.journals import new_journal, records_in


def log_line(journal: Journal, size: int) -> None:
    journal.stream("logs").append(1.0, {"level": "info", "message": "x" * size})


def log_entry(journal: Journal, size: int) -> None:
    journal.stream("tracks", "t").append(1.0, {"data": bytes(size)})


def log_many(journal: Journal, size: int) -> None:
    count, packed = pack_columns({"data": [bytes(size)], "n": [1]})
    for piece in cut(count, packed):
        journal.stream("metrics", "m").append_columns(bytes(8), piece.count, piece.columns)


@pytest.mark.parametrize("log", [log_line, log_entry, log_many])
def test_the_largest_call_that_is_taken_is_stored_and_the_next_is_refused_at_the_call(tmp_path: Path, log: Any) -> None:
    """Calls around the limit, byte for byte where it lies: each raises at once, or passes the worker's own check."""
    taken, refused = CALL_BYTES - 4_096, CALL_BYTES + 1
    while refused - taken > 1:
        size = (taken + refused) // 2
        journal = new_journal(tmp_path / str(size))
        try:
            log(journal, size)
        except ValueError as error:
            assert f"at most {CALL_BYTES} are allowed" in str(error)
            refused = size
        else:
            taken = size
            (record,) = records_in(LiveSource(journal))
            check_sizes(record, CALL_BYTES)
            if size > CALL_BYTES - 40:
                for content_type in (MSGPACK, JSON):
                    value = encode_record(record, content_type)
                    check_sizes(decode_record(value, headers(content_type)), len(value))
        finally:
            journal.close()
            journal.forget(remove=True)
    assert taken > CALL_BYTES - 1_024
