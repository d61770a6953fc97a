"""Several processes of one component answer as one, on one port of their parent.

Each process listens on a Unix socket in a folder of the parent's own (mode 0700): no port a process, nothing that
another user of the host could connect to. What the parent answers:

    /healthz        503 where a process took a connection and did not answer: its loop stands. One that is dead or
                    starting is replaced by the parent, which is why it says nothing here
    /readyz         503 with a line for each process that is not ready
    /dependencies   a server answers where it answers all of them
    /metrics        of all processes, each sample with the label `process`
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from .dependencies import Dependency, as_one
from .health_server import Questions

_ANSWER_TIMEOUT_S: Final = 4.0
"""Below the bound of the question that is asked of the parent, so that the process is named."""
_ANSWER_BYTES: Final = 64 << 20

Answer = TypeVar("Answer")

_decode = msgspec.json.Decoder(list[Dependency]).decode


class NotListening(Exception):
    """There is no process behind the socket, or not yet."""


class Silent(Exception):
    """A process took the connection, and did not answer in time."""

    def __str__(self) -> str:
        return f"it does not answer within {_ANSWER_TIMEOUT_S:g} s"


def questions_of(processes: Mapping[str, Path]) -> Questions:
    """Answered by the processes behind these sockets, by name."""

    async def ask_all(path: str) -> dict[str, tuple[int, bytes] | Exception]:
        answers = await asyncio.gather(*(_ask(at, path) for at in processes.values()), return_exceptions=True)
        found = dict[str, tuple[int, bytes] | Exception]()
        for name, answer in zip(processes, answers, strict=True):
            if isinstance(answer, BaseException) and not isinstance(answer, (NotListening, Silent)):
                raise answer
            found[name] = answer
        return found

    async def alive() -> str | None:
        answers = await ask_all("/healthz")
        return _lines(f"{name}: {one}" for name, one in answers.items() if isinstance(one, Silent))

    async def ready() -> str | None:
        return _lines(
            f"{name}: {'starting' if isinstance(one, NotListening) else _said(one)}"
            for name, one in (await ask_all("/readyz")).items()
            if isinstance(one, Exception) or one[0] != 200
        )

    async def dependencies() -> list[Dependency]:
        answers = (await ask_all("/dependencies")).items()
        return as_one({name: _decode(one[1]) for name, one in answers if not isinstance(one, Exception)})

    async def metrics() -> bytes:
        answers = (await ask_all("/metrics")).items()
        texts = {name: one[1].decode() for name, one in answers if not isinstance(one, Exception)}
        return await asyncio.to_thread(merge_metrics, texts)

    return Questions(ready, alive, dependencies, metrics)


def merge_metrics(texts: Mapping[str, str]) -> bytes:
    """Prometheus' texts of several processes as one, each sample with its process: what stands twice under one name
    and the same labels would be refused whole."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import Metric
    from prometheus_client.parser import text_string_to_metric_families
    from prometheus_client.registry import Collector

    families = dict[str, Metric]()
    for process, text in texts.items():
        for family in text_string_to_metric_families(text):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            merged.samples += [one._replace(labels={**one.labels, "process": process}) for one in family.samples]

    class Merged(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from families.values()

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Merged())
    return generate_latest(registry)


async def _ask(socket: Path, path: str) -> tuple[int, bytes]:
    """Status and body. Raises NotListening, Silent."""
    try:
        reader, writer = await _in_time(asyncio.open_unix_connection(socket, limit=_ANSWER_BYTES))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotListening from error
    try:
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        answer = await _in_time(reader.read())
    except ConnectionError as error:
        raise NotListening from error  # it died under the question
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 3:
        raise NotListening
    return int(words[1]), body


async def _in_time(doing: Awaitable[Answer]) -> Answer:
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            return await doing
    except TimeoutError:
        raise Silent from None


def _said(answer: tuple[int, bytes] | Exception) -> Any:
    return answer if isinstance(answer, Exception) else answer[1].decode(errors="replace").strip()


def _lines(found: Iterator[str]) -> str | None:
    return "\n".join(found) or None
