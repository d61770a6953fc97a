"""GET /v1/connect"""

from importlib.metadata import version
from typing import Final

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from mldash.answers.shapes import Connection
from mldash.events.encoding import JSON, MSGPACK
from mldash.events.schema import SCHEMA_VERSION
from mldash_api.kafka import Topics
from mldash_api.rights.caller import EVERYTHING, Caller, allows
from mldash_api.rights.needed import needs

from .dependencies import OurCaller, OurForm, OurStores

_log = structlog.get_logger()
_CONTENT_TYPES: Final = {"msgpack": MSGPACK, "json": JSON}


@get("/connect", tags=["connect"], opt=needs("read", "shown"))
async def connect(
    stores: OurStores, topics: NamedDependency[SkipValidation[Topics]], caller: OurCaller, form: OurForm
) -> Response[Connection]:
    """Where Kafka is and how it wants to be spoken to, its topics with their partition counts, and how records are
    encoded. No secret: whoever publishes has its own; but where the operator hands out a user of Kafka, it stands here
    for a token that may write everything, over TLS or loopback."""
    settings = stores.settings
    hands_out = settings.hand_out_kafka_credentials and may_have_credentials(caller)
    if hands_out:
        _log.info("Kafka's credentials were handed out", token=caller.token_id, subject=caller.subject)
    wants_user = settings.public_kafka_protocol.startswith("SASL")
    return form.answer(
        Connection(
            kafka=settings.public_kafka or settings.kafka,
            topics=await topics.addresses(),
            content_type=_CONTENT_TYPES[settings.event_encoding],
            server_version=version("mldash"),
            schema_minor=SCHEMA_VERSION[1],
            compression=settings.event_compression,
            kafka_security_protocol=settings.public_kafka_protocol,
            kafka_sasl_mechanism=settings.public_kafka_mechanism,
            transport="http" if wants_user and not hands_out else "auto",
            kafka_username=settings.public_kafka_username if hands_out else None,
            kafka_password=settings.public_kafka_password if hands_out else None,
            linger_max_s=settings.linger_max_s,
        )
    )


def may_have_credentials(caller: Caller) -> bool:
    """Kafka's user can write into every experiment: so only who may do so here. A program: no page of a browser needs
    it; and over a way on which nobody reads along."""
    by_token = caller.token_id is not None and caller.sign_in_id is None
    return by_token and caller.is_private and allows(caller, "write", EVERYTHING)
