"""Whoever can't get in to Kafka is told which door is shut and why, in words, soon."""

from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mldash.connections.errors import KafkaRefused, KafkaUnreachable
from mldash.connections.kafka_access import Needs, why_refused
from mldash.connections.servers import KafkaServer
from tests.secret_scan import write_secret

from .servers import USER, SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

SOON_S = 5.0
WRONG = "not-the-password"


def server(secured: SecuredServers, **other: Any) -> KafkaServer:
    given: dict[str, Any] = {
        "kafka": secured.kafka,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_username": USER,
        "kafka_password": secured.password,
        "kafka_ca_file": str(secured.authority.pem),
    }
    return KafkaServer(**{**given, **other})


PLAIN = dict.fromkeys(
    ("kafka_sasl_mechanism", "kafka_username", "kafka_password", "kafka_ca_file", "kafka_security_protocol")
) | {"kafka_security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_with_user_and_password_one_is_let_in(secured: SecuredServers, mechanism: str) -> None:
    assert await why_refused(server(secured, kafka_sasl_mechanism=mechanism)) is None


async def test_with_a_token_one_is_let_in(secured: SecuredServers, tmp_path: Path) -> None:
    file = tmp_path / "token"
    write_secret(file, secured.issuer.token(USER))
    by_file = server(secured, **by_token(kafka_token_file=str(file)))
    assert await why_refused(by_file) is None
    assert await why_refused(server(secured, **by_token(kafka_token_command=f"cat {file}"))) is None


async def test_with_a_certificate_one_is_let_in(secured: SecuredServers) -> None:
    assert await why_refused(mutual(secured)) is None


def by_token(**source: str) -> dict[str, Any]:
    return {"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_username": None, "kafka_password": None, **source}


def mutual(secured: SecuredServers, **other: Any) -> KafkaServer:
    given: dict[str, Any] = {
        **PLAIN,
        "kafka": secured.kafka_mutual,
        "kafka_security_protocol": "SSL",
        "kafka_ca_file": str(secured.authority.pem),
        "kafka_cert_file": str(secured.client.cert),
        "kafka_key_file": str(secured.client.key),
        "kafka_key_password": secured.key_password,
    }
    return server(secured, **{**given, **other})


SHUT: dict[str, tuple[str, Any]] = {
    "another password": ("password", lambda s: server(s, kafka_password=WRONG)),
    "another password of PLAIN": (
        "password",
        lambda s: server(s, kafka_password=WRONG, kafka_sasl_mechanism="PLAIN"),
    ),
    "another user": ("password", lambda s: server(s, kafka_username="stranger")),
    "another authority": ("authority", lambda s: server(s, kafka_ca_file=str(s.stranger.pem))),
    "the host's authorities": ("authority", lambda s: server(s, kafka_ca_file=None)),
    "another name": ("name", lambda s: server(s, kafka=s.kafka.replace("localhost", "127.0.0.1"))),
    "TLS on a plain port": ("tls", lambda s: server(s, kafka=s.kafka_open)),
    "plain on a TLS port": ("plain", lambda s: server(s, **PLAIN)),
    "TLS alone where one signs in": (
        "sign-in",
        lambda s: server(s, **PLAIN | {"kafka_security_protocol": "SSL", "kafka_ca_file": str(s.authority.pem)}),
    ),
    "signing in where one does not": (
        "no sign-in",
        lambda s: server(s, kafka=s.kafka_open, kafka_security_protocol="SASL_PLAINTEXT", kafka_ca_file=None),
    ),
    "a mechanism that is not enabled": ("mechanism", lambda s: server(s, kafka_sasl_mechanism="SCRAM-SHA-256")),
    "no client certificate": (
        "certificate",
        lambda s: mutual(s, kafka_cert_file=None, kafka_key_file=None, kafka_key_password=None),
    ),
}


@pytest.mark.parametrize("case", SHUT)
async def test_a_shut_door_is_named(secured: SecuredServers, case: str) -> None:
    door, make = SHUT[case]
    tried = make(secured)
    begun = monotonic()
    found = await why_refused(tried)
    assert monotonic() - begun < SOON_S
    assert isinstance(found, KafkaRefused), found
    assert found.door == door, found
    assert tried.kafka in str(found)
    assert not any(one in str(found) for one in [*secured.secrets, WRONG])


@pytest.mark.parametrize("case", ["ended", "of another audience", "not there", "no token"])
async def test_a_missing_or_refused_token_is_told_of(secured: SecuredServers, tmp_path: Path, case: str) -> None:
    file = tmp_path / "token"
    if case != "not there":
        text = secured.issuer.token(USER, -60 if case == "ended" else 3_600, aud="another")
        write_secret(file, "<html>" if case == "no token" else text)
    found = await why_refused(server(secured, **by_token(kafka_token_file=str(file))))
    assert isinstance(found, KafkaRefused)
    assert found.door == "token"
    assert case != "of another audience" or "refuses the token" in str(found)
    assert "eyJ" not in str(found)


async def test_an_address_where_nobody_listens_is_no_shut_door(secured: SecuredServers) -> None:
    found = await why_refused(server(secured, kafka="localhost:9"))
    assert isinstance(found, KafkaUnreachable)
    assert "Connection refused" in str(found)


async def test_lacking_rights_are_named_one_by_one(secured: SecuredServers) -> None:
    found = await why_refused(server(secured), Needs(reads=["unseen.a"], writes=["unseen.a", "unseen.b"], group="g"))
    assert isinstance(found, KafkaRefused)
    assert found.door == "right"
    assert found.lacking == (
        "READ on topic unseen.a",
        "WRITE on topic unseen.a",
        "WRITE on topic unseen.b",
        "READ on group g",
    )
