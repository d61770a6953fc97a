"""Records → what they say. A `.swanlab` file is wandb's log with another head, and SwanLab's own protocol buffers.

start    project, workspace, name, description, tags, group, job_type, id, when it started
scalar   key, step, time, a number: a record a key of a row; of a step that a key has had there is none
media    key, step, time, the names of files
log      a line, whether it is of stderr, its time
finish   state, the text of an error, when it ended

A number of zero is left out, as protocol buffers do.
"""

from typing import Final, NamedTuple

from msgspec import Struct, field

from mldash.events.schema import Status
from mldash.importers.protobuf import Malformed, double, fields, message, signed, text, timestamp

HEAD: Final = b":SWL\xd6\xe1\x02"
START, FINISH, SCALAR, MEDIA, LOG = 10, 11, 13, 14, 16
STATUSES: Final[dict[int, Status]] = {1: "COMPLETED", 2: "FAILED", 3: "CANCELLED"}
_MAGIC: Final = HEAD[:4]
_TAGS: Final = 6
_KINDS: Final = {
    2: "image",
    3: "audio",
    4: "text",
    5: "video",
    6: "ECharts chart",
    7: "3D object",
    8: "molecule",
    9: "HTML",
}


class Run(Struct):
    """A run as its first record has it."""

    id: str = ""
    project: str = ""
    workspace: str = ""
    name: str = ""
    description: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = field(default_factory=list)
    start: float = 0.0


class Scalar(NamedTuple):
    """A number of a key. Those of one row have one step and one time."""

    key: str
    step: int
    time: float
    value: float


class Finish(NamedTuple):
    """`error` is the text of a traceback, or empty."""

    state: int
    error: str
    time: float


class Line(NamedTuple):
    """What was printed."""

    is_error: bool
    time: float
    text: str


def is_log(head: bytes) -> bool:
    """Whether a file begins as one of these."""
    return head.startswith(_MAGIC)


def run_of(data: bytes) -> Run:
    """Raises Malformed."""
    found = message(data)
    names = {1: "project", 2: "workspace", 4: "name", 5: "description", 7: "group", 8: "job_type", 10: "id"}
    told = {name: text(found.get(number)) for number, name in names.items()}
    tags = [text(value) for number, value in fields(data) if number == _TAGS]
    return Run(**told, tags=tags, start=timestamp(found.get(12)) or 0.0)


def scalar_of(data: bytes) -> Scalar:
    """Raises Malformed."""
    found = message(data)
    value = double(message(found.get(5, b"")).get(1))
    return Scalar(text(found.get(1)), signed(found.get(2)), _time(found.get(4)), value)


def medium_of(data: bytes) -> str:
    """Its kind. Raises Malformed."""
    return _KINDS.get(signed(message(data).get(3)), "medium")


def line_of(data: bytes) -> Line:
    """Raises Malformed."""
    found = message(data)
    return Line(signed(found.get(2)) == 1, _time(found.get(3)), text(found.get(1)))


def finish_of(data: bytes) -> Finish:
    """Raises Malformed."""
    found = message(data)
    return Finish(signed(found.get(1)), text(found.get(2)), _time(found.get(3)))


def _time(value: int | bytes | None) -> float:
    found = timestamp(value)
    if found is None:
        raise Malformed(0)
    return found
