"""A process that has lost its lease and does not know it yet harms nothing, wherever it was paused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldash.events.identity import parse_prefix
from mldash.events.schema import Record, Rows
from mldash.journal import lease as lease_module
from mldash.local import row_file
from mldash.local.folder import Folder, experiment_folder
from mldash.local.reading.reader import LocalReader
from mldash.local.sink import LocalSink
from mldash.local.state.acknowledged import Acknowledged

PREFIX = parse_prefix("owner/project/run")
OURS, THEIRS = bytes(16), b"\xff" * 16


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return experiment_folder(str(tmp_path), PREFIX.text)


def points(first_seq: int, count: int, session: bytes, name: str = "m") -> Record:
    values = [[session.hex()[:2], seq] for seq in range(first_seq, first_seq + count)]
    return Record(
        prefix=PREFIX.text,
        kind="metrics",
        name=name,
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=[Rows(["who", "seq"], [1.0] * count, values)],
    )


def rows(folder: Folder, name: str = "m") -> list[tuple[str, int]]:
    page = LocalReader(folder, PREFIX).metric_points(name, 0, 100_000)
    assert [point["index"] for point in page["data"]] == list(range(page["total"]))
    return [(point["data"]["who"], point["data"]["seq"]) for point in page["data"]]


def deliver_elsewhere(folder: Folder, record: Record) -> None:
    """Another host breaks the lease, whoever holds it, and delivers. A process of its own, for locks are by process."""
    child = os.fork()
    if child == 0:
        try:
            lease_module.LEASE_S = -1.0  # type: ignore[misc]
            LocalSink(folder, PREFIX, use_lease=True).deliver([record])
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


PLACES: dict[str, tuple[Any, str]] = {
    "before it plans": (LocalSink, "_plan"),
    "before it opens a file": (row_file.RowFile, "append"),
    "before it cuts the file": (os, "ftruncate"),
    "before it writes": (os, "pwrite"),
    "before it acknowledges": (Acknowledged, "append"),
    "before it looks at its lease": (LocalSink, "_check_lease"),
    "before the index": (row_file.RowFile, "extend_index"),
    "before the JSON files": (LocalSink, "_write_due"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_holder_that_was_paused_loses_and_doubles_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Its lease is broken while it stands still, the other host appends more than it was about to, and it goes on."""
    ours = LocalSink(folder, PREFIX, use_lease=True)
    ours.deliver([points(0, 5, OURS)])
    with (folder.path / "metrics/m/data.jsonl").open("ab") as file:
        file.write(b'{"index": 5, "da')  # something to cut
    _pause(monkeypatch, *PLACES[place], lambda: deliver_elsewhere(folder, points(0, 40, THEIRS)))
    ours.deliver([points(5, 7, OURS)])
    monkeypatch.undo()
    assert sorted(rows(folder)) == [(who, seq) for who, count in (("00", 12), ("ff", 40)) for seq in range(count)]
    deliver_elsewhere(folder, points(40, 1, THEIRS))
    assert len(rows(folder)) == 53


def _pause(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, meanwhile: Callable[[], None]) -> None:
    """The first call of a function finds that something has happened just before it."""
    real = getattr(owner, name)

    def paused(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(owner, name, real)
        meanwhile()
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, paused)
