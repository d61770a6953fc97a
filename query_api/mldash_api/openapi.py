"""What the document says of every operation besides its parameters: the right that it needs, and how it is refused.

In OpenAPI 3.1 a security requirement names the rights that it takes (`security: [{"token": ["read"]}]`). Where nobody
signs in the empty requirement stands beside it.
"""

from collections.abc import Iterator
from typing import Any, Final

from litestar import Litestar, Request
from litestar.handlers import BaseRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Reference,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.routes import HTTPRoute

from .rights.needed import needed_by
from .routes.bodies import body_of

SCHEME: Final = "token"
COOKIE: Final = "cookie"
PROBLEM: Final = "application/problem+json"

_ON: Final = {
    "prefix": "on `prefix`",
    "prefixes": "on each of `prefixes`",
    "everything": "on everything",
    "shown": "on what it shows or takes",
}
_NUMBER, _TEXT = Schema(type=OpenAPIType.INTEGER), Schema(type=OpenAPIType.STRING)
_PROBLEM_SCHEMA: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="RFC 9457. docs/http.md lists the types; some have further members.",
    required=["type", "title", "status", "detail"],
    properties={"type": _TEXT, "title": _TEXT, "status": _NUMBER, "detail": _TEXT},
)

COMPONENTS: Final = Components(
    security_schemes={
        SCHEME: SecurityScheme(
            type="http", scheme="bearer", bearer_format="mld_…", description="docs/security.md: who may call."
        ),
        COOKIE: SecurityScheme(
            type="apiKey",
            name="mldash",
            security_scheme_in="cookie",
            description="Of a browser that has signed in; over https its name is __Host-mldash.",
        ),
    },
)


class Described(JsonRenderPlugin):
    """The document, made when somebody first asks: it takes as long as the rest of an API's start, and few ask."""

    def __init__(self, *, is_guarded: bool) -> None:
        """`is_guarded`: whether callers sign in."""
        super().__init__(path="/")
        self._is_guarded = is_guarded
        self._rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """`openapi_schema` is Litestar's own, which lacks what is completed here."""
        if self._rendered is None:
            _describe(request.app, self._is_guarded)
            self._rendered = super().render(request, request.app.openapi_schema.to_schema())
        return self._rendered


def _describe(app: Litestar, is_guarded: bool) -> None:
    """Complete the document, with bodies that routes read by themselves too."""
    # Litestar keeps of the components that it is given all but the schemas: those are its own.
    components = app.openapi_schema.components
    assert components is not None
    components.schemas = {**(components.schemas or {}), "Problem": _PROBLEM_SCHEMA}
    for schema in components.schemas.values():
        _let_numbers_be_integers(schema)
    for operation, handler in _operations(app):
        operation.request_body = body_of(handler) or operation.request_body
        needed = needed_by(handler)
        if needed is None or needed.right is None:
            operation.security = [{}]
            operation.responses = {**(operation.responses or {}), **_refusals()}
            continue
        operation.security = [{SCHEME: [needed.right]}, {COOKIE: [needed.right]}, *([] if is_guarded else [{}])]
        told = f"Needs the right to {needed.right} {_ON[needed.of]}."
        if needed.links:
            told += f" Links open it: {', '.join(needed.links)}."
        operation.description = f"{operation.description}\n\n{told}" if operation.description else told
        operation.responses = {**(operation.responses or {}), **_refusals()}


def _let_numbers_be_integers(schema: Any) -> None:
    """`oneOf` a number and an integer takes no integer, for it is both. Wherever it stands in the schema."""
    if not isinstance(schema, Schema):
        return
    kinds = [one.type for one in schema.one_of or [] if isinstance(one, Schema)]
    if OpenAPIType.NUMBER in kinds and OpenAPIType.INTEGER in kinds:
        schema.one_of = [
            one for one in schema.one_of or [] if not isinstance(one, Schema) or one.type is not OpenAPIType.INTEGER
        ]
    inner = [*(schema.properties or {}).values(), *(schema.one_of or []), schema.items, schema.additional_properties]
    for one in inner:
        _let_numbers_be_integers(one)


def _operations(app: Litestar) -> Iterator[tuple[Operation, BaseRouteHandler]]:
    paths = app.openapi_schema.paths or {}
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in paths:
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    operation = getattr(paths[route.path_format], method.lower(), None)
                    if operation is not None:
                        yield operation, handler


def _refusals() -> dict[str, OpenAPIResponse | Reference]:
    signs_in = OpenAPIHeader(schema=_TEXT, description="How to sign in.")
    return {
        "400": _problem("A parameter is at fault: `parameter` names it."),
        "401": _problem("No token was sent, or one that does not hold.", {"WWW-Authenticate": signs_in}),
        "403": _problem("The caller has not the right, or the request came in a way that is not taken here."),
        "default": _problem("Any other problem."),
    }


def _problem(description: str, headers: dict[str, Any] | None = None) -> OpenAPIResponse:
    content = {PROBLEM: OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))}
    return OpenAPIResponse(description=description, content=content, headers=headers)
