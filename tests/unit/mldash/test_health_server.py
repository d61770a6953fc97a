"""/healthz, /readyz, /dependencies and /metrics over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prometheus_client import Counter

from mldash.process.dependencies import Dependencies, Dependency, as_one
from mldash.process.health_server import LOOPBACK, HealthAddress, HealthServer, Questions
from tests.plain_http import plain_http


class Component:
    """Ready, or not for a reason."""

    def __init__(self) -> None:
        self.reason: str | None = None

    async def health(self) -> str | None:
        return self.reason


def serving(ready: Callable[[], Awaitable[str | None]], port: int = 0) -> HealthServer:
    return HealthServer(HealthAddress(LOOPBACK, port), Questions(ready))


async def get(server: HealthServer, path: str) -> httpx.Response:
    async with plain_http() as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}")


async def test_readyz_says_why_a_component_is_not_ready_and_healthz_that_it_lives() -> None:
    component = Component()
    async with serving(component.health) as server:
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

    async with serving(silent) as server:
        answer = await get(server, "/readyz")
        assert (answer.status_code, "no answer from the component" in answer.text) == (503, True)


async def test_metrics_are_those_of_prometheus() -> None:
    Counter("mldash_test_of_the_health_server", "Counts nothing.").inc(3)
    async with serving(Component().health) as server:
        answer = await get(server, "/metrics")
        assert "mldash_test_of_the_health_server_total 3.0" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")


async def test_other_paths_methods_and_noise_do_no_harm() -> None:
    async with serving(Component().health) as server:
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
        async with serving(Component().health, other.getsockname()[1]):
            pass


async def test_a_look_that_fails_is_a_503_that_says_how() -> None:
    async def broken() -> str | None:
        raise ValueError("of all things")

    async with serving(broken) as server:
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
        async with serving(long) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
            await reader.readexactly(10)
            reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.transport.abort()


async def test_the_address_is_a_setting_and_a_host_that_is_not_ours_is_refused() -> None:
    everywhere = HealthAddress("0.0.0.0", 0)
    async with HealthServer(everywhere, Questions(Component().health)) as server, plain_http() as client:
        assert (await client.get(f"http://127.0.0.2:{server.port}/healthz")).status_code == 200
    with pytest.raises(OSError):
        async with HealthServer(HealthAddress("203.0.113.7", 0), Questions(Component().health)):
            pass


async def test_dependencies_are_told_one_entry_a_server_and_make_nothing_unready() -> None:
    told = list[tuple[str, bool]]()
    away: Exception | None = None

    async def ask() -> None:
        if away:
            raise away

    async def fine() -> None:
        return None

    dependencies = Dependencies({"MongoDB": ask, "S3": fine}, lambda server, ok: told.append((server, ok)))
    questions = Questions(Component().health, dependencies=dependencies.list)
    async with HealthServer(HealthAddress(LOOPBACK, 0), questions) as server:

        async def known() -> dict[str, Any]:
            return {one.pop("name"): one for one in (await get(server, "/dependencies")).json()}

        assert (await known())["MongoDB"]["why"] == "not asked yet"
        await dependencies.look()
        before = await known()
        assert (before["MongoDB"]["ok"], before["MongoDB"]["why"]) == (True, None)
        away = ConnectionError("no primary answers")
        await dependencies.look()
        first = (await known())["MongoDB"]
        away = ConnectionError("still none")
        await dependencies.look()
        later = await known()
        assert (later["MongoDB"]["ok"], later["MongoDB"]["why"]) == (False, "still none")
        assert later["MongoDB"]["since"] == first["since"] >= before["MongoDB"]["since"]
        assert later["S3"] == before["S3"]
        assert (await get(server, "/readyz")).status_code == 200
    assert told[-2:] == [("MongoDB", False), ("S3", True)]


async def test_a_server_that_says_nothing_is_away_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldash.process.dependencies._TIMEOUT_S", 0.05)
    dependencies = Dependencies({"Kafka": asyncio.Event().wait}, lambda server, ok: None)
    await dependencies.look()
    [kafka] = await dependencies.list()
    assert (kafka.ok, kafka.why) == (False, "no answer within 0.05 s")


def test_of_several_processes_a_server_answers_where_it_answers_all() -> None:
    well, gone = Dependency("Kafka", True, None, 5.0), Dependency("Kafka", False, "refused", 7.0)
    assert as_one({"worker 0": [well], "worker 1": [well]}) == [well]
    assert as_one({"worker 0": [well], "worker 1": [gone]}) == [Dependency("Kafka", False, "worker 1: refused", 7.0)]
    both = Dependency("Kafka", False, "worker 0: refused; worker 1: refused", 7.0)
    assert as_one({"worker 0": [gone], "worker 1": [gone]}) == [both]
