"""TensorBoard's event files: every value, step and time, by the ledger of what was logged."""

import math
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldash import Experiment
from mldash.importers.finding import find
from mldash.importers.tensorboard.event_file import EventFile
from mldash.importers.tensorboard.frames import crc32c, masked
from mldash.importers.tensorboard.one_scalar import OneScalar

from .imported import INTO, events_of, import_all, ledger_of, points, times


@pytest.fixture
def ledger(samples: Path) -> dict[str, Any]:
    return ledger_of(samples / "tensorboard")


@pytest.fixture
def root(samples: Path, tmp_path: Path) -> Path:
    import_all(samples / "tensorboard" / "runs", root=tmp_path / "root")
    return tmp_path / "root"


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize(("metric", "tags"), [("train", ("train/loss", "train/acc")), ("scalars", ("lr",))])
def test_every_scalar_has_its_value_step_and_time(
    root: Path, ledger: dict[str, Any], metric: str, tags: tuple[str, ...]
) -> None:
    """Values are those of 32 bits that the file holds, exactly."""
    told = [row for row in ledger["walk"] if row[0] in tags]
    found = [point for point in points(root, "walk", metric) if "weights" not in point]
    assert len(found) == len(told)
    for point, (tag, value, step, _) in zip(found, told, strict=True):
        field = tag.rpartition("/")[2]
        assert point.keys() == {field, "step"} and point["step"] == step
        assert type(point[field]) is float and same(point[field], float(value))
    stamps = [datetime.fromisoformat(one).timestamp() for one in times(root, "walk", metric)[: len(told)]]
    assert stamps == [at for *_, at in told]


@pytest.mark.parametrize("part", ["train", "validation"])
def test_tensors_of_tensorflow_2_are_scalars_too(root: Path, ledger: dict[str, Any], part: str) -> None:
    """As bytes or as lists, of each number's type; train and validation are metrics of one experiment."""
    told = [{tag: value, "step": step} for tag, value, step, _ in ledger[part]]
    assert points(root, "keras", part) == told


def test_what_a_writer_makes_below_its_folder_belongs_to_its_run(root: Path, samples: Path) -> None:
    """The folders of add_scalars and add_hparams are no experiments of their own."""
    names = {run.names for run in find(samples / "tensorboard" / "runs").runs}
    assert names == {("walk",), ("keras",)}
    assert points(root, "walk", "group") == [{"a": 1.5, "step": 4}, {"b": 2.5, "step": 4}]
    params = Experiment(f"{INTO}/walk", root=root).params.get()
    assert params == {"lr": 0.1, "depth": 3.0, "name": "mlp", "flag": True}


def test_text_is_a_line_of_the_log(root: Path) -> None:
    lines = Experiment(f"{INTO}/walk", root=root).logs.read()
    assert [(line["message"], line["metadata"]) for line in lines] == [("naïve → ☃", {"tag": "note", "step": 3})]
    assert lines[0]["timestamp"] == datetime.fromtimestamp(1_700_000_007, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = Experiment(f"{INTO}/keras", root=root).logs.read()
    assert [line["message"] for line in told] == ["two words", "two words"]


def test_a_histogram_is_a_field_of_edges_and_counts(root: Path) -> None:
    (point,) = [one for one in points(root, "walk", "scalars") if "weights" in one]
    assert len(point["weights"]["bins"]) == len(point["weights"]["values"]) + 1
    assert sum(point["weights"]["values"]) == 10 and point["step"] == 4


def test_a_run_has_an_end_once_nobody_has_written_for_an_hour(samples: Path, tmp_path: Path) -> None:
    """Before that it is not known whether it goes on; the end then comes with a later import."""
    file = next((samples / "tensorboard" / "runs" / "keras" / "train").iterdir())
    file.touch()
    import_all(file.parent, root=tmp_path / "young")
    young = Experiment(f"{INTO}/train", root=tmp_path / "young")
    assert young.run.status == "LOST"
    import_all(samples / "tensorboard" / "runs" / "keras" / "validation", root=tmp_path / "old")
    assert Experiment(f"{INTO}/validation", root=tmp_path / "old").run.status == "COMPLETED"


def varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def sized(key: int, data: bytes) -> bytes:
    return bytes([key]) + varint(len(data)) + data


def record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked(crc32c(head))) + data + struct.pack("<I", masked(crc32c(data)))


def event(tags: list[str], step: int, value: bytes) -> bytes:
    """Some events have several values, or a value of another kind, in the place of one scalar."""
    values = b"".join(sized(0x0A, sized(0x0A, tag.encode()) + value) for tag in tags)
    told = b"\x10" + varint(step % 2**64) if step else b""
    return b"\x09" + struct.pack("<d", 1.7e9 + step % 1000) + told + sized(0x2A, values)


@pytest.mark.parametrize("time", [b"", b"\x09" + struct.pack("<d", 1.7e9)])
def test_the_shortest_events_are_read(tmp_path: Path, time: bytes) -> None:
    """Without a tag, and without a wall time: as valid as others."""
    file = tmp_path / "events.out.tfevents.1"
    shortest = time + sized(0x2A, sized(0x0A, b"\x15" + struct.pack("<f", 2.0)))
    told = [event(["loss"], 1, b"\x15" + struct.pack("<f", 0.5)), shortest, shortest]
    file.write_bytes(b"".join(map(record, [b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2", *told])))
    found, left = events_of(EventFile(file, "x"))
    assert not left.torn and "'loss': 0.5" in repr(found)


TAGS = st.lists(st.sampled_from(["loss", "train/loss", "a/step", "x\x15", "é" * 90]), min_size=1, max_size=2)
STEPS = st.one_of(st.integers(0, 300), st.integers(-3, 2**63 - 1))
VALUES = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda data: b"\x15" + data),
    st.binary(min_size=4, max_size=4).map(lambda data: sized(0x42, b"\x08\x01" + sized(0x22, data))),
    st.binary(max_size=6),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(events=st.lists(st.tuples(TAGS, STEPS, VALUES), min_size=1, max_size=12))
def test_scalars_that_are_told_by_their_tag_s_bytes_are_those_that_parsing_gives(
    tmp_path: Path, events: list[tuple[list[str], int, bytes]]
) -> None:
    """Whatever lies between: each event comes twice, so that its tag is known by then."""
    told = [event(*one) for one in events]
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(b"".join(map(record, [b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2", *told, *told])))
    fast, fast_left = events_of(EventFile(file, "x"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OneScalar, "find", lambda self, data: None)
        plain, plain_left = events_of(EventFile(file, "x"))
    assert repr(fast) == repr(plain) and repr(fast_left) == repr(plain_left)
