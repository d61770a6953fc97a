"""An address of this host that is not loopback: what comes from there looks like any caller's."""

import socket

import psutil
import pytest

from mldash.connections.loopback import is_loopback


def own_address() -> str:
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and not is_loopback(one.address):
                return str(one.address)
    pytest.skip("this host has no address but loopback")
