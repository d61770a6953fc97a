"""Topics, indexes and bucket, and where asked users and rights: looked at, and made or changed where they differ.

plan    every server is asked what is there; what can't be mended is refused before anything is changed
apply   topics, users and their rights, indexes and bucket; each again changes nothing, so a run that was cut is run
        again
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import asdict

from mldash.connections.servers import KafkaServer, Servers
from mldash.connections.topic_reading import administering
from mldash.events.topics import DEFAULT_PARTITIONS
from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.mongo import open_mongo

from .preparing.bucket import plan_bucket
from .preparing.changes import Plan
from .preparing.indexes import plan_indexes
from .preparing.rights import Role
from .preparing.settings import PrepareSettings
from .preparing.topics import PATIENCE_S, plan_topics
from .preparing.users import Granted, Signing, plan_rights, plan_users
from .preparing.users import sign_up as sign_up_by

_log = structlog.get_logger()

Result = TypeVar("Result")


class Access(Struct, frozen=True):
    """Users and rights that are asked for, beside what every deployment has."""

    granted: Sequence[Granted] = ()
    users: Sequence[Signing] = ()
    new_passwords: bool = False


async def prepare(
    servers: Servers,
    partitions: Mapping[str, int] = DEFAULT_PARTITIONS,
    replication: int = 1,
    *,
    patience_s: float = PATIENCE_S,
) -> None:
    """Make what is missing of what the components expect to find; what is there stays as it is. Raises what the
    servers' clients raise; where there are fewer brokers than `replication`, after `patience_s` seconds."""
    counts: dict[str, Any] = {f"{kind}_partitions": count for kind, count in partitions.items()}
    settings = PrepareSettings(**asdict(servers), **counts, replication=replication)
    await prepare_all(settings, alter=False, patience_s=patience_s)
    _log.info("prepared", topic_prefix=servers.topic_prefix, database=servers.mongo_database, bucket=servers.s3_bucket)


async def prepare_all(
    settings: PrepareSettings,
    access: Access | None = None,
    *,
    alter: bool = True,
    dry_run: bool = False,
    patience_s: float = PATIENCE_S,
) -> Plan:
    """What differed; unless `dry_run` it is mended. `alter` False: only what is missing is made.

    Raises PrepareRefused, with nothing changed, and what the servers' clients raise."""
    access = access or Access()
    async with AsyncExitStack() as clients:
        admin = await clients.enter_async_context(administering(settings))
        mongo = open_mongo(settings)
        clients.push_async_callback(mongo.close)
        store = await clients.enter_async_context(open_store(settings))
        plans = await _together(
            plan_topics(admin, settings, alter=alter, patience_s=patience_s),
            plan_users(admin, access.users, new_passwords=access.new_passwords),
            plan_rights(admin, access.granted, settings.topic_prefix, settings.group),
            plan_indexes(mongo),
            plan_bucket(store, settings, alter=alter),
        )
        if not dry_run:
            topics, users, rights, *others = plans
            await _together(topics.apply(), *(one.apply() for one in others))
            await users.apply()
            await rights.apply()
    return Plan([one for plan in plans for one in plan.changes], [one for plan in plans for one in plan.notes])


async def sign_up(
    servers: KafkaServer, passwords: Mapping[str, str], roles: Mapping[str, Collection[Role]], group: str
) -> None:
    """Users of Kafka with these passwords, unless they are there, and with these roles. Raises RequestRefused, and what
    the client raises."""
    granted = [Granted(user, role) for user, some in roles.items() for role in some]
    async with administering(servers) as admin:
        await sign_up_by(admin, passwords, granted, servers.topic_prefix, group)


async def _together(*doing: Awaitable[Result]) -> list[Result]:
    """All of them to their end, then the first error: their clients are closed next, and none may still use one."""
    ended = await asyncio.gather(*doing, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return [one for one in ended if not isinstance(one, BaseException)]
