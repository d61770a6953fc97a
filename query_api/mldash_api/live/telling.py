"""What a listener is told next of the chains that have more than it was told: pieces from its positions on."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog

from mldash_api.errors import ApiError, DamagedRange
from mldash_ingest.documents.mongo import PyMongoError

from .chains import Chain
from .pieces import Piece
from .reading import Gap

if TYPE_CHECKING:
    from .listener import Listener

_EVENT_BYTES: Final = 64 << 10
"""Of one event, and the piece that makes it larger: a thousand that take nothing hold a hundred megabytes."""
_AGAIN_S: Final = 1.0
_TRIES: Final = 60

_log = structlog.get_logger()


async def next_blocks(listener: "Listener") -> tuple[str, list[bytes]]:
    """The kind of the first chain that is behind, and blocks of all chains of it; the positions move behind them.

    A gap that it meets is noted in `gaps`, and told by itself: an event's id stands behind the event, and before a gap
    that was not told yet.
    """
    kind = next(iter(listener.behind)).stream.kind
    blocks, size = list[bytes](), 0
    for chain in [one for one in listener.behind if one.stream.kind == kind]:
        while chain in listener.behind and size < _EVENT_BYTES and not listener.gaps:
            block = await _next_block(listener, chain, may_be_gap=not blocks)
            if block is None:
                return kind, blocks
            if block:
                blocks.append(block)
                size += len(block)
    return kind, blocks


async def _next_block(listener: "Listener", chain: Chain, may_be_gap: bool) -> bytes | None:
    """Empty where nothing is told of what stands at the position; None where that is a gap, and may be none."""
    position = listener.positions.of(chain.watched.key, chain.key)
    assert position is not None, "chains that are behind have a position"
    found = chain.piece_at(position) or await _read(listener, chain, position)
    if found is None:
        if listener.behind.pop(chain, chain) is None:
            listener.skipped.add(chain)
        return b""
    if isinstance(found, Gap) and not may_be_gap:
        return None
    block = b"" if isinstance(found, Gap) else await found.told_to(listener.asked)
    if chain not in listener.following:
        return b""  # deleted meanwhile
    if isinstance(found, Gap):
        listener.gaps.append(_gap_of(chain, found))
    listener.move(chain, found.end_index)
    if found.end_index >= chain.end:
        listener.behind.pop(chain, None)
    return block


async def _read(listener: "Listener", chain: Chain, index: int) -> Piece | Gap | None:
    """A server that is away is waited for, within a bound."""
    for attempt in range(_TRIES):
        try:
            return await listener.hub.read(chain, index)
        except DamagedRange as error:
            return Gap(index, max(index + 1, error.end_index), "damaged")
        except (ApiError, PyMongoError) as error:
            if isinstance(error, ApiError) and not error.retriable:
                raise
            if attempt == 0:
                _log.warning("a listener waits for the store", stream=str(chain.stream), error=str(error)[:200])
        if listener.closing is not None or chain not in listener.following:
            return None
        await asyncio.sleep(_AGAIN_S)
    listener.close("server-away")
    return None


def _gap_of(chain: Chain, gap: Gap) -> dict[str, Any]:
    stream = chain.stream
    return {
        "prefix": stream.prefix,
        "kind": stream.kind,
        "name": stream.name,
        "from": gap.first_index,
        "to": gap.end_index,
        "reason": gap.reason,
    }
