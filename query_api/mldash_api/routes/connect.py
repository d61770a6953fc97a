"""GET /v1/connect"""

from importlib.metadata import version
from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from mldash.answers.shapes import Connection
from mldash.events.encoding import JSON, MSGPACK
from mldash.events.schema import SCHEMA_VERSION
from mldash_api.kafka import Topics

from .dependencies import OurForm, OurStores

_CONTENT_TYPES: Final = {"msgpack": MSGPACK, "json": JSON}


@get("/connect", tags=["connect"])
async def connect(
    stores: OurStores, topics: NamedDependency[SkipValidation[Topics]], form: OurForm
) -> Response[Connection]:
    """Where Kafka is, its topics with their partition counts, and how records are encoded."""
    settings = stores.settings
    return form.answer(
        Connection(
            kafka=settings.public_kafka or settings.kafka,
            topics=await topics.addresses(),
            content_type=_CONTENT_TYPES[settings.event_encoding],
            server_version=version("mldash"),
            schema_minor=SCHEMA_VERSION[1],
            compression=settings.event_compression,
        )
    )
