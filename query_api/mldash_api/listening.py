"""The port that the API listens on."""

import os
import socket
from typing import Final

from .errors import PortTaken

BACKLOG: Final = 2_048


def listen(host: str, port: int, *, shares_port: bool = False) -> socket.socket:
    """Taken before anything else: that it is another's is known at once, and early callers wait instead of failing.

    `shares_port`: other processes of this user may listen on it too, and the kernel deals connections out among them.
    Raises PortTaken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol too: asyncio sets TCP_NODELAY only where it is named, and without it an answer waits 40 ms
        # between its head and its body.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortTaken(host, port, error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise PortTaken(host, port, os.strerror(error.errno) if error.errno else str(error)) from error
    return listener
