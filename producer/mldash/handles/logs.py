"""`experiment.log(…)` and `experiment.logs`: lines of text with a level and metadata."""

import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mldash.answers.asked import checked_count, checked_names, checked_search, checked_wait
from mldash.answers.shapes import LogLine
from mldash.capture.echo import echo
from mldash.events.identity import check_name
from mldash.events.levels import canonical_level
from mldash.events.moments import Moment, checked_moment
from mldash.mode import Reader

from .handle import Owner
from .log_text import ALTERED, cut_to_fit, printable, printable_texts, text_of
from .values import plain

_SAY_AGAIN_S = 2.0


class Logs:
    """The log of one experiment, over all its runs and processes."""

    __slots__ = ("_experiment",)

    def __init__(self, experiment: Owner) -> None:
        self._experiment = experiment

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._experiment, "logs")

    def log(self, message: object, level: str = "info", metadata: Mapping[str, Any] | None = None, **more: Any) -> None:
        """One line; `more` joins `metadata` and wins over it. Returns when it is in the journal, and printed (echo.py).

        Levels are debug, info, warn, error and fatal in any case; `warning` and `critical` are aliases.
        It never raises for its text: what can't be stored of it is escaped or cut, and `message_altered` in the
        metadata says so (log_text.py).
        Raises ValueError for another level; RuntimeError outside an open run; UnsupportedValue for values in metadata
        that can't be stored, ValueError where these are too large. Then nothing is written or printed.
        """
        self._append(canonical_level(level), message, {**metadata, **more} if metadata else more)

    def debug(self, message: object, /, **metadata: Any) -> None:
        """A line of level debug; keywords are its metadata."""
        self._append("debug", message, metadata)

    def info(self, message: object, /, **metadata: Any) -> None:
        """A line of level info; keywords are its metadata."""
        self._append("info", message, metadata)

    def warn(self, message: object, /, **metadata: Any) -> None:
        """A line of level warn; keywords are its metadata."""
        self._append("warn", message, metadata)

    warning = warn

    def error(self, message: object, /, **metadata: Any) -> None:
        """A line of level error; keywords are its metadata."""
        self._append("error", message, metadata)

    def fatal(self, message: object, /, **metadata: Any) -> None:
        """A line of level fatal; keywords are its metadata."""
        self._append("fatal", message, metadata)

    critical = fatal

    def exception(self, message: object, /, **metadata: Any) -> None:
        """A line of level error with the type, message and traceback of the exception that is being handled.

        They stand in the metadata as `exception_type`, `exception_message` and `traceback`; outside of an except block
        it is a line of level error.
        """
        kind, error, _ = sys.exc_info()
        if kind is not None and error is not None:
            metadata = {
                **metadata,
                "exception_type": kind.__name__,
                "exception_message": text_of(error)[0],
                "traceback": printable("".join(traceback.format_exception(error))),
            }
        self._append("error", message, metadata)

    def read(
        self,
        level: str | Sequence[str] | None = None,
        limit: int = 1000,
        offset: int = 0,
        search: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        wait: float | None = None,
    ) -> list[LogLine]:
        """Lines {sequenceNumber, timestamp, level, message, metadata?} in order of their numbers.

        `level`: one name or a list of them. `search`: text that the message holds, in any case. `start`, `end`: both
        inclusive: seconds, ISO 8601 or datetimes (moments.py: local where they name no zone). `offset` and `limit`
        count the lines that fit. `wait`: seconds to wait for what this process has written (None: read_wait_s; 0: what
        is there).
        Raises ValueError (a negative limit or offset, no such level, no time), NotYetStored.
        """
        levels = _levels(level)
        return self._experiment._reader().log_lines(
            levels=levels,
            limit=checked_count(limit, "limit") if levels != [] else 0,
            offset=checked_count(offset, "offset"),
            search=checked_search(search),
            start=checked_moment(start, "start"),
            end=checked_moment(end, "end"),
            wait=checked_wait(wait),
        )

    def follow(
        self, level: str | Sequence[str] | None = None, *, poll_s: float = 0.2, silence_s: float | None = None
    ) -> Iterator[LogLine]:
        """Lines that come after this call, as they come; it looks for new ones every `poll_s` seconds.

        It goes on until the caller breaks off, or until nothing has come for `silence_s` seconds.
        """
        listed = _levels(level)
        levels = None if listed is None else set(listed)
        return self._new_lines(self._place_behind(), levels, poll_s, silence_s)

    def _new_lines(
        self, place: "_Place", levels: set[str] | None, poll_s: float, silence_s: float | None
    ) -> Iterator[LogLine]:
        last_line_at, said_at = time.monotonic(), float("-inf")
        while True:
            if time.monotonic() - said_at >= _SAY_AGAIN_S:
                said_at = time.monotonic()
                self._experiment._reader().say_waiting()
            lines = place.next_lines(self._experiment._reader())
            for line in lines:
                if levels is None or line["level"] in levels:
                    yield line
            if lines:
                last_line_at = time.monotonic()
            elif silence_s is not None and time.monotonic() - last_line_at >= silence_s:
                return
            else:
                time.sleep(poll_s)

    def _place_behind(self) -> "_Place":
        """Behind the last line."""
        while True:
            count = self._line_count()
            if not count:
                return _Place(0, None)
            last = self._experiment._reader().log_lines(offset=count - 1, limit=1, wait=0)
            if last:
                return _Place(count, last[0]["sequenceNumber"] + 1)
            # Retention has taken lines since they were counted: count those that are left.

    def _line_count(self) -> int:
        """How many lines there are. Numbers are dense: double a bound until it lies beyond, then halve the distance."""
        reader = self._experiment._reader()

        def holds(number: int, wait: float | None = 0) -> bool:
            return bool(reader.log_lines(offset=number, limit=1, wait=wait))

        if not holds(0, wait=None):
            return 0
        held, beyond = 0, 1
        while holds(beyond):
            held, beyond = beyond, beyond * 2
        while beyond - held > 1:
            middle = (held + beyond) // 2
            held, beyond = (middle, beyond) if holds(middle) else (held, middle)
        return beyond

    @property
    def is_open(self) -> bool:
        """Whether a run is open, so that a line can be logged."""
        try:
            self._experiment._writer()
        except RuntimeError:
            return False
        return True

    def take(self, level: str, message: str, metadata: Mapping[str, Any]) -> None:
        """A line that someone else prints (handles/logging_handler.py): not echoed; text of any encoding is taken."""
        self._write(level, printable(message), {name: printable_texts(value) for name, value in metadata.items()})

    def _append(self, level: str, message: object, metadata: Mapping[str, Any]) -> None:
        if type(message) is not str or not message.isascii():
            message, note = text_of(message)
            if note is not None:
                metadata = {**metadata, ALTERED: note}
        fields = self._write(level, message, metadata)
        if self._experiment.settings.echo:
            echo(level, fields["message"], fields.get("metadata"))

    def _write(self, level: str, message: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {"level": level, "message": plain(message, "message")}
        if metadata:
            try:
                fields["metadata"] = _checked(metadata)
            except ValueError:  # for its texts? Else it is raised again
                escaped = {ALTERED: "lone surrogates escaped", **printable_texts({**metadata})}
                fields["metadata"] = _checked(escaped)
        stream, now = self._experiment._writer().stream("logs"), time.time()
        try:
            stream.append(now, fields)
        except ValueError:  # above what one call may have
            cut = cut_to_fit(fields)
            if cut is None:
                raise
            stream.append(now, cut)
            return cut
        return fields


def _levels(level: str | Sequence[str] | None) -> list[str] | None:
    """None: every level; an empty list: none. Raises TypeError for anything but text, ValueError for unknown levels."""
    return None if level is None else [canonical_level(one) for one in checked_names(level, "level") or ()]


class _Place:
    """The position of a follower in a log: `number` of the line that is to come, None before the first one.

    An offset counts from the first line that is there, and retention takes lines from the front while one follows. So
    the last line that was seen is asked for once more, and shows by its number whether the offset still holds.
    """

    def __init__(self, offset: int, number: int | None) -> None:
        self._offset, self._number = offset, number

    def next_lines(self, reader: Reader) -> list[LogLine]:
        """The new lines, in order, without gaps among those that are still there."""
        while True:
            again = 1 if self._offset and self._number is not None else 0
            lines = reader.log_lines(offset=self._offset - again, wait=0)
            moved = self._moved_by(reader, lines, again)
            if not moved:
                break
            self._offset = max(0, self._offset - moved)
        lines = lines[again:]
        if lines:
            self._offset += len(lines)
            self._number = lines[-1]["sequenceNumber"] + 1
        return lines

    def _moved_by(self, reader: Reader, lines: Sequence[LogLine], again: int) -> int:
        """By how much the offset is too large now."""
        if self._number is None or not self._offset:
            return 0
        if lines:
            return lines[0]["sequenceNumber"] - (self._number - again)
        first = reader.log_lines(offset=0, limit=1, wait=0)
        # Nothing is left at all: what comes next is the first that is there.
        return self._offset - max(0, self._number - first[0]["sequenceNumber"]) if first else self._offset


def _checked(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Raises UnsupportedValue; ValueError for a name."""
    for name in metadata:
        check_name("metadata field", name)
    checked: dict[str, Any] = plain(metadata, "metadata")
    return checked
