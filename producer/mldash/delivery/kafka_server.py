"""How the SDK speaks to Kafka: what its user has set, then what the API says, which may hand out a user of Kafka."""

import typing
from typing import Any, Final

from mldash.answers.shapes import Connection
from mldash.connections.servers import KafkaServer
from mldash.process.environment import SettingError
from mldash.settings import KafkaSecurityProtocol, SdkSettings

_PROTOCOLS: Final = typing.get_args(KafkaSecurityProtocol)
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")


def kafka_server(connection: Connection, settings: SdkSettings) -> KafkaServer:
    """Raises SettingError where what is set and what the API says do not go together."""
    protocol: Any = settings.kafka_security_protocol or connection.kafka_security_protocol or "PLAINTEXT"
    mechanism: Any = settings.kafka_sasl_mechanism
    if mechanism is None and protocol.startswith("SASL"):
        mechanism = connection.kafka_sasl_mechanism
    if protocol not in _PROTOCOLS or mechanism not in (None, *_MECHANISMS):
        came = f"{protocol} with {mechanism}, as the API says"
        allowed = "what this version of the SDK knows: take a newer one"
        raise SettingError("kafka_security_protocol", "GET /v1/connect", came, allowed)
    if settings.kafka_security_protocol is None and (protocol, mechanism) == ("SASL_PLAINTEXT", "PLAIN"):
        # Whoever answers in the API's place would get it in the clear.
        allowed = "SASL_PLAINTEXT, where the password may be sent in the clear (the API asks for that)"
        raise SettingError("kafka_security_protocol", "MLDASH_KAFKA_SECURITY_PROTOCOL", "not set", allowed)
    is_handed_out = protocol.startswith("SASL") and not has_own_credentials(settings)
    return KafkaServer(
        kafka=connection.kafka,
        kafka_security_protocol=protocol,
        kafka_sasl_mechanism=mechanism,
        kafka_username=connection.kafka_username if is_handed_out else settings.kafka_username,
        kafka_password=connection.kafka_password if is_handed_out else settings.kafka_password,
        kafka_ca_file=settings.kafka_ca_file,
        kafka_cert_file=settings.kafka_cert_file,
        kafka_key_file=settings.kafka_key_file,
        kafka_key_password=settings.kafka_key_password,
        kafka_token_file=settings.kafka_token_file,
        kafka_token_command=settings.kafka_token_command,
    )


def has_own_credentials(settings: SdkSettings) -> bool:
    """Whether a way to sign in to Kafka is set here: then nothing that the API hands out is mixed with it."""
    own = (
        settings.kafka_username,
        settings.kafka_password,
        settings.kafka_cert_file,
        settings.kafka_token_file,
        settings.kafka_token_command,
    )
    return any(one is not None for one in own)
