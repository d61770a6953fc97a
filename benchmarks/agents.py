"""How late wait_for answers at /mcp, on a whole stack of this machine: `python -m benchmarks.agents`.

An API process of its own answers; the stack's own takes what the SDK asks. 12,000 points a second go into four metrics
of one experiment meanwhile. A hundred calls wait at once, again and again, for the next point of another experiment:
from the end of its log() until each of them has its whole answer.

  points     what="points": the next point itself
  condition  what="condition": metrics.train.number.max >= …
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from mldash import Experiment

from .api_process import Api, api, servers_of_stack
from .case import Case, no_less, no_more, run_alone
from .emitters import emitting
from .stack import running_stack
from .table import write
from .whole_stack import cpu_seconds, look_at

PACE: Final = 12_000
WAITING: Final = 100
_PREFIX: Final = "bench/agents/run"
_METRIC: Final = "train"
_WARM_UP_S: Final = 10.0
_ROUND_S: Final = 3.0
"""From the answers of one round to the log() of the next: by then all wait again."""
_LAST_S: Final = 60.0
_P99_MS: Final = 1_000

Asked = Callable[[int], dict[str, Any]]


def _points(number: int) -> dict[str, Any]:
    return {"what": "points", "metric": _METRIC, "after_index": number - 1}


def _condition(number: int) -> dict[str, Any]:
    return {"what": "condition", "filter": f"metrics.{_METRIC}.number.max >= {number}"}


CASES: Final[Mapping[str, Asked]] = {"points": _points, "condition": _condition}


def measure(asked: Asked, stack_data: str, server: Api, seconds: float) -> dict[str, float]:
    """Milliseconds of every answer."""
    stack, journal = look_at(stack_data), str(Path(stack_data, "journal").absolute())
    with emitting(f"{_PREFIX}-load", stack.api, journal, PACE) as emitters:
        time.sleep(_WARM_UP_S)
        before = emitters.logged(), time.monotonic(), cpu_seconds(server.process.pid)
        took = asyncio.run(_rounds(asked, stack.api, server.address, journal, int(seconds / _ROUND_S)))
        passed = time.monotonic() - before[1]
        logged = (emitters.logged() - before[0]) / passed
        cores = (cpu_seconds(server.process.pid) - before[2]) / passed
        emitters.finish()
    percentiles = statistics.quantiles(took, n=100, method="inclusive")
    found = {"p50": percentiles[49] * 1e3, "p99": percentiles[98] * 1e3, "most": max(took) * 1e3}
    memory = server.peak_bytes() / 1e6
    return {**found, "answers": len(took), "logged": logged, "cores": cores, "memory": memory}


async def _rounds(asked: Asked, remote: str, address: str, journal: str, rounds: int) -> list[float]:
    prefix, took = f"{_PREFIX}-{os.urandom(4).hex()}", list[float]()
    with Experiment(prefix, remote=remote, journal=journal, echo=False, capture_context=False).run as experiment:
        metric = experiment.metrics(_METRIC)
        metric.log(number=0)
        for number in range(1, rounds + 1):
            call = {**asked(number), "runs": [prefix], "budget": 1_000, "timeout_s": _LAST_S}
            waiting = [asyncio.create_task(_answered(address, call)) for _ in range(WAITING)]
            await asyncio.sleep(_ROUND_S)
            metric.log(number=number)
            ended = time.monotonic()
            took += [at - ended for at in await asyncio.gather(*waiting)]
    return took


async def _answered(address: str, arguments: dict[str, Any]) -> float:
    """When the answer was whole. Raises RuntimeError for one that is none."""
    host, _, port = address.removeprefix("http://").partition(":")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wait_for", "arguments": arguments}}
    body = json.dumps(call).encode()
    headers = f"Host: {host}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"POST /mcp HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        while line := await reader.readuntil(b"\n"):
            if line.startswith(b"data: ") and b'"result"' in line:
                if json.loads(line[6:])["result"]["structuredContent"]["facts"]["came_true"] is not True:
                    raise RuntimeError(line.decode())
                return time.monotonic()
    finally:
        writer.transport.abort()
    raise RuntimeError("the answer ended before its result")


def cases_of(name: str, found: dict[str, float]) -> list[Case]:
    said = f"{WAITING} waiting by {name}"
    return [
        no_more(f"{said}, end of log() to answer, p50", found["p50"], "ms"),
        no_more(f"{said}, end of log() to answer, p99", found["p99"], "ms", _P99_MS),
        no_more(f"{said}, end of log() to answer, latest", found["most"], "ms"),
        no_less(f"{said}, answers", found["answers"], "answers"),
        no_less(f"{said}, load beside it", found["logged"], "points/s"),
        no_more(f"{said}, cores of the API", found["cores"], "cores"),
        no_more(f"{said}, memory of the API", found["memory"], "MB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it each case starts and stops one")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each case (60)")
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        os.environ |= {"MLDASH_API_MCP": "true", "MLDASH_API_INDEX_AT_START": "true"}
        with api(servers_of_stack(arguments.data)) as server:
            measured = partial(measure, CASES[arguments.case])
            print(json.dumps(measured(arguments.data, server, arguments.seconds)))
        return
    for name in arguments.only.split(",") if arguments.only else CASES:
        with running_stack(arguments.data) as data:
            options = ["--case", name, "--data", data, "--seconds", str(arguments.seconds)]
            print(name, file=sys.stderr)
            write("agents", cases_of(name, run_alone("benchmarks.agents", options)))


if __name__ == "__main__":
    main()
