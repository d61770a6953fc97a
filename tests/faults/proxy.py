"""TCP proxies before Kafka and MongoDB: what passes through them is held back where a fault asks for it, and, in runs
that cut connections, is cut, delayed and half-closed at times that a seed draws.

Kafka tells its clients the proxy's address (`kafka_advertised`), and MongoDB's clients are told to look no further
(directConnection); so nothing goes past it.
"""

import asyncio
import contextlib
import random
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from mldash_deploy.stack.data_folder import DataFolder

_PIECE: Final = 65_536
_ENDS_AFTER_S: Final = (1.0, 25.0)
_DELAYS_S: Final = (0.005, 0.05, 0.3)
_DELAYED: Final = 0.02
"""Of all pieces."""

_CALM_S: Final = 5.0
"""At the beginning nothing is cut: so that every client has begun once."""

INSERT: Final = b"insert\0" + len(b"buckets\0").to_bytes(4, "little") + b"buckets\0"
"""How a message to MongoDB begins that inserts buckets."""

ENDS: Final = ("cut", "answer lost", "half-closed", "silent")
_SILENT_S: Final = 8.0

_ANSWERED_S: Final = 1.0
"""Within so long what was held back is answered."""


class Hold:
    """Nothing passes in one direction, from the next insert of buckets on, until `released`.

    `asked`: the insert itself waits, and reaches the server late. `answers`: it is done, and nobody hears of it.
    """

    def __init__(self, way: str) -> None:
        self.way = way
        self._caught, self._released = asyncio.Event(), asyncio.Event()

    async def caught(self, timeout_s: float) -> bool:
        """Whether an insert was caught, in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._caught.wait()
        return self.has_caught

    @property
    def has_caught(self) -> bool:
        return self._caught.is_set()

    def release(self) -> None:
        self._released.set()

    async def released(self) -> None:
        await self._released.wait()

    async def pass_through(self, way: str, data: bytes) -> None:
        """Returns when the data may go on."""
        if way == "asked" and INSERT in data:
            self._caught.set()
        if way == self.way and self._caught.is_set():
            await self._released.wait()


class Proxy:
    """One port before one server."""

    def __init__(self, name: str, seed: int, port_of: Callable[[], int], *, cuts: bool) -> None:
        """`port_of` is asked at each connection: a stack chooses its ports while it comes up."""
        self.name, self._port_of = name, port_of
        self.hits: Counter[str] = Counter()
        self.cuts = cuts
        self._chance = random.Random(f"proxy/{name}/{seed}")
        self._hold: Hold | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._upstream: ssl.SSLContext | None = None

    async def start(self, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None) -> None:
        """`tls`: what passes is TLS, and this proxy looks into it: as the server that it stands for, and its client."""
        as_server, self._upstream = tls or (None, None)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=as_server)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._began = asyncio.get_running_loop().time()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in [*self._connections]:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @contextlib.contextmanager
    def holding(self, way: str) -> Iterator[Hold]:
        """Holds back from the next insert on, until the block ends."""
        self._hold = hold = Hold(way)
        try:
            yield hold
        finally:
            self._hold = None
            hold.release()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._connection(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._port_of(), ssl=self._upstream)
        asked = asyncio.create_task(self._pump("asked", reader, there))
        answers = asyncio.create_task(self._pump("answers", there_reader, writer))
        try:
            ends_after_s = self._chance.uniform(*_ENDS_AFTER_S) if self.cuts else None
            await asyncio.wait({asked, answers}, timeout=ends_after_s, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() and not answers.done():
                await self._until_nothing_is_held()
                await self._end(asked, answers, there)
        finally:
            for task in (asked, answers):
                task.cancel()
            await asyncio.gather(asked, answers, return_exceptions=True)
            for one in (writer, there):
                one.transport.abort()

    async def _until_nothing_is_held(self) -> None:
        """What is held back for a fault's sake shall arrive, and be answered."""
        while (hold := self._hold) is not None:
            await hold.released()
            await asyncio.sleep(_ANSWERED_S)

    async def _end(
        self, asked: "asyncio.Task[None]", answers: "asyncio.Task[None]", there: asyncio.StreamWriter
    ) -> None:
        """`answer lost`: what was asked is done, and nobody hears of it. `silent`: neither side hears anything."""
        if not self.cuts or asyncio.get_running_loop().time() - self._began < _CALM_S:
            await asyncio.wait({asked, answers}, return_when=asyncio.FIRST_COMPLETED)
            return
        end = self._chance.choice(ENDS)
        self.hits[end] += 1
        if end == "cut":
            return
        if end in ("answer lost", "silent"):
            answers.cancel()
        if end == "silent":
            asked.cancel()
        if end == "half-closed":
            with contextlib.suppress(OSError, RuntimeError):
                there.write_eof()
        await asyncio.sleep(_SILENT_S * self._chance.random())

    async def _pump(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_PIECE):
            if self.cuts and self._chance.random() < _DELAYED:
                self.hits["delayed"] += 1
                await asyncio.sleep(self._chance.choice(_DELAYS_S))
            if self._hold is not None:
                await self._hold.pass_through(way, data)
            writer.write(data)
            await writer.drain()


class Proxies:
    """Those of a run; inside its block they listen. Each worker has one to MongoDB of its own, which listens once the
    servers are up: where these are secured, it needs their certificate.

    `cuts`: there is one before Kafka, too, and before MongoDB for all others, and all of them cut. `api_port`: the
    API's, where emitters send to it, through a proxy of its own.
    """

    def __init__(self, data: DataFolder, seed: int, workers: int, api_port: int | None, *, cuts: bool) -> None:
        def kafka() -> int:
            return data.read_ports()["kafka"]

        def mongo() -> int:
            return data.read_ports()["mongo"]

        self.cuts = cuts
        self.kafka, self.mongo = Proxy("kafka", seed, kafka, cuts=cuts), Proxy("mongo", seed, mongo, cuts=cuts)
        self.api = None if api_port is None else Proxy("api", seed, lambda: api_port, cuts=cuts)
        self.workers = [Proxy(f"mongo of worker {slot}", seed, mongo, cuts=cuts) for slot in range(workers)]

    async def __aenter__(self) -> "Proxies":
        for proxy in self._all():
            if proxy not in self.workers:
                await proxy.start()
        return self

    async def start_for_workers(self, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None) -> None:
        for proxy in self.workers:
            await proxy.start(tls)

    async def __aexit__(self, *_: object) -> None:
        for proxy in self._all():
            await proxy.stop()

    def calm(self) -> None:
        """From now on they cut nothing."""
        for proxy in self._all():
            proxy.cuts = False

    @property
    def hits(self) -> dict[str, int]:
        """How often each thing happened, before each kind of server."""
        servers = ("kafka", "mongo", *(["api"] if self.api else []))
        found = {f"{server}: {what}": 0 for server in servers for what in (*ENDS, "delayed")}
        for proxy in self._all():
            for what, count in proxy.hits.items():
                found[f"{proxy.name.partition(' ')[0]}: {what}"] += count
        return found

    def _all(self) -> list[Proxy]:
        return [self.kafka, self.mongo, *self.workers, *([self.api] if self.api else [])]
