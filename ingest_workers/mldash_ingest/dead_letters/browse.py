"""A list of letters without their bytes, and one letter with them: `mldash dead-letters list` and `show`."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer
from msgspec import Struct

from mldash.connections.topic_reading import partitions_of, read_all
from mldash.events.encoding import UndecodableRecord, decode_record
from mldash.events.letter import Letter, Mark, Origin, Place, read_letter
from mldash.events.schema import Record
from mldash.events.topics import dead_letter_topic
from mldash_ingest.errors import LetterMissing


class Summary(Struct, kw_only=True):
    """A letter without its bytes. What stands below `key` is known where the record can be decoded."""

    place: Place
    origin: Origin
    reason: str
    time: float
    size_bytes: int
    replayed_at: float | None = None
    key: bytes | None
    prefix: str | None = None
    kind: str | None = None
    name: str | None = None
    session: bytes | None = None
    first_seq: int = 0
    count: int = 0


class Wanted(Struct, frozen=True, kw_only=True):
    """A filter; what is None admits all. `experiment` also admits those below it: `owner/project`."""

    experiment: str | None = None
    kind: str | None = None
    reason: str | None = None
    replayed: bool | None = None

    def admits(self, letter: Summary) -> bool:
        """Whether a letter passes. One that can't be decoded is of no known experiment; its topic tells its kind."""
        kind = letter.kind or letter.origin.topic.rpartition(".")[2]
        return (
            (self.experiment is None or _is_below(letter.prefix, self.experiment))
            and (self.kind is None or kind == self.kind)
            and (self.reason is None or self.reason.lower() in letter.reason.lower())
            and (self.replayed is None or self.replayed == (letter.replayed_at is not None))
        )


def _is_below(prefix: str | None, experiment: str) -> bool:
    return prefix is not None and (prefix == experiment or prefix.startswith(f"{experiment}/"))


async def list_letters(consumer: AIOKafkaConsumer, topic_prefix: str) -> list[Summary]:
    """All that the topic holds now, oldest first, each with whether it was replayed. Raises TopicMissing."""
    letters = dict[Place, Summary]()
    marks = list[Mark]()
    partitions = await partitions_of(consumer, [dead_letter_topic(topic_prefix)])
    async for record in read_all(consumer, partitions):
        found = read_letter(record)
        if isinstance(found, Letter):
            letters[found.place] = summarise(found)
        elif found is not None:
            marks.append(found)
    for mark in marks:
        if mark.place in letters:
            letters[mark.place].replayed_at = mark.time
    return sorted(letters.values(), key=lambda one: (one.time, one.place))


async def fetch_letters(consumer: AIOKafkaConsumer, topic_prefix: str, places: Iterable[Place]) -> list[Letter]:
    """These, with their bytes, in the order of their places. Raises TopicMissing, LetterMissing."""
    wanted = set(places)
    first = dict[int, int]()
    for place in wanted:
        first[place.partition] = min(place.offset, first.get(place.partition, place.offset))
    partitions = [
        one for one in await partitions_of(consumer, [dead_letter_topic(topic_prefix)]) if one.partition in first
    ]
    found = dict[Place, Letter]()
    async for record in read_all(consumer, partitions, {one: first[one.partition] for one in partitions}):
        if (record.partition, record.offset) in wanted and isinstance(letter := read_letter(record), Letter):
            found[letter.place] = letter
            if len(found) == len(wanted):
                break
    for place in sorted(wanted):
        if place not in found:
            raise LetterMissing(str(place))
    return [found[place] for place in sorted(found)]


def decoded(letter: Letter) -> Record | None:
    """The record of a letter; None where it can't be decoded."""
    try:
        return decode_record(letter.value, letter.headers)
    except UndecodableRecord:
        return None


def summarise(letter: Letter) -> Summary:
    """The letter without its bytes."""
    summary = Summary(
        place=letter.place,
        origin=letter.origin,
        reason=letter.reason,
        time=letter.time,
        size_bytes=len(letter.value or b""),
        key=letter.key,
    )
    record = decoded(letter)
    if record is not None:
        summary.prefix, summary.kind, summary.name = record.prefix, record.kind, record.name
        summary.session, summary.first_seq, summary.count = record.session, record.first_seq, record.count
    return summary
