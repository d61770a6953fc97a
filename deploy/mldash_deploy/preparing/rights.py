"""Which role may do what on Kafka: the least that was seen to be enough. Each right brings DESCRIBE with it.

producer   a training host: WRITE on the event topics; never CREATE, never IDEMPOTENT_WRITE
worker     READ on the event topics, on the statements and on its group; WRITE where it writes
reader     READ on all topics: `mldash tail`, consumers, which assign partitions to themselves
lag        DESCRIBE on all topics and on the group: scalers
api        the same, and READ on the statements, by which it tells listeners what is new, and on the dead letters, of
           which it tells operators
prepare    what `mldash prepare` needs; for --acls and --user ALTER and DESCRIBE on the cluster besides
"""

from __future__ import annotations

from typing import Literal, get_args

from mldash.events.topics import dead_letter_topic, event_topics, stored_topic

from .kafka_requests import (
    ALTER,
    ALTER_CONFIGS,
    CREATE,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    GROUP,
    LITERAL,
    PREFIXED,
    READ,
    TOPIC,
    WRITE,
    Right,
)

Role = Literal["producer", "worker", "reader", "lag", "api", "prepare"]
ROLES: tuple[Role, ...] = get_args(Role)

_WORDS = {
    READ: "READ",
    WRITE: "WRITE",
    CREATE: "CREATE",
    ALTER: "ALTER",
    DESCRIBE: "DESCRIBE",
    DESCRIBE_CONFIGS: "DESCRIBE_CONFIGS",
    ALTER_CONFIGS: "ALTER_CONFIGS",
}


def rights_of_role(role: Role, topic_prefix: str, group: str) -> set[Right]:
    """By name, topic by topic: who may write events must not be able to write statements or dead letters."""
    events = [*event_topics(topic_prefix)]
    letters, stored = dead_letter_topic(topic_prefix), stored_topic(topic_prefix)
    if role == "producer":
        return _on(events, WRITE)
    if role == "worker":
        return _on([*events, stored], READ) | _on([letters, stored], WRITE) | {Right(GROUP, group, LITERAL, READ)}
    if role == "reader":
        return _on([*events, letters, stored], READ)
    if role in ("lag", "api"):
        looks = _on([*events, letters, stored], DESCRIBE) | {Right(GROUP, group, LITERAL, DESCRIBE)}
        return looks | _on([stored, letters], READ) if role == "api" else looks
    operations = (CREATE, ALTER, DESCRIBE_CONFIGS, ALTER_CONFIGS)
    return {Right(TOPIC, f"{topic_prefix}.", PREFIXED, one) for one in operations}


def in_words(right: Right) -> str:
    """`WRITE on topic mldash.metrics`"""
    kind = "group" if right.resource == GROUP else "topic"
    every = "*" if right.pattern == PREFIXED else ""
    return f"{_WORDS[right.operation]} on {kind} {right.name}{every}"


def _on(topics: list[str], operation: int) -> set[Right]:
    return {Right(TOPIC, topic, LITERAL, operation) for topic in topics}
