"""Whatever a caller sends, it is answered within the budget, or told what to mend."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp_types import CallToolResult, TextContent

from mldash import Client, Experiment
from mldash_api.agents.server import make_server
from mldash_api.agents.tools import READING

from .sweep import Ledger

LEAST = 1_000


def called(client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async def call() -> CallToolResult:
        async with mcp.Client(make_server(lambda: client)) as asker:
            return await asker.call_tool(tool, arguments)

    return asyncio.run(call())


def text_of(found: CallToolResult) -> str:
    (content,) = found.content
    assert isinstance(content, TextContent)
    return content.text


def test_an_unknown_argument_is_refused_with_the_nearest(client: Client) -> None:
    """The library would drop it, and use the default."""
    found = called(client, "find_runs", {"fliter": "params.lr < 1"})
    assert found.is_error and 'no argument "fliter". Near to it: filter' in text_of(found)


def test_an_unknown_tool_is_refused_with_the_nearest(client: Client) -> None:
    found = called(client, "find_run", {})
    assert found.is_error and "There are: find_runs" in text_of(found)


def test_a_value_out_of_bounds_is_named_with_what_is_allowed(client: Client) -> None:
    found = called(client, "find_runs", {"budget": 10, "limit": "many"})
    assert found.is_error and "budget: Input should be greater than or equal to 1000" in text_of(found)
    assert "limit: " in text_of(found)


def test_a_fault_in_the_grammar_points_at_its_character(client: Client) -> None:
    found = called(client, "find_runs", {"filter": "params.lr << 3"})
    assert found.is_error and "character 12" in text_of(found) and text_of(found).splitlines()[-1].endswith("^")


def test_a_field_that_no_run_has_is_told_with_the_nearest(client: Client) -> None:
    found = called(client, "find_runs", {"filter": "metrics.evla.acc.max > 0.5"})
    assert not found.is_error and '"metrics.eval.acc.max"' in text_of(found)


def test_an_unknown_run_is_told_with_the_nearest(client: Client, ledger: Ledger) -> None:
    for tool, arguments in (
        ("describe_run", {"run": "alice/sweep/run-111"}),
        ("read_logs", {"run": "alice/sweep/run-111"}),
        ("read_metric", {"runs": ["alice/sweep/run-111"], "metric": "train"}),
    ):
        found = called(client, tool, arguments)
        assert found.is_error and f'Near to it: "{ledger.runs[11].prefix}"' in text_of(found)


def test_many_runs_are_waited_for_in_filters_that_have_room(client: Client, ledger: Ledger) -> None:
    runs = [run.prefix for run in ledger.runs] + [f"alice/none/{'x' * 60}{at}" for at in range(300)]
    found = called(client, "wait_for", {"what": "condition", "runs": runs, "filter": "params.seed >= 0"})
    assert text_of(found).startswith(f"It came true. {len(ledger.runs)} runs pass.")
    found = called(client, "wait_for", {"what": "end", "runs": runs, "timeout_s": 0})
    assert text_of(found).startswith("Not yet")


def test_a_run_without_the_metric_is_named_beside_those_that_have_it(tmp_path: Path) -> None:
    for at in range(2):
        with Experiment(f"alice/few/{at}", root=str(tmp_path), echo=False).run as experiment:
            experiment.metrics("train" if at else "other").log(loss=1.0)
    found = called(Client(tmp_path), "read_metric", {"runs": ["alice/few/0", "alice/few/1"], "metric": "train"})
    assert "Without any number there: runs 0" in text_of(found) and "run 1 field" in text_of(found)


def test_the_tools_load_no_client_of_a_server(tmp_path: Path) -> None:
    """With the base install and the extra alone."""
    script = (
        "import sys, mldash_api.commands.mcp, mldash_api.agents.server\n"
        "import mldash_api.comparing.rows, mldash_api.comparing.apart\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    told = subprocess.check_output([sys.executable, "-c", script], cwd=tmp_path, text=True, timeout=120)
    assert not {"motor", "pymongo", "aioboto3", "botocore", "aiokafka", "pyarrow", "litestar"} & set(told.split())


def test_wait_for_says_what_is_missing(client: Client) -> None:
    for arguments, name in (
        ({"what": "condition"}, "filter"),
        ({"what": "end"}, "runs"),
        ({"what": "points"}, "runs"),
        ({"what": "end", "runs": ["a/b"], "filter": "archived"}, "filter"),
    ):
        found = called(client, "wait_for", arguments)
        assert found.is_error and f"argument {name}:" in text_of(found)


RUN = "alice/sweep/run-05"
VALUES: dict[str, list[Any]] = {
    "run": [RUN, "alice/sweep/run-07", "alice/none", "x"],
    "runs": [[RUN], [RUN, "alice/sweep/run-07"], [], [RUN, "no/run"], "not a list"],
    "one": [RUN],
    "two": ["alice/sweep/run-07", RUN],
    "filter": [None, "params.seed > 3", 'status = "FAILED', "nothing", "metrics.train.loss.max exists"],
    "sort": ["-started", "params.seed", "no field"],
    "columns": [None, ["params.seed"], ["metrics.train.loss.max", "tags"], 1, 7, 2_000],
    "metric": [None, "train", "eval", "none"],
    "field": ["loss", "acc", "none"],
    "fields": [None, ["loss"], ["none"], []],
    "x": ["index", "time", "step", "none"],
    "start": [None, 0, 3.5, -1, "2026-01-01", "no time", 10**30],
    "end": [None, 10, 1e300, "2026-12-31"],
    "around": [None, "2026-01-01T00:00:00Z", "no time"],
    "level": [None, ["error"], ["loud"]],
    "text": [None, "memory", ""],
    "what": ["condition", "points", "end", "other"],
    "timeout_s": [0, 0.05],
    "prefix": ["", "params.", "zzz", "\ud800"],
}
COUNTS = st.sampled_from([0, 1, 2, 40, 1_000, -1, 10**20])


@st.composite
def calls(draw: st.DrawFn, properties: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """A tool of these, and arguments by its schema, some of them wrong."""
    tool = draw(st.sampled_from(READING))
    arguments: dict[str, Any] = {"budget": draw(st.sampled_from([LEAST, 1_200, 3_000, 200_000]))}
    for name in properties[tool]:
        if name == "timeout_s" or (name != "budget" and draw(st.booleans())):
            arguments[name] = draw(st.sampled_from(VALUES[name]) if name in VALUES else COUNTS | st.booleans())
    return tool, arguments


def test_random_arguments_bring_no_unhandled_error_and_no_answer_above_its_budget(client: Client) -> None:
    async def all_calls() -> None:
        async with mcp.Client(make_server(lambda: client)) as asker:
            tools = (await asker.list_tools()).tools
            properties = {tool.name: tool.input_schema["properties"] for tool in tools}
            for tool, arguments in drawn(properties):
                found = await asker.call_tool(tool, arguments)
                size = len(text_of(found)) + len(json.dumps(found.structured_content or {}, allow_nan=False))
                assert size <= arguments["budget"], (tool, arguments)
                assert text_of(found) != f"Error executing tool {tool}", (tool, arguments)

    asyncio.run(all_calls())


def drawn(properties: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = []

    @given(calls(properties))
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def gather(call: tuple[str, dict[str, Any]]) -> None:
        found.append(call)

    gather()
    return found
