"""The API: wiring, start, stop. What it answers stands in routes/ and the rooms beside it."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

import structlog
import uvicorn
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.mongo import AutoReconnect, Mongo

from . import health, problems
from .errors import ApiError, PortTaken
from .kafka import Topics
from .observe import observed
from .routes import connect, dependencies, experiments, logs, metrics, params, sessions, tracks
from .routes import health as health_routes
from .routes.parameters import refuse_unknown
from .sending import bounded_protocol
from .settings import ApiSettings
from .stores.block_cache import BlockCache
from .stores.chunk_cache import ChunkCache
from .stores.streams import Stores

_BACKLOG: Final = 2_048
_KEEP_ALIVE_S: Final = 75
_log = structlog.get_logger()


class Api:
    """Reads hot and cold data as one, over HTTP. `run` it once; `health` says what is wrong, if anything."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._stores: Stores | None = None
        self.port = settings.port
        """The port that is listened on; where the setting is 0, known once `run` has begun."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and the requests in hand are answered, within `stop_timeout_s`.

        Raises PortTaken, or ServerAway where MongoDB or S3 does not answer at the start.
        """
        listener = _listen(self._settings.host, self._settings.port)
        with contextlib.closing(listener):
            self.port = listener.getsockname()[1]
            mongo = Mongo(self._settings.mongo, self._settings.mongo_database)
            try:
                async with open_store(self._settings, 4 * self._settings.chunk_fetches) as objects:
                    cache = ChunkCache(objects, self._settings.chunk_cache_bytes, self._settings.tail_cache_bytes)
                    blocks = BlockCache(objects, self._settings.summary_cache_bytes)
                    stores = Stores(self._settings, mongo, objects, cache, blocks)
                    await health.check(stores)
                    self._stores = stores
                    await self._serve(stores, listener, stop)
            finally:
                self._stores = None
                await mongo.close()

    async def health(self) -> str | None:
        """None: ready. Else what does not answer."""
        return "starting" if self._stores is None else await health.why_not_ready(self._stores)

    async def _serve(self, stores: Stores, listener: socket.socket, stop: asyncio.Event) -> None:
        topics = Topics(stores.settings.kafka, stores.settings.topic_prefix)
        server = _Server(
            uvicorn.Config(
                observed(make_app(stores, topics)),
                http=bounded_protocol(self._settings.send_timeout_s),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(self._settings.stop_timeout_s)),
                backlog=_BACKLOG,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        _log.info("api started", host=self._settings.host, port=self.port)
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await serving
            await topics.close()
            _log.info("api stopped")


class _Server(uvicorn.Server):
    """Signals are the process's (mldash/process/service.py), not the web server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_app(stores: Stores, topics: Topics | None = None) -> Litestar:
    """Every route over these stores; `topics` are closed by who gives them."""
    topics = topics or Topics(stores.settings.kafka, stores.settings.topic_prefix)
    return Litestar(
        route_handlers=[
            Router(
                "/v1",
                route_handlers=[
                    connect.connect,
                    experiments.experiment_of,
                    experiments.experiments,
                    params.params,
                    metrics.router,
                    tracks.router,
                    logs.lines,
                    sessions.sessions,
                    sessions.standing,
                ],
                guards=[refuse_unknown],
                dependencies=dependencies.DEPENDENCIES,
            ),
            health_routes.healthz,
            health_routes.readyz,
            health_routes.operator_metrics,
        ],
        dependencies={
            "stores": Provide(lambda: stores, sync_to_thread=False),
            "topics": Provide(lambda: topics, sync_to_thread=False),
        },
        exception_handlers={
            ApiError: problems.on_api_error,
            AutoReconnect: problems.on_mongo_away,
            HTTPException: problems.on_http_error,
            Exception: problems.on_anything,
        },
        openapi_config=OpenAPIConfig(
            title="ML-Dash",
            version=version("mldash"),
            description="Experiments, hot and cold data as one. Errors are RFC 9457 problems.",
            path="/v1/openapi.json",  # the page itself: anything above it would answer for routes that are not there
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        logging_config=None,
    )


def _listen(host: str, port: int) -> socket.socket:
    """Taken before anything else: that it is another's is known at once, and early callers wait instead of failing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol too: asyncio sets TCP_NODELAY only where it is named, and without it an answer waits 40 ms
        # between its head and its body.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortTaken(host, port, error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise PortTaken(host, port, os.strerror(error.errno) if error.errno else str(error)) from error
    return listener
