"""What every sample holds: the calls that logged it, and what a read of it must give for ever.

Public calls of the SDK alone, so that the version that made the samples and the one that is tested share this file.
"""

import math
from typing import Any

import numpy as np

ABOUT: dict[str, Any] = {
    "description": "a sample",
    "readme": "# Größe\n\nlong",
    "tags": ["released", "größe"],
    "metadata": {"seed": 7, "nested": {"a": [1, 1.0, True, None]}},
}
PARAMS: dict[str, Any] = {
    "lr": 0.2,
    "model.depth": 4,
    "model.empty": {},
    "names": ["a", None],
    "most": 2**63 - 1,
    "nan": math.nan,
    "raw": b"\x00\xff",
}
ODD: list[dict[str, Any]] = [
    {"a": 1, "b": 1.0, "c": True},
    {"a": -(2**63), "b": math.nan, "c": None},
    {"a": 2**53 + 1, "b": -math.inf, "text": "größe \U0001f600", "raw": b"\x00\xff"},
    {"b": -0.0, "nested": {"list": [1, 1.0, {"k": None}], "$float": "a user's own"}},
    {"given": 1, "_ts": 1_234.5},
]
MANY = 40
LINES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("info", "begun", None),
    ("warn", "größe\nof two lines", {"gpus": 8, "rate": 0.5}),
    ("error", "x" * 2_000, {"nested": {"a": [1, None]}}),
]
ENTRIES: list[dict[str, Any]] = [
    {"timestamp": 0.0, "pose.x": 1, "pose.y": 2.5, "text": "a"},
    {"timestamp": 0.5, "pose.x": 2, "joints": [1, 2, 3]},
    {"timestamp": 1.5, "pose.x": 9, "pose.y": -0.0, "late": True},
]
"""`robot/position`, as it reads: entries of one time are one."""


UNDRAINED = 300
"""Points of `train` that the killed local run left in its journal."""


def log_all(experiment: Any) -> None:
    """Every kind of call, into an experiment whose run is open."""
    experiment.params.set(lr=0.1, model={"depth": 4, "empty": {}}, names=["a", None])
    experiment.params.set(lr=0.2, most=2**63 - 1, nan=math.nan, raw=b"\x00\xff")
    train = experiment.metrics("train", description="of training", tags=["loss"], metadata={"unit": "nat"})
    for point in train_points(25):
        train.log(**point)
    odd = experiment.metrics("odd/größe")
    for point in ODD:
        odd.log(**point)
    experiment.metrics.log(epoch=1, val={"loss": 0.5})
    experiment.metrics("many").log_many(
        step=np.arange(MANY, dtype=np.int64),
        loss=np.arange(MANY, dtype=np.float64) / 4,
        single=np.arange(MANY, dtype=np.float32) / 8,
        flag=np.arange(MANY) % 2 == 0,
        vector=np.arange(3 * MANY, dtype=np.float32).reshape(MANY, 3),
        tag=[None if at % 3 else f"t{at}" for at in range(MANY)],
    )
    track = experiment.tracks("robot/position", description="where it is", metadata={"fps": 50})
    track.append(_ts=0, pose={"x": 1, "y": 2.5}, text="a")
    track.append(_ts=1.5, pose={"x": 3}, late=True)
    track.append(_ts=0.5, pose={"x": 2}, joints=[1, 2, 3])
    track.append(_ts=1.5, pose={"x": 9, "y": -0.0})
    experiment.tracks("many").append_many(_ts=np.arange(MANY) / 10, x=np.arange(MANY))
    for level, message, metadata in LINES:
        experiment.log(message, level, metadata)


def train_points(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Points of plain numbers, which a journal packs."""
    return [{"step": at, "loss": 1 / (at + 1), "ok": at % 2 == 0} for at in range(first, first + count)]


def many_points() -> list[dict[str, Any]]:
    """`many`, as it reads."""
    return [
        {
            "step": at,
            "loss": at / 4,
            "single": at / 8,
            "flag": at % 2 == 0,
            "vector": [float(3 * at), float(3 * at + 1), float(3 * at + 2)],
            "tag": None if at % 3 else f"t{at}",
        }
        for at in range(MANY)
    ]


def everything(trained: int = 25) -> dict[str, Any]:
    """What `read_all` gives of an experiment that `log_all` has written."""
    return {
        "about": ABOUT,
        "params": PARAMS,
        "metrics": {
            None: [{"epoch": 1}],
            "many": many_points(),
            "odd/größe": ODD,
            "train": train_points(trained),
            "val": [{"epoch": 1, "loss": 0.5}],
        },
        "said": {"train": ("of training", ["loss"])},
        "tracks": {
            "many": [{"timestamp": at / 10, "x": at} for at in range(MANY)],
            "robot/position": ENTRIES,
        },
        "logs": [
            {"sequenceNumber": at, "level": level, "message": message, **({"metadata": more} if more else {})}
            for at, (level, message, more) in enumerate(LINES)
        ],
    }


def ordered(value: Any) -> Any:
    """The same with the keys of every dict in one order: that of a point's fields is nobody's promise."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=str)}
    return [ordered(one) for one in value] if isinstance(value, list) else value


def read_all(experiment: Any) -> dict[str, Any]:
    """All that readers see of it but ids and times; compare it with `everything`, both `ordered`."""
    about = experiment._reader().experiment() or {}
    metrics = {one["name"]: [*experiment.metrics(one["name"]).iter()] for one in experiment.metrics.list()}
    for points in metrics.values():
        assert [point["index"] for point in points] == list(range(len(points)))
        assert all(_seconds(point["createdAt"]) >= 0 for point in points)
    tracks = {one["topic"]: experiment.tracks(one["topic"]).read()["entries"] for one in experiment.tracks.list()}
    return {
        "about": {part: about.get(part) for part in ABOUT},
        "params": experiment.params.get(),
        "metrics": {name: [point["data"] for point in points] for name, points in metrics.items()},
        "said": {
            one["name"]: (one["description"], one["tags"]) for one in experiment.metrics.list() if one["description"]
        },
        "tracks": tracks,
        "logs": [{key: value for key, value in line.items() if key != "timestamp"} for line in experiment.logs.read()],
    }


def _seconds(created_at: str) -> float:
    """Seconds since the epoch of a time as reads give it."""
    from datetime import datetime

    return datetime.fromisoformat(created_at.replace("Z", "+00:00")).timestamp()


WHOLE, WHOLE_HOT = 1_000_000, 500
"""`whole`: a million points in one object of joined chunks, and some behind it that are hot."""
MIXED_COLD, MIXED_HOT = 12_345, 55
"""`mixed`: a chunk of ten thousand, a short one, and a hot rest."""
POSES = 10_100
"""`pose`: a chunk of ten thousand entries, and a hot rest."""


def whole_value(index: int) -> int:
    return index // 10_000


def mixed_point(index: int) -> dict[str, Any]:
    """Fields that come and go, of one type and of several."""
    point: dict[str, Any] = {"step": index, "loss": (index % 50) / 4, "tag": f"t{index % 7}"}
    if index % 10 == 0:
        point["eval"] = None if index % 20 else float(index % 100)
    if index % 500 == 0:
        point["any"] = [1, 1.0, True, "a", {"k": [1]}, math.nan][index // 500 % 6]
    return point


def pose(index: int) -> dict[str, Any]:
    return {"timestamp": index / 8, "x": index % 16, "q": [0.5, float(index % 4)]}


def log_cold(experiment: Any) -> None:
    """What a compactor is to move."""
    for first in range(0, WHOLE, 10_000):
        experiment.metrics("whole").log_many(
            _ts=np.full(10_000, 1_000.0 + first), n=np.full(10_000, whole_value(first))
        )
    mixed = experiment.metrics("mixed")
    for index in range(MIXED_COLD):
        mixed.log(**mixed_point(index))
    track = experiment.tracks("pose")
    for index in range(POSES):
        entry = pose(index)
        track.append(_ts=entry.pop("timestamp"), **entry)


def log_hot(experiment: Any) -> None:
    """What comes after no compactor runs any more."""
    experiment.metrics("whole").log_many(
        _ts=np.full(WHOLE_HOT, 1_000.0 + WHOLE), n=np.full(WHOLE_HOT, whole_value(WHOLE))
    )
    for index in range(MIXED_COLD, MIXED_COLD + MIXED_HOT):
        experiment.metrics("mixed").log(**mixed_point(index))
