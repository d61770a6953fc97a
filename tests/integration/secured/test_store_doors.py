"""MongoDB and S3: with the keys one is let in, and who is not is told which door is shut and why, in words, soon."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mldash.process.environment import HIDDEN, SettingError
from mldash_compactor.chunks import checksum
from mldash_compactor.chunks.errors import ColdStoreError, StoreRefused
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.mongo import Mongo, MongoRefused

from .servers import HOST, USER, SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

SOON_S = 6.0
WRONG = "not-the-password"


def trusting(secured: SecuredServers) -> str:
    return str(secured.authority.pem)


async def ping(uri: str, ca_file: str | None) -> None:
    mongo = Mongo(uri, "anything", ca_file)
    try:
        await mongo.ping()
    finally:
        await mongo.close()


async def test_mongodb_lets_in_who_has_a_password_and_trusts_its_authority(secured: SecuredServers) -> None:
    await ping(secured.mongo, trusting(secured))


MONGO: dict[str, tuple[str, Callable[[SecuredServers], tuple[str, str | None]]]] = {
    "another password": ("user or password are wrong", lambda s: (s.mongo_as(USER, WRONG), trusting(s))),
    "another user": ("user or password are wrong", lambda s: (s.mongo_as("stranger", WRONG), trusting(s))),
    "no right": ("lacks the right", lambda s: (s.mongo_as("guest", s.mongo_password), trusting(s))),
    "nobody signs in": (
        "lacks the right",
        lambda s: (f"mongodb://{HOST}:{s.ports['mongo']}/?tls=true&replicaSet=rs", trusting(s)),
    ),
    "another authority": ("authority that is not trusted", lambda s: (s.mongo, str(s.stranger.pem))),
    "the host's authorities": ("authority that is not trusted", lambda s: (s.mongo, None)),
    "another name": (
        "another name",
        lambda s: (s.mongo.replace(HOST, "127.0.0.1").replace("replicaSet=rs", "directConnection=true"), trusting(s)),
    ),
    "without TLS": ("put tls=true", lambda s: (s.mongo.replace("tls=true&", ""), None)),
}


@pytest.mark.parametrize("case", MONGO)
async def test_a_shut_door_of_mongodb_is_named(secured: SecuredServers, case: str) -> None:
    told, make = MONGO[case]
    begun = monotonic()
    with pytest.raises(MongoRefused, match=told) as caught:
        await ping(*make(secured))
    assert monotonic() - begun < SOON_S
    secured.assert_kept(str(caught.value), repr(caught.value))
    assert WRONG not in str(caught.value)


@pytest.mark.parametrize("uri", ["mongodb://u:geheim/x@host", "mongodb://u:ge@heim@host:27017", "geheim://host"])
def test_a_uri_that_can_not_be_read_is_not_quoted(uri: str) -> None:
    with pytest.raises(SettingError, match=f"MLDASH_MONGO: mongo is {HIDDEN}") as caught:
        Mongo(uri, "anything")
    assert "geheim" not in repr(caught.value) and caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_file_of_mongodbs_authority_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"MLDASH_MONGO_CA_FILE: .*none\.pem.*No such file"):
        Mongo("mongodb://host", "anything", str(tmp_path / "none.pem"))


def store(secured: SecuredServers, **other: Any) -> ObjectStore:
    given = {
        "endpoint": secured.s3_endpoint,
        "bucket": "doors",
        "access_key": secured.keys.access_key,
        "secret_key": secured.keys.secret_key,
        "ca_file": trusting(secured),
    }
    return ObjectStore(**{**given, **other})


@pytest.mark.parametrize("addressing", ["auto", "path"])
async def test_s3_lets_in_who_has_keys_and_trusts_its_authority(secured: SecuredServers, addressing: Any) -> None:
    """By both of the ways that requests go: directly, and through the client."""
    async with store(secured, addressing=addressing) as objects:
        await objects.ensure_bucket()
        await objects.ping()
        await objects.put("one", b"bytes", checksum.crc32c(b"bytes"))
        assert await objects.get("one") == b"bytes"
        assert [one.key async for one in objects.list()] == ["one"]


async def test_a_bucket_in_the_hosts_name_is_called_by_it(secured: SecuredServers) -> None:
    """Names below localhost lead there too, where a resolver follows RFC 6761; the certificate is not theirs."""
    async with store(secured, addressing="virtual") as objects:
        with pytest.raises(ColdStoreError) as caught:
            await objects.ping()
    assert f"doors.{HOST}" in str(caught.value)


async def test_keys_that_are_not_set_are_the_hosts(secured: SecuredServers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", secured.keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secured.keys.secret_key)
    async with store(secured, access_key=None, secret_key=None) as objects:
        await objects.ensure_bucket()
        await objects.ping()


S3: dict[str, tuple[str, dict[str, Any]]] = {
    "another key": ("S3 does not know the access key", {"access_key": "AKIASTRANGER"}),
    "another secret": ("the secret key is not the access key's", {"secret_key": WRONG}),
    "an absent bucket": ("no bucket|the bucket is not there", {"bucket": "nowhere"}),
    "the host's authorities": ("set MLDASH_S3_CA_FILE", {"ca_file": None}),
    "no TLS": ("https", {"endpoint": "http"}),
}


@pytest.mark.parametrize("case", S3)
async def test_a_shut_door_of_s3_is_named(secured: SecuredServers, case: str) -> None:
    told, other = S3[case]
    if other.get("endpoint"):
        other = {"endpoint": secured.s3_endpoint.replace("https", "http")}
    begun = monotonic()
    async with store(secured, **other) as objects:
        with pytest.raises(ColdStoreError, match=told) as caught:
            await objects.ping()
    assert monotonic() - begun < SOON_S
    secured.assert_kept(str(caught.value), repr(caught.value))
    assert WRONG not in str(caught.value)


async def test_a_session_token_goes_with_each_request(secured: SecuredServers) -> None:
    """This S3 knows none: that it refuses one shows that it came."""
    async with store(secured, session_token="not-a-token") as objects:
        with pytest.raises(StoreRefused) as caught:
            await objects.ping()
    assert "not-a-token" not in str(caught.value)
