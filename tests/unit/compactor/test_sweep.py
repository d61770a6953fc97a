"""Which object can never become live any more."""

from mldash_compactor.chunks.keys import KeyParts
from mldash_compactor.chunks.manifest import Chunk, Live
from mldash_compactor.upkeep.sweep import can_never_count


def chunk(epoch: int, live_key: str | None = None) -> Chunk:
    live = live_key and Live(key=live_key, end=1, crc32c=0, bytes=0, schema=b"", summaries=b"", t0=0.0, t1=0.0)
    return Chunk(stream=b"s" * 16, k=0, epoch=epoch, owner="c", until=None, want=1, live=live or None)


def test_only_one_below_the_documents_epoch_that_is_not_live() -> None:
    parts = KeyParts(b"s" * 16, 0, 0, 3)
    assert can_never_count(parts, "x", [chunk(4)])
    assert can_never_count(parts, "x", [chunk(4, "y")])
    assert not can_never_count(parts, "x", [chunk(3)])  # its compactor may be paused before the commit
    assert not can_never_count(parts, "x", [chunk(3, "y")])
    assert not can_never_count(parts, "x", [chunk(4, "x")])
