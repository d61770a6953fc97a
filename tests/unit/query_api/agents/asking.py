"""A client of the protocol that has no model behind it: it counts its calls, and reads answers by their text alone."""

import json
import re
from abc import ABC, abstractmethod
from typing import Any

import mcp
from mcp_types import TextContent

BUDGET = 12_000
CALLS = 3


class Asker(ABC):
    """`question()` begins to count anew; each question has three calls."""

    def __init__(self) -> None:
        self.calls = 0

    def question(self) -> "Asker":
        self.calls = 0
        return self

    async def ask(self, tool: str, **arguments: Any) -> str:
        text, is_error = await self.answer(tool, **arguments)
        assert not is_error, text
        return text

    async def refused(self, tool: str, **arguments: Any) -> str:
        text, is_error = await self.answer(tool, **arguments)
        assert is_error, text
        return text

    async def answer(self, tool: str, **arguments: Any) -> tuple[str, bool]:
        self.calls += 1
        assert self.calls <= CALLS, "too many calls for one question"
        text, structured, is_error = await self.called(tool, arguments)
        told = "" if structured is None else json.dumps(structured, allow_nan=False)
        assert len(text) + len(told) <= arguments.get("budget", BUDGET)
        return text, is_error

    @abstractmethod
    async def called(self, tool: str, arguments: dict[str, Any]) -> tuple[str, Any, bool]:
        """Text, structured part, and whether it is an error."""


class PythonAsker(Asker):
    """By mcp, the protocol's library for Python."""

    def __init__(self, client: mcp.Client) -> None:
        super().__init__()
        self.client = client

    async def called(self, tool: str, arguments: dict[str, Any]) -> tuple[str, Any, bool]:
        found = await self.client.call_tool(tool, arguments)
        (content,) = found.content
        assert isinstance(content, TextContent)
        return content.text, found.structured_content, bool(found.is_error)


def rows(text: str, first: str) -> list[dict[str, str]]:
    """The table whose head begins with this name."""
    lines = text.splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith(f"{first} | "))
    names = lines[begin].split(" | ")
    found = []
    for line in lines[begin + 1 :]:
        if " | " not in line:
            break
        found.append(dict(zip(names, line.split(" | "), strict=True)))
    return found


def figure(text: str, name: str) -> str:
    """Of the first series: least 0.1, greatest 3.0, …"""
    found = re.search(rf"\b{name} (\S+?)[,;](?:\s|$)", text)
    assert found, text
    return found[1]
