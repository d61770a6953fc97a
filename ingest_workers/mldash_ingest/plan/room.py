"""Whether further events still fit into the one document that holds an experiment's parameters, or its runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from mldash.events.limits import PARAMS_BYTES, PARAMS_KEYS
from mldash.events.schema import Describe, RunEvents
from mldash_ingest.documents.run_states import FoldedRuns
from mldash_ingest.documents.snapshot import Snapshot

from .joining import events_of
from .pieces import Piece

_encode = msgspec.msgpack.Encoder().encode
_ITEM_BYTES = 32  # what an item takes beside its key and its value
_RUNS_BYTES = 8 << 20


class Room(Protocol):
    """The space left in a stream's document."""

    def refuse(self, pieces: Sequence[Piece]) -> str | None:
        """Why these events can't be taken in; None where they are."""


def room_of(known: Snapshot) -> Room | None:
    """None for kinds whose events are not folded into one document."""
    if known.params is not None:
        return ParamsRoom(known.params.flat)
    return RunsRoom(known.runs) if known.runs is not None else None


class ParamsRoom:
    """The fold so far, and its size with further events. Replaced branches are not given back before the
    next batch: it errs on the safe side by one batch at most."""

    def __init__(self, folded: Mapping[str, Any]) -> None:
        self._sizes = {key: _size(key, value) for key, value in folded.items()}
        self._bytes = sum(self._sizes.values())

    def refuse(self, pieces: Sequence[Piece]) -> str | None:
        events = events_of(pieces)
        sizes = {key: _size(key, value) for event in events for key, value in event.items()}
        keys = len(self._sizes.keys() | sizes.keys())
        total = self._bytes + sum(size - self._sizes.get(key, 0) for key, size in sizes.items())
        if keys > PARAMS_KEYS:
            return f"the experiment would have {keys} parameters, at most {PARAMS_KEYS} are kept"
        if total > PARAMS_BYTES:
            return f"the experiment's parameters would take {total} bytes, at most {PARAMS_BYTES} are kept"
        self._sizes.update(sizes)
        self._bytes = total
        return None


class RunsRoom:
    """Sessions and the experiment's description. What a later event replaces is not given back before the next batch;
    errors are cut short by the fold itself (run_states.py), so that a thousand failing processes fit."""

    def __init__(self, folded: FoldedRuns) -> None:
        self._bytes = sum(len(key) + len(value) + _ITEM_BYTES for key, value in folded.to_items())

    def refuse(self, pieces: Sequence[Piece]) -> str | None:
        scratch = FoldedRuns()
        for piece in pieces:
            assert isinstance(piece.block, RunEvents)
            for event in piece.block.events[piece.start : piece.stop]:
                if not isinstance(event, Describe) or event.kind is None:
                    scratch.add(piece.session, 0, event)
        added = sum(len(key) + len(value) + _ITEM_BYTES for key, value in scratch.to_items())
        if self._bytes + added > _RUNS_BYTES:
            return f"the experiment's runs would take {self._bytes + added} bytes, at most {_RUNS_BYTES} are kept"
        self._bytes += added
        return None


def _size(key: str, value: Any) -> int:
    return len(key.encode()) + len(_encode(value)) + _ITEM_BYTES
