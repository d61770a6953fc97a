"""Python's logging → the experiment's log: `logging.getLogger().addHandler(ExperimentHandler(experiment))`."""

import logging
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final

from .log_text import text_of
from .values import UnsupportedValue, plain

if TYPE_CHECKING:
    from .logs import Logs

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OWN_LOGGERS: Final = ("mldash", "aiokafka", "kafka")
"""What the SDK itself logs while it sends: taken in here, each line sent would bring another one."""


class ExperimentHandler(logging.Handler):
    """Sends records to `experiment.log`, at the level that fits, without echo: other handlers print them.

    The metadata are the logger's name, `extra` fields, and the traceback of an exception. Records that come while no
    run is open are not kept: a handler may be there for longer than a run.
    """

    def __init__(self, experiment: Any, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._logs: Logs = experiment.logs
        self._here = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in _OWN_LOGGERS or getattr(self._here, "busy", False):
            return
        try:
            self._here.busy = True
            if self._logs.is_open:
                message = record.getMessage() if self.formatter is None else self.format(record)
                self._logs.take(_level_of(record.levelno), message, _metadata(record))
        except Exception:  # logging's own rule: a handler that fails says so and does not stop the program
            self.handleError(record)
        finally:
            self._here.busy = False


def _level_of(number: int) -> str:
    if number >= logging.CRITICAL:
        return "fatal"
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def _metadata(record: logging.LogRecord) -> dict[str, Any]:
    metadata: dict[str, Any] = {"logger": record.name}
    for name, value in vars(record).items():
        if name not in _STANDARD:
            metadata[name] = _storable(value)
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        metadata["exception_type"] = type(error).__name__
        metadata["exception_message"] = text_of(error)[0]
        metadata["traceback"] = "".join(traceback.format_exception(error))
    return metadata


def _storable(value: Any) -> Any:
    """The value, or its text: what a library attaches to a record must not fail the call that logs it."""
    try:
        return plain(value, "extra")
    except UnsupportedValue:
        try:
            return repr(value)
        except Exception as error:
            return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
