"""The way that records take: to Kafka itself, or by an API that passes them on (the setting `transport`).

kafka   Kafka alone
http    the API alone
auto    Kafka where it can be reached and lets us in, else the API; said once, when it is the API. Where Kafka's
        address is set here (MLDASH_KAFKA), that is the way; where Kafka wants a user, and neither is one set here nor
        does the API hand one out, it is not tried
"""

from time import monotonic
from typing import Final

from mldash.answers.shapes import Connection
from mldash.callbacks import warn
from mldash.process.environment import SettingError
from mldash.settings import SdkSettings

from .gateway import GatewayProducer, Way
from .kafka import KafkaProducer
from .kafka_server import has_own_credentials, kafka_server
from .producer import KafkaTrouble, Producer

_told, _reached = set[str](), set[str]()
"""Addresses of Kafka; one that was reached once by this process is waited for, as a broker that restarts."""
_out_of_reach: dict[str, float] = {}
"""Kafka's address → until when it is not tried again: behind a firewall that drops, each attempt takes 14 s."""

HTTP: Final = "http"
_OUT_OF_REACH_S: Final = 300.0


async def start_producer(
    connection: Connection,
    settings: SdkSettings,
    api: Way | None,
    client_id: str,
    batch_bytes: int,
) -> Producer:
    """A producer that is connected. Raises KafkaTrouble, SettingError."""
    way = way_of(connection, settings, has_api=api is not None)
    if way == "auto" and api is not None and monotonic() < _out_of_reach.get(connection.kafka, 0.0):
        return await GatewayProducer.start(api)
    if way != HTTP:
        try:
            server = kafka_server(connection, settings)
            topics = [one.topic for one in connection.topics.values()]
            made = await KafkaProducer.start(server, client_id, batch_bytes, connection.compression, topics)
            _reached.add(connection.kafka)
            return made
        except (KafkaTrouble, SettingError) as error:
            if way == "kafka" or api is None or connection.kafka in _reached:
                raise
            trouble = error
    if api is None:
        raise SettingError("transport", "settings", HTTP, "kafka, or an API's address besides (MLDASH_REMOTE)")
    try:
        producer = await GatewayProducer.start(api)
    except KafkaTrouble as error:
        if way == HTTP:
            raise
        both = KafkaTrouble(f"{trouble}; and over HTTP: {error}")
        both.retry_after_s = error.retry_after_s
        raise both from error
    if way == HTTP:
        return producer
    _out_of_reach[connection.kafka] = monotonic() + _OUT_OF_REACH_S
    if connection.kafka not in _told:
        _told.add(connection.kafka)
        warn(f"{trouble}: events go to the API by HTTP (MLDASH_TRANSPORT=http says so at once)")
    return producer


def way_of(connection: Connection, settings: SdkSettings, *, has_api: bool) -> str:
    """`kafka`, `http` or `auto`, by what is set here and by what the API says."""
    if settings.transport != "auto":
        return settings.transport
    if settings.kafka is not None or not has_api:
        return "kafka"
    return "auto" if has_own_credentials(settings) else connection.transport
