"""Ports of a stack: free ones, chosen at the first start and kept, so that its addresses stay the same.

Kept in `ports.json` of the data folder, a name a port. At a later start a kept port that someone else listens on is an
error that names it, never a silent new one: clients hold the old address.

A stack that has chosen a port holds it, bound and not listened on, until its process ends: another stack that chooses
at the same moment gets another. Servers bind with SO_REUSEADDR, so the port is free to them.

Ports lie below the range from which the kernel takes the near end of outgoing connections: a client that knocks again
and again at a server that is being restarted could otherwise be given that very port, and hold it.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import SystemRandom

import psutil

HOST = "127.0.0.1"
_LOWEST = 10_240
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_held: list[int] = []  # descriptors


def choose(names: Iterable[str], kept: Mapping[str, int]) -> dict[str, int]:
    """A port for every name: the kept one, or a free one that no other name has."""
    ports = dict(kept)
    for name in names:
        if name not in ports:
            ports[name] = _free_port(ports.values())
    return ports


def is_free(port: int) -> bool:
    """Whether we could listen on it now; connections that linger from before do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bind(probe, port)


def holder_of(port: int) -> str | None:
    """`name (pid 123)` of who listens on the port, where the system lets us see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
            if connection.pid is None:
                return None
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                return None
    return None


def _free_port(taken: Iterable[int]) -> int:
    taken, chance = set(taken), SystemRandom()
    highest = _first_ephemeral() - 1
    while True:
        port = chance.randint(_LOWEST, highest)
        if port not in taken and _hold(port):
            return port


def _hold(port: int) -> bool:
    """Whether it is ours now: neither listened on nor held by another."""
    with socket.socket() as holder:
        if not _bind(holder, port):
            return False
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _held.append(holder.detach())
    return True


def _bind(bound: socket.socket, port: int) -> bool:
    """Whether that could be done: False where another has the port, or where it is not for us."""
    try:
        bound.bind((HOST, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise
    return True


def _first_ephemeral() -> int:
    """Where the kernel's own range begins; what Linux begins with where it does not say or leaves us no room."""
    try:
        first = int(_EPHEMERAL.read_text().split()[0])
    except FileNotFoundError:
        first = 32_768
    return first if first > _LOWEST + 1_000 else 32_768
