"""Where the three servers are: each address described once, for every component's settings.

    KafkaServer    kafka_…, topic_prefix             what looks into topics (TopicSettings)
    EventServers   … and mongo, mongo_database       the ingest worker
    Servers        … and s3_…                        the query API, `prepare`, the stack
    StoreServers   mongo, mongo_database, s3_…       the compactor, which needs no Kafka

A Struct has one base with fields, so StoreServers names again what Servers has; what a field is (its variable, its
words, its bounds) stands in its type, once. Nothing here loads a server's client.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from mldash.process.environment import SettingError, Settings
from mldash.settings import (
    KafkaCaFile,
    KafkaCertFile,
    KafkaKeyFile,
    KafkaKeyPassword,
    KafkaPassword,
    KafkaSaslMechanism,
    KafkaSecurityProtocol,
    KafkaTokenCommand,
    KafkaTokenFile,
    KafkaUsername,
)

Kafka = Annotated[str, Meta(description="Bootstrap servers, host:port by comma.", extra={"env": "MLDASH_KAFKA"})]
KafkaProtocol = Annotated[
    KafkaSecurityProtocol,
    Meta(description="How Kafka is spoken to.", extra={"env": "MLDASH_KAFKA_SECURITY_PROTOCOL"}),
]
TopicPrefix = Annotated[
    str, Meta(min_length=1, description="First part of every topic's name.", extra={"env": "MLDASH_TOPIC_PREFIX"})
]
Mongo = Annotated[str, Meta(description="MongoDB's URI.", extra={"env": "MLDASH_MONGO", "secret": True})]
MongoDatabase = Annotated[str, Meta(min_length=1, description="The database.", extra={"env": "MLDASH_MONGO_DATABASE"})]
MongoCaFile = Annotated[
    str | None,
    Meta(
        description="PEM of who signs MongoDB's certificates (tlsCAFile). Unset: the host's.",
        extra={"env": "MLDASH_MONGO_CA_FILE"},
    ),
]
S3Endpoint = Annotated[
    str | None, Meta(description="S3's address; unset: AWS itself.", extra={"env": "MLDASH_S3_ENDPOINT"})
]
S3Bucket = Annotated[str, Meta(min_length=3, description="The bucket.", extra={"env": "MLDASH_S3_BUCKET"})]
S3Region = Annotated[str, Meta(description="The region.", extra={"env": "MLDASH_S3_REGION"})]
S3AccessKey = Annotated[
    str | None,
    Meta(description="Unset: the host's own credentials.", extra={"env": "MLDASH_S3_ACCESS_KEY", "secret": True}),
]
S3SecretKey = Annotated[
    str | None, Meta(description="Of the access key.", extra={"env": "MLDASH_S3_SECRET_KEY", "secret": True})
]
S3SessionToken = Annotated[
    str | None,
    Meta(description="Of keys that end.", extra={"env": "MLDASH_S3_SESSION_TOKEN", "secret": True}),
]
S3CaFile = Annotated[
    str | None,
    Meta(description="PEM of who signs S3's certificates. Unset: the host's.", extra={"env": "MLDASH_S3_CA_FILE"}),
]
S3Addressing = Annotated[
    Literal["auto", "path", "virtual"],
    Meta(
        description="Whether the bucket stands in the path or the host's name. auto: the path, of AWS the name.",
        extra={"env": "MLDASH_S3_ADDRESSING"},
    ),
]

NAME: Final = "mldash"
"""Of the topics' prefix, the database and the bucket, where nothing else is said."""

REGION: Final = "us-east-1"

GROUP: Final = "mldash-ingest"
"""The workers' consumer group, where nothing else is said."""


class KafkaServer(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kafka, and what the topics on it are called. Raises SettingError where its fields do not go together."""

    kafka: Kafka
    kafka_security_protocol: KafkaProtocol = "PLAINTEXT"
    kafka_sasl_mechanism: KafkaSaslMechanism = None
    kafka_username: KafkaUsername = None
    kafka_password: KafkaPassword = None
    kafka_ca_file: KafkaCaFile = None
    kafka_cert_file: KafkaCertFile = None
    kafka_key_file: KafkaKeyFile = None
    kafka_key_password: KafkaKeyPassword = None
    kafka_token_file: KafkaTokenFile = None
    kafka_token_command: KafkaTokenCommand = None
    topic_prefix: TopicPrefix = NAME

    def __post_init__(self) -> None:
        _check_security(self)

    @property
    def speaks_tls(self) -> bool:
        return self.kafka_security_protocol in ("SSL", "SASL_SSL")

    @property
    def speaks_sasl(self) -> bool:
        return self.kafka_security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")


class EventServers(KafkaServer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What events go through until they are stored."""

    mongo: Mongo
    mongo_ca_file: MongoCaFile = None
    mongo_database: MongoDatabase = NAME


class Servers(EventServers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses of Kafka, MongoDB and S3, and the names used on them."""

    s3_endpoint: S3Endpoint = None
    s3_bucket: S3Bucket = NAME
    s3_region: S3Region = REGION
    s3_access_key: S3AccessKey = None
    s3_secret_key: S3SecretKey = None
    s3_session_token: S3SessionToken = None
    s3_ca_file: S3CaFile = None
    s3_addressing: S3Addressing = "auto"


class StoreServers(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hot store and the cold one."""

    mongo: Mongo
    mongo_ca_file: MongoCaFile = None
    mongo_database: MongoDatabase = NAME
    s3_endpoint: S3Endpoint = None
    s3_bucket: S3Bucket = NAME
    s3_region: S3Region = REGION
    s3_access_key: S3AccessKey = None
    s3_secret_key: S3SecretKey = None
    s3_session_token: S3SessionToken = None
    s3_ca_file: S3CaFile = None
    s3_addressing: S3Addressing = "auto"


class TopicSettings(KafkaServer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the topics are, for what looks into them without being a worker."""


def _check_security(server: KafkaServer) -> None:
    """What is set would be used, and what is needed is set: else somebody believes in a lock that is not there."""
    protocol, mechanism = server.kafka_security_protocol, server.kafka_sasl_mechanism
    files = (server.kafka_ca_file, server.kafka_cert_file, server.kafka_key_file)
    if any(files) and not server.speaks_tls:
        _refuse("kafka_security_protocol", protocol, "SSL or SASL_SSL, where files of certificates are set")
    if server.kafka_key_file and not server.kafka_cert_file:
        _refuse("kafka_cert_file", "not set", "the file of the certificate that kafka_key_file is the key of")
    by_password = server.kafka_username is not None or server.kafka_password is not None
    by_token = server.kafka_token_file is not None or server.kafka_token_command is not None
    if not server.speaks_sasl:
        if mechanism or by_password or by_token:
            _refuse("kafka_security_protocol", protocol, "SASL_SSL or SASL_PLAINTEXT, where a way to sign in is set")
        return
    if mechanism is None:
        allowed = f"PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, with {protocol}"
        _refuse("kafka_sasl_mechanism", "not set", allowed)
    elif mechanism == "OAUTHBEARER":
        if (server.kafka_token_file is None) == (server.kafka_token_command is None):
            came = "not set" if server.kafka_token_file is None else "set, and kafka_token_command too"
            _refuse("kafka_token_file", came, "one of kafka_token_file and kafka_token_command, with OAUTHBEARER")
    elif not server.kafka_username:
        _refuse("kafka_username", "not set", f"the name of Kafka's user, with {mechanism}")
    elif not server.kafka_password:
        _refuse("kafka_password", "not set", f"the password of Kafka's user {server.kafka_username}, with {mechanism}")


def _refuse(name: str, came: str, allowed: str) -> None:
    raise SettingError(name, f"MLDASH_{name.upper()}", came, allowed)
