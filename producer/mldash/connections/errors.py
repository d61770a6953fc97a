"""What can go wrong while topics are read.

TopicError
  KafkaUnreachable  no broker answers at the start; once running, a broker that is away is waited for
  KafkaRefused      a broker answers and does not let this program in, or not to what it needs: which door, and why
  TopicMissing      Kafka answers, but has no topic of this name
  TopicSilent       a topic does not give what lies below its end
"""

from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from mldash.errors import MldashError


class TopicError(MldashError):
    """All of these."""


class KafkaUnreachable(TopicError, ConnectionError):
    """No broker answers."""

    retriable: ClassVar[bool] = True

    def __init__(self, brokers: str, reason: str = "") -> None:
        super().__init__(brokers, reason)
        self.brokers, self.reason = brokers, reason

    def __str__(self) -> str:
        return f"no Kafka broker answers at {self.brokers} (MLDASH_KAFKA){self.reason and f': {self.reason}'}"


Door = Literal[
    "authority",
    "name",
    "certificate",
    "tls",
    "plain",
    "sign-in",
    "no sign-in",
    "mechanism",
    "password",
    "token",
    "right",
]

_WORDS: Final[dict[Door, str]] = {
    "authority": "its certificate is signed by an authority that is not trusted here: set MLDASH_KAFKA_CA_FILE to the "
    "authority's PEM",
    "name": "its certificate is made out to another name than the one that is called: correct MLDASH_KAFKA, or have "
    "the certificate made out to this name too",
    "certificate": "a certificate is refused or has ended: Kafka's, or this program's, where it wants one "
    "(MLDASH_KAFKA_CERT_FILE)",
    "tls": "TLS is spoken to it, and it does not answer in TLS: correct MLDASH_KAFKA_SECURITY_PROTOCOL, or take the "
    "port that speaks TLS",
    "plain": "it ends a connection without TLS: set MLDASH_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL, or take the "
    "port that speaks plain text",
    "sign-in": "it wants to know who signs in: set MLDASH_KAFKA_SECURITY_PROTOCOL to SASL_SSL or SASL_PLAINTEXT, with "
    "what it takes to sign in",
    "no sign-in": "nobody signs in at this port: set MLDASH_KAFKA_SECURITY_PROTOCOL to SSL or PLAINTEXT, or take the "
    "port where one does",
    "mechanism": "it does not take this way to sign in: correct MLDASH_KAFKA_SASL_MECHANISM",
    "password": "user or password are wrong: correct MLDASH_KAFKA_USERNAME, MLDASH_KAFKA_PASSWORD",
    "token": "the token is missing or refused: look at MLDASH_KAFKA_TOKEN_FILE or MLDASH_KAFKA_TOKEN_COMMAND, and at "
    "what renews it",
    "right": "this user lacks rights, or what it asks for is not there (Kafka says the same for both): have them given "
    "(docs/operations.md, Secured servers), or the topics made",
}


class KafkaRefused(TopicError):
    """A door is shut. `detail` is what Kafka or TLS says to it, `lacking` the rights, as `WRITE on topic …`."""

    retriable: ClassVar[bool] = True
    """Whoever runs waits: a password is changed back, a right is given."""

    def __init__(self, brokers: str, door: Door, detail: str, lacking: Sequence[str] = ()) -> None:
        super().__init__(brokers, door, detail, tuple(lacking))
        self.brokers, self.door, self.detail, self.lacking = brokers, door, detail, tuple(lacking)

    def __str__(self) -> str:
        lacking = f"{', '.join(self.lacking)}: " if self.lacking else ""
        return f"Kafka at {self.brokers}: {lacking}{_WORDS[self.door]} ({self.detail})"


class TopicMissing(TopicError):
    """No topic of this name."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic

    def __str__(self) -> str:
        advice = "were topics prepared, is MLDASH_TOPIC_PREFIX right, may this user see it?"
        return f"Kafka has no topic {self.topic}: {advice}"


class TopicSilent(TopicError):
    """Records below the end of these topics do not come."""

    retriable: ClassVar[bool] = True

    def __init__(self, topics: list[str], reason: str) -> None:
        super().__init__(topics, reason)
        self.topics, self.reason = topics, reason

    def __str__(self) -> str:
        return f"{', '.join(self.topics)} can't be read to the end: {self.reason}"
