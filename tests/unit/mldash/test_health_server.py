"""/healthz, /readyz and /metrics over a real socket."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from prometheus_client import Counter

from mldash.process.health_server import HealthServer
from tests.plain_http import plain_http


class Component:
    """Ready, or not for a reason."""

    def __init__(self) -> None:
        self.reason: str | None = None

    async def health(self) -> str | None:
        return self.reason


async def get(server: HealthServer, path: str) -> httpx.Response:
    async with plain_http() as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}")


async def test_readyz_says_why_a_component_is_not_ready_and_healthz_that_it_lives() -> None:
    component = Component()
    async with HealthServer(0, component.health) as server:
        assert (await get(server, "/readyz")).status_code == 200
        component.reason = "MongoDB is away"
        answer = await get(server, "/readyz?x=1")
        assert (answer.status_code, answer.text) == (503, "MongoDB is away\n")
        assert (await get(server, "/healthz")).status_code == 200


async def test_a_component_that_does_not_answer_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldash.process.health_server._HEALTH_TIMEOUT_S", 0.05)

    async def silent() -> str | None:
        await asyncio.Event().wait()
        return None

    async with HealthServer(0, silent) as server:
        answer = await get(server, "/readyz")
        assert (answer.status_code, "no answer from the component" in answer.text) == (503, True)


async def test_metrics_are_those_of_prometheus() -> None:
    Counter("mldash_test_of_the_health_server", "Counts nothing.").inc(3)
    async with HealthServer(0, Component().health) as server:
        answer = await get(server, "/metrics")
        assert "mldash_test_of_the_health_server_total 3.0" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")


async def test_other_paths_methods_and_noise_do_no_harm() -> None:
    async with HealthServer(0, Component().health) as server:
        assert (await get(server, "/other")).status_code == 404
        async with plain_http() as client:
            assert (await client.post(f"http://127.0.0.1:{server.port}/healthz")).status_code == 405
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"x" * 100_000)
        assert await reader.read() == b""
        writer.close()
        assert (await get(server, "/healthz")).status_code == 200


async def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="address already in use"):
        async with HealthServer(other.getsockname()[1], Component().health):
            pass


async def test_a_look_that_fails_is_a_503_that_says_how() -> None:
    async def broken() -> str | None:
        raise ValueError("of all things")

    async with HealthServer(0, broken) as server:
        answer = await get(server, "/readyz")
        assert (answer.status_code, answer.text) == (503, "the look itself failed: ValueError: of all things\n")
        assert (await get(server, "/healthz")).status_code == 200


async def test_who_does_not_take_its_answer_holds_the_server_no_longer_than_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer is larger than what the kernel keeps for a socket that nobody reads; the server's end waits for it."""
    monkeypatch.setattr("mldash.process.health_server._SEND_TIMEOUT_S", 0.2)
    reason = "x" * (32 << 20)

    async def long() -> str | None:
        return reason

    async with asyncio.timeout(20):
        async with HealthServer(0, long) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
            await reader.readexactly(10)
            reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.transport.abort()
