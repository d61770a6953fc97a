"""docs/agents.md, Rights: a token that may read one project sees nothing of another one in any tool, be it a name, a
count, or by what an error says."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import mcp
import pytest

from mldash_api.agents.changing import CHANGING
from mldash_api.agents.tools import READING
from tests.unit.query_api.agents.arguments import answers_of, text_of, values_of
from tests.world import World

from .conftest import Client, Running
from .runs import put_run, until
from .test_agents_over_http import asking, told
from .test_tokens import bearer, token_for
from .writing import Chain

pytestmark = pytest.mark.integration

MINE, HIDDEN, NONE = "ada/robots/walk", "ada/moon/walk", "ada/moon/none"
UNSEEN = "ada/moon/lander-4711"
SECRETS = ("lander", "4711", "thrust", "fuel", "secret-tag", "moon dust", "0.7351", "sealed")
"""What the hidden project holds; a call is told of those that it names itself."""

Arguments = dict[str, Any]
BY_RUN: dict[str, list[Callable[[str], Arguments]]] = {
    "describe_run": [lambda run: {"run": run}],
    "compare_runs": [lambda run: {"runs": [MINE, run]}, lambda run: {"runs": [run, UNSEEN]}],
    "read_metric": [
        lambda run: {"runs": [run], "metric": "train"},
        lambda run: {"runs": [MINE, run], "metric": "train", "picture": True},
        lambda run: {"runs": [run], "metric": "fule", "exact": True},
    ],
    "where_parted": [lambda run: {"one": MINE, "two": run, "metric": "train", "field": "loss"}],
    "read_logs": [lambda run: {"run": run}, lambda run: {"run": run, "rank": [0], "text": "dust"}],
    "audit_run": [lambda run: {"run": run}],
    "wait_for": [
        lambda run: {"what": "condition", "runs": [run], "filter": "params.thrust > 0", "timeout_s": 0},
        lambda run: {"what": "points", "runs": [run], "metric": "train", "timeout_s": 0},
        lambda run: {"what": "end", "runs": [run], "timeout_s": 0},
    ],
    "note": [lambda run: {"run": run, "text": "seen"}],
    "tag": [lambda run: {"run": run, "add": ["seen"]}],
}
ALONE: dict[str, list[Arguments]] = {
    "find_runs": [{}, {"filter": "params.thrust exists"}, {"filter": 'project = "moon"'}, {"sort": "params.thrust"}],
    "fields": [{}, {"prefix": "params."}, {"prefix": "metrics."}, {"prefix": "context."}],
}


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", mcp=True, mcp_changes=True, stop_timeout_s=5.0)) as made:
        points = [{"loss": 2.0 - step / 10} for step in range(10)]
        await put_run(world, MINE, {"seed": 4, "lr": 0.1}, {"train": points})
        for prefix in (HIDDEN, UNSEEN):
            hidden = {"train": points, "fuel": [{"sealed": 0.7351}]}
            await put_run(world, prefix, {"thrust": 0.7351}, hidden, tags=["secret-tag"], status="FAILED")
            logs = await Chain(world, "logs", "", prefix=prefix).begin()
            await logs.append([{"level": "error", "message": "moon dust"}])
            await logs.snapshot()
        made.http.headers.update(bearer(await token_for(world, ("admin", ""))))
        await until(made, [UNSEEN, HIDDEN, MINE], sort="prefix")
        made.http.headers.pop("Authorization")
        yield made


async def answered(asker: mcp.Client, tool: str, arguments: Arguments, run: str) -> tuple[bool, str]:
    """What can tell one run from another: the text without the run's own name, and without how long it took."""
    found = await asker.call_tool(tool, arguments)
    text = f"{text_of(found)} {found.structured_content}"
    return bool(found.is_error), re.sub(r"\d+\.\d+( s\b|\b)", "…", text.replace(run, "RUN"))


async def test_a_run_that_may_not_be_read_is_as_one_that_is_not_there(world: World, guarded: Client) -> None:
    """Of every tool that names runs; and none tells anything of the project."""
    async with asking(guarded, await token_for(world, ("write", "ada/robots"))) as ada:
        assert {tool.name for tool in (await ada.list_tools()).tools} == {*READING, *CHANGING} == {*BY_RUN, *ALONE}
        for tool, made in BY_RUN.items():
            for arguments in made:
                hidden = await answered(ada, tool, arguments(HIDDEN), HIDDEN)
                assert hidden == await answered(ada, tool, arguments(NONE), NONE), tool
                secrets = [one for one in SECRETS if one not in str(arguments(HIDDEN))]
                assert not [one for one in secrets if one in hidden[1]], hidden


async def test_lists_and_counts_are_of_what_may_be_read(world: World, guarded: Client) -> None:
    async with asking(guarded, await token_for(world, ("read", "ada/robots"))) as ada:
        for tool, made in ALONE.items():
            for arguments in made:
                text = await told(ada, tool, **arguments)
                hidden = [one for one in (*SECRETS, "moon") if one not in str(arguments)]
                assert not [one for one in hidden if one in text], text
        assert (await told(ada, "find_runs")).startswith("1 runs pass")
        assert (await told(ada, "find_runs", filter='project = "moon"')).startswith("No run passes.")


async def test_random_arguments_bring_nothing_of_another_project_nor_an_error_that_nobody_handled(
    world: World, guarded: Client
) -> None:
    """Of all tools, those that change something too, over an API; each answer within its budget."""
    async with asking(guarded, await token_for(world, ("write", "ada/robots"))) as ada:
        for text in await answers_of(ada, values_of(MINE, HIDDEN), 40):
            assert not [one for one in SECRETS if one in text], text
