"""Certificates and passwords of a secured stack: made once, for their owner alone, and what is kept of them."""

from __future__ import annotations

import datetime
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from mldash.connections.servers import Servers
from mldash_deploy.stack import certificates, kafka, mongo, s3, stack
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.security import ADMIN, KAFKA_ROLES, OPERATOR, Security
from mldash_deploy.stack.settings import StackSettings


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    return made


@pytest.fixture
def security(folder: DataFolder) -> Security:
    made = Security(folder)
    assert not made.is_there
    made.make()
    return made


def contents(security: Security) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in security.path.iterdir()}


def test_files_are_their_owners_alone_and_kept(security: Security, folder: DataFolder) -> None:
    assert stat.S_IMODE(security.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in security.path.iterdir()} == {0o600}
    before = contents(security)
    again = Security(folder)
    again.make()
    assert contents(again) == before and again.passwords == security.passwords
    assert not [secret for secret in security.passwords.kafka.values() if secret in repr(security.passwords)]


def test_keys_are_in_the_form_that_kafka_reads_and_certificates_name_loopback(security: Security) -> None:
    for name, text in contents(security).items():
        if name.endswith((".key", ".pem")) and name not in ("ca.pem", "replica-set.key"):
            assert b"-----BEGIN PRIVATE KEY-----" in text, name
    context = ssl.create_default_context(cafile=security.ca_file)
    assert context.check_hostname
    for name in ("kafka.pem", "mongo.pem", "s3.crt"):
        read = x509.load_pem_x509_certificate((security.path / name).read_bytes())
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        read.verify_directly_issued_by(x509.load_pem_x509_certificate(Path(security.ca_file).read_bytes()))
    for joined in ("kafka.pem", "mongo.pem"):
        context.load_cert_chain(security.path / joined)
    context.load_cert_chain(security.path / "s3.crt", security.path / "s3.key")


def test_a_certificate_is_made_anew_before_it_ends_by_the_same_authority(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "_DAYS", certificates._RENEW_DAYS - 1)
    first = Security(folder)
    first.make()
    before = contents(first)
    monkeypatch.undo()
    first.make()
    changed = {name for name, text in contents(first).items() if text != before[name]}
    assert changed == {"kafka.pem", "mongo.pem", "s3.crt", "s3.key"}
    read = x509.load_pem_x509_certificate((first.path / "s3.crt").read_bytes())
    assert read.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=800)


def test_each_user_signs_in_with_a_password_of_its_own(security: Security) -> None:
    plain = Servers(kafka="k:1", mongo="mongodb://m:1/?replicaSet=mldash", s3_endpoint="https://s:1")
    brought = ["kafka", "mongo", "s3"]
    seen = {user: security.servers_of(plain, user, brought) for user in (ADMIN, OPERATOR, "worker", "api")}
    assert len({one.kafka_password for one in seen.values()}) == len({one.mongo for one in seen.values()}) == 4
    assert {one.kafka_security_protocol for one in seen.values()} == {"SASL_SSL"}
    assert seen["worker"].s3_access_key is None and security.servers_of(plain, "compactor", brought).s3_access_key
    assert "compactor" not in KAFKA_ROLES and security.servers_of(plain, "api", []) == plain
    assert "tls=true&authSource=admin" in seen["api"].mongo and seen["api"].mongo_ca_file == security.ca_file


def test_an_address_of_a_secured_stack_counts_as_its_own(security: Security, folder: DataFolder) -> None:
    """As in a shell that ran `eval "$(mldash env)"`."""
    kept = {port: 20_000 + number for number, port in enumerate((*s3.PORTS, *mongo.PORTS, *kafka.PORTS))}
    folder.write_ports(kept)
    uri = security.mongo_uri(mongo.address(kept), OPERATOR)
    own = StackSettings(mongo=uri, s3_endpoint=s3.address(kept, security), kafka=kafka.address(kept))
    assert stack._servers_to_bring(own, folder, security) == ["kafka", "mongo", "s3"]
