"""Certificates as an operator's authority signs them, and tokens as an issuer does; all of it of this run alone."""

import ipaddress
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ISSUER, AUDIENCE = "https://issuer.test", "kafka"


class Authority:
    """Signs certificates. `pem` is the file that clients trust."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._builder(self._name, self._key.public_key())
        certificate = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True
        )
        self.pem = folder / f"{name}.pem"
        self.pem.write_bytes(_pem(certificate.sign(self._key, hashes.SHA256())))

    def certify(self, name: str, *names: str, password: str | None = None) -> "Certificate":
        """For servers under these names and addresses, and for a client called `name`. Keys are PKCS#8: Kafka reads no
        other."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        locking = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locking)
        made = Certificate(*(self._folder / f"{name}.{kind}" for kind in ("crt", "key", "both")))
        made.cert.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        made.key.write_bytes(text)
        made.both.write_bytes(text + made.cert.read_bytes())
        return made

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )


class Certificate:
    """Files: the certificate, its key, and the two in one."""

    def __init__(self, cert: Path, key: Path, both: Path) -> None:
        self.cert, self.key, self.both = cert, key, both


class Issuer:
    """Gives tokens that a Kafka which knows `jwks` takes."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(65_537, 2_048)
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": "one",
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [key]}))

    def token(self, subject: str, life_s: float = 3_600.0, **claims: Any) -> str:
        now = time()
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": int(now), "exp": int(now + life_s), **claims}
        head = {"alg": "RS256", "kid": "one", "typ": "JWT"}
        text = ".".join(_base64(json.dumps(part).encode()) for part in (head, said))
        return f"{text}.{_base64(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _base64(value.to_bytes((value.bit_length() + 7) // 8))
