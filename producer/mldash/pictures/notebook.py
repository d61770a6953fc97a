"""What a notebook is given: a picture within seconds, else a line that says why there is none; never an error, which
would stand in place of all that a cell has to show."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from threading import Thread
from typing import TYPE_CHECKING, Final

from mldash.connections.api_address import bare_address, page_of
from mldash.events.printable import printable_line
from mldash.mode import Reader, mode_of
from mldash.process.clock import Deadline
from mldash.process.threads import begin

from .cards import MOST
from .run_picture import run_picture
from .shown import read_shown

if TYPE_CHECKING:
    from mldash.settings import SdkSettings

_READ_S: Final = 3.0
"""After it no further metric is read."""
_WAIT_S: Final = 6.0
_COLUMNS: Final = 160
_REASON: Final = 300
"""Letters."""


def run_html(prefix: str, settings: SdkSettings, reader: Callable[[], Reader]) -> str:
    """The picture of a run as it is there now: what this process has logged and no reader can see yet is not waited
    for."""
    found: list[str] = []

    def read() -> None:
        found.append(told_in_a_line(prefix, lambda: _read(prefix, settings, reader())))

    # A server that does not answer, or a disk that has gone, would hold the cell for as long as it likes.
    thread = Thread(target=read, name="mldash-picture", daemon=True)
    if not begin(thread):
        return _line(f"{prefix} can't be shown: this process begins no thread any more")
    thread.join(_WAIT_S)
    return found[0] if found else _line(f"{prefix} can't be shown: not read within {_WAIT_S:g} s")


def told_in_a_line(subject: str, made: Callable[[], str]) -> str:
    """What was made; where that raised, a line that says so."""
    try:
        return made()
    except Exception as error:  # whatever it is: it is told
        reason = str(error).strip() or type(error).__name__
        return _line(f"{subject} can't be shown: {reason}")


def page_address(settings: SdkSettings, prefix: str) -> str | None:
    """Of the run's live page, where it is read from an API."""
    if settings.remote is None or mode_of(settings) != "remote":
        return None
    return page_of(bare_address(settings.remote), prefix)


def _read(prefix: str, settings: SdkSettings, reader: Reader) -> str:
    shown = read_shown(reader, MOST, _COLUMNS, wait=0.0, until=Deadline(_READ_S))
    if shown is None:
        return _line(f"{prefix}: nothing was logged there yet")
    return run_picture(shown, page_address(settings, prefix))


def _line(said: str) -> str:
    line = printable_line(said)
    return f"<p>{escape(line if len(line) <= _REASON else f'{line[:_REASON]}…')}</p>"
