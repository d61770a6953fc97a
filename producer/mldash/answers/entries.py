"""A track's entries in the formats that `tracks(topic).read(format=…)` and the API give."""

from collections.abc import Callable
from typing import Any

from .mcap import mcap_bytes
from .mocap import mocap
from .rows import jsonl_bytes
from .shapes import EntriesAnswer, TrackSummary

FORMATS = ("json", "jsonl", "parquet", "mocap", "mcap")


def encode_entries(
    format: str, topic: str, entries: Callable[[], EntriesAnswer], summary: Callable[[], TrackSummary | None]
) -> Any:
    """The answer in `format`: a dict for json and mocap, bytes for the others. Both callables are asked when needed.

    Raises ValueError for another format, PackageMissing; both before anything is read.
    """
    if format not in FORMATS:
        raise ValueError(f"format {format!r}: use one of {', '.join(FORMATS)}")
    if format == "parquet":
        from .columns import check_package, parquet_bytes

        check_package(format)
        return parquet_bytes(entries()["entries"], ("timestamp",))
    answer = entries()
    if format == "json":
        return answer
    if format == "jsonl":
        return jsonl_bytes(answer["entries"])
    if format == "mcap":
        return mcap_bytes(topic, answer["entries"])
    return mocap(topic, answer["entries"], summary())
