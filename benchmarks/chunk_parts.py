"""What a part of a cold chunk costs beside the whole: bytes from S3, and milliseconds to decoded columns.

  vectors  1,000 points from the middle of 10,000 that hold a vector of 256 float32
  fields   one of 200 float fields, all 10,000 points
  usual    1,000 points of a chunk of four floats and an integer: read whole, for that is one small request

Nothing is held from one read to the next, but for "held": there the chunk's tail is.
"""

from collections.abc import Sequence
from statistics import median
from time import perf_counter

import numpy as np

from mldash_api.stores.part_reads import PartReads
from mldash_compactor.chunks import points
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.parquet.metadata import Metadata
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.columns import Column

from .case import Case, at_most

READS = 15
TAIL_BYTES = 32 << 20
MIDDLE = range(4_000, 5_000)
SHAPES = {"vectors": (1, 256), "fields": (200, 0), "usual": (5, 0)}
NAMES = {
    "vectors": "1,000 of 10,000 vectors of 256",
    "fields": "one of 200 fields",
}


def _columns(fields: int, width: int) -> list[Column]:
    random = np.random.default_rng(fields)
    if width:
        flat = random.normal(size=CHUNK * width).astype("<f4").tobytes()
        return [Column("features", "float32", flat, None, (width,))]
    walks = np.cumsum(random.normal(size=(fields, CHUNK)), axis=1)
    return [Column(f"f{number}", "float64", walk.astype("<f8").tobytes()) for number, walk in enumerate(walks)]


async def _put(objects: ObjectStore, key: str, columns: Sequence[Column]) -> Live:
    times = np.arange(CHUNK, dtype="<f8").tobytes()
    about = {"prefix": "o/p", "kind": "metrics", "name": key, "stream": bytes(16), "generation": 0, "k": 0}
    metadata = Metadata(**about, first_index=0, end_index=CHUNK, sources=[], cuts=[])  # type: ignore[arg-type]
    encoded = points.encode(Cold(first_index=0, count=CHUNK, times=times, columns=columns), metadata)
    checksum = crc32c(encoded.data)
    await objects.put(key, encoded.data, checksum)
    return Live(
        key=key,
        end=CHUNK,
        crc32c=checksum,
        bytes=len(encoded.data),
        schema=encoded.packed_schema(),
        summaries=encoded.packed_summaries(),
        t0=0.0,
        t1=float(CHUNK - 1),
        tail_bytes=encoded.tail_bytes,
        tail_crc32c=crc32c(encoded.data[-encoded.tail_bytes :]),
    )


class _Counting(ObjectStore):
    """How many bytes have come."""

    fetched = 0

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        data = await super().get_range(key, start, length)
        self.fetched += len(data)
        return data


async def measure(objects: ObjectStore) -> dict[str, float]:
    """Of each shape: the whole and a part, ms and bytes; medians."""
    objects.__class__ = _Counting
    assert isinstance(objects, _Counting)
    found = dict[str, float]()
    for shape, (fields, width) in SHAPES.items():
        live = await _put(objects, shape, _columns(fields, width))
        wanted = (["f0"], None) if shape == "fields" else (None, MIDDLE)
        found[f"{shape}_bytes"] = live.bytes
        found[f"{shape}_ms"] = await _whole(objects, live, wanted[0])
        reads = PartReads(objects, TAIL_BYTES)
        if await reads.rows(live, *wanted) is None:
            continue
        objects.fetched = 0
        found[f"{shape}_part_ms"] = await _part(objects, live, wanted, held=False)
        found[f"{shape}_part_bytes"] = objects.fetched / READS
        found[f"{shape}_held_ms"] = await _part(objects, live, wanted, held=True)
    return found


async def _whole(objects: ObjectStore, live: Live, fields: Sequence[str] | None) -> float:
    took = []
    for _ in range(READS):
        begun = perf_counter()
        points.decode(await read_chunk(objects, live), fields)
        took.append(perf_counter() - begun)
    return median(took) * 1e3


async def _part(
    objects: ObjectStore, live: Live, wanted: tuple[Sequence[str] | None, range | None], *, held: bool
) -> float:
    took, reads = [], PartReads(objects, TAIL_BYTES)
    if held:
        await reads.tail(live)
    for _ in range(READS):
        if not held:
            reads = PartReads(objects, TAIL_BYTES)
        begun = perf_counter()
        assert await reads.rows(live, *wanted) is not None
        took.append(perf_counter() - begun)
    return median(took) * 1e3


def cases(found: dict[str, float]) -> list[Case]:
    """Beside the whole chunk, which is what a read cost before."""
    made = list[Case]()
    for shape, name in NAMES.items():
        whole_ms, whole_bytes = found[f"{shape}_ms"], found[f"{shape}_bytes"]
        made += [
            at_most(f"{name}, cold", found[f"{shape}_part_ms"], "ms", whole_ms, 1.0),
            at_most(f"{name}, its tail held", found[f"{shape}_held_ms"], "ms", whole_ms, 0.5),
            at_most(f"{name}, from S3", found[f"{shape}_part_bytes"], "bytes", whole_bytes, 0.25),
        ]
    return made
