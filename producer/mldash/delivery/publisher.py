"""The thread that publishes one process's journal, with an asyncio loop of its own. Started with the first event.

    connect   where is Kafka, and which topics (asked of the API, with growing delays; fixed once in session.json)
    publish   rounds of the journal, one after another, at most IN_FLIGHT_BYTES at once; heartbeats and claims between
    begin again, with a new producer, from the checkpoint: at the first failure, and where Kafka is silent for too long

What dead sessions of this host left for the same API goes over the same producer, beside the own events
(dead_sessions.py).
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, thread_time

from mldash.answers.shapes import Connection
from mldash.callbacks import Callbacks
from mldash.errors import MldashError
from mldash.events.schema import Record
from mldash.journal.append import Journal
from mldash.journal.checkpoint import Place
from mldash.journal.reading.scan import LiveSource
from mldash.journal.session_folder import Head
from mldash.process.clock import GrowingDelay
from mldash.settings import SdkSettings

from .dead_sessions import DeadSessions
from .delivery import Delivery
from .gateway import Post, Way
from .kafka import DirectLoop, packed_bytes
from .lane import Lane, Progress
from .pace import Pace
from .producer import BatchRefused, KafkaTrouble, Producer
from .refusals import Refusals, RefusedEvents
from .signals import send_signals
from .ways import start_producer

_NOTHING_SET = SdkSettings()
_MOST_WAIT_S = 300.0


class Publisher(Delivery):
    """Delivers to Kafka."""

    def __init__(
        self,
        journal: Journal,
        ask: Callable[[], Connection],
        callbacks: Callbacks,
        settings: SdkSettings = _NOTHING_SET,
        *,
        pace: Pace,
        heartbeat_s: float,
        fsync_s: float | None = None,
        post: Post | None = None,
    ) -> None:
        """`ask` gives Kafka's address and topics, or raises ServerUnreachable, RequestRefused; `settings` say who signs
        in there; `post` sends a request body to POST /v1/records where there is an API."""
        super().__init__(journal, "publisher")
        self._ask, self._api = ask, None if post is None else Way(post)
        self._callbacks = callbacks
        self._settings = settings
        self._pace = pace
        self._heartbeat_s = heartbeat_s
        self._fsync_s = fsync_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._hurried = False
        self._is_publishing = False
        self._own: Lane | None = None
        self._before: dict[tuple[str, str | None], Progress] = {}
        """What earlier tries on the caller's thread have delivered (Delivery.start)."""
        self._refused: RefusedEvents | None = None
        self._refusals = Refusals(packed_bytes)
        self._told_silence = False
        self._look: Callable[[], Awaitable[Exception | None]] | None = None
        self._looking: asyncio.Task[None] | None = None

    def progress(self) -> dict[tuple[str, str | None], Progress]:
        """How far each stream is acknowledged; after a flush that is how far it was written."""
        return dict(self._before if self._own is None else self._own.progress)

    def wake(self) -> None:
        self._hurried = True
        loop, event = self._loop, self._wake
        if loop is not None and event is not None:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # the loop has ended meanwhile
                return

    def hurry(self) -> None:
        """It ends no pause between two attempts: a full journal asks again and again, and the pauses would not grow."""
        self._hurried = True
        if self._is_publishing:
            self.wake()

    def listen(self, is_listened: bool) -> None:
        """Whether somebody listens to the experiment; what waits for its turn goes to who has just come."""
        self._pace.is_listened = is_listened
        if is_listened:
            self.hurry()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=DirectLoop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._forget_own()
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        delay = GrowingDelay()
        dead = DeadSessions(self.journal.root, self._refusals, self._is_ours)
        try:
            while not (self._stopping.is_set() and (delay.attempts or self._is_delivered())):
                try:
                    await self._publish(delay, dead)
                    return
                except BatchRefused:
                    continue  # nothing is away, and the next producer does better
                except Exception as error:  # a server that is away, or a fault of ours: told, and begun again
                    self.barrier.trouble(str(error) if isinstance(error, MldashError) else _reason(error))
                    self._callbacks.network_error(error, delay.attempts + 1)
                    await self._wait_as_told(getattr(error, "retry_after_s", 0.0))
                await self._rest(delay.next())
        finally:
            self._loop = None
            dead.close()
            if self._own is not None:
                self._own.close()

    def _forget_own(self) -> None:
        """For another try: what the one before has delivered counts on."""
        self._before, self._own = self.progress(), None

    def _is_delivered(self) -> bool:
        return self.barrier.place >= self.journal.end()

    async def _publish(self, delay: GrowingDelay, dead: DeadSessions) -> None:
        """One producer's life. Returns when all is delivered and no more will come; raises what ended the producer."""
        connection = self._connect()
        own = self._own_lane()
        name = f"mldash-{self.journal.pid}"
        kafka = await start_producer(connection, self._settings, self._api, name, self._refusals.batch_bytes)
        self._look = kafka.why_silent
        try:
            own.begin(connection.content_type, connection.schema_minor)
            beside = asyncio.create_task(dead.send(kafka, connection))
            beside.add_done_callback(lambda task: self.wake_here())
            self._is_publishing = True
            try:
                await self._publish_with(kafka, own, beside, delay)
            except KafkaTrouble as error:
                told = await kafka.in_words(error)
                if told is error:
                    raise
                raise told from error
            finally:
                self._is_publishing = False
                beside.cancel()
                await asyncio.wait([beside])
                if not beside.cancelled():
                    beside.exception()  # whatever it was, this producer's life is over
        finally:
            await kafka.abandon()
            if self._looking is not None:
                self._looking.cancel()
                await asyncio.wait([self._looking])

    async def _publish_with(
        self, kafka: Producer, own: Lane, beside: "asyncio.Task[None]", delay: GrowingDelay
    ) -> None:
        next_signals = synced = monotonic()
        turn_end = Place(0, 0)
        while True:
            now = monotonic()
            place = own.settle()
            if place > self.barrier.place:
                self.barrier.advance(place)
                self._pace.spend(_cpu_s(kafka))
                if delay.attempts or self._told_silence:
                    self._callbacks.delivered()
                delay.reset()
                self._told_silence = False
            if own.problem is not None:
                self.barrier.trouble(f"refused events can't be set aside ({own.problem})")
            if beside.done():
                beside.result()  # what ended it is the end of the producer
            has_sent = False
            if self.journal.end() > own.read_up_to:
                if own.read_up_to >= turn_end and self._is_turn(now):
                    self._pace.begin(now)
                    self._hurried = False  # before the end is looked at: who hurries later may wait for more
                    turn_end = self.journal.end()
                has_sent = own.read_up_to < turn_end and own.has_room and await own.send_round(kafka)
            elif self._stopping.is_set() and own.is_idle:
                await send_signals(kafka, own, final=True)
                return
            if now >= next_signals:
                next_signals = now + self._heartbeat_s
                await send_signals(kafka, own)
            if self._fsync_s is not None and now - synced >= self._fsync_s:
                synced = now
                self.journal.sync()
            if has_sent:
                self._pace.spend(_cpu_s(kafka))
                await asyncio.sleep(0)  # the client's own tasks get their turn
                continue
            if own.is_idle:
                self._pace.forget(_cpu_s(kafka))
            rest_s = min(self._pace.rest_s(now), next_signals - now)
            if self._fsync_s is not None:
                rest_s = min(rest_s, synced + self._fsync_s - now)
            await self._rest(max(rest_s, 0.0))

    def _is_turn(self, now: float) -> bool:
        return self._hurried or self._stopping.is_set() or self._pace.is_due(now)

    def _connect(self) -> Connection:
        """Kafka's address, the pace, and the session's topics, fixed before its first send."""
        connection = self._ask()
        if self._settings.linger_max_s is None:
            self._pace.most_s = connection.linger_max_s
        folder = self.journal.folder
        assert folder is not None
        if folder.head.topics is None:
            folder.fix_topics(connection.topics, connection.content_type)
        return connection

    def _own_lane(self) -> Lane:
        if self._own is None:
            folder = self.journal.folder
            assert folder is not None
            self._refused = self._refused or RefusedEvents(str(folder.path))
            self._own = Lane(
                LiveSource(self.journal),
                folder,
                self._refusals,
                wake=self.wake_here,
                release=self.journal.release,
                held=self._held,
                silent=self._silent,
            )
            self._own.progress.update(self._before)
        return self._own

    def wake_here(self) -> None:
        """From the loop's own thread."""
        if self._wake is not None:
            self._wake.set()

    def _is_ours(self, head: Head) -> bool:
        folder = self.journal.folder
        assert folder is not None
        return head.mode == "remote" and (head.remote, head.kafka) == (folder.head.remote, folder.head.kafka)

    def _held(self, records: list[Record], kept_bytes: int) -> None:
        assert self._refused is not None
        self.journal.keep(kept_bytes)
        self.barrier.refused = self._refused.add(records, kept_bytes)
        self._callbacks.refused(self.barrier.refused)

    def _silent(self, seconds: float) -> None:
        """Once until something is acknowledged again. The producer is given up later: it may only be slow."""
        if not self._told_silence:
            self._told_silence = True
            self._looking = asyncio.create_task(self._tell_of_silence(seconds))
            self._looking.add_done_callback(_look_away)

    async def _tell_of_silence(self, seconds: float) -> None:
        """With the door that is shut, where that is the reason: Kafka's client says nothing of it in a run."""
        found = None if self._look is None else await self._look()
        problem = found or RuntimeError(f"Kafka has not answered for {seconds:g} s")
        self.barrier.trouble(str(problem))
        self._callbacks.network_error(problem, 3)  # what it waited for is as long as three attempts

    async def _wait_as_told(self, seconds: float) -> None:
        """What a server asks for is not cut short by who flushes; only the end of the process is."""
        until = monotonic() + min(seconds, _MOST_WAIT_S)
        while (left := until - monotonic()) > 0 and not self._stopping.is_set():
            await self._rest(left)

    async def _rest(self, seconds: float) -> None:
        assert self._wake is not None
        alarm = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()
            self._wake.clear()


def _cpu_s(kafka: Producer) -> float:
    """Seconds that this thread and the producer's own have computed."""
    return thread_time() + kafka.cpu_s


def _look_away(task: "asyncio.Task[None]") -> None:
    """The producer is given up anyway, and that is told."""
    if not task.cancelled():
        task.exception()


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if not str(error) or type(error).__module__ == "builtins" else str(error)
