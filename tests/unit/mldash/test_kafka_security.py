"""Kafka's security settings: what goes together, and which file can't be used."""

from pathlib import Path
from typing import Any

import pytest

from mldash.answers.shapes import Connection
from mldash.connections.kafka_security import connecting
from mldash.connections.servers import KafkaServer
from mldash.delivery.kafka_server import kafka_server
from mldash.delivery.ways import way_of
from mldash.process.environment import SettingError, read_settings
from mldash.settings import SdkSettings

PASSWORD = {"kafka_username": "u", "kafka_password": "geheim"}
SCRAM = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "SCRAM-SHA-512"}
BEARER = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "OAUTHBEARER"}


def server(**given: Any) -> KafkaServer:
    return KafkaServer(kafka="k:1", **given)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"kafka_ca_file": "ca.pem"}, "kafka_security_protocol"),
        (
            {**SCRAM, **PASSWORD, "kafka_ca_file": "c", "kafka_security_protocol": "SASL_PLAINTEXT"},
            "kafka_security_protocol",
        ),
        ({"kafka_security_protocol": "SSL", "kafka_key_file": "k.pem"}, "kafka_cert_file"),
        ({"kafka_security_protocol": "SSL", **PASSWORD}, "kafka_security_protocol"),
        (PASSWORD, "kafka_security_protocol"),
        ({"kafka_token_file": "t"}, "kafka_security_protocol"),
        ({"kafka_security_protocol": "SASL_SSL", **PASSWORD}, "kafka_sasl_mechanism"),
        (SCRAM, "kafka_username"),
        ({**SCRAM, "kafka_username": "u"}, "kafka_password"),
        (BEARER, "kafka_token_file"),
        ({**BEARER, "kafka_token_file": "t", "kafka_token_command": "c"}, "kafka_token_file"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_name(given: dict[str, Any], name: str) -> None:
    """What is set would be used, what is needed is set."""
    with pytest.raises(SettingError) as caught:
        server(**given)
    assert (caught.value.name, caught.value.source) == (name, f"MLDASH_{name.upper()}")
    assert "geheim" not in repr(caught.value)
    with pytest.raises(SettingError) as read:
        read_settings(KafkaServer, "", environ={}, given={"kafka": "k:1", **given})
    assert str(read.value) == str(caught.value)


async def test_files_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    torn = tmp_path / "torn.pem"
    torn.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    tls = {"kafka_security_protocol": "SSL"}
    with pytest.raises(SettingError, match=r"MLDASH_KAFKA_CA_FILE: .*none\.pem.*No such file"):
        connecting(server(**tls, kafka_ca_file=str(tmp_path / "none.pem")))
    with pytest.raises(SettingError, match=r"MLDASH_KAFKA_CA_FILE: .*torn\.pem"):
        connecting(server(**tls, kafka_ca_file=str(torn)))
    with pytest.raises(SettingError, match=r"MLDASH_KAFKA_CERT_FILE: .*torn\.pem.*no pair"):
        connecting(server(**tls, kafka_cert_file=str(torn), kafka_key_password="geheim"))


def said(protocol: str | None = None, mechanism: str | None = None) -> Connection:
    return Connection(
        kafka="k:1",
        topics={},
        content_type="",
        server_version="",
        kafka_security_protocol=protocol,
        kafka_sasl_mechanism=mechanism,
    )


def test_the_sdk_speaks_as_the_api_says_unless_it_is_set() -> None:
    by_password = SdkSettings(kafka_username="u", kafka_password="geheim")
    assert kafka_server(said(), SdkSettings()) == server()
    found = kafka_server(said("SASL_SSL", "SCRAM-SHA-512"), by_password)
    assert found == server(**SCRAM, **PASSWORD)
    own = SdkSettings(kafka_security_protocol="SASL_PLAINTEXT", kafka_sasl_mechanism="PLAIN", **PASSWORD)
    assert kafka_server(said("SASL_SSL", "SCRAM-SHA-512"), own).kafka_sasl_mechanism == "PLAIN"
    plain = SdkSettings(kafka_security_protocol="PLAINTEXT")
    assert kafka_server(said("SASL_SSL", "SCRAM-SHA-512"), plain) == server()


def test_an_api_that_wants_more_than_is_set_is_told_of_what_to_set() -> None:
    with pytest.raises(SettingError, match="MLDASH_KAFKA_USERNAME: kafka_username is not set"):
        kafka_server(said("SASL_SSL", "SCRAM-SHA-512"), SdkSettings())
    with pytest.raises(SettingError, match="what this version of the SDK knows"):
        kafka_server(said("QUIC"), SdkSettings())


def test_no_api_can_have_the_password_sent_in_the_clear() -> None:
    """Whoever answers in its place would get it."""
    settings = SdkSettings(kafka_username="u", kafka_password="geheim")
    with pytest.raises(SettingError, match="MLDASH_KAFKA_SECURITY_PROTOCOL"):
        kafka_server(said("SASL_PLAINTEXT", "PLAIN"), settings)
    with pytest.raises(SettingError, match="MLDASH_KAFKA_SECURITY_PROTOCOL"):
        kafka_server(said("PLAINTEXT"), settings)


def says(**more: Any) -> Connection:
    """An API whose Kafka wants a user."""
    how = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "SCRAM-SHA-512", **more}
    return Connection(kafka="k:1", topics={}, content_type="", server_version="", **how)


HANDED_OUT = says(kafka_username="hosts", kafka_password="handed out")


def test_a_user_that_the_api_hands_out_is_taken_where_none_is_set() -> None:
    made = kafka_server(HANDED_OUT, SdkSettings())
    assert (made.kafka_username, made.kafka_password) == ("hosts", "handed out")
    own = kafka_server(HANDED_OUT, SdkSettings(kafka_username="me", kafka_password="mine"))
    assert (own.kafka_username, own.kafka_password) == ("me", "mine")
    with pytest.raises(SettingError):  # a user of one's own is not mixed with another's password
        kafka_server(HANDED_OUT, SdkSettings(kafka_username="me"))
    for text in (repr(HANDED_OUT), str(HANDED_OUT), f"{[HANDED_OUT]}"):
        assert "handed out" not in text


def test_a_password_that_is_handed_out_is_not_sent_in_the_clear() -> None:
    """Unless that is set on the host itself."""
    clear = says(
        kafka_security_protocol="SASL_PLAINTEXT", kafka_sasl_mechanism="PLAIN", kafka_username="u", kafka_password="p"
    )
    with pytest.raises(SettingError, match="in the clear"):
        kafka_server(clear, SdkSettings())


@pytest.mark.parametrize(
    ("given", "connection", "way"),
    [
        ({}, says(transport="http"), "http"),
        ({}, HANDED_OUT, "auto"),
        ({"kafka_username": "me", "kafka_password": "mine"}, says(transport="http"), "auto"),
        ({"kafka_cert_file": "c"}, says(transport="http"), "auto"),
        ({"kafka_token_file": "t"}, says(transport="http"), "auto"),
        ({"kafka": "k:2"}, says(transport="http"), "kafka"),
        ({"transport": "kafka"}, says(transport="http"), "kafka"),
        ({"transport": "http"}, HANDED_OUT, "http"),
    ],
)
def test_kafka_is_tried_where_there_is_a_user_for_it(given: dict[str, Any], connection: Connection, way: str) -> None:
    assert way_of(connection, SdkSettings(**given), has_api=True) == way
