"""A record and what is in it: the contract with everything that reads the topics.

A record carries consecutive events of one stream from one session: event i of the record has the seq `first_seq + i`.
The events lie in blocks, in order. A block is one of

  rows      the field names once, then a list of values an event; a new set of fields starts a new block
  columns   what log_many and append_many bring: packed little-endian numbers, or MessagePack, a column a field
  runs      events of a run: start, describe, end (they are counted by seqs like all others)
  signals   heartbeats and claims, which only move documents forward by time: they take no seq

What an event is, by kind:

  metrics   one point: any fields; `_ts` is among them where it was given; `times` are those of logging
  tracks    one entry: flat dotted fields; `times` are the entries' timestamps
  params    one `set`: flat dotted keys
  logs      one line: level, message and, where there are any, metadata (a dict)
  runs      Start | Describe | End

Times are float64 seconds since the epoch (UTC). A Struct here only ever gains fields, last and with a default; what
can't be read by the rules of this version has a new major version (docs/decisions/0003-the-event-schema.md).
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from .column_types import ColumnType

SCHEMA_VERSION = (1, 1)
"""MAJOR, MINOR. 1.1: in the JSON encoding columns of type "values" have `values`; a start has resume_key and after."""

Kind = Literal["params", "metrics", "logs", "tracks", "runs"]
Status = Literal["COMPLETED", "FAILED", "CANCELLED", "PREEMPTED"]


class Column(Struct, frozen=True):
    """The values of one field of a columns block, one an event, none absent.

    `data` holds count × product(shape) little-endian numbers of 8, 4, 8 or 1 bytes; of type "values" it is one
    MessagePack array of `count` values. `shape` is that of one value: () for a number, (3,) for a list of three.
    `values` stands in the JSON encoding only, from version 1.1 on: what is of type "values", as a plain array; `data`
    is empty then.
    """

    type: ColumnType
    data: bytes
    shape: tuple[int, ...] = ()
    values: list[Any] | UnsetType = UNSET


class Rows(Struct, frozen=True, tag="rows"):
    """Events with the same fields: `rows[i][j]` is the value of `fields[j]` in event i, logged at `times[i]`."""

    fields: list[str]
    times: list[float]
    rows: list[list[Any]]

    @property
    def count(self) -> int:
        return len(self.times)


class Columns(Struct, frozen=True, tag="columns"):
    """`count` events with the same fields, a column each; `times` are count × 8 bytes, float64."""

    fields: list[str]
    count: int
    times: bytes
    columns: list[Column]


class Start(Struct, frozen=True, tag="start", omit_defaults=True):
    """A session begins its run. `context` is what capture/run_context.py gathers (git, command line, versions, …).

    What events/run_status.py takes it for a successor by: `resume_key` names the job over its restarts, where the
    launcher has such a name; `after` are sessions in hex that this one found dead on its host.
    """

    time: float
    host: str = ""
    pid: int = 0
    rank: int | None = None
    world_size: int | None = None
    user: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    resume_key: str = ""
    after: list[str] = field(default_factory=list)


class Describe(Struct, frozen=True, tag="describe", omit_defaults=True):
    """A description by the user, of the experiment (`kind` None) or of one stream. None leaves a part as it was."""

    time: float
    kind: Kind | None = None
    name: str | None = None
    description: str | None = None
    readme: str | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None


class Error(Struct, frozen=True, omit_defaults=True):
    """Why a run failed; a traceback above 4 KiB is cut here and in the log in full."""

    type: str
    message: str = ""
    traceback: str = ""


class End(Struct, frozen=True, tag="end", omit_defaults=True):
    """A session ends its run."""

    time: float
    status: Status
    error: Error | None = None


class Heartbeat(Struct, frozen=True, tag="heartbeat"):
    """The session lived at this time."""

    time: float


class Claim(Struct, frozen=True, tag="claim", omit_defaults=True):
    """The session has written the seqs below `seq` of a stream; the last was acknowledged at this partition and offset.

    `final`: the session writes no more of it. The audit compares claims with what is stored.
    """

    time: float
    kind: Kind
    name: str | None
    seq: int
    partition: int = -1
    offset: int = -1
    final: bool = False


class RunEvents(Struct, frozen=True, tag="runs"):
    """Events of the chain of a run."""

    events: list[Start | Describe | End]

    @property
    def count(self) -> int:
        return len(self.events)


class Signals(Struct, frozen=True, tag="signals"):
    """Records without seqs."""

    signals: list[Heartbeat | Claim]

    @property
    def count(self) -> int:
        return 0


Block = Rows | Columns | RunEvents | Signals


class Record(Struct, frozen=True, kw_only=True):
    """Consecutive events of one stream from one session.

    `name` is "" for params, logs and runs (one stream an experiment each) and None for the unnamed metric.
    `session` is 16 bytes. `logged_at` is when the first of the events was logged, whatever `times` mean.
    """

    prefix: str
    kind: Kind
    name: str | None
    session: bytes
    first_seq: int
    logged_at: float
    blocks: list[Block]

    @property
    def count(self) -> int:
        """Events that take a seq."""
        if len(self.blocks) == 1:
            return self.blocks[0].count
        return sum(block.count for block in self.blocks)
