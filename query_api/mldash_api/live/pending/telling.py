"""What one listener is told of pending events: all of them at first, then those that came and went."""

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from .parts import Named

if TYPE_CHECKING:
    from mldash_api.live.listener import Listener

_EVENT_BYTES: Final = 64 << 10
"""Of one event, and the part that makes it larger."""


class State(Struct, frozen=True):
    """Whether pending events are told; `reason`: why not. `full`: there are more than may be held."""

    on: bool
    reason: str | None = None
    full: bool = False


class ToldPending:
    """Of one listener, on one connection."""

    def __init__(self) -> None:
        self._epoch, self._state = -1, State(False)
        self._next = 0
        self._told = dict[int, Named]()

    async def next(self, listener: "Listener") -> bytes | None:
        """The data of the next event. None: nothing is new."""
        pending = listener.hub.pending
        state, epoch, waiting = pending.state, pending.epoch, pending.waiting
        if state is None:
            return None  # it is not known yet
        is_whole = epoch != self._epoch
        if is_whole:
            self._epoch, self._next, self._told = epoch, 0, {}
        gone = [named for number, named in self._told.items() if number not in waiting.parts]
        self._told = {number: named for number, named in self._told.items() if number in waiting.parts}
        blocks, size = list[bytes](), 0
        for part in waiting.from_number(self._next):
            if size >= _EVENT_BYTES:
                listener.has_pending()
                break
            self._next = part.number + 1
            block = await part.told_to(listener.asked) if listener.asked.wants_of(*part.stream) else b""
            if block and part.number in waiting.parts:
                blocks.append(block)
                size += len(block)
                self._told[part.number] = part.named
        if not (is_whole or gone or blocks or state != self._state):
            return None
        self._state = state
        head = msgspec.json.encode({"whole": is_whole, **msgspec.structs.asdict(state), "gone": gone})
        return head[:-1] + b',"added":[' + b",".join(blocks) + b"]}"
