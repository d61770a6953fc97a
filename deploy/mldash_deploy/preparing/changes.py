"""What differs between what is there and what is wanted; and the errors of a difference that is not mended.

PrepareRefused
  TopicWouldShrink    fewer partitions, or smaller records, than a topic has
  BucketWouldExpire   a rule of the bucket deletes current objects: chunks
  RequestRefused      Kafka answered a request with an error
  WrongArgument       USER=ROLE or NAME=FILE as it can't be used
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct


class Change(Struct, frozen=True):
    """One difference, for people."""

    subject: str
    """`topic mldash.metrics`"""
    what: str
    """`8 partitions more, 16`"""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


async def _nothing() -> None:
    return None


class Plan(Struct, frozen=True):
    """What `apply` would change; `notes` is what to know of it, and of what stays."""

    changes: Sequence[Change] = ()
    notes: Sequence[str] = ()
    apply: Callable[[], Awaitable[None]] = _nothing


class PrepareRefused(Exception):
    """All of ours: nothing was changed."""


class TopicWouldShrink(PrepareRefused):
    """What a topic has is more than what is asked for."""

    def __init__(self, topic: str, what: str, there: int, asked: int) -> None:
        super().__init__(topic, what, there, asked)
        self.topic, self.what, self.there, self.asked = topic, what, there, asked

    def __str__(self) -> str:
        return (
            f"topic {self.topic} has {self.what} {self.there}, and {self.asked} is asked for: prepare never shrinks, "
            f"for events would be lost or refused; ask for {self.there} or more, or leave the setting out"
        )


class BucketWouldExpire(PrepareRefused):
    """Chunks would be deleted by S3 itself, behind the manifest's back."""

    def __init__(self, bucket: str, rule: str, what: str) -> None:
        super().__init__(bucket, rule, what)
        self.bucket, self.rule, self.what = bucket, rule, what

    def __str__(self) -> str:
        return (
            f"the life-cycle rule {self.rule!r} of bucket {self.bucket!r} deletes current objects ({self.what}), and "
            "chunks with them: their events would be lost. Remove it, or limit it to a prefix without chunks; how long "
            "things are kept is said with `mldash retention`"
        )


class RequestRefused(PrepareRefused):
    """Kafka's answer to one request."""

    def __init__(self, what: str, code: int, reason: str) -> None:
        super().__init__(what, code, reason)
        self.what, self.code, self.reason = what, code, reason

    def __str__(self) -> str:
        return f"Kafka refused to {self.what}: {self.reason} (error {self.code})"


class WrongArgument(PrepareRefused):
    """An argument of the command that can't be used."""

    def __init__(self, argument: str, allowed: str) -> None:
        super().__init__(argument, allowed)
        self.argument, self.allowed = argument, allowed

    def __str__(self) -> str:
        return f"{self.argument} can't be used: {self.allowed}"
