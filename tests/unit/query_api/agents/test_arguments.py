"""Whatever a caller sends, it is answered within the budget, or told what to mend."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp
from mcp_types import CallToolResult

from mldash import Client, Experiment
from mldash_api.agents.server import make_server

from .arguments import answers_of, text_of, values_of
from .sweep import Ledger


def called(client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async def call() -> CallToolResult:
        async with mcp.Client(make_server(lambda: client)) as asker:
            return await asker.call_tool(tool, arguments)

    return asyncio.run(call())


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


def test_random_arguments_bring_no_unhandled_error_and_no_answer_above_its_budget(client: Client) -> None:
    """Over an API: tests/integration/query_api/test_agents_rights.py."""

    values = values_of("alice/sweep/run-05", "alice/sweep/run-07")
    values["prefix"].append("\ud800")  # half a character, which this library's client over HTTP can't send

    async def all_calls() -> None:
        async with mcp.Client(make_server(lambda: client)) as asker:
            await answers_of(asker, values, 60)

    asyncio.run(all_calls())
