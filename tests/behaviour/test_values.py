"""docs/sdk.md, Values and limits: what may be logged comes back as the table says, in whatever call and mode."""

import math
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import msgspec
import numpy as np
import pytest

from mldash import Experiment
from tests.unit.producer.same import same

MIB = 1 << 20


class Phase(Enum):
    TRAIN = "train"


@dataclass
class Point:
    x: int
    y: float


class Optimizer(msgspec.Struct):
    name: str
    betas: tuple[float, float] = (0.9, 0.999)


class Int(int):
    """A subclass of a plain type."""


TABLE: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (1, 1),
    (1.0, 1.0),
    (2**63 - 1, 2**63 - 1),
    (-(2**63), -(2**63)),
    (math.nan, math.nan),
    (-math.inf, -math.inf),
    (-0.0, -0.0),
    ("", ""),
    ("日本\0\n\u2028", "日本\0\n\u2028"),
    (b"\0\xff", b"\0\xff"),
    ([1, [2.0, None]], [1, [2.0, None]]),
    ((1, 2), [1, 2]),
    ({3, 1}, [1, 3]),
    (np.float32(0.5), 0.5),
    (np.int64(7), 7),
    (np.bool_(True), True),
    (np.arange(3), [0, 1, 2]),
    (np.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
    (np.array(["a"]), ["a"]),
    (np.datetime64("2026-01-02T03:04:05"), "2026-01-02T03:04:05+00:00"),
    (datetime(2026, 1, 2, 3), datetime(2026, 1, 2, 3).astimezone().isoformat()),
    (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
    (date(2026, 1, 2), "2026-01-02"),
    (timedelta(minutes=1), 60.0),
    (Phase.TRAIN, "train"),
    (PurePosixPath("a/b"), "a/b"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Decimal("0.10"), "0.10"),
    (Int(3), 3),
]
DICTS: list[tuple[Any, dict[str, Any]]] = [
    ({"a": 1, "b": {"c": [2]}}, {"a": 1, "b": {"c": [2]}}),
    (OrderedDict(a=1), {"a": 1}),
    (Point(1, 2.0), {"x": 1, "y": 2.0}),
    (Optimizer("adam"), {"name": "adam", "betas": [0.9, 0.999]}),
    ({"$set": 1, "a.b": 2, "": 3, "__proto__": 4}, {"$set": 1, "a.b": 2, "": 3, "__proto__": 4}),
]


def test_a_point_of_a_metric_holds_them_all(experiment: Experiment) -> None:
    table = TABLE + DICTS
    experiment.metrics("m").log(**{f"f{at}": value for at, (value, _) in enumerate(table)})
    (point,) = experiment.metrics("m").read()["data"]
    for at, (value, becomes) in enumerate(table):
        assert same(point["data"][f"f{at}"], becomes), value


def test_a_column_of_many_points_holds_them_all(experiment: Experiment) -> None:
    table = TABLE + DICTS
    experiment.metrics("m").log_many(any=[value for value, _ in table], at=list(range(len(table))))
    points = experiment.metrics("m").read()["data"]
    for point, (value, becomes) in zip(points, table, strict=True):
        assert same(point["data"]["any"], becomes), value


def test_an_entry_of_a_track_holds_them_all(experiment: Experiment) -> None:
    experiment.tracks("t").append(**{f"f{at}": value for at, (value, _) in enumerate(TABLE)}, _ts=1.0)
    (entry,) = experiment.tracks("t").list_entries()
    for at, (value, becomes) in enumerate(TABLE):
        assert same(entry[f"f{at}"], becomes), value


def test_parameters_and_metadata_of_a_line_hold_them_all(experiment: Experiment) -> None:
    experiment.params.set({f"f{at}": value for at, (value, _) in enumerate(TABLE)})
    experiment.log("line", metadata={f"f{at}": value for at, (value, _) in enumerate(TABLE)})
    params, (line,) = experiment.params.get(), experiment.logs.read()
    for at, (value, becomes) in enumerate(TABLE):
        assert same(params[f"f{at}"], becomes), value
        assert same(line["metadata"][f"f{at}"], becomes), value


@pytest.mark.parametrize("name", ["a.b", "a/b", "$where", "", " ", "ü日本", "index", "data", "_id", "x" * 1024, "None"])
def test_a_field_may_have_any_name(experiment: Experiment, name: str) -> None:
    experiment.metrics("m").log(**{name: 1})
    experiment.metrics("m").log_many(**{name: [2, 3]})
    assert [point["data"] for point in experiment.metrics("m").read()["data"]] == [{name: 1}, {name: 2}, {name: 3}]
    assert experiment.metrics("m").stats()["fields"][name]["max"] == 3
    experiment.tracks("t").append(**{name: 1}, _ts=1.0)
    assert experiment.tracks("t").list_entries() == [{"timestamp": 1.0, name: 1}]
    assert experiment.tracks("t").read(columns=[name])["entries"] == [{"timestamp": 1.0, name: 1}]


def test_what_is_just_below_the_limit_passes(experiment: Experiment) -> None:
    size = 15 * MIB - 100
    experiment.log("x" * size)
    experiment.metrics("m").log(text="y" * size)
    experiment.tracks("t").append(text="z" * size, _ts=1.0)
    experiment.params.set(text="p" * (8 * MIB - 100))
    assert len(experiment.logs.read()[0]["message"]) == size
    assert len(experiment.metrics("m").read()["data"][0]["data"]["text"]) == size
    assert len(experiment.tracks("t").list_entries()[0]["text"]) == size
    assert len(experiment.params.get()["text"]) == 8 * MIB - 100


def test_what_is_above_the_limit_raises_with_its_size_and_nothing_is_written(experiment: Experiment) -> None:
    """But for log lines, which are cut (tests/unit/producer/test_log_text.py)."""
    big = "x" * (15 * MIB + 8_192)  # four KiB are for what stands around the values
    for call in (
        lambda: experiment.metrics("m").log(big=big),
        lambda: experiment.tracks("t").append(big=big),
        lambda: experiment.metrics("m").log_many(big=[big]),
        lambda: experiment.tracks("t").append_many(_ts=[1.0], big=[big]),
        lambda: experiment.metrics("x" * 1025).log(a=1),
        lambda: experiment.tracks("ü" * 513).append(a=1),
        lambda: experiment.metrics("m").log(**{"x" * 1025: 1}),
        lambda: experiment.metrics("\ud800").log(a=1),
    ):
        with pytest.raises(ValueError, match=r"15728640|1024|surrogate"):
            call()
    assert experiment.metrics("m").read()["data"] == []
    assert experiment.tracks("t").list_entries() == []
    assert experiment.logs.read() == []


def test_long_arrays_of_many_points_pass_in_pieces(experiment: Experiment) -> None:
    """Sixteen megabytes in one call, far more than a record holds."""
    experiment.metrics("m").log_many(x=np.ones((20, 100_000)))
    experiment.tracks("t").append_many(_ts=np.arange(5.0), x=np.ones((5, 100_000)))
    assert sum(len(point["data"]["x"]) for point in experiment.metrics("m").iter(wait=60)) == 2_000_000
    assert sum(len(entry["x"]) for entry in experiment.tracks("t").read(wait=60)["entries"]) == 500_000
