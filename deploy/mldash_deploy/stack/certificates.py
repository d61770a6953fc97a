"""Certificates of a secured stack: one authority of its own, and a certificate a server, for loopback.

    ca.pem         who signs: what clients trust
    ca-key.pem     its key, with which a server's certificate is made anew before it ends
    NAME.pem       a server's key and certificate in one file, as Kafka and mongod read them
    NAME.crt  NAME.key   the two apart, as SeaweedFS reads them

Keys are ECDSA P-256 in PKCS#8, the one form that Kafka reads. Every file has mode 0600.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .data_folder import write_private
from .ports import HOST

_CA_DAYS: Final = 3_650
_DAYS: Final = 825
_RENEW_DAYS: Final = 60
_BACKDATED: Final = datetime.timedelta(hours=1)
"""A container's clock may be behind its host's."""


def make_certificates(folder: Path, joined: Iterable[str], apart: Iterable[str]) -> None:
    """What is missing of the authority and of these servers, by how they read their key and certificate; a server's
    that ends soon is made anew."""
    key, authority = _authority(folder)
    for name in joined:
        if _days_left(folder / f"{name}.pem") < _RENEW_DAYS:
            own, certificate = _sign(name, key, authority)
            write_private(folder / f"{name}.pem", own + certificate)
    for name in apart:
        if _days_left(folder / f"{name}.crt") < _RENEW_DAYS:
            own, certificate = _sign(name, key, authority)
            write_private(folder / f"{name}.key", own)
            write_private(folder / f"{name}.crt", certificate)  # last: where it is, its key is too


def _authority(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, file = folder / "ca-key.pem", folder / "ca.pem"
    if file.exists():
        key = load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "the key of an authority that another program made"
        return key, x509.load_pem_x509_certificate(file.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ML-Dash local stack")])
    made = (
        _builder(name, name, key.public_key(), _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(key_file, _pem(key))
    write_private(file, made.public_bytes(Encoding.PEM))  # last: where it is, its key is too
    return key, made


def _sign(name: str, authority_key: ec.EllipticCurvePrivateKey, authority: x509.Certificate) -> tuple[bytes, bytes]:
    """A new key, and a certificate for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")]
    made = (
        _builder(subject, authority.subject, key.public_key(), _DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        # The broker is a client of its own controller, and a mongod of itself.
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return _pem(key), made.public_bytes(Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _days_left(certificate: Path) -> float:
    try:
        ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except FileNotFoundError:
        return 0.0
    return (ends - datetime.datetime.now(datetime.UTC)) / datetime.timedelta(days=1)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
