"""A stream's description by its users: `about` in its document, the newest of each part."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from mldash_api.stores.streams import Stores, StreamRef

_decode = msgspec.msgpack.Decoder().decode


class About(NamedTuple):
    """Description, tags and metadata of a metric or track."""

    description: str | None
    tags: list[str]
    metadata: dict[str, Any] | None


NOTHING_SAID: Final = About(None, [], None)


async def read_about(stores: Stores, stream: StreamRef) -> About:
    """NOTHING_SAID of a stream that is not there."""
    return about_of(await stores.mongo.streams.find_one({"_id": stream.id}, {"about": 1}) or {})


def about_of(document: Mapping[str, Any]) -> About:
    """None and empty where there is no description."""
    said = {part: _decode(told["v"]) for part, told in document.get("about", {}).items()}
    return About(said.get("description"), said.get("tags") or [], said.get("metadata"))
