"""The watched experiments and their streams: where each chain ends, and the pieces that came last. No I/O."""

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mldash.events.identity import Prefix, experiment_id
from mldash_api.stores.streams import ExperimentRef, StreamRef

from .pieces import Piece
from .positions import SHORT

if TYPE_CHECKING:
    from .listener import Listener


class Chain:
    """One stream that is listened to, up to where it was seen."""

    def __init__(self, watched: "Watched", stream: StreamRef, end: int, fields: Iterable[str] = ()) -> None:
        self.watched, self.stream, self.end = watched, stream, end
        self.key = self.key_of(stream)
        self.fields = dict.fromkeys(fields)
        self.listeners: set[Listener] = set()
        """Who is told of it: its events, its fields, or the status that follows from it."""
        self.moved_at = float("-inf")
        """When it grew last, by the monotonic clock."""
        self._pieces = deque[Piece]()
        self._firsts = list[int]()

    @staticmethod
    def key_of(stream: StreamRef) -> bytes:
        """How a stream is called in positions."""
        return stream.id[:SHORT]

    def piece_at(self, index: int) -> Piece | None:
        """That in memory which begins there, or what of one begins there; None: it has to be read."""
        at = bisect_right(self._firsts, index) - 1
        if at < 0:
            return None
        piece = self._pieces[at]
        if piece.first_index == index:
            return piece
        # The rows of a track can't be cut at an index.
        return piece.from_index(index) if index < piece.end_index and self.stream.kind != "tracks" else None

    def add(self, piece: Piece) -> None:
        """What begins at the end."""
        self._pieces.append(piece)
        self._firsts.append(piece.first_index)
        self.end = piece.end_index

    def drop_first(self) -> Piece:
        self._firsts.pop(0)
        return self._pieces.popleft()

    def holds(self, piece: Piece) -> bool:
        return bool(self._pieces) and self._pieces[0] is piece

    @property
    def piece_count(self) -> int:
        return len(self._pieces)


class Watched:
    """One experiment that somebody listens to, there or not."""

    def __init__(self, prefix: Prefix) -> None:
        self.prefix, self.id = prefix, experiment_id(prefix.text)
        self.key = self.id[:SHORT]
        self.experiment: ExperimentRef | None = None
        """None: it is not there."""
        self.is_loaded = False
        """Whether its chains are those of the experiment."""
        self.chains = dict[bytes, Chain]()
        self.counts: dict[str, int] = {}
        """Kind → how many streams were listed."""
        self.listeners: set[Listener] = set()
        self.status: bytes | None = None
        """The block that tells it; None: not read yet."""
        self.has_ended = False

    @property
    def generation(self) -> int:
        return self.experiment.generation if self.experiment else 0

    def begin_again(self, experiment: ExperimentRef | None) -> None:
        """It was deleted, or is there now: nothing of before counts."""
        self.experiment, self.is_loaded = experiment, False
        self.chains, self.counts, self.status, self.has_ended = {}, {}, None, False


class Pieces:
    """All that are in memory, within a number of bytes: the oldest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self.bytes = most_bytes, 0
        self._order = deque[tuple[Chain, Piece, int]]()

    def add(self, chain: Chain, piece: Piece) -> None:
        size = piece.held_bytes
        chain.add(piece)
        self._order.append((chain, piece, size))
        self.bytes += size
        while self.bytes > self._most_bytes and len(self._order) > 1:
            self._drop_oldest()

    def forget(self, chains: Iterable[Chain]) -> None:
        """Nobody listens to these any more."""
        gone = set(chains)
        self.bytes -= sum(size for chain, _, size in self._order if chain in gone)
        self._order = deque(one for one in self._order if one[0] not in gone)

    def __len__(self) -> int:
        return len(self._order)

    def _drop_oldest(self) -> None:
        chain, piece, size = self._order.popleft()
        self.bytes -= size
        if chain.holds(piece):
            chain.drop_first()


class OlderPieces:
    """Those that were read for listeners that are behind, by where they begin; the least used go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self.bytes = most_bytes, 0
        self._held = OrderedDict[tuple[Chain, int], tuple[Piece, int]]()

    def get(self, chain: Chain, index: int) -> Piece | None:
        found = self._held.get((chain, index))
        if found is None:
            return None
        self._held.move_to_end((chain, index))
        return found[0]

    def add(self, chain: Chain, piece: Piece) -> None:
        """One that begins where it was asked for and is whole: what stands at these indices never changes."""
        key = (chain, piece.first_index)
        if key in self._held:
            return
        size = piece.held_bytes
        self._held[key] = (piece, size)
        self.bytes += size
        while self.bytes > self._most_bytes and len(self._held) > 1:
            _, (_, dropped) = self._held.popitem(last=False)
            self.bytes -= dropped

    def forget(self, chains: Iterable[Chain]) -> None:
        """Nobody listens to these any more."""
        gone = set(chains)
        for key in [one for one in self._held if one[0] in gone]:
            self.bytes -= self._held.pop(key)[1]

    def __len__(self) -> int:
        return len(self._held)


def chains_of(watched: Iterable[Watched]) -> Iterator[Chain]:
    for one in watched:
        yield from one.chains.values()
