"""Calls by the tools' schemas, some of their arguments wrong; and what has to hold of every answer."""

import json
from typing import Any, Final

import mcp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp_types import CallToolResult, TextContent

LEAST: Final = 1_000
_COUNTS: Final = st.sampled_from([0, 1, 2, 40, 1_000, -1, 10**20])


def values_of(one: str, two: str) -> dict[str, list[Any]]:
    """By the names of arguments; these two runs are among them."""
    return {
        "run": [one, two, "alice/none", "x"],
        "runs": [[one], [one, two], [], [one, "no/run"], "not a list"],
        "one": [one],
        "two": [two, one],
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
        "rank": [None, [0], [0, 1], [-1], "no list"],
        "text": [None, "memory", "", "a note of several words"],
        "add": [[], ["seen"], ["a\nb"], [""]],
        "remove": [[], ["seen"], "no list"],
        "what": ["condition", "points", "end", "other"],
        "timeout_s": [0, 0.05],
        "prefix": ["", "params.", "zzz", "\x00"],
    }


def drawn(
    properties: dict[str, dict[str, Any]], values: dict[str, list[Any]], count: int
) -> list[tuple[str, dict[str, Any]]]:
    """Tools with arguments; `properties`: of each tool."""
    found = list[tuple[str, dict[str, Any]]]()

    @st.composite
    def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
        tool = draw(st.sampled_from(sorted(properties)))
        arguments: dict[str, Any] = {"budget": draw(st.sampled_from([LEAST, 1_200, 3_000, 200_000]))}
        for name in properties[tool]:
            if name == "timeout_s" or (name != "budget" and draw(st.booleans())):
                of_name = st.sampled_from(values[name]) if name in values else _COUNTS | st.booleans()
                arguments[name] = draw(of_name)
        return tool, arguments

    @given(calls())
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def gather(call: tuple[str, dict[str, Any]]) -> None:
        found.append(call)

    gather()
    return found


async def answers_of(asker: mcp.Client, values: dict[str, list[Any]], count: int) -> list[str]:
    """Of so many calls of all tools that it is offered. Each answer fits its budget, and is no error that nobody
    handled; a picture comes beside the budget."""
    tools = (await asker.list_tools()).tools
    properties = {tool.name: tool.input_schema["properties"] for tool in tools}
    told = list[str]()
    for tool, arguments in drawn(properties, values, count):
        found = await asker.call_tool(tool, arguments)
        text = text_of(found)
        structured = json.dumps(found.structured_content or {}, allow_nan=False)
        assert len(text) + len(structured) <= arguments["budget"], (tool, arguments)
        assert text != f"Error executing tool {tool}", (tool, arguments)
        told.append(f"{tool}({arguments}): {text} {structured}")
    return told


def text_of(found: CallToolResult) -> str:
    content = found.content[0]
    assert isinstance(content, TextContent)
    return content.text
