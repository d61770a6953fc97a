"""Where the three servers are: what every component shares, and what `prepare` and the stack hand around."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Servers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses of Kafka, MongoDB and S3, and the names used on them."""

    kafka: Annotated[str, Meta(description="Bootstrap servers, host:port by comma.", extra={"env": "MLDASH_KAFKA"})]
    mongo: Annotated[str, Meta(description="MongoDB's URI.", extra={"env": "MLDASH_MONGO", "secret": True})]
    topic_prefix: Annotated[
        str, Meta(min_length=1, description="First part of every topic's name.", extra={"env": "MLDASH_TOPIC_PREFIX"})
    ] = "mldash"
    mongo_database: Annotated[
        str, Meta(min_length=1, description="The database.", extra={"env": "MLDASH_MONGO_DATABASE"})
    ] = "mldash"
    s3_endpoint: Annotated[
        str | None, Meta(description="S3's address; unset: AWS itself.", extra={"env": "MLDASH_S3_ENDPOINT"})
    ] = None
    s3_bucket: Annotated[str, Meta(min_length=3, description="The bucket.", extra={"env": "MLDASH_S3_BUCKET"})] = (
        "mldash"
    )
    s3_region: Annotated[str, Meta(description="The region.", extra={"env": "MLDASH_S3_REGION"})] = "us-east-1"
    s3_access_key: Annotated[
        str | None,
        Meta(description="Unset: the host's own credentials.", extra={"env": "MLDASH_S3_ACCESS_KEY", "secret": True}),
    ] = None
    s3_secret_key: Annotated[
        str | None, Meta(description="Of the access key.", extra={"env": "MLDASH_S3_SECRET_KEY", "secret": True})
    ] = None
