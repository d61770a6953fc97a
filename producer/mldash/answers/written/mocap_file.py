"""Motion capture (mocap.py) as a file that is written as its entries come: what follows from "frames" stands behind."""

from collections.abc import Mapping, Sequence
from typing import Any

from mldash.answers.mocap import VERSION, frame_of, mocap_metadata
from mldash.answers.rows import NonFinite, json_bytes

from .json_items import JsonItems


class MocapFile:
    """Of one track; description, tags and metadata are what is known of it."""

    def __init__(
        self,
        topic: str,
        description: str | None,
        tags: list[str],
        metadata: Mapping[str, Any] | None,
        *,
        nonfinite: NonFinite,
    ) -> None:
        self._topic, self._about = topic, (description, tags, metadata)
        self._frames = JsonItems(b'{"version":%b,"frames":[' % json_bytes(VERSION), nonfinite)
        self._channels, self._start, self._end = set[str](), 0.0, 0.0

    def add(self, entries: Sequence[Mapping[str, Any]]) -> bytes:
        """The bytes to send; entries come behind those before."""
        frames = [frame_of(entry) for entry in entries]
        if frames:
            self._start = self._start if self._frames.count else frames[0]["time"]
            self._end = frames[-1]["time"]
            self._channels.update(*frames)
        return self._frames.add(frames)

    def finish(self) -> bytes:
        """The rest."""
        metadata = mocap_metadata(self._topic, *self._about, self._frames.count, self._start, self._end)
        rest = {"metadata": metadata, "channels": sorted(self._channels - {"time"})}
        return self._frames.close() + b"," + json_bytes(rest)[1:]
