"""Entries of a track as motion capture: a frame an entry, a channel a field.

    {"version": "1.0",
     "metadata": {"topic", "description", "tags", "fps", "duration", "frameCount", "startTime", "endTime"},
     "channels": [names, sorted],
     "frames": [{"time": t, field: value, …}]}

`fps` is the track's metadata["fps"], else 30; `duration` is last - first, in seconds. Without entries counts and times
are 0, and there are no channels and frames. A field named "time" is the frame's "_time".
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from mldash.producer.answers.shapes import TrackSummary

DEFAULT_FPS = 30


class MocapMetadata(TypedDict):
    topic: str
    description: str | None
    tags: list[str]
    fps: float
    duration: float
    frameCount: int
    startTime: float
    endTime: float


class MocapAnswer(TypedDict):
    version: str
    metadata: MocapMetadata
    channels: list[str]
    frames: list[dict[str, Any]]


def mocap(topic: str, entries: Sequence[Mapping[str, Any]], summary: TrackSummary | None) -> MocapAnswer:
    """`entries` in time order, as EntriesAnswer has them; `summary` says what is known of the track, if it is there."""
    frames = [_frame(entry) for entry in entries]
    start, end = (frames[0]["time"], frames[-1]["time"]) if frames else (0.0, 0.0)
    fps = ((summary and summary["metadata"]) or {}).get("fps", DEFAULT_FPS)
    return {
        "version": "1.0",
        "metadata": {
            "topic": topic,
            "description": summary["description"] if summary else None,
            "tags": summary["tags"] if summary else [],
            "fps": fps,
            "duration": end - start,
            "frameCount": len(frames),
            "startTime": start,
            "endTime": end,
        },
        "channels": sorted({name for frame in frames for name in frame} - {"time"}),
        "frames": frames,
    }


def _frame(entry: Mapping[str, Any]) -> dict[str, Any]:
    frame = {"time": entry["timestamp"]}
    for name, value in entry.items():
        if name != "timestamp":
            frame["_time" if name == "time" else name] = value
    return frame
