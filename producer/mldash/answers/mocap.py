"""Entries of a track as motion capture: a frame an entry, a channel a field.

    {"version": "1.0",
     "metadata": {"topic", "description", "tags", "fps", "duration", "frameCount", "startTime", "endTime"},
     "channels": [names, sorted],
     "frames": [{"time": t, field: value, …}]}

`fps` is the track's metadata["fps"], else 30; `duration` is last - first, in seconds. Without entries counts and times
are 0, and channels and frames are empty. A field named "time" is the frame's "_time", and "_time" is "__time".
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from .names import FRAME_COLUMNS, escaped
from .shapes import TrackSummary

VERSION = "1.0"
_DEFAULT_FPS = 30


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
    frames = [frame_of(entry) for entry in entries]
    start, end = (frames[0]["time"], frames[-1]["time"]) if frames else (0.0, 0.0)
    said = (summary["description"], summary["tags"], summary["metadata"]) if summary else (None, [], None)
    return {
        "version": VERSION,
        "metadata": mocap_metadata(topic, *said, len(frames), start, end),
        "channels": sorted({name for frame in frames for name in frame} - {"time"}),
        "frames": frames,
    }


def mocap_metadata(
    topic: str,
    description: str | None,
    tags: list[str],
    metadata: Mapping[str, Any] | None,
    frame_count: int,
    start: float,
    end: float,
) -> MocapMetadata:
    """The metadata of a track in its file."""
    return {
        "topic": topic,
        "description": description,
        "tags": tags,
        "fps": (metadata or {}).get("fps", _DEFAULT_FPS),
        "duration": end - start,
        "frameCount": frame_count,
        "startTime": start,
        "endTime": end,
    }


def frame_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as a frame."""
    frame = {"time": entry["timestamp"]}
    for name, value in entry.items():
        if name != "timestamp":
            frame[escaped(name, FRAME_COLUMNS)] = value
    return frame
