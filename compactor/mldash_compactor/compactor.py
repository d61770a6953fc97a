"""The compactor: starting, running, stopping. Several streams in flight, the chunks of one in order."""

import asyncio
import os
import socket
from collections import OrderedDict
from time import time
from typing import Final

import msgspec
import structlog

from mldash.events.identity import Prefix
from mldash.process.dependencies import LOOK_EVERY_S, Dependencies
from mldash.process.supervision import Supervision
from mldash_ingest.documents.mongo import PyMongoError, open_mongo

from . import instruments
from .budget import ByteBudget
from .chunks.errors import ColdStoreError, StoreUnreachable
from .chunks.parquet.conversions import load_conversions
from .chunks.s3 import open_store
from .errors import ChunkHeld, CompactorError, ManifestHole, NeighboursTooLarge, RangeMoved, StreamClosed
from .health import Health
from .moving import candidates, join
from .moving.candidates import MOVING_KINDS, StreamState
from .moving.covering import cover
from .moving.hot_sizes import HotSizes
from .moving.large import GROUP_BYTES
from .moving.move import BEFORE_DELETION, LARGE_BYTES, Move, move_chunk
from .moving.neighbours import Neighbours, bytes_together, count_together, move_neighbours
from .now_and_then import steps_of
from .pace import Pace
from .resting import LONGEST_REST_S, Resting
from .settings import CompactorSettings

_COPIES: Final = 3
"""Of a joined object, or of a part of a large chunk, in memory at once: its pieces, the whole, what is read back."""
_PREFIXES: Final = 10_000
_log = structlog.get_logger()


class Compactor:
    """Moves cold ranges to S3. `run` it once; `health` says what is wrong, if anything."""

    def __init__(self, settings: CompactorSettings) -> None:
        self._settings = settings
        self._owner = settings.owner or f"{socket.gethostname()}-{os.getpid()}"
        self._mongo = open_mongo(settings)
        self._objects = open_store(settings)
        self._health = Health(settings.retry_s)
        self.dependencies = Dependencies(
            {"MongoDB": self._mongo.ping, "S3": self._objects.ping}, instruments.show_dependency
        )
        self._budget = ByteBudget(settings.memory_bytes)
        self._pace = Pace(settings.concurrency)
        self._sizes = HotSizes()
        self._in_hand: dict[bytes, asyncio.Task[None]] = {}
        self._resting = Resting()
        self._prefixes: OrderedDict[bytes, Prefix] = OrderedDict()
        self._supervision: Supervision | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and the chunks in hand are moved. Raises where a server is not there at the start."""
        try:
            await asyncio.to_thread(load_conversions)
            async with self._objects:
                await self._mongo.ping()
                await self._objects.ping()
                self._supervision = supervision = Supervision(
                    stop, instruments.count_failure, longest_delay_s=self._settings.retry_s
                )
                self._health.started()
                _log.info("compactor started", owner=self._owner, bucket=self._settings.s3_bucket)
                supervision.start("look at servers", self.dependencies.look, LOOK_EVERY_S)
                steps = steps_of(self._mongo, self._objects, self._budget, self._settings, stop)
                for name, step, every_s in steps:
                    supervision.start(name, step, every_s, first_after_s=self._settings.sweep_s)
                try:
                    await supervision.supervised("take up streams", lambda: self._take_up(stop))
                finally:
                    await self._finish(supervision)
        finally:
            await self._mongo.close()
        _log.info("compactor stopped")

    async def health(self) -> str | None:
        """None: ready. Else what it waits for."""
        return self._health.trouble or (self._supervision.trouble if self._supervision else None)

    async def _take_up(self, stop: asyncio.Event) -> None:
        if await self._servers_answer(stop):
            await self._start_due(stop)
            await self._pause(stop)

    async def _finish(self, supervision: Supervision) -> None:
        # The chunks in hand first: each ends after its last step. What is done now and then may be cut anywhere.
        waiting = set(self._in_hand.values())
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self._settings.stop_timeout_s)
            if late:
                _log.warning("chunks given up: any compactor finishes them after their lease", count=len(late))
            for task in late:
                task.cancel()
        await supervision.finish()
        for ended in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(ended, Exception):
                _log.error("a move ended by an error of its own handling", error=repr(ended))

    async def _servers_answer(self, stop: asyncio.Event) -> bool:
        """Whether none is away; one that is, is asked again and again, with growing delays, before anything else."""
        for server in self._health.away:
            try:
                await (self._mongo.ping() if server == "MongoDB" else self._objects.ping())
                self._health.server_answers(server)
            except (PyMongoError, ColdStoreError) as error:
                await _wait(stop, self._health.server_away(server, error))
                return False
        return True

    async def _start_due(self, stop: asyncio.Event) -> None:
        """Take up streams that are due, as many as there is room for."""
        room = self._pace.limit - len(self._in_hand)
        if room <= 0:
            return
        now = time()
        try:
            due = await candidates.due_streams(self._mongo, now, room, {*self._in_hand, *self._resting.now()})
        except PyMongoError as error:
            await _wait(stop, self._health.server_away("MongoDB", error))
            return
        instruments.overdue_seconds.set(max((now - (one.due_at or now) for one in due), default=0.0))
        for stream in due:
            task = asyncio.create_task(self._work(stream, stop), name=f"move {stream.id.hex()}")
            self._in_hand[stream.id] = task
            task.add_done_callback(lambda _, stream=stream.id: self._done(stream))  # type: ignore[misc]
        instruments.in_flight.set(len(self._in_hand))

    def _done(self, stream: bytes) -> None:
        del self._in_hand[stream]
        instruments.in_flight.set(len(self._in_hand))

    async def _pause(self, stop: asyncio.Event) -> None:
        """Until a stream is done, or it is time to look again, or to stop."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait(
                {stopping, *self._in_hand.values()},
                timeout=self._settings.poll_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopping.cancel()

    async def _work(self, stream: StreamState, stop: asyncio.Event) -> None:
        """One stream, and what to do where it does not go through. Never raises: the loop goes on with the others."""
        try:
            await self._move_all(stream.id, stop)
            self._resting.went_through(stream.id)
        except PyMongoError as error:
            self._resting.rest(stream.id, error, self._health.server_away("MongoDB", error))
        except StoreUnreachable as error:
            self._resting.rest(stream.id, error, self._health.server_away("S3", error))
        except (ChunkHeld, RangeMoved) as error:
            _log.debug("left to another", reason=str(error))
            self._resting.rest(stream.id, error, self._settings.poll_s)
        except StreamClosed as error:
            _log.info("left alone", reason=str(error))
            self._resting.rest(stream.id, error, LONGEST_REST_S)
        except (CompactorError, ColdStoreError) as error:
            _log.error("chunk not moved", stream=stream.id.hex(), error=f"{type(error).__name__}: {error}")
            self._resting.rest(stream.id, error)
        except Exception as error:
            _log.exception("chunk not moved", stream=stream.id.hex())
            self._resting.rest(stream.id, error)

    async def _move_all(self, stream_id: bytes, stop: asyncio.Event) -> None:
        """Every range of the stream that is cold now, in order; then when it is due again."""
        moved = False
        while not stop.is_set():
            stream = await candidates.read_stream(self._mongo, stream_id)
            if stream is None:
                return
            if stream.is_closed or stream.kind not in MOVING_KINDS:
                await candidates.settle(self._mongo, stream, None)
                return
            now = time()
            end = await candidates.chain_end(self._mongo, stream.id, stream.cold)
            # After a full chunk the rest is young: it was due because the chunk was full, not because it is idle.
            idle = not moved and candidates.is_idle(stream, end, now, self._settings.idle_s)
            ranges = candidates.due_ranges(stream, end, keep_events=await self._kept(stream, end), idle=idle)
            if not ranges:
                await self._join_all(stream, stop)
                await self._settle(stream, end, now)
                return
            await self._move_ranges(stream, ranges, stop)
            moved = True

    async def _kept(self, stream: StreamState, end: int) -> int:
        """How many of its newest events stay hot although their chunks are full."""
        if stream.kind != "tracks":
            return 0
        keep_events, keep_bytes = self._settings.keep_track_events, self._settings.keep_track_bytes
        return await self._sizes.kept_events(self._mongo, stream, end, keep_events=keep_events, keep_bytes=keep_bytes)

    async def _move_ranges(self, stream: StreamState, ranges: list[candidates.Range], stop: asyncio.Event) -> None:
        """In order; each begins where the one before has ended. What became cold is deleted once, behind the last."""
        moves = await self._plan(stream, ranges)
        cold, at = stream.cold, 0
        while at < len(moves) and not stop.is_set():
            [size] = await candidates.hot_bytes(self._mongo, stream.id, cold, [moves[at].want])
            together = at + count_together(moves[at:], size)
            moved = await self._move_together(moves[at:together], size) if together > at + 1 else 0
            if moved:
                cold = moves[at + moved - 1].want
            else:
                moved, cold = 1, await self._move(moves[at], size)
                if cold != moves[at].want:
                    break  # another had committed less and died: that is finished, and the rest is looked at anew
            at += moved
        await candidates.delete_below_cold(self._mongo, stream.id, cold)

    async def _plan(self, stream: StreamState, ranges: list[candidates.Range]) -> list[Move]:
        """A move a range; each for the stream as the one before leaves it."""
        prefix, settings = await self._prefix_of(stream), self._settings
        moves = list[Move]()
        for range_ in ranges:
            move = Move(
                self._mongo,
                self._objects,
                stream,
                prefix,
                range_,
                owner=self._owner,
                lease_s=settings.lease_s,
                snapshot_sessions=settings.snapshot_sessions,
            )
            moves.append(move)
            stream = msgspec.structs.replace(stream, cold=range_.want)
        return moves

    async def _move_together(self, moves: list[Move], first_bytes: int) -> int:
        """Move the first of these that no compactor has had in hand before; their number, perhaps 0."""
        try:
            async with self._budget.reserve(bytes_together(first_bytes, len(moves))):
                count = await move_neighbours(Neighbours(moves))
        except NeighboursTooLarge as error:
            _log.debug("chunks go singly", reason=str(error))
            return 0
        if count:
            self._pace.seen(moves[0].intent_s)
        _log.debug("chunks moved", stream=moves[0].stream.id.hex(), first=moves[0].k, count=count)
        return count

    async def _move(self, move: Move, size: int) -> int:
        """The range's events, or what another had committed of them; up to which index it is cold now."""
        move.is_large = size > LARGE_BYTES
        async with self._budget.reserve(_COPIES * GROUP_BYTES if move.is_large else size):
            await move_chunk(move, BEFORE_DELETION)
        assert move.live is not None, "a move that does not raise has committed, or found it committed"
        self._pace.seen(move.intent_s)
        _log.debug("chunk moved", stream=move.stream.id.hex(), chunk=move.k, end=move.want, hot_bytes=size)
        return move.live.end

    async def _join_all(self, stream: StreamState, stop: asyncio.Event) -> None:
        """Every million events that are all cold by now: summaries over them, and larger objects."""
        for span in join.due_spans(stream):
            if stop.is_set():
                return
            try:
                chunks = await join.span_chunks(self._mongo, stream, span)
            except ManifestHole as error:
                _log.error("chunks not joined", error=str(error))
                instruments.moves_stopped.labels(type(error).__name__).inc()
                return
            await join.write_levels(self._mongo, stream.id, span, chunks)
            for run in join.plan_runs(chunks, self._settings.join_bytes):
                size = sum(chunk.live.bytes for chunk in run if chunk.live)
                async with self._budget.reserve(_COPIES * size):
                    await join.join_run(
                        join.Join(
                            self._mongo,
                            self._objects,
                            stream,
                            await self._prefix_of(stream),
                            run,
                            owner=self._owner,
                            lease_s=self._settings.lease_s,
                        )
                    )
            await join.mark(self._mongo, stream.id, span)

    async def _settle(self, stream: StreamState, end: int, now: float) -> None:
        """Nothing more is cold: due again when the rest will be idle, or not before a snapshot says so."""
        await candidates.delete_below_cold(self._mongo, stream.id, stream.cold)
        due_at = candidates.idle_at(stream, now, self._settings.idle_s)
        if stream.kind != "metrics" or end == stream.cold:
            await candidates.settle(self._mongo, stream, None)
        elif end > stream.next:
            # Events came since the snapshot. Its worker may be dead: so that the rest is idle one day, cover it here.
            await cover(self._mongo, stream.id, end, sessions=self._settings.snapshot_sessions, due_at=due_at)
        else:
            await candidates.settle(self._mongo, stream, due_at)

    async def _prefix_of(self, stream: StreamState) -> Prefix:
        known = self._prefixes.get(stream.experiment)
        if known is None:
            document = await self._mongo.experiments.find_one({"_id": stream.experiment}, {"prefix": 1})
            if document is None:
                raise StreamClosed(stream.id)
            known = self._prefixes[stream.experiment] = Prefix(document["prefix"])
            if len(self._prefixes) > _PREFIXES:
                self._prefixes.popitem(last=False)
        return known


async def _wait(stop: asyncio.Event, seconds: float) -> bool:
    """Whether it is time to stop, at the latest after so long."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
