"""Which chunks are read of one object together."""

from mldash_api.charts.summaries import by_object
from mldash_compactor.chunks.manifest import Chunk, Joined, Live


def chunk(k: int, key: str, joined: Joined | None = None) -> Chunk:
    live = Live(
        key=key, end=(k + 1) * 10_000, crc32c=0, bytes=1, schema=b"", summaries=b"", t0=0.0, t1=1.0, joined=joined
    )
    return Chunk(stream=b"s" * 16, k=k, epoch=1, owner="", until=None, want=0, live=live)


def test_a_chunk_that_stands_alone_between_two_of_an_object_is_not_read_twice() -> None:
    """As while a join is committed: the object holds its events too."""
    joined = Joined(first_k=4, count=3, blocks_offset=0, blocks_bytes=1)
    found = by_object([chunk(4, "J", joined), chunk(5, "own"), chunk(6, "J", joined)])
    assert [[k for k, _ in run] for run in found] == [[4], [5], [6]]


def test_chunks_that_follow_each_other_in_an_object_are_read_together() -> None:
    joined = Joined(first_k=4, count=3, blocks_offset=0, blocks_bytes=1)
    found = by_object([chunk(3, "own"), *(chunk(k, "J", joined) for k in (4, 5, 6)), chunk(7, "other")])
    assert [[k for k, _ in run] for run in found] == [[3], [4, 5, 6], [7]]
