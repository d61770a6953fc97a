"""The topics: what each should be, what differs, and how that is mended.

required    what events need whatever the deployment is: always set
at least    records as large as log() takes: raised where smaller, never lowered
asked       what a setting says: set where it is another
initial     what a new topic gets besides, and an existing one keeps its own of
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError, for_code
from msgspec import Struct

from mldash.events.identity import KINDS
from mldash.events.topics import DEFAULT_PARTITIONS, dead_letter_topic, event_topic, stored_topic

from .changes import Change, Plan, RequestRefused, TopicWouldShrink
from .kafka_requests import set_topic_configs
from .settings import DAY_MS, TOPIC_RECORD_BYTES, PrepareSettings

PATIENCE_S: Final = 20.0
"""A broker whose heartbeats were late counts as none for some seconds: too few for the replicas, until it is back."""

_AGAIN_S: Final = 0.5
_RETENTION, _RECORD, _IN_SYNC = "retention.ms", "max.message.bytes", "min.insync.replicas"
_EVENTS_DAYS, _LETTERS_DAYS = 7, 30
_COPIES, _COPIES_IN_SYNC = 3, 2

_BY_THE_BROKERS_CLOCK = {"message.timestamp.type": "LogAppendTime"}
"""A process lives as long as its heartbeats come: by the broker's clock, not by that of its host."""


class Wanted(Struct, frozen=True):
    """One topic."""

    name: str
    partitions: int
    is_count_asked: bool
    required: Mapping[str, str]
    asked: Mapping[str, str]
    initial: Mapping[str, str]
    record_bytes: int | None
    """As asked; None: what log() takes."""


class There(Struct, frozen=True):
    """A topic as it is; `configs` are the values that hold, wherever they come from."""

    partitions: int
    replication: int
    configs: Mapping[str, str]


class TopicChanges(Struct):
    """What differs."""

    make: list[NewTopic] = []
    grow: dict[str, int] = {}
    configure: dict[str, dict[str, str]] = {}
    changes: list[Change] = []
    notes: list[str] = []


def wanted_topics(settings: PrepareSettings) -> list[Wanted]:
    """All topics of a deployment."""
    asked = {_IN_SYNC: settings.min_insync_replicas}
    events = {**asked, _RETENTION: _days(settings.retention_days)}
    letters = {**asked, _RETENTION: _days(settings.dead_letter_retention_days)}
    found = list[Wanted]()
    for kind in KINDS:
        count = settings.partitions_of(kind)
        found.append(
            Wanted(
                event_topic(settings.topic_prefix, kind),
                count or DEFAULT_PARTITIONS[kind],
                count is not None,
                _BY_THE_BROKERS_CLOCK if kind == "runs" else {},
                _given(events),
                {_RETENTION: str(_EVENTS_DAYS * DAY_MS)},
                settings.record_bytes,
            )
        )
    found.append(
        Wanted(
            dead_letter_topic(settings.topic_prefix),
            1,
            False,
            required={},
            asked=_given(letters),
            initial={_RETENTION: str(_LETTERS_DAYS * DAY_MS)},
            record_bytes=settings.record_bytes,
        )
    )
    found.append(
        Wanted(
            stored_topic(settings.topic_prefix),
            1,
            False,
            required={"cleanup.policy": "compact"},
            asked=_given(asked),
            initial={"segment.ms": str(DAY_MS // 24), "min.cleanable.dirty.ratio": "0.1"},
            record_bytes=None,
        )
    )
    return found


def compare(
    wanted: Sequence[Wanted], there: Mapping[str, There], *, replication: int | None, brokers: int, alter: bool
) -> TopicChanges:
    """What to make, and where `alter`, what to change of what is there. Raises TopicWouldShrink."""
    found = TopicChanges()
    copies = replication or min(_COPIES, brokers)
    for topic in wanted:
        present = there.get(topic.name)
        if present is None:
            _make(topic, copies, found)
        elif alter:
            _alter(topic, present, replication, found)
    return found


def _make(topic: Wanted, copies: int, found: TopicChanges) -> None:
    in_sync = _COPIES_IN_SYNC if copies >= _COPIES else 1
    record = {_RECORD: str(topic.record_bytes or TOPIC_RECORD_BYTES)} if _RETENTION in topic.initial else {}
    configs = {_IN_SYNC: str(in_sync), **record, **topic.initial, **topic.asked, **topic.required}
    found.make.append(
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=copies, topic_configs=configs)
    )
    told = ", ".join(f"{name} {value}" for name, value in configs.items())
    found.changes.append(
        Change(f"topic {topic.name}", f"make it: {topic.partitions} partitions, {copies} replicas, {told}")
    )


def _alter(topic: Wanted, there: There, replication: int | None, found: TopicChanges) -> None:
    subject = f"topic {topic.name}"
    if topic.is_count_asked and topic.partitions < there.partitions:
        raise TopicWouldShrink(topic.name, "partitions", there.partitions, topic.partitions)
    if topic.is_count_asked and topic.partitions > there.partitions:
        found.grow[topic.name] = topic.partitions
        found.changes.append(Change(subject, f"partitions {there.partitions} → {topic.partitions}"))
        found.notes.append(_growth(topic.name, there.partitions))
    if replication is not None and replication != there.replication:
        found.notes.append(
            f"{subject} keeps {there.replication} replicas: Kafka's own kafka-reassign-partitions moves that to "
            f"{replication}"
        )
    configs = {**topic.asked, **topic.required, **_larger_records(topic, there)}
    differing = {name: value for name, value in configs.items() if there.configs.get(name) != value}
    if differing:
        found.configure[topic.name] = differing
        found.changes += [
            Change(subject, f"{name} {there.configs.get(name, 'unset')} → {value}") for name, value in differing.items()
        ]


def _larger_records(topic: Wanted, there: There) -> dict[str, str]:
    if _RETENTION not in topic.initial:  # statements are small
        return {}
    present, wanted = int(there.configs[_RECORD]), topic.record_bytes or TOPIC_RECORD_BYTES
    if wanted < present and topic.record_bytes is not None:
        raise TopicWouldShrink(topic.name, _RECORD, present, wanted)
    return {_RECORD: str(wanted)} if wanted > present else {}


def _growth(topic: str, before: int) -> str:
    return (
        f"topic {topic} grows: a session keeps the partition count that it started with, so those that run go on in "
        f"the first {before}, and new ones use all. A stream that both write lies in two partitions meanwhile, and "
        "their workers append in turns: every event is stored once, more slowly"
    )


async def plan_topics(
    admin: AIOKafkaAdminClient, settings: PrepareSettings, *, alter: bool, patience_s: float = PATIENCE_S
) -> Plan:
    """Raises TopicWouldShrink, and what Kafka answers."""
    wanted = wanted_topics(settings)
    described = await admin._get_cluster_metadata(topics=None)
    brokers = len(described.to_object()["brokers"])
    there = await _there(admin, [one.name for one in wanted], described.to_object()["topics"])
    found = compare(wanted, there, replication=settings.replication, brokers=brokers, alter=alter)

    async def apply() -> None:
        await make_topics(admin, found.make, patience_s)
        if found.grow:
            await admin.create_partitions({name: NewPartitions(count) for name, count in found.grow.items()})
        await set_topic_configs(admin, found.configure)

    return Plan(found.changes, found.notes, apply)


async def _there(admin: AIOKafkaAdminClient, names: Sequence[str], topics: list[dict[str, Any]]) -> dict[str, There]:
    listed = {one["topic"]: one["partitions"] for one in topics if one["topic"] in names and not one["error_code"]}
    if not listed:
        return {}
    configs = dict[str, dict[str, str]]()
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in listed]
    answers: list[Any] = await admin.describe_configs(asked)
    for answer in answers:
        for code, message, _, name, entries in answer.resources:
            if code:
                raise RequestRefused(f"tell how topic {name} is set", code, message or for_code(code).__name__)
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return {
        name: There(len(partitions), min(len(one["replicas"]) for one in partitions), configs[name])
        for name, partitions in listed.items()
    }


async def make_topics(admin: AIOKafkaAdminClient, topics: list[NewTopic], patience_s: float = PATIENCE_S) -> None:
    """Those that are there stay as they are, and when it returns the broker tells clients of all of them. Raises what
    Kafka answers; where brokers are missing, when they still are after `patience_s` seconds."""
    if not topics:
        return
    names, deadline = {topic.name for topic in topics}, monotonic() + patience_s
    while topics:
        answer: Any = await admin.create_topics(topics)
        refused = {name: for_code(code) for name, code, *_ in answer.topic_errors if code}
        topics = [topic for topic in topics if refused.get(topic.name) is InvalidReplicationFactorError]
        for name, kind in refused.items():
            waited_for = kind is InvalidReplicationFactorError and monotonic() < deadline
            if kind is not TopicAlreadyExistsError and not waited_for:
                raise kind(f"topic {name} could not be made: {kind.description}")
        if topics:
            await asyncio.sleep(_AGAIN_S)
    # The controller has made them; a busy broker hears of it a moment later, and until then says that there is none.
    while names - set(await admin.list_topics()) and monotonic() < deadline:  # noqa: ASYNC110 - another process
        await asyncio.sleep(_AGAIN_S / 5)


def _days(days: float | None) -> int | None:
    return None if days is None else round(days * DAY_MS)


def _given(values: Mapping[str, int | None]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}
