"""What can go wrong while topics are read.

TopicError
  KafkaUnreachable  no broker answers at the start; once running, a broker that is away is waited for
  TopicMissing      Kafka answers, but has no topic of this name
  TopicSilent       a topic does not give what lies below its end
"""

from typing import ClassVar

from mldash.errors import MldashError


class TopicError(MldashError):
    """All of these."""


class KafkaUnreachable(TopicError, ConnectionError):
    """No broker answers."""

    retriable: ClassVar[bool] = True

    def __init__(self, brokers: str) -> None:
        super().__init__(brokers)
        self.brokers = brokers

    def __str__(self) -> str:
        return f"no Kafka broker answers at {self.brokers} (MLDASH_KAFKA)"


class TopicMissing(TopicError):
    """No topic of this name."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic

    def __str__(self) -> str:
        return f"Kafka has no topic {self.topic}: were topics prepared, is MLDASH_TOPIC_PREFIX right?"


class TopicSilent(TopicError):
    """Records below the end of these topics do not come."""

    retriable: ClassVar[bool] = True

    def __init__(self, topics: list[str], reason: str) -> None:
        super().__init__(topics, reason)
        self.topics, self.reason = topics, reason

    def __str__(self) -> str:
        return f"{', '.join(self.topics)} can't be read to the end: {self.reason}"
