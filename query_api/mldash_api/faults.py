"""Errors that are of the servers behind the API, or of the API itself: told as problems (problems.py), and logged."""

from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from mldash_ingest.documents.mongo import AutoReconnect

from . import problems
from .errors import ServerAway

_SIGN_IN: Final = "/v1/sign-in"
_DRIVER_DETAILS: Final = " (configured"
_log = structlog.get_logger()


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's."""
    return on_anything(request, error) if error.status_code >= 500 else problems.on_http_error(request, error)


def on_mongo_away(request: Request[Any, Any, Any], error: AutoReconnect) -> Response[bytes]:
    """MongoDB has no primary just now, or none that can be reached."""
    away = ServerAway("MongoDB", f"MongoDB does not answer: {str(error).split(_DRIVER_DETAILS, 1)[0]}")
    return problems.on_api_error(request, away)


def on_anything(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours."""
    # What a provider sends a browser back with is for nobody's eyes.
    query = {} if request.url.path.startswith(_SIGN_IN) else dict(request.query_params)
    _log.error("request failed", path=request.url.path, query=query, exc_info=error)
    return problems.unexpected(error)
