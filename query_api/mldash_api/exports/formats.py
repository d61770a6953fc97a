"""The format of a file that a request asks for: `?format=` where it is given, else what `Accept` names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from litestar import Request
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from mldash_api.errors import NotAcceptable

_Format = TypeVar("_Format", bound=str)


_DOCUMENTS: Final = frozenset({"application/json"})


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
    file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
    content = {
        # One JSON document is described as what it is: readers of the description decode it.
        media_type: OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT) if media_type in _DOCUMENTS else file)
        for media_type in media_types.values()
    }

    @dataclass
    class Files(Operation):
        def __post_init__(self) -> None:
            told = OpenAPIResponse(description="The file, sent as it is read", content=content)
            self.responses = {**(self.responses or {}), "200": told}

    return Files


def also_as(media_type: str) -> type[Operation]:
    """OpenAPI's description of a route that gives its answer as such a file too."""

    @dataclass
    class AlsoFile(Operation):
        def __post_init__(self) -> None:
            answer = (self.responses or {}).get("200")
            if isinstance(answer, OpenAPIResponse) and answer.content is not None:
                file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
                answer.content[media_type] = OpenAPIMediaType(schema=file)

    return AlsoFile
