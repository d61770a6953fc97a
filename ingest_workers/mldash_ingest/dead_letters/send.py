"""Letters → the dead-letter topic, acknowledged before the offset of their records is committed."""

from collections.abc import Sequence
from time import time

import structlog

from mldash.events.letter import letter_headers
from mldash_ingest import instruments
from mldash_ingest.fetch.decode import SetAside
from mldash_ingest.kafka import Message, Outbox

_log = structlog.get_logger()


async def send_letters(outbox: Outbox, topic: str, letters: Sequence[SetAside]) -> None:
    """Returns when all are acknowledged."""
    if not letters:
        return
    now = time()
    await outbox.send(
        topic,
        [
            Message(_value(letter), letter.origin.key, letter_headers(letter.origin, letter.reason, now))
            for letter in letters
        ],
    )
    for letter in letters:
        instruments.dead_letters.labels(letter.origin.topic).inc()
        _log.warning(
            "record set aside",
            topic=letter.origin.topic,
            partition=letter.origin.partition,
            offset=letter.origin.offset,
            reason=letter.reason,
        )


def _value(letter: SetAside) -> bytes | None:
    """As it came; but aiokafka sends nothing that has neither key nor value."""
    return b"" if letter.origin.key is None and letter.origin.value is None else letter.origin.value
