"""Events of local folders: their files are looked at as they grow."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from time import monotonic, time
from typing import Final

import msgspec

from mldash.answers.shapes import iso_time
from mldash.client.unreadable import IN_THE_WAY
from mldash.delivery.resend import LocalExperiment, find_experiments
from mldash.events.identity import parse_prefix
from mldash.local.folder import experiment_folder
from mldash.process.locks import Bell, reentrant_lock

from .asked import LiveAsked
from .events import Changed, Closed, LiveEvent, UpToDate
from .folder_rows import FolderRows, Positions

_LOOK_EVERY_S: Final = 0.1
_STATE_EVERY_S: Final = 1.0
"""Experiments below scopes, and statuses."""
_REST: Final = 10
"""Times a look."""
_QUIET_S: Final = 2.0
"""After the last end of a run: its process may still drain its journal."""
_VERSION: Final = 2
_QUICKLY: Final = 1
_MOST_ID_BYTES: Final = 64 << 20
"""Unpacked."""

_Wire = tuple[int, bytes, dict[str, list[tuple[str, str | None, int]]]]
_decode = msgspec.msgpack.Decoder(_Wire).decode


def below(root: Path, asked: LiveAsked) -> Iterator[LocalExperiment]:
    """What is asked for, there or not."""
    for prefix in asked.prefixes:
        yield LocalExperiment(parse_prefix(prefix), experiment_folder(str(root), prefix))
    for scope in asked.scopes:
        yield from (one for one in find_experiments(root, follows_links=False) if is_below(one, scope))


def is_below(experiment: LocalExperiment, scope: str) -> bool:
    """Whether it lies in an owner or a project."""
    return f"{experiment.prefix.text}/".startswith(f"{scope}/")


class FolderEvents:
    """A LiveSource."""

    def __init__(
        self,
        find: Callable[[LiveAsked], Iterable[LocalExperiment]],
        asked: LiveAsked,
        after: str | None,
        unreadable: Callable[[str, Exception], None] | None = None,
    ) -> None:
        """`find`: the experiments that are asked for, as they are now. Raises ValueError for an id that is none, and
        for what an API alone tells.

        `unreadable` is told of one that can't be read, by its prefix: the others are told of meanwhile, and it when it
        can be read. None: `next` raises what is in the way.
        """
        _check(asked)
        self._find, self._asked, self._unreadable = find, asked, unreadable
        self._runs = dict[str, FolderRows]()
        self._told = deque[LiveEvent]()
        self._known: dict[str, Positions] = {}
        begin = _start_of(asked)
        self._is_same = True
        if after is not None:
            self._known, self._is_same = _positions_of(after, asked)
            # What an id of the same asking does not name did not exist when it was made; of another it may have.
            begin = 0 if self._is_same else None
        self._events: Iterator[LiveEvent] = self._follow(begin)
        self._changes = deque[tuple[LiveAsked, int]]()
        self._change = 0
        self._lock = reentrant_lock()
        self._waking = Bell()
        self._is_closed = False
        self._after = after

    @property
    def id(self) -> str | None:
        if not self._runs and not self._known:
            return self._after
        positions = {**self._known, **{prefix: one.positions for prefix, one in self._runs.items()}}
        wire = {
            prefix: [(*stream, at) for stream, at in of.items() if self._asked.listens_to(*stream)]
            for prefix, of in positions.items()
        }
        # Packed small: of a hundred experiments it is to stand in an address.
        data = zlib.compress(msgspec.msgpack.encode((_VERSION, _hash(self._asked), wire)), _QUICKLY)
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def next(self) -> LiveEvent | None:
        return None if self._is_closed else next(self._events, None)

    def change(self, asked: LiveAsked) -> int:
        """Raises ValueError for what an API alone tells."""
        _check(asked)
        with self._lock:
            self._change += 1
            self._changes.append((asked, self._change))
        self._waking.ring()
        return self._change

    def close(self) -> None:
        self._is_closed = True
        self._waking.ring()

    def _follow(self, begin: int | None) -> Iterator[LiveEvent]:
        yield from self._attach(begin)
        is_up_to_date, state_at, quiet_since = False, monotonic() + _STATE_EVERY_S, monotonic()
        while not self._is_closed:
            if self._changes:
                before, (self._asked, number) = self._asked, self._changes.popleft()
                for run in list(self._runs.values()):
                    with self._apart(run.prefix):
                        run.changes(before, self._asked, _start_of(self._asked))
                yield Changed(change=number)
                yield from self._attach(_start_of(self._asked))
                is_up_to_date = False
            if monotonic() > state_at:
                begun = monotonic()
                yield from self._attach(0)
                yield from self._look_at_statuses()
                # Of very many experiments a look takes long: it shall stay a small part of the time.
                state_at = monotonic() + max(_STATE_EVERY_S, _REST * (monotonic() - begun))
            for run in list(self._runs.values()):
                with self._apart(run.prefix):
                    for event in run.look(self._asked):
                        quiet_since = monotonic()
                        yield event
            if not is_up_to_date:
                is_up_to_date = True
                yield UpToDate(at=iso_time(time()))
            if self._is_over() and monotonic() - quiet_since > _QUIET_S:
                yield Closed(reason="ended", goes_on=False)
                return
            self._waking.wait(_LOOK_EVERY_S)

    def _attach(self, start: int | None) -> Iterator[LiveEvent]:
        """To what is asked for now: new ones are told from `start`, None: from now."""
        found = {one.prefix.text: one for one in self._find(self._asked)}
        for prefix in [one for one in self._runs if one not in found]:
            self._known.pop(prefix, None)
            del self._runs[prefix]
        for prefix, one in found.items():
            if prefix in self._runs:
                continue
            known = self._known.get(prefix)
            run = FolderRows(one, known, _start_of(self._asked))
            with self._apart(prefix):
                if known is None or not self._is_same:
                    run.begin(start)
                self._runs[prefix] = run
                self._known.pop(prefix, None)
                yield from run.look_at_status(self._asked)
                yield from run.begin_fields(self._asked)

    def _look_at_statuses(self) -> Iterator[LiveEvent]:
        for run in list(self._runs.values()):
            with self._apart(run.prefix):
                yield from run.look_at_status(self._asked)

    @contextmanager
    def _apart(self, prefix: str) -> Iterator[None]:
        """What is in the way of one is not in the way of the others."""
        try:
            yield
        except IN_THE_WAY as error:
            if self._unreadable is None:
                raise
            if prefix in self._runs:
                self._known[prefix] = self._runs.pop(prefix).positions
            self._unreadable(prefix, error)

    def _is_over(self) -> bool:
        runs = self._runs.values()
        return self._asked.until == "end" and bool(runs) and all(one.has_ended for one in runs)


def _check(asked: LiveAsked) -> None:
    if asked.table is not None:
        raise ValueError("rows of a table are told by an API; of folders ask for the runs again")
    if asked.pending:
        raise ValueError("pending events are told by an API; what is told of folders is in their files")


def _start_of(asked: LiveAsked) -> int | None:
    """A row of each stream; None: from now on."""
    return None if asked.start == "now" else 0 if asked.start == "start" else int(asked.start)


def _hash(asked: LiveAsked) -> bytes:
    what = (asked.prefixes, asked.scopes, sorted(asked.kinds), asked.metrics, asked.topics, asked.levels)
    return blake2b(msgspec.msgpack.encode(what), digest_size=6).digest()


def _positions_of(after: str, asked: LiveAsked) -> tuple[dict[str, Positions], bool]:
    """And whether the same is asked for. Raises ValueError."""
    try:
        packed = base64.urlsafe_b64decode(after.encode() + b"=" * (-len(after) % 4))
        version, asking, found = _decode(zlib.decompressobj().decompress(packed, _MOST_ID_BYTES))
        if version != _VERSION:
            raise ValueError("it is of another version")
    except (binascii.Error, zlib.error, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"after is no id of a folder's events: {error}") from None
    known = {prefix: {(kind, name): at for kind, name, at in of} for prefix, of in found.items()}
    return known, asking == _hash(asked)
