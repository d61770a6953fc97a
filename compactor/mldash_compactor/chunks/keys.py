"""An object's key. Hive-partitioned, so that DuckDB, Spark and Polars find owner, project and experiment in it.

    owner=…/project=…/experiment=…/gen=…/stream={id in hex}/{k:08}-{epoch:06}.parquet              one chunk
    owner=…/project=…/experiment=…/gen=…/stream={id in hex}/{k:08}-{last k:08}-{epoch:06}.parquet  neighbours, joined

Names are percent-encoded, `~` too, and a value has at most 120 bytes: of a longer one the first part stands here, then
`~` and a hash of the whole name (the full names are in the object's metadata). What makes a key unique are the stream's
id, k and the epoch of the intent on chunk k under which it was written: no key is ever used twice.
"""

import hashlib
import re
from typing import Final, NamedTuple
from urllib.parse import quote

from mldash.events.identity import Prefix

VALUE_BYTES: Final = 120

_HASH_BYTES: Final = 8
_KEY = re.compile(r"(?:.*/)?gen=(\d+)/stream=([0-9a-f]{32})/(\d{8,})-(?:(\d{8,})-)?(\d{6,})\.parquet")


class KeyParts(NamedTuple):
    """The parts of a key."""

    stream: bytes
    generation: int
    k: int
    epoch: int
    chunk_count: int = 1
    """Chunks that the object holds; more than one where neighbours were joined."""

    @property
    def last_k(self) -> int:
        return self.k + self.chunk_count - 1


def object_key(prefix: Prefix, parts: KeyParts) -> str:
    """The key of chunks k … last_k of a stream, written under this epoch of chunk k."""
    return f"{experiment_folder(prefix)}gen={parts.generation}/{_object_name(parts)}"


def experiment_folder(prefix: Prefix) -> str:
    """The beginning of all keys of an experiment."""
    owner, project, *rest = prefix.text.split("/")
    names = {"owner": owner, "project": project, "experiment": "/".join(rest) or project}
    return "".join(f"{role}={_value(name)}/" for role, name in names.items())


def parse_key(key: str) -> KeyParts | None:
    """The reverse; None where the key is not a chunk's."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    generation, stream, k, last_k, epoch = found.groups()
    return KeyParts(bytes.fromhex(stream), int(generation), int(k), int(epoch), int(last_k or k) - int(k) + 1)


def _object_name(parts: KeyParts) -> str:
    last = f"{parts.last_k:08}-" if parts.chunk_count > 1 else ""
    return f"stream={parts.stream.hex()}/{parts.k:08}-{last}{parts.epoch:06}.parquet"


def _value(name: str) -> str:
    encoded = quote(name, safe="").replace("~", "%7E")
    if len(encoded) <= VALUE_BYTES:
        return encoded
    digest = hashlib.blake2b(name.encode(), digest_size=_HASH_BYTES).hexdigest()
    head = encoded[: VALUE_BYTES - 1 - len(digest)]
    cut = head.rfind("%", len(head) - 2)  # never through the middle of an escape
    return f"{head if cut < 0 else head[:cut]}~{digest}"
