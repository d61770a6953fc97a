"""The settings of a local stack."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mldash.connections.servers import (
    GROUP,
    NAME,
    REGION,
    KafkaProtocol,
    MongoCaFile,
    MongoDatabase,
    S3Addressing,
    S3Bucket,
    S3CaFile,
    S3Region,
    S3SecretKey,
    S3SessionToken,
    TopicPrefix,
)
from mldash.process.environment import Settings
from mldash.settings import (
    KafkaCaFile,
    KafkaCertFile,
    KafkaKeyFile,
    KafkaKeyPassword,
    KafkaPassword,
    KafkaSaslMechanism,
    KafkaTokenCommand,
    KafkaTokenFile,
    KafkaUsername,
)


class StackSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses that are given are used, and no server is started for them; the rest is MLDASH_STACK_…."""

    data: Annotated[
        str, Meta(min_length=1, description="The stack's one folder: data, logs, ports.", extra={"env": "MLDASH_DATA"})
    ] = ".mldash"
    workers: Annotated[int, Meta(ge=0, le=64, description="Ingest workers to run.")] = 1
    compactors: Annotated[int, Meta(ge=0, le=64, description="Compactors to run.")] = 1
    secure: Annotated[
        bool,
        Meta(
            description="TLS and passwords for everything that is started, the API private; kept by a folder so begun."
        ),
    ] = False
    servers_only: Annotated[bool, Meta(description="Kafka, MongoDB and S3 alone: no worker, compactor or API.")] = False
    private: Annotated[bool, Meta(description="The API wants a token, which only this user can read.")] = False
    group: Annotated[
        str,
        Meta(
            min_length=1,
            description="The workers' consumer group: what a secured Kafka lets them join.",
            extra={"env": "MLDASH_WORKER_GROUP"},
        ),
    ] = GROUP
    kafka: Annotated[
        str | None, Meta(description="A Kafka of one's own; unset: one is started.", extra={"env": "MLDASH_KAFKA"})
    ] = None
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
    mongo: Annotated[
        str | None,
        Meta(
            description="A MongoDB of one's own; unset: one is started.", extra={"env": "MLDASH_MONGO", "secret": True}
        ),
    ] = None
    mongo_ca_file: MongoCaFile = None
    s3_endpoint: Annotated[
        str | None, Meta(description="An S3 of one's own; unset: one is started.", extra={"env": "MLDASH_S3_ENDPOINT"})
    ] = None
    topic_prefix: TopicPrefix = NAME
    mongo_database: MongoDatabase = NAME
    s3_bucket: S3Bucket = NAME
    s3_region: S3Region = REGION
    s3_access_key: Annotated[
        str | None,
        Meta(description="Of an S3 of one's own.", extra={"env": "MLDASH_S3_ACCESS_KEY", "secret": True}),
    ] = None
    s3_secret_key: S3SecretKey = None
    s3_session_token: S3SessionToken = None
    s3_ca_file: S3CaFile = None
    s3_addressing: S3Addressing = "auto"
    kafka_advertised: Annotated[
        str | None,
        Meta(description="host:port that the broker tells its clients, where they reach it by another than its own."),
    ] = None
    kafka_heap_mb: Annotated[int, Meta(ge=192, description="The broker's Java heap, at most.")] = 512
    mongo_cache_gb: Annotated[float, Meta(ge=0.25, description="mongod's cache.")] = 1.0
    jars_repository: Annotated[
        str | None, Meta(description="Where Kafka's jars come from at the first start; unset: the one jgo knows.")
    ] = None
    start_timeout_s: Annotated[float, Meta(gt=0, description="For each process to become ready at the start.")] = 60.0
    stop_timeout_s: Annotated[float, Meta(gt=0, description="For everything to come down, components first.")] = 40.0
    first_restart_s: Annotated[float, Meta(gt=0, description="The delay before what died is started again.")] = 0.1
    longest_restart_s: Annotated[float, Meta(gt=0, description="To which the delay grows while it goes on dying.")] = (
        5.0
    )
    healthy_after_s: Annotated[float, Meta(gt=0, description="Alive for so long, the delay is the first again.")] = 10.0
