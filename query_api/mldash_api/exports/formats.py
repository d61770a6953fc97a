"""The format of a file that a request asks for: `?format=` where it is given, else what `Accept` names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from mldash_api.errors import NotAcceptable

_Format = TypeVar("_Format", bound=str)


def format_of(request: Request[Any, Any, Any], named: _Format | None, media_types: Mapping[_Format, str]) -> _Format:
    """The first one where both leave it open; of two with one media type `Accept` means the first. NotAcceptable."""
    if named is not None:
        return named
    known = dict[str, _Format]()
    for format, media_type in media_types.items():
        known.setdefault(media_type.split(";")[0], format)
    found = request.accept.best_match(list(known))
    if found is None:
        raise NotAcceptable(request.headers.get("accept", ""), list(known))
    return known[found]


def files_of(media_types: Mapping[_Format, str]) -> type[Operation]:
    """OpenAPI's description of a route that answers with a file: each of its media types."""
    content = {
        media_type: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        for media_type in media_types.values()
    }

    @dataclass
    class Files(Operation):
        def __post_init__(self) -> None:
            told = OpenAPIResponse(description="The file, sent as it is read", content=content)
            self.responses = {**(self.responses or {}), "200": told}

    return Files
