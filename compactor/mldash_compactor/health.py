"""Ready, or why not; and how long to wait while a server is away."""

from typing import Final, Literal

import structlog

from . import instruments

Server = Literal["MongoDB", "S3"]

_FIRST_DELAY_S: Final = 0.1
_log = structlog.get_logger()


class Health:
    """Which servers are away, each with delays that grow until it answers again."""

    def __init__(self, longest_delay_s: float) -> None:
        self._longest_delay_s = longest_delay_s
        self._away: dict[Server, tuple[str, float]] = {}  # server → (why, the next delay)
        self._started = False

    @property
    def trouble(self) -> str | None:
        """None: ready."""
        for server, (reason, _) in self._away.items():
            return f"{server} is away: {reason}"
        return None if self._started else "starting"

    @property
    def away(self) -> list[Server]:
        return list(self._away)

    def started(self) -> None:
        self._started = True

    def server_away(self, server: Server, error: Exception) -> float:
        """Say so; how long to wait before the next try."""
        reason = f"{type(error).__name__}: {error}"
        _, delay = self._away.get(server, ("", _FIRST_DELAY_S))
        self._away[server] = reason, min(delay * 2, self._longest_delay_s)
        instruments.retries.labels(type(error).__name__).inc()
        _log.warning("waiting for a server", server=server, error=reason, delay_s=delay)
        return delay

    def server_answers(self, server: Server) -> None:
        if self._away.pop(server, None):
            _log.info("the server answers again", server=server)
