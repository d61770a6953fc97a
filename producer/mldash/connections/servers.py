"""Where the three servers are: each address described once, for every component's settings.

    KafkaServer    kafka, topic_prefix               what looks into topics (TopicSettings)
    EventServers   … and mongo, mongo_database       the ingest worker
    Servers        … and s3_…                        the query API, `prepare`, the stack
    StoreServers   mongo, mongo_database, s3_…       the compactor, which needs no Kafka

A Struct has one base with fields, so StoreServers names again what Servers has; what a field is (its variable, its
words, its bounds) stands in its type, once. Nothing here loads a server's client.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

Kafka = Annotated[str, Meta(description="Bootstrap servers, host:port by comma.", extra={"env": "MLDASH_KAFKA"})]
TopicPrefix = Annotated[
    str, Meta(min_length=1, description="First part of every topic's name.", extra={"env": "MLDASH_TOPIC_PREFIX"})
]
Mongo = Annotated[str, Meta(description="MongoDB's URI.", extra={"env": "MLDASH_MONGO", "secret": True})]
MongoDatabase = Annotated[str, Meta(min_length=1, description="The database.", extra={"env": "MLDASH_MONGO_DATABASE"})]
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

NAME: Final = "mldash"
"""Of the topics' prefix, the database and the bucket, where nothing else is said."""

REGION: Final = "us-east-1"


class KafkaServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kafka, and what the topics on it are called."""

    kafka: Kafka
    topic_prefix: TopicPrefix = NAME


class EventServers(KafkaServer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What events go through until they are stored."""

    mongo: Mongo
    mongo_database: MongoDatabase = NAME


class Servers(EventServers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses of Kafka, MongoDB and S3, and the names used on them."""

    s3_endpoint: S3Endpoint = None
    s3_bucket: S3Bucket = NAME
    s3_region: S3Region = REGION
    s3_access_key: S3AccessKey = None
    s3_secret_key: S3SecretKey = None


class StoreServers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hot store and the cold one."""

    mongo: Mongo
    mongo_database: MongoDatabase = NAME
    s3_endpoint: S3Endpoint = None
    s3_bucket: S3Bucket = NAME
    s3_region: S3Region = REGION
    s3_access_key: S3AccessKey = None
    s3_secret_key: S3SecretKey = None


class TopicSettings(KafkaServer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the topics are, for what looks into them without being a worker."""
