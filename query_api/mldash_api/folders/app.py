"""The routes over a folder: those of the API that the page asks, with the same parameters and the same answers."""

import logging
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from mldash.client.kept_runs import KeptRuns
from mldash.client.unreadable import RunUnreadable
from mldash_api import problems
from mldash_api.caching import kept_nowhere
from mldash_api.errors import ApiError
from mldash_api.limits import MOST_BODY_BYTES
from mldash_api.routes import dashboard
from mldash_api.routes.parameters import refuse_unknown
from mldash_api.run_errors import DamagedRun

from . import charts, finding, pages, reading, tracks
from . import live as live_routes
from .access import Access
from .asking import provide_form
from .grids import Charts

_log = logging.getLogger(__name__)


def make_app(runs: KeptRuns, access: Access, streams: live_routes.Streams) -> ASGIApp:
    """`streams` are closed by who gives them."""
    drawn = Charts()
    answers = Router(
        "/v1",
        route_handlers=[
            finding.experiments,
            finding.fields,
            finding.explained,
            reading.experiment,
            reading.sessions,
            reading.params,
            reading.metrics,
            reading.points,
            reading.statistics,
            reading.lines,
            tracks.tracks,
            tracks.entries,
            tracks.at,
            tracks.resample,
            tracks.grid,
            charts.differences,
            charts.parted,
            charts.grid,
            charts.view,
            charts.views,
            live_routes.live,
            live_routes.changed_live,
        ],
        guards=[refuse_unknown],
        dependencies={"form": Provide(provide_form, sync_to_thread=False)},
    )
    app = Litestar(
        route_handlers=[answers, *pages.HANDLERS, dashboard.dashboard_file],
        guards=[access.admit],
        dependencies={
            "runs": Provide(lambda: runs, sync_to_thread=False),
            "access": Provide(lambda: access, sync_to_thread=False),
            "charts": Provide(lambda: drawn, sync_to_thread=False),
            "streams": Provide(lambda: streams, sync_to_thread=False),
        },
        exception_handlers={
            ApiError: problems.on_api_error,
            RunUnreadable: _on_unreadable,
            HTTPException: _on_http_error,
            Exception: _on_anything,
        },
        openapi_config=None,
        logging_config=None,
        request_class=problems.OurRequest,
        request_max_body_size=MOST_BODY_BYTES,
    )
    return kept_nowhere(app)


def _on_unreadable(request: Request[Any, Any, Any], error: RunUnreadable) -> Response[bytes]:
    return problems.on_api_error(request, DamagedRun(error.prefix, error.reason))


def _on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    return _on_anything(request, error) if error.status_code >= 500 else problems.on_http_error(request, error)


def _on_anything(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("request failed: %s", request.url.path, exc_info=error)
    return problems.unexpected(error)
