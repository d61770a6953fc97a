"""Errors → RFC 9457 problems: {type, title, status, detail, …}, always as application/problem+json.

Our own errors say everything themselves; the framework's are translated here. Without a store: local mode tells the
same.
"""

import re
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from .errors import ApiError, WrongParameter
from .routes.parameters import HEADERS

_TITLES: Final = {404: "No such route", 405: "Another method", 413: "Request too large"}
_PROBLEM: Final = "application/problem+json"
_RETRY_AFTER_S: Final = "1"
_MISSING: Final = re.compile(r"Missing required \w+ parameter '([^']+)'")


class OurRequest(Request[Any, Any, Any]):
    """Its body is refused for all that msgspec raises of one that is no JSON; Litestar knows one kind alone."""

    async def json(self) -> Any:
        """Raises WrongParameter, and SerializationException as Litestar's does."""
        try:
            return await super().json()
        except RecursionError:
            raise WrongParameter("body", "it is nested too deep") from None
        except UnicodeDecodeError:
            raise WrongParameter("body", "it is not in UTF-8") from None


def on_api_error(_: Request[Any, Any, Any], error: ApiError) -> Response[bytes]:
    """Ours."""
    answer = problem(error.status, error.type, error.title, str(error), error.members(), retriable=error.retriable)
    answer.headers.update(error.headers())
    return answer


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's below 500: a wrong value of a parameter, no such route, another method."""
    if isinstance(error, ValidationException):
        return on_api_error(request, _wrong_parameter(error))
    title = _TITLES.get(error.status_code, "Bad request")
    detail = f"{request.method} {request.url.path}: {error.detail or title}"
    return problem(error.status_code, title.lower().replace(" ", "-"), title, detail)


def unexpected(error: Exception) -> Response[bytes]:
    """A fault of ours, whose traceback is for the log alone."""
    return problem(500, "internal-error", "Internal error", f"{type(error).__name__}; the API's log says more")


def _wrong_parameter(error: ValidationException) -> WrongParameter:
    """The first parameter at fault, and what is allowed in its place."""
    for one in error.extra or ():
        if isinstance(one, dict) and "key" in one:
            name = HEADERS.get(one["key"], one["key"]) if one.get("source") == "header" else one["key"]
            return WrongParameter(str(name), str(one.get("message", error.detail)))
    if missing := _MISSING.match(error.detail):
        return WrongParameter(missing[1], "it is required")
    return WrongParameter("request", error.detail)


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    members: dict[str, Any] | None = None,
    *,
    retriable: bool = False,
) -> Response[bytes]:
    """The response."""
    body = {"type": kind, "title": title, "status": status, "detail": detail, **(members or {})}
    headers = {"Retry-After": _RETRY_AFTER_S} if retriable else {}
    return Response(msgspec.json.encode(body), status_code=status, media_type=_PROBLEM, headers=headers)
