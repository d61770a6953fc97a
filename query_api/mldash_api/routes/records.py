"""POST /v1/records"""

from typing import Any, Final

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import SkipValidation

from mldash.events.batches import BATCH_BYTES, MEDIA_TYPE, BatchAnswer
from mldash_api.gateway.gateway import Gateway
from mldash_api.rights.needed import needs

from .bodies import takes
from .dependencies import OurCaller, OurForm

_BODY: Final = RequestBody(
    content={MEDIA_TYPE: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))},
    description="A RecordBatch in MessagePack (docs/http.md); Content-Encoding: zstd, or none.",
    required=True,
)


@post(
    "/records",
    status_code=200,
    tags=["connect"],
    opt={**needs("write", "shown"), **takes(_BODY)},
    request_max_body_size=BATCH_BYTES,
)
async def records(
    request: Request[Any, Any, Any],
    caller: OurCaller,
    gateway: NamedDependency[SkipValidation[Gateway]],
    form: OurForm,
) -> Response[BatchAnswer]:
    """Pass an SDK's records on to Kafka (docs/http.md). Answers when Kafka has acknowledged them; a request that is
    sent twice is stored once."""
    told = request.headers.get("content-length", "")
    with gateway.passing_on.room_for(min(int(told), BATCH_BYTES) if told.isdecimal() else BATCH_BYTES):
        body = await request.body()
    return form.answer(await gateway.take(caller, body, request.headers.get("content-encoding")))
