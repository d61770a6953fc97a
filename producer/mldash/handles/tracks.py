"""`experiment.tracks`: entries with a time of their own; those of one topic and one time are one entry."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from struct import pack
from typing import Any, overload

from mldash.answers.asked import checked_names, checked_rate, checked_wait
from mldash.answers.names import ENTRY_COLUMNS, is_escaped, sent_entry
from mldash.answers.shapes import EntriesAnswer, TrackSummary
from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.merging import flatten
from mldash.events.moments import Moment, checked_moment, checked_time

from .bulk_columns import Packed, cut, entry_times, pack_columns, pack_times
from .handle import Owner, StreamHandle, checked_name
from .values import plain_fields

TIMESTAMP = "timestamp"
"""The entry's own time in an answer; a user's field of that name is called otherwise (answers/names.py)."""

_AS_IT_IS = frozenset((bool, type(None), bytes))
_Summaries = list[TrackSummary]
_Entries = list[dict[str, Any]]


class Track(StreamHandle):
    """One topic of an experiment. It stays valid through end and start, and may be used from any thread."""

    __slots__ = ("_renames", "_thread", "_timestamps")

    def __init__(self, experiment: Owner, topic: str) -> None:
        super().__init__(experiment, "tracks", topic)
        self._renames = False
        """Whether a field was given that is called otherwise; so an entry's names are looked at once only."""

        self._timestamps = experiment._timestamps
        self._thread = self._timestamps.thread

    @property
    def topic(self) -> str:
        return str(self._name)

    def append(self, /, *, _ts: float | date | None = None, **fields: Any) -> "Track":
        """Append one entry at the time `_ts` (seconds since the epoch, or a datetime: moments.py); returns the handle.

        Entries of the topic with the same time are one entry, field by field, the later value winning, whichever
        process they come from. A dict becomes dotted fields, which merge leaf by leaf; lists and arrays are values. A
        field named "timestamp" comes back as "_timestamp", and "_timestamp" as "__timestamp".
        `_ts` left out is now, unique and rising in this process (two processes can still meet at one time: give it
        where that matters). The integer -1 is the last timestamp that this thread used in any metric or track of the
        experiment.

        Returns when the entry is in the journal. Raises RuntimeError outside an open run; ValueError for a `_ts` that
        is not a finite number, for a name above 1 KiB or an entry above 15 MiB; UnsupportedValue. Then nothing is
        written.
        """
        if self._epoch != self._experiment._epoch:
            self._open()
        if not self._known.issuperset(fields):
            self._know(fields)
        for value in fields.values():
            kind = type(value)
            if kind is float or kind in _AS_IT_IS:
                continue
            if kind is int and MIN_INT <= value <= MAX_INT:
                continue
            if kind is str and value.isascii():
                continue
            fields = self._flat(fields)
            break
        if self._renames:
            fields = sent_entry(fields)
        stamp = self._timestamps.rising() if _ts is None else self._timestamps.given_of_entry(_ts)
        self._append(stamp, fields)
        self._thread.last = stamp
        return self

    def append_many(self, /, *, _ts: Any = None, **columns: Any) -> "Track":
        """Append one entry a position of the columns: lists or arrays of one length, `_ts` among them.

        No Python loop runs over the entries of arrays. Without `_ts` the entries get rising times from now on.
        Raises as `append` does, and ValueError where columns differ in length; then nothing is written.
        """
        writer = self._open()
        count, packed = pack_columns(columns)
        packed = sent_entry(packed)
        if _ts is None:
            times = b"".join(pack("<d", self._timestamps.rising()) for _ in range(count))
        else:
            stamps = pack_times(_ts)
            if columns and stamps.count != count:
                raise ValueError(f"columns must have one length, not _ts {stamps.count}, the others {count}")
            count, times = stamps.count, entry_times(stamps)
        if any(column.type == "values" and dict in map(type, column.data) for column in packed.values()):
            return self._append_rows(array("d", times), packed)
        for piece in cut(count, packed):
            start = piece.start * 8
            writer.append_columns(times[start : start + piece.count * 8], piece.count, piece.columns)
        if count:
            self._thread.last = array("d", times[-8:])[0]
        return self

    def _append_rows(self, times: "array[float]", packed: Mapping[str, Packed]) -> "Track":
        """Entries one by one: what dicts become is another set of fields in each."""
        rows = [self._flat({name: column.value(at) for name, column in packed.items()}) for at in range(len(times))]
        writer = self._open()
        for time, row in zip(times, rows, strict=True):
            writer.append(time, row)
            self._thread.last = time
        return self

    def read(
        self,
        start_timestamp: Moment | None = None,
        end_timestamp: Moment | None = None,
        columns: Sequence[str] | None = None,
        format: str = "json",
        *,
        wait: float | None = None,
    ) -> Any:
        """Entries from start_timestamp to end_timestamp, both inclusive, in time order; each time once. Times are
        seconds, ISO 8601 or datetimes (moments.py: local where they name no zone), here and below.

        `columns` keeps these fields, and the timestamp. By `format`:
          json     {"entries": [{"timestamp": t, field: value, …}], "count": n}; an absent field is absent
          jsonl    bytes, an entry a line
          parquet  bytes, every column that any entry has (answers/columns.py: how mixed types are kept)
          mocap    {"version", "metadata", "channels", "frames"} (answers/mocap.py)
          mcap     bytes, JSON messages with a schema, for Foxglove and Rerun (answers/mcap.py)
        An absent topic gives the empty answer of the format. `wait`: seconds to wait for what this process has written
        (None: read_wait_s; 0: what is there).
        Raises ValueError for another format, NotYetStored.
        """
        # Here and not at the head: a training script that only writes does not wait for it at its start.
        from mldash.answers.entries import encode_entries

        return encode_entries(
            format,
            self.topic,
            lambda: self._entries(start_timestamp, end_timestamp, columns, wait),
            lambda: self._summary(wait),
        )

    def list_entries(self, *, wait: float | None = None) -> _Entries:
        """All entries in time order: {"timestamp": t, field: value, …}."""
        return self._entries(None, None, None, wait)["entries"]

    @overload
    def at(  # type: ignore[overload-overlap]
        self, timestamp: Moment, columns: Sequence[str] | None = None, *, wait: float | None = None
    ) -> dict[str, Any] | None: ...

    @overload
    def at(
        self, timestamp: Iterable[Moment], columns: Sequence[str] | None = None, *, wait: float | None = None
    ) -> list[dict[str, Any] | None]: ...

    def at(
        self,
        timestamp: Moment | Iterable[Moment],
        columns: Sequence[str] | None = None,
        *,
        wait: float | None = None,
    ) -> dict[str, Any] | list[dict[str, Any] | None] | None:
        """The last entry at or before a time, None where the track begins later; of several times, a list in their
        order. Nothing but the entries asked for is read. `columns` keeps these fields, and the timestamp.

        Raises ValueError for a time that is not a finite number, NotYetStored.
        """
        if not _are_several(timestamp):
            return self.at([timestamp], columns, wait=wait)[0]  # type: ignore[list-item]
        times = [checked_time(one, "timestamp") for one in timestamp]  # type: ignore[union-attr]
        wanted, wait = checked_names(columns, "columns"), checked_wait(wait)
        return self._experiment._reader().track_entries_at(self.topic, times, wanted, wait) if times else []

    def resampled(
        self,
        rate: float,
        start_timestamp: Moment | None = None,
        end_timestamp: Moment | None = None,
        columns: Sequence[str] | None = None,
        *,
        wait: float | None = None,
    ) -> _Entries:
        """Entries at a fixed rate (a second): at start, start + 1 / rate, … up to end, both of the track's own where
        they are left out, the last entry at or before, under that time; none before the first entry.

        Raises ValueError for a rate that is not a finite number above 0, NotYetStored.
        """
        rate = checked_rate(rate)
        start = None if start_timestamp is None else checked_time(start_timestamp, "start_timestamp")
        end = None if end_timestamp is None else checked_time(end_timestamp, "end_timestamp")
        wanted = checked_names(columns, "columns")
        return self._experiment._reader().resampled_entries(self.topic, rate, start, end, wanted, checked_wait(wait))

    def slice(
        self, start_timestamp: Moment | None = None, end_timestamp: Moment | None = None, *, wait: float | None = None
    ) -> "TrackSlice":
        """The entries of a stretch of time, both ends inclusive, as they are now. Raises as `read` does."""
        start, end = checked_moment(start_timestamp, "start_timestamp"), checked_moment(end_timestamp, "end_timestamp")
        return TrackSlice(self._entries(start, end, None, wait)["entries"], self.topic, start, end)

    def _entries(
        self, start: Moment | None, end: Moment | None, columns: Sequence[str] | None, wait: float | None
    ) -> EntriesAnswer:
        start, end = checked_moment(start, "start_timestamp"), checked_moment(end, "end_timestamp")
        wanted = checked_names(columns, "columns")
        return self._experiment._reader().track_entries(self.topic, start, end, wanted, checked_wait(wait))

    def _summary(self, wait: float | None) -> TrackSummary | None:
        return next(
            (one for one in self._experiment._reader().tracks(checked_wait(wait)) if one["topic"] == self.topic), None
        )

    def _know(self, fields: Iterable[str]) -> None:
        super()._know(fields)
        self._renames |= any(is_escaped(name, ENTRY_COLUMNS) for name in fields)

    def _flat(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        flat = flatten(plain_fields(fields))
        if not self._known.issuperset(flat):
            self._know(flat)
        return flat


class TrackSlice:
    """Entries in time order: iterable again and again, with `len()`, and asked by time."""

    __slots__ = ("_end", "_entries", "_start", "_times", "_topic")

    def __init__(
        self, entries: _Entries, topic: str = "", start: float | None = None, end: float | None = None
    ) -> None:
        self._topic, self._start, self._end = topic, start, end
        self._entries = entries
        self._times = [entry[TIMESTAMP] for entry in entries]

    def __repr__(self) -> str:
        """The topic and the range that was asked for; open ends are the track's own."""
        start, end = ("" if bound is None else repr(bound) for bound in (self._start, self._end))
        return f"<slice of track {self._topic!r} [{start}…{end}], {len(self)} entries>"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, at: int) -> dict[str, Any]:
        return self._entries[at]

    @overload
    def find_by_time(self, timestamp: Moment) -> dict[str, Any]: ...  # type: ignore[overload-overlap]

    @overload
    def find_by_time(self, timestamp: Iterable[Moment]) -> _Entries: ...

    def find_by_time(self, timestamp: Moment | Iterable[Moment]) -> dict[str, Any] | _Entries:
        """The entry with the greatest timestamp ≤ the one given; of several timestamps, a list of entries.

        Raises LookupError where the track has no such entry, ValueError for anything but a time.
        """
        if _are_several(timestamp):
            return [self._find(one) for one in timestamp]  # type: ignore[union-attr]
        return self._find(timestamp)  # type: ignore[arg-type]

    findByTime = find_by_time  # noqa: N815 - the name that the first SDK gave it

    def _find(self, moment: Moment) -> dict[str, Any]:
        timestamp = checked_time(moment, "timestamp")
        if not self._entries:
            raise LookupError("No entries in track slice")
        at = bisect_right(self._times, timestamp)
        if at == 0:
            raise LookupError(f"No entry found with timestamp <= {timestamp}; the first is at {self._times[0]}")
        return self._entries[at - 1]


class Tracks:
    """`experiment.tracks`: call it with a topic for a handle."""

    __slots__ = ("_experiment", "_handles")

    def __init__(self, experiment: Owner) -> None:
        self._experiment = experiment
        self._handles: dict[str, Track] = {}

    def __call__(
        self,
        topic: str,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Track:
        """The handle of one topic: the same object each time.

        Any text is a topic, up to 1 KiB and without lone surrogates; "robot/position" and "robot" are two. What is said
        of the topic is recorded in an open run at once, else with its first entry. `metadata={"fps": 60}` sets the
        frame rate that the mocap format names.
        Raises ValueError for a topic or a description that is none.
        """
        handle = self._handles.get(topic)
        if handle is None:
            handle = self._handles.setdefault(topic, Track(self._experiment, checked_name("topic", topic)))
        if description is not None or tags is not None or metadata is not None:
            handle._describe(description, tags, metadata)
        return handle

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._experiment, "tracks")

    def flush(self, timeout: float | None = None) -> "Tracks":
        """As `experiment.flush(timeout)`. Raises TimeoutError. Returns `experiment.tracks`."""
        self._experiment.flush(timeout)
        return self

    def list(self, *, wait: float | None = None) -> _Summaries:
        """One entry a topic: topic, totalEntries (distinct times), firstTimestamp, lastTimestamp, columns, and more."""
        return self._experiment._reader().tracks(checked_wait(wait))


def _are_several(times: Any) -> bool:
    """Whether it is times and not one: text is one, and so is an array without a dimension."""
    return isinstance(times, Iterable) and not isinstance(times, str) and getattr(times, "ndim", 1) != 0
