"""What users said of a stream: `about` in its document, the newest of each part."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

_decode = msgspec.msgpack.Decoder().decode


class About(NamedTuple):
    """Description, tags and metadata of a metric or track."""

    description: str | None
    tags: list[str]
    metadata: dict[str, Any] | None


def about_of(document: Mapping[str, Any]) -> About:
    """None and empty where nothing was said."""
    said = {part: _decode(told["v"]) for part, told in document.get("about", {}).items()}
    return About(said.get("description"), said.get("tags") or [], said.get("metadata"))
