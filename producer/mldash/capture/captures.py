"""The captures of an open run, as the settings say: begun with its start, ended before its end."""

import socket
from time import time
from typing import Protocol

from mldash.events.schema import Describe
from mldash.mode import Writer
from mldash.settings import SdkSettings


class Capture(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class Captures:
    """Those of one process's run. What they record goes straight to the session: it is open for longer than handles."""

    def __init__(self, settings: SdkSettings, session: Writer) -> None:
        self._session = session
        self._captures: list[Capture] = []
        if settings.capture_stdout:
            from .stdout import StdoutCapture

            self._captures.append(StdoutCapture(self._take_line))
        if settings.system_metrics_interval_s:
            from .system_metrics import SystemMetrics, is_first_of_host

            if is_first_of_host():
                self._captures.append(SystemMetrics(self._take_load, settings.system_metrics_interval_s))
        self._interval_s = settings.system_metrics_interval_s
        self._host = socket.gethostname()
        self._is_described = False

    def start(self) -> None:
        for capture in self._captures:
            capture.start()

    def stop(self) -> None:
        """Harmless when nothing goes on any more."""
        while self._captures:
            self._captures.pop().stop()

    def _take_line(self, line: str, stream: str) -> None:
        text = line.encode(errors="backslashreplace").decode()  # paths of other encodings have lone surrogates
        fields = {"level": "info", "message": text, "metadata": {"stream": stream}}
        self._session.stream("logs").append(time(), fields)

    def _take_load(self, fields: dict[str, float]) -> None:
        name = f"system/{self._host}"
        if not self._is_described:
            self._is_described = True
            about = f"Load of {self._host}, every {self._interval_s:g} s"
            self._session.append_run_event(
                Describe(time=time(), kind="metrics", name=name, description=about, tags=["system"])
            )
        self._session.stream("metrics", name).append(time(), fields)
