"""What dead sessions left, handed to a sink."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mldash.callbacks import Callbacks
from mldash.delivery.drain import SinkDrain, drain_dead_sessions
from mldash.delivery.pace import Pace
from mldash.events.schema import Record
from mldash.journal.session_folder import SessionFolder
from mldash.journal.sessions import find_sessions, try_lock

from .journals import PREFIX, new_journal


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.taken_over: list[bytes] = []

    def deliver(self, records: Sequence[Record]) -> None:
        self.records += records

    def settle(self) -> None:
        return

    def take_over(self, session: bytes) -> None:
        self.taken_over.append(session)

    def finish(self, session: bytes) -> None:
        assert session in self.taken_over
        assert session in {record.session for record in self.records}

    def close(self) -> None:
        return


def leave(root: Path, value: int) -> SessionFolder:
    journal = new_journal(root)
    journal.stream("metrics", "train").append(1.0, {"i": value})
    journal.close()
    journal.forget(remove=False)
    assert journal.folder is not None
    return journal.folder


@pytest.mark.parametrize("what", ["0000000000.seg", "checkpoint", "base", "lock"])
def test_a_dead_session_that_cant_be_read_holds_up_no_other_and_its_lock_is_free(tmp_path: Path, what: str) -> None:
    """A folder stands in place of one of its files."""
    dead = [leave(tmp_path, value) for value in range(3)]
    (dead[1].path / what).unlink()
    (dead[1].path / what).mkdir()
    sink, told = Kept(), list[Path]()
    for _ in range(2):
        drain_dead_sessions(tmp_path, sink, lambda path, error: told.append(path))
    assert sorted(record.blocks[0].rows[0][0] for record in sink.records) == [0, 2]  # type: ignore[union-attr]
    assert told == [dead[1].path] * 2
    assert [folder.path for folder in find_sessions(tmp_path)] == [dead[1].path]
    if what != "lock":
        (left,) = find_sessions(tmp_path)
        assert try_lock(left)
        left.unlock()


def test_what_the_sink_raises_is_no_fault_of_the_session(tmp_path: Path) -> None:
    """A full disk of the files: the same events come again."""
    leave(tmp_path, 0)

    class Full(Kept):
        def deliver(self, records: Sequence[Record]) -> Any:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        drain_dead_sessions(tmp_path, Full(), lambda path, error: pytest.fail("it can be read"))
    sink = Kept()
    assert drain_dead_sessions(tmp_path, sink) == 1
    assert len(sink.records) == 1


def test_a_sink_that_comes_after_one_that_failed_takes_over_what_that_had_put_off(tmp_path: Path) -> None:
    made: list[Kept] = []

    class FailingOnce(Kept):
        def deliver(self, records: Sequence[Record]) -> None:
            if records and self is made[0]:
                raise OSError(errno.ENOSPC, "the disk is full")
            super().deliver(records)

    def make() -> Kept:
        made.append(FailingOnce())
        return made[-1]

    told: list[Exception] = []
    callbacks = Callbacks()
    callbacks.on("network_error", lambda error, attempts: told.append(error))
    journal = new_journal(tmp_path)
    journal.stream("metrics", "train").append(1.0, {"i": 1})
    drain = SinkDrain(journal, make, callbacks, prefix=PREFIX, pace=Pace(1.0, 0.5))
    drain.start()
    drain.flush(60)
    assert drain.close(60)
    assert journal.folder is not None
    assert len(told) == 1 and made[1].taken_over == [journal.folder.head.session_id]
    assert [record.count for record in made[1].records] == [1]
    journal.close()
    journal.forget(remove=True)


def test_what_a_dead_session_had_put_off_is_written_before_its_journal_goes(tmp_path: Path) -> None:
    """Which streams lag behind is in this sink's memory only: with it, or with the process, that would be lost."""
    calls: list[str] = []

    class Told(Kept):
        def deliver(self, records: Sequence[Record]) -> None:
            calls.append(f"deliver {len(records)}")
            super().deliver(records)

        def finish(self, session: bytes) -> None:
            calls.append("finish")

    leave(tmp_path, 0)
    assert drain_dead_sessions(tmp_path, Told()) == 1
    assert calls == ["deliver 1", "deliver 0", "finish"]
