"""One process of `mldash view`: it listens, says where, and ends when it is told to."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import uvicorn

from mldash.client.kept_runs import KeptRuns
from mldash.connections.loopback import is_loopback
from mldash_api.errors import PortTaken
from mldash_api.limits import MOST_HEAD_BYTES
from mldash_api.listening import BACKLOG, listen

from .access import Access
from .app import make_app
from .live import Streams

_KEEP_ALIVE_S: Final = 75
_STOP_S: Final = 2
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")


class Viewer:
    """Serves the runs of a folder. `address` has the token in it."""

    def __init__(self, root: Path, host: str, ports: tuple[int, ...]) -> None:
        """Listens on the first of these ports that is free. Raises PortTaken."""
        self._listener = _first_free(host, ports)
        self._streams = Streams()
        self._access = Access(frozenset({host.lower()}) if is_loopback(host) else None)
        self._app = make_app(KeptRuns(root), self._access, self._streams)
        port = self._listener.getsockname()[1]
        name = socket.gethostname() if host in _EVERY_ADDRESS else f"[{host}]" if ":" in host else host
        self.address = f"http://{name}:{port}/?token={self._access.token}"

    def run(self, started: Callable[[], None]) -> None:
        """Until SIGINT or SIGTERM. `started` is called when requests are answered."""
        asyncio.run(self._serve(started))

    async def _serve(self, started: Callable[[], None]) -> None:
        server = _Server(
            uvicorn.Config(
                self._app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_STOP_S,
                h11_max_incomplete_event_size=MOST_HEAD_BYTES,
                backlog=BACKLOG,
            )
        )

        def stop() -> None:
            self._streams.close()
            server.should_exit = True

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        with contextlib.closing(self._listener):
            started()  # who comes before the first turn of the server waits in the listener's queue
            await server.serve(sockets=[self._listener])


class _Server(uvicorn.Server):
    """Signals are ours: they end the live streams first, which would hold the end up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _first_free(host: str, ports: tuple[int, ...]) -> socket.socket:
    *others, last = ports
    for port in others:
        with contextlib.suppress(PortTaken):
            return listen(host, port)
    return listen(host, last)
