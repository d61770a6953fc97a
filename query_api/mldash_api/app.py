"""The API: wiring, start, stop. What it answers stands in routes/ and the rooms beside it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from mldash.connections.loopback import is_loopback
from mldash.process.dependencies import LOOK_EVERY_S as LOOK_AT_SERVERS_S
from mldash.process.dependencies import Dependencies
from mldash.process.supervision import Supervision
from mldash_compactor.chunks.parquet.conversions import load_conversions
from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.mongo import AutoReconnect, open_mongo

from . import faults, health, instruments, openapi, problems
from .agents.http.route import tools_of, tools_route
from .caching import kept_nowhere
from .errors import ApiError
from .gateway.gateway import Gateway
from .kafka import Topics
from .limits import MOST_BODY_BYTES
from .listening import BACKLOG, listen
from .live.live import Live
from .observe import observed
from .oidc.flow import Flow
from .rights.admission import Admission
from .rights.needed import needs
from .rights.private_token import write_first_link
from .routes import (
    compare,
    connect,
    dashboard,
    dependencies,
    experiments,
    metrics,
    params,
    records,
    runs,
    tracks,
)
from .routes import health as health_routes
from .routes.changing import annotations, deletion
from .routes.doors import links, oidc, page, sign_in, tokens
from .routes.live import router as live_routes
from .routes.logs import of_many, of_one
from .routes.operating import waiting
from .routes.parameters import refuse_unknown
from .routes.saved import addresses, views
from .routes.written import audit, sessions
from .search.following import Follower
from .search.index import RunIndex
from .sending import bounded_protocol
from .settings import ApiSettings
from .stores.block_cache import BlockCache
from .stores.chunk_cache import ChunkCache
from .stores.full_chunks import FullChunks
from .stores.streams import Stores
from .tls import LOOK_EVERY_S, Certificate

if TYPE_CHECKING:
    from .agents.http.tools_over_http import ToolsOverHttp

_KEEP_ALIVE_S: Final = 75
_log = structlog.get_logger()


class Api:
    """Reads hot and cold data as one, over HTTP. `run` it once; `health` says what is wrong, if anything."""

    def __init__(self, settings: ApiSettings, *, shares_port: bool = False) -> None:
        """`shares_port`: other processes of this API listen on the same one."""
        self._settings, self._shares_port = settings, shares_port
        self.dependencies = Dependencies({}, instruments.show_dependency)
        self.live: Live | None = None
        """While it runs."""
        self._stores: Stores | None = None
        self._trouble: str | None = "starting"
        self.port = settings.port
        """The port that is listened on; where the setting is 0, known once `run` has begun."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and the requests in hand are answered, within `stop_timeout_s`.

        Raises PortTaken, or ServerAway where MongoDB or S3 does not answer at the start.
        """
        listener = listen(self._settings.host, self._settings.port, shares_port=self._shares_port)
        with contextlib.closing(listener):
            self.port = listener.getsockname()[1]
            mongo = open_mongo(self._settings)
            try:
                async with open_store(self._settings, 4 * self._settings.chunk_fetches) as objects:
                    cache = ChunkCache(objects, self._settings.chunk_cache_bytes, self._settings.tail_cache_bytes)
                    blocks = BlockCache(objects, self._settings.summary_cache_bytes)
                    full = FullChunks(self._settings.manifest_cache_bytes)
                    stores = Stores(self._settings, mongo, objects, cache, blocks, full_chunks=full)
                    await health.check(stores)
                    if self._settings.link_file:
                        await write_first_link(mongo, self._settings.link_file, self._own_address())
                    self._stores = stores
                    async with tools_of(self._settings) as tools:
                        await self._serve(stores, listener, stop, tools)
            finally:
                self._stores = None
                await mongo.close()

    def _own_address(self) -> str:
        scheme, host = "https" if self._settings.tls_cert_file else "http", self._settings.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def health(self) -> str | None:
        """None: ready, whatever is away behind it: a server that is away is away for every API, and a balancer that
        took out all of them would leave its callers with less than the reason. Else that it starts or stops."""
        return self._trouble

    def _warn(self) -> None:
        """Of what the operator chose, and may not have meant."""
        settings = self._settings
        if settings.auth is None or is_loopback(settings.host):
            return
        if settings.auth == "open":
            _log.warning("everybody who reaches this API may read and change everything", auth="open")
        elif not settings.tls_cert_file and not settings.trusted_proxies:
            _log.warning(
                "tokens are refused beyond loopback: there is no TLS here, and no trusted proxy", auth="tokens"
            )

    def _certificate(self) -> Certificate | None:
        cert_file, key_file = self._settings.tls_cert_file, self._settings.tls_key_file
        return Certificate(cert_file, key_file) if cert_file and key_file else None

    async def _serve(
        self, stores: Stores, listener: socket.socket, stop: asyncio.Event, tools: "ToolsOverHttp | None"
    ) -> None:
        await asyncio.to_thread(load_conversions)
        topics = Topics(stores.settings)
        gateway = Gateway(stores.settings, stores.mongo, topics)
        index = make_index(stores.settings)
        self.live = live = Live(stores, index)
        self.dependencies = dependencies = health.dependencies_of(stores, topics)
        admission = Admission(stores.settings, stores.mongo)
        flow = Flow(stores.settings, admission.browsers.keys) if stores.settings.auth == "oidc" else None
        certificate = self._certificate()
        cert_file, key_file = certificate.check() if certificate else (None, None)
        app = make_app(stores, topics, dependencies, gateway, admission, flow, live, index, tools)
        server = _Server(
            uvicorn.Config(
                observed(kept_nowhere(app)),
                ssl_certfile=cert_file,
                ssl_keyfile=key_file,
                http=bounded_protocol(self._settings.send_timeout_s),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # uvicorn would believe all of loopback; rights/arrival.py believes named proxies
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(self._settings.stop_timeout_s)),
                backlog=BACKLOG,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        supervision = Supervision(stop, instruments.count_failure)
        supervision.start("look at servers", dependencies.look, LOOK_AT_SERVERS_S)
        supervision.start("follow the runs", Follower(stores.mongo, index).step, 0.0)
        if certificate:
            supervision.start(
                "renew the certificate",
                lambda: certificate.renew(_live(server)),
                LOOK_EVERY_S,
                first_after_s=LOOK_EVERY_S,
            )
        live.start()
        self._trouble = None
        self._warn()
        _log.info("api started", host=self._settings.host, port=self.port, auth=self._settings.auth)
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._trouble = "stopping"
            stopping.cancel()
            live.say_goodbye()
            if tools:
                tools.end()
            server.should_exit = True
            await serving
            await live.close()
            await supervision.finish()
            index.close()
            await gateway.passing_on.close()
            await topics.close()
            if flow:
                await flow.close()
            _log.info("api stopped")


def make_index(settings: ApiSettings) -> RunIndex:
    """Empty. It is read when somebody searches, or at the start."""
    index = RunIndex(settings.lost_after_s, settings.query_timeout_s)
    if settings.index_at_start:
        index.wanted.set()
    return index


def _live(server: uvicorn.Server) -> ssl.SSLContext:
    """The context of every new connection."""
    assert server.config.ssl is not None, "the configuration was loaded"
    return server.config.ssl


class _Server(uvicorn.Server):
    """Signals are the process's (mldash/process/service.py), not the web server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_app(
    stores: Stores,
    topics: Topics | None = None,
    known: Dependencies | None = None,
    gateway: Gateway | None = None,
    admission: Admission | None = None,
    flow: Flow | None = None,
    live: Live | None = None,
    index: RunIndex | None = None,
    tools: "ToolsOverHttp | None" = None,
) -> Litestar:
    """Every route over these stores; `topics`, `gateway`, `flow`, `live`, `index` and `tools` are started, kept and
    closed, and at `known` is looked, by who gives them."""
    topics = topics or Topics(stores.settings)
    known = known or health.dependencies_of(stores, topics)
    taking = gateway or Gateway(stores.settings, stores.mongo, topics)
    searched = index or make_index(stores.settings)
    telling = live or Live(stores, searched)
    admission = admission or Admission(stores.settings, stores.mongo)
    return Litestar(
        route_handlers=[
            Router(
                "/v1",
                route_handlers=[
                    connect.connect,
                    records.records,
                    experiments.experiment_of,
                    experiments.experiments,
                    runs.fields,
                    runs.explained,
                    annotations.changed,
                    annotations.history,
                    deletion.deleted,
                    views.views,
                    views.view,
                    views.changed_view,
                    views.deleted_view,
                    views.history,
                    views.undone,
                    addresses.kept,
                    addresses.long_of_short,
                    params.params,
                    metrics.router,
                    compare.router,
                    tracks.router,
                    of_one.lines,
                    of_many.merged,
                    live_routes.router,
                    sessions.sessions,
                    sessions.standing,
                    audit.audited,
                    waiting.router(stores.settings),
                    tokens.tokens,
                    tokens.new_token,
                    tokens.revoked_token,
                    tokens.changes,
                    links.links,
                    links.new_link,
                    links.revoked_link,
                    oidc.off_to_provider,
                    oidc.back_from_provider,
                    sign_in.ways,
                    sign_in.sign_in,
                    sign_in.sign_out,
                    sign_in.me,
                    sign_in.sign_ins,
                    sign_in.ended_sign_in,
                ],
                guards=[refuse_unknown],
                dependencies=dependencies.DEPENDENCIES,
            ),
            *dashboard.HANDLERS,
            page.sign_in_page,
            page.sign_in_script,
            page.sign_in_style,
            health_routes.healthz,
            health_routes.readyz,
            health_routes.dependencies,
            health_routes.operator_metrics,
            *([tools_route(tools)] if tools else []),
        ],
        guards=[admission.admit],
        dependencies={
            "stores": Provide(lambda: stores, sync_to_thread=False),
            "topics": Provide(lambda: topics, sync_to_thread=False),
            "gateway": Provide(lambda: taking, sync_to_thread=False),
            "flow": Provide(lambda: flow, sync_to_thread=False),
            "browsers": Provide(lambda: admission.browsers, sync_to_thread=False),
            "live": Provide(lambda: telling, sync_to_thread=False),
            "index": Provide(lambda: searched, sync_to_thread=False),
            "known": Provide(lambda: known, sync_to_thread=False),
        },
        exception_handlers={
            ApiError: problems.on_api_error,
            AutoReconnect: faults.on_mongo_away,
            HTTPException: faults.on_http_error,
            Exception: faults.on_anything,
        },
        openapi_config=OpenAPIConfig(
            title="ML-Dash",
            version=version("mldash"),
            description="Experiments, hot and cold data as one. Errors are RFC 9457 problems.",
            # The page itself: anything above it would answer for routes that are not there.
            openapi_router=Router(
                "/v1/openapi.json", route_handlers=[], include_in_schema=False, opt=needs("read", "shown")
            ),
            render_plugins=[openapi.Described(is_guarded=admission.is_guarded)],
            components=openapi.COMPONENTS,
        ),
        logging_config=None,
        request_class=problems.OurRequest,
        request_max_body_size=MOST_BODY_BYTES,
    )
