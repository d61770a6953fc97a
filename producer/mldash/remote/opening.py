"""A connection that is being opened: another thread can end the wait for its answer."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, cast

import urllib3

from mldash.process.locks import reentrant_lock


class Opening:
    """Of one request, over a pool of its own. `cut` for any thread. Names are looked up and connections made to their
    end, a few seconds at most; what comes behind that is cut at once."""

    def __init__(self) -> None:
        self._lock = reentrant_lock()
        self._socket: Any = None
        self._is_cut = False

    def watch(self, pool: urllib3.PoolManager) -> None:
        """The connections of this pool, before it has any."""
        classes = pool.pool_classes_by_scheme
        pool.pool_classes_by_scheme = {scheme: self._watched(of) for scheme, of in classes.items()}

    def cut(self) -> None:
        """The request ends with an error. Again, or when it has its answer: nothing more than that."""
        with self._lock:
            self._is_cut = True
            made = self._socket
        if made is not None:
            _shut(made)

    def _made(self, made: Any) -> None:
        with self._lock:
            self._socket, is_cut = made, self._is_cut
        if is_cut:
            _shut(made)

    def _watched(self, of: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
        connection_class: Any = of.ConnectionCls

        def connect(connection: Any) -> None:
            connection_class.connect(connection)
            self._made(connection.sock)

        connections = type(connection_class.__name__, (connection_class,), {"connect": connect})
        return cast("type[urllib3.HTTPConnectionPool]", type(of.__name__, (of,), {"ConnectionCls": connections}))


def _shut(made: Any) -> None:
    with contextlib.suppress(OSError, ValueError):  # it has ended by itself
        if isinstance(made, socket.socket):
            socket.socket.shutdown(made, socket.SHUT_RDWR)  # an SSLSocket's own takes its state from who is reading
        else:
            made.shutdown(socket.SHUT_RDWR)
