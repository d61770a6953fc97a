"""The samples of a released version, unpacked."""

import base64
import io
import json
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

V0_1_0 = Path(__file__).parent / "v0_1_0"


class StoredRecord(Struct, frozen=True):
    """A Kafka record as it lay there; the topic without its prefix."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def unpack(name: str, folder: Path, version: Path = V0_1_0) -> Path:
    """A tar of the samples, in the folder."""
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress((version / f"{name}.tar.xz").read_bytes()))) as tar:
        tar.extractall(folder, filter="data")
    return folder


def records(version: Path = V0_1_0) -> Iterator[StoredRecord]:
    """All records, topic after topic, each partition in the order of its offsets."""
    for line in lzma.decompress((version / "records.jsonl.xz").read_bytes()).splitlines():
        given: dict[str, Any] = json.loads(line)
        yield StoredRecord(
            **{
                **given,
                "key": _bytes(given["key"]),
                "value": _bytes(given["value"]),
                "headers": [(name, _bytes(value) or b"") for name, value in given["headers"]],
            }
        )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
