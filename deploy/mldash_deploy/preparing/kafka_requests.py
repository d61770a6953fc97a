"""Requests of Kafka's administration that aiokafka has no call for, by its own classes of the protocol.

    ACLs                    CreateAcls and DescribeAcls: aiokafka has the classes
    users                   AlterUserScramCredentials, DescribeUserScramCredentials (KIP-554; brokers since 2.7)
    topics' configuration   IncrementalAlterConfigs (KIP-339; since 2.3): the older request, aiokafka's, resets all
                            that it does not name

Format: https://kafka.apache.org/protocol.html. Passwords leave this process as a salted hash alone (RFC 5802).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)
from msgspec import Struct

from .changes import RequestRefused

_TEXT, _COMPACT = String("utf-8"), CompactString("utf-8")

TOPIC, GROUP, CLUSTER = 2, 3, 4
LITERAL, PREFIXED = 3, 4
READ, WRITE, CREATE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS = 3, 4, 5, 7, 8, 10, 11
_ALLOW, _ANY, _EVERY_HOST = 3, 1, "*"

Scram = Literal["SCRAM-SHA-256", "SCRAM-SHA-512"]
_SCRAM: Final[Mapping[Scram, tuple[int, str]]] = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
"""Mechanism → its number on the wire, and the hash."""

_ITERATIONS: Final = 8_192
_SET: Final = 0
_NO_SUCH_USER: Final = 91


class Right(Struct, frozen=True, order=True):
    """One operation on one resource, or on all whose name begins so."""

    resource: int
    name: str
    pattern: int
    operation: int


async def rights_of(admin: AIOKafkaAdminClient, user: str) -> set[Right]:
    """What the user is allowed from everywhere. Raises RequestRefused."""
    request = DescribeAclsRequest(_ANY, None, _ANY, f"User:{user}", None, _ANY, _ANY)  # type: ignore[arg-type]
    answer: Any = await admin._send_request(request)
    _check(f"tell the rights of {user}", answer.error_code, answer.error_message)
    return {
        Right(resource, name, pattern, operation)
        for resource, name, pattern, entries in answer.resources
        for _, host, operation, permission in entries
        if (host, permission) == (_EVERY_HOST, _ALLOW)
    }


async def grant(admin: AIOKafkaAdminClient, user: str, rights: Collection[Right]) -> None:
    """Allow it from everywhere. Raises RequestRefused."""
    for one in rights:
        request = CreateAclsRequest(
            one.resource, one.name, one.pattern, f"User:{user}", _EVERY_HOST, one.operation, _ALLOW
        )
        answer: Any = await admin._send_request(request)
        for code, message in answer.creation_responses:
            _check(f"give {user} its rights", code, message)


async def scram_users(admin: AIOKafkaAdminClient, users: Collection[str]) -> set[str]:
    """Those of them that have a password by SCRAM-SHA-512. Raises RequestRefused."""
    if not users:
        return set()
    answer: Any = await admin._send_to_controller(_DescribeUsers(sorted(users)))
    _check("tell its users", answer.error_code, answer.error_message)
    found = set[str]()
    for user, code, message, mechanisms, _ in answer.results:
        if code != _NO_SUCH_USER:
            _check(f"tell of the user {user}", code, message)
        if any(mechanism == _SCRAM["SCRAM-SHA-512"][0] for mechanism, *_ in mechanisms):
            found.add(user)
    return found


async def set_passwords(
    admin: AIOKafkaAdminClient, passwords: Mapping[str, str], mechanism: Scram = "SCRAM-SHA-512"
) -> None:
    """A user that is not there is made. Raises RequestRefused."""
    if not passwords:
        return
    answer: Any = await admin._send_to_controller(_AlterUsers(passwords, mechanism))
    for user, code, message, _ in answer.results:
        _check(f"set the password of {user}", code, message)


async def set_topic_configs(admin: AIOKafkaAdminClient, topics: Mapping[str, Mapping[str, str]]) -> None:
    """What is not named stays as it is. Raises RequestRefused."""
    if not topics:
        return
    answer: Any = await admin._send_request(_AlterConfigs(topics))
    for code, message, _, topic in answer.responses:
        _check(f"configure topic {topic}", code, message)


def _check(what: str, code: int, message: str | None) -> None:
    if code:
        kind = for_code(code)
        raise RequestRefused(what, code, message or kind.description or kind.__name__)


class _AlterUsersResponse(Response):
    API_KEY, API_VERSION = 51, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", _COMPACT), ("error_code", Int16), ("error_message", _COMPACT), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUsersStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION = 51, 0
    RESPONSE_TYPE = _AlterUsersResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _COMPACT), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", _COMPACT),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUsers(Request[_AlterUsersStruct]):
    API_KEY = 51

    def __init__(self, passwords: Mapping[str, str], mechanism: Scram) -> None:
        number, digest = _SCRAM[mechanism]
        self._upsertions = list[tuple[Any, ...]]()
        for user, password in passwords.items():
            salt = secrets.token_bytes(32)
            salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, _ITERATIONS)
            self._upsertions.append((user, number, _ITERATIONS, salt, salted, {}))

    def build(self, request_struct_class: type[_AlterUsersStruct]) -> _AlterUsersStruct:
        return request_struct_class([], self._upsertions, {})


class _DescribeUsersResponse(Response):
    API_KEY, API_VERSION = 50, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", _COMPACT),
        (
            "results",
            CompactArray(
                ("user", _COMPACT),
                ("error_code", Int16),
                ("error_message", _COMPACT),
                ("credentials", CompactArray(("mechanism", Int8), ("iterations", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeUsersStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION = 50, 0
    RESPONSE_TYPE = _DescribeUsersResponse
    SCHEMA = Schema(("users", CompactArray(("name", _COMPACT), ("tags", TaggedFields))), ("tags", TaggedFields))


class _DescribeUsers(Request[_DescribeUsersStruct]):
    API_KEY = 50

    def __init__(self, users: Collection[str]) -> None:
        self._users = users

    def build(self, request_struct_class: type[_DescribeUsersStruct]) -> _DescribeUsersStruct:
        return request_struct_class([(user, {}) for user in self._users], {})


class _AlterConfigsResponse(Response):
    API_KEY, API_VERSION = 44, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(("error_code", Int16), ("error_message", _TEXT), ("resource_type", Int8), ("resource_name", _TEXT)),
        ),
    )


class _AlterConfigsStruct(RequestStruct):
    API_KEY, API_VERSION = 44, 0
    RESPONSE_TYPE = _AlterConfigsResponse
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", _TEXT),
                ("configs", Array(("name", _TEXT), ("operation", Int8), ("value", _TEXT))),
            ),
        ),
        ("validate_only", Boolean),
    )


class _AlterConfigs(Request[_AlterConfigsStruct]):
    API_KEY = 44

    def __init__(self, topics: Mapping[str, Mapping[str, str]]) -> None:
        self._resources = [
            (TOPIC, topic, [(name, _SET, value) for name, value in configs.items()])
            for topic, configs in topics.items()
        ]

    def build(self, request_struct_class: type[_AlterConfigsStruct]) -> _AlterConfigsStruct:
        return request_struct_class(self._resources, False)
