"""Ports are chosen once, free, distinct, and kept."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from random import SystemRandom

import pytest

from mldash_deploy.stack import ports


def test_every_name_gets_a_free_port_of_its_own_on_loopback() -> None:
    chosen = ports.choose(["a", "b", "c"], {})
    assert set(chosen) == {"a", "b", "c"}
    assert len(set(chosen.values())) == 3
    assert all(ports.is_free(port) for port in chosen.values())


def test_a_kept_port_stays_and_new_names_get_others() -> None:
    assert ports.choose(["a", "b"], {"a": 12_345})["a"] == 12_345
    assert ports.choose(["b"], {"a": 12_345})["b"] != 12_345


def test_of_two_stacks_that_choose_at_once_each_gets_ports_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both could else choose what neither listens on yet. And the one whose it is can listen on it."""
    first = ports.choose(["a"], {})["a"]
    with socket.create_server((ports.HOST, 0)) as server:
        other = server.getsockname()[1]
    numbers = iter([first, other])
    monkeypatch.setattr(SystemRandom, "randint", lambda *_: next(numbers))
    assert ports.choose(["a"], {})["a"] == other
    with socket.create_server((ports.HOST, first)):
        assert not ports.is_free(first)


def test_ports_lie_below_those_that_the_kernel_gives_to_outgoing_connections() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    limit = first if first > 12_000 else 32_768
    assert all(port < limit for port in ports.choose([str(number) for number in range(20)], {}).values())


def test_a_port_that_someone_listens_on_is_not_free_and_its_holder_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        holder = ports.holder_of(port)
        assert holder is not None
        assert str(os.getpid()) in holder
    assert ports.is_free(port)
