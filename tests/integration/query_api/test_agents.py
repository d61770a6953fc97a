"""docs/agents.md over a real API: the same tools, the same answers as over local folders."""

import asyncio
import math
import os
import time
from typing import Any

import mcp
import pytest
from mcp_types import TextContent

from mldash import Client, Experiment
from mldash_api.agents.server import make_server
from tests.stored import until_stored

pytestmark = pytest.mark.integration

LOSSES = [2.0 - at / 100 for at in range(100)]


@pytest.fixture(scope="module")
def prefixes() -> list[str]:
    project = os.urandom(5).hex()
    return [f"alice/agents-{project}/{at}" for at in range(2)]


@pytest.fixture
def client(remote: dict[str, Any], prefixes: list[str]) -> Client:
    """Two runs, which part at index 60; the second one has a NaN, and fails."""
    client = Client(remote["remote"])
    if client.run(prefixes[0]).about() is None:
        for at, prefix in enumerate(prefixes):
            losses = [one + 10.0 * at if step >= 60 else one for step, one in enumerate(LOSSES)]
            losses[30] = math.nan if at else losses[30]
            try:
                with Experiment(prefix, echo=False, **remote).run as experiment:
                    experiment.params.set(lr=0.1 / (at + 1), data="robots")
                    experiment.metrics("train").log_many(loss=losses)
                    experiment.log('before "it" ends', level="error")
                    until_stored(experiment, ["train"])
                    if at:
                        raise MemoryError("no memory left")
            except MemoryError:
                pass
    deadline = time.monotonic() + 90
    while client.runs(f'prefix = "{prefixes[1]}" and status = "FAILED" and metrics.train.loss.count = 99').count() != 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return client


def asked(client: Client, tool: str, **arguments: Any) -> str:
    async def call() -> str:
        async with mcp.Client(make_server(lambda: client)) as asker:
            found = await asker.call_tool(tool, arguments)
            (content,) = found.content
            assert isinstance(content, TextContent)
            return content.text

    return asyncio.run(call())


def test_every_tool_answers_over_an_api(client: Client, prefixes: list[str]) -> None:
    one, two = prefixes
    project = one.split("/")[1]
    found = asked(client, "find_runs", filter=f'project = "{project}"', columns=["params.lr"], sort="params.lr")
    assert "COMPLETED 1, FAILED 1." in found and found.index(two) < found.index(one)
    told = asked(client, "describe_run", run=two)
    assert f'"{two}": FAILED' in told and 'message "no memory left"' in told and '"lr" = 0.05' in told
    assert '"train" | "loss" | 99 |' in told
    assert '"lr" | 0.1 | 0.05' in asked(client, "compare_runs", runs=prefixes)
    lines = asked(client, "read_logs", run=two, limit=1)
    assert r'error "before \"it\" ends"' in lines
    assert '"metrics.train.loss.max"' in asked(client, "fields", prefix="metrics.train.loss")
    assert f'Run "{two}": ' in asked(client, "audit_run", run=two)


def test_a_metric_of_an_api_is_read_with_its_extremes_and_its_nan(client: Client, prefixes: list[str]) -> None:
    text = asked(client, "read_metric", runs=prefixes, metric="train", fields=["loss"], columns=10)
    assert 'run 0 field "loss": least 1.01, greatest 2.0, first 2.0, last 1.01, count 100, no number 0' in text
    assert "count 99, no number 1" in text and "NaN at index 30 (1 points)" in text
    exact = asked(client, "read_metric", runs=prefixes[1:], metric="train", exact=True, start=29, end=31)
    assert [line.rsplit(" | ", 1)[1] for line in exact.splitlines()[-3:]] == ["1.71", "NaN", "1.69"]


def test_where_two_runs_parted_is_told_with_what_differs(client: Client, prefixes: list[str]) -> None:
    text = asked(client, "where_parted", one=prefixes[0], two=prefixes[1], metric="train", field="loss")
    assert "They parted at index 60: from there on run 1 lies above." in text and '"lr" | 0.1 | 0.05' in text


def test_waiting_ends_with_what_it_waits_for(client: Client, prefixes: list[str]) -> None:
    assert "2 runs have ended" in asked(client, "wait_for", what="end", runs=prefixes)
    condition = "metrics.train.loss.max > 5"
    assert prefixes[1] in asked(client, "wait_for", what="condition", runs=prefixes, filter=condition)
    text = asked(client, "wait_for", what="points", runs=prefixes[:1], metric="train", timeout_s=0)
    assert text.startswith("Not yet") and "after_index=99" in text


def test_an_unknown_run_is_told_with_the_nearest_that_the_api_has(client: Client, prefixes: list[str]) -> None:
    assert prefixes[0] in asked(client, "describe_run", run=prefixes[0][:-1] + "x")


def test_an_api_that_does_not_answer_is_named(prefixes: list[str]) -> None:
    text = asked(Client("http://127.0.0.1:9"), "describe_run", run=prefixes[0])
    assert "no answer from http://127.0.0.1:9" in text
