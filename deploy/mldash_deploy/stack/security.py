"""What makes a stack secured: its certificates, and who may sign in to which server.

    security/passwords.json   of every user, made at the first start and kept
    security/replica-set.key  by which mongod knows its own set
    security/…                certificates.py

The folder has mode 0700 and its files 0600. That it is there says that the stack is secured: each later start is.

    admin      of the servers themselves; the supervisor uses it to make users, topics, indexes and the bucket
    operator   who has the data folder: `mldash env` and --data; every role, but not Kafka's or MongoDB's own rights
    worker  compactor  api   each with what it needs, and no more
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mldash.connections.servers import Servers

from .data_folder import Credentials, DataFolder, make_keys, write_private
from .errors import DataFolderUnusable

ADMIN, OPERATOR = "admin", "operator"
_COMPONENTS = ("worker", "compactor", "api")
USERS: Final = (ADMIN, OPERATOR, *_COMPONENTS)
KAFKA_ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    OPERATOR: ("producer", "worker", "reader", "lag", "api", "prepare"),
    "worker": ("worker",),
    "api": ("api", "producer"),  # it passes records on that come over HTTP
}
S3_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "compactor": ("Read", "Write", "List"),
    "api": ("Read", "List"),
}
"""Of the bucket alone; the operator has all of S3, as where nothing is secured."""

SCRAM: Final = "SCRAM-SHA-512"
_SEAWEED_KEYS: Final = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)


class Passwords(Struct, frozen=True):
    """The content of `passwords.json`."""

    kafka: dict[str, str]
    mongo: dict[str, str]
    s3: dict[str, Credentials]
    seaweed: dict[str, str]

    def __repr__(self) -> str:
        return "Passwords(•••)"


class Security:
    """Of one stack. Its files are there once `make` has returned."""

    def __init__(self, folder: DataFolder) -> None:
        self.path = folder.path / "security"
        self._folder = folder
        self._passwords: Passwords | None = None

    @property
    def is_there(self) -> bool:
        """Whether this folder's stack is secured."""
        return self.path.exists()

    def make(self) -> None:
        """What is missing. Raises DataFolderUnusable."""
        from .certificates import make_certificates  # loads cryptography: for those who need it

        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            make_certificates(self.path, joined=("kafka", "mongo"), apart=("s3",))
            if not self.replica_set_key.exists():
                write_private(self.replica_set_key, base64.b64encode(secrets.token_bytes(600)))
            if not self._passwords_file.exists():
                write_private(self._passwords_file, msgspec.json.encode(_make_passwords(self._folder.credentials())))
        except OSError as error:
            raise DataFolderUnusable(self.path, error.strerror or str(error)) from error

    @property
    def ca_file(self) -> str:
        """What clients trust."""
        return str(self.path / "ca.pem")

    @property
    def replica_set_key(self) -> Path:
        """mongod's keyFile."""
        return self.path / "replica-set.key"

    @property
    def passwords(self) -> Passwords:
        """Raises DataFolderUnusable."""
        if self._passwords is None:
            try:
                self._passwords = msgspec.json.decode(self._passwords_file.read_bytes(), type=Passwords)
            except (OSError, msgspec.DecodeError) as error:
                raise DataFolderUnusable(self._passwords_file, str(error)) from error
        return self._passwords

    @property
    def _passwords_file(self) -> Path:
        return self.path / "passwords.json"

    def mongo_uri(self, address: str, user: str) -> str:
        """`address` is that of a server that asks nobody; the user's name and password come into it, and TLS."""
        host = address.removeprefix("mongodb://")
        options = "tls=true&authSource=admin&authMechanism=SCRAM-SHA-256"
        return f"mongodb://{user}:{self.passwords.mongo[user]}@{host}&{options}"

    def servers_of(self, plain: Servers, user: str, brought: list[str]) -> Servers:
        """The servers that this stack brings as this user signs in to them; others stay as they are. The API asks for
        no S3 key of the compactor, nor the compactor for Kafka."""
        changed: dict[str, object] = {}
        if "kafka" in brought and user in self.passwords.kafka:
            changed |= {
                "kafka_security_protocol": "SASL_SSL",
                "kafka_sasl_mechanism": SCRAM,
                "kafka_username": user,
                "kafka_password": self.passwords.kafka[user],
                "kafka_ca_file": self.ca_file,
            }
        if "mongo" in brought:
            changed |= {"mongo": self.mongo_uri(plain.mongo, user), "mongo_ca_file": self.ca_file}
        if "s3" in brought:
            keys = self.passwords.s3.get(user)
            changed |= {
                "s3_access_key": keys.access_key if keys else None,
                "s3_secret_key": keys.secret_key if keys else None,
                "s3_ca_file": self.ca_file,
            }
        return msgspec.structs.replace(plain, **changed)


def _make_passwords(own: Credentials) -> Passwords:
    """Letters, digits, - and _: they stand in URIs, in Java's login lines and in an argument that ends at a comma."""
    return Passwords(
        kafka={user: secrets.token_urlsafe(32) for user in (ADMIN, *KAFKA_ROLES)},
        mongo={user: secrets.token_urlsafe(32) for user in USERS},
        s3={ADMIN: own, OPERATOR: own} | {user: make_keys() for user in S3_ACTIONS},
        seaweed={name: secrets.token_urlsafe(32) for name in _SEAWEED_KEYS},
    )
