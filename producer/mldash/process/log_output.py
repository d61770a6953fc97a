"""Log output: stderr, readable on a terminal, JSON otherwise. Components call structlog.get_logger() only."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How components log."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Lines below it are left out.")] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "readable", "json"], Meta(description="auto: readable on a terminal, JSON otherwise.")
    ] = "auto"


def set_up(settings: LogSettings, component: str) -> None:
    """Send structlog's lines, and the warnings of the libraries (which use the standard logging), one way.

    The base install has no structlog, and nothing that logs by it: there the libraries' warnings are plain lines.
    """
    readable = settings.format == "readable" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    # Imported here: `mldash config` reads LogSettings, and needs no structlog.
    try:
        import structlog
    except ModuleNotFoundError:
        logging.basicConfig(level=max(level, logging.WARNING), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.captureWarnings(True)
        return
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=not readable),
    ]
    renderer: list[Any]
    if readable:
        renderer = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    else:
        # Never the values of local variables: settings with secrets are among them.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderer = [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer(default=str)]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(component=component)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


def keep_clients_quiet() -> None:
    """For a command that tells itself, in a line, what its clients of servers would log about the same thing."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
