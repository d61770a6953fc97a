"""Kafka's settings as the keywords that every client of aiokafka takes: protocol, certificates, and who one is.

    TLS    a context of this moment's files: whoever makes a new client takes up certificates that were renewed
    SASL   a user and a password; or a token, from what renews it (kafka_tokens.py)

Every AIOKafkaProducer, -Consumer and -AdminClient of ours is made with `**connecting(settings)`.
"""

import logging
import ssl
from pathlib import Path
from typing import Any, Final

from mldash.process.environment import SettingError

from .kafka_tokens import token_provider
from .servers import KafkaServer

_PEM: Final = "a PEM file that can be read"


class _WithoutSignIns(logging.Filter):
    """aiokafka logs each request at the level DEBUG, with the password or the token in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        return not any(type(one).__name__.startswith("SaslAuthenticate") for one in arguments)


logging.getLogger("aiokafka.conn").addFilter(_WithoutSignIns())


def connecting(server: KafkaServer) -> dict[str, Any]:
    """Addresses and security. For a client of the loop that runs.

    Raises SettingError where a file can't be used.
    """
    return {"bootstrap_servers": server.kafka, **security(server)}


def security(server: KafkaServer) -> dict[str, Any]:
    """The same without addresses, as `aiokafka.conn.create_conn` takes it."""
    keywords: dict[str, Any] = {"security_protocol": server.kafka_security_protocol}
    if server.speaks_tls:
        keywords["ssl_context"] = _tls(server)
    if server.speaks_sasl:
        keywords["sasl_mechanism"] = server.kafka_sasl_mechanism
        if server.kafka_sasl_mechanism == "OAUTHBEARER":
            keywords["sasl_oauth_token_provider"] = token_provider(server)
        else:
            keywords["sasl_plain_username"] = server.kafka_username
            keywords["sasl_plain_password"] = server.kafka_password
    return keywords


def _tls(server: KafkaServer) -> ssl.SSLContext:
    """Names are checked too. Without a CA file those that the host trusts are trusted."""
    ca_file = server.kafka_ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file and _whole(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise _unusable("kafka_ca_file", ca_file, error) from None
    if server.kafka_cert_file is not None:
        # OpenSSL would ask on the terminal for the password of a key that has one, were none given.
        password = server.kafka_key_password or ""
        key_file = server.kafka_key_file and _whole(server.kafka_key_file)
        try:
            context.load_cert_chain(_whole(server.kafka_cert_file), key_file, lambda: password)
        except (OSError, ssl.SSLError) as error:
            raise _unusable("kafka_cert_file", server.kafka_cert_file, error) from None
    return context


def _whole(path: str) -> str:
    return str(Path(path).expanduser())


def _unusable(name: str, path: str | None, error: OSError) -> SettingError:
    if name == "kafka_cert_file" and isinstance(error, ssl.SSLError):
        reason = "it and kafka_key_file are no pair, or kafka_key_password is not the key's"
    else:
        reason = error.strerror or str(error)
    return SettingError(name, f"MLDASH_{name.upper()}", f"{path!r} ({reason})", _PEM)
