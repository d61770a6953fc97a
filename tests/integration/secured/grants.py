"""Kafka's users and rights, changed over the wire as an operator does."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, get_args

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from mldash_deploy.preparing.kafka_requests import Scram, set_passwords

_TYPES = {"topic": 2, "group": 3, "cluster": 4}
_OPERATIONS = {
    "read": 3,
    "write": 4,
    "create": 5,
    "delete": 6,
    "alter": 7,
    "describe": 8,
    "describe configs": 10,
}
SCRAM: tuple[Scram, ...] = get_args(Scram)
_LITERAL, _PREFIXED, _ALLOW = 3, 4, 3


class Grants:
    """By an administrator's connection."""

    def __init__(self, **connecting: Any) -> None:
        self._connecting = connecting

    async def set_password(self, user: str, password: str) -> None:
        """For SCRAM with either hash."""
        async with self._admin() as admin:
            for mechanism in SCRAM:  # a user stands in one request once
                await set_passwords(admin, {user: password}, mechanism)

    async def give(self, user: str, kind: str, name: str, *operations: str) -> None:
        """`name*` is a prefix."""
        for operation in operations:
            request = CreateAclsRequest(*_pattern(kind, name), f"User:{user}", "*", _OPERATIONS[operation], _ALLOW)
            answer = await self._ask(request)
            assert not any(code for code, *_ in answer.creation_responses), answer

    async def take(self, user: str, kind: str, name: str, *operations: str) -> None:
        for operation in operations:
            request = DeleteAclsRequest(*_pattern(kind, name), f"User:{user}", "*", _OPERATIONS[operation], _ALLOW)
            answer = await self._ask(request)
            assert not answer.filter_responses[0][0], answer

    async def let_in(self, users: Iterable[str], prefix: str) -> None:
        """All that a pipeline does on these topics and groups, `prepare` included."""
        for user in users:
            await self.give(
                user, "topic", f"{prefix}*", "read", "write", "create", "delete", "alter", "describe configs"
            )
            await self.give(user, "group", f"{prefix}*", "read")

    async def _ask(self, request: Any) -> Any:
        async with self._admin() as admin:
            return await admin._client.send(admin._client.get_random_node(), request)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._connecting)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


def _pattern(kind: str, name: str) -> tuple[int, str, int]:
    return _TYPES[kind], name.removesuffix("*"), _PREFIXED if name.endswith("*") else _LITERAL
