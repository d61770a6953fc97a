"""The protocol's own conformance tests (npm's @modelcontextprotocol/conformance) ask /mcp of the API.

Most scenarios ask for tools, prompts and resources of their own by name, which only a server that is made for the tests
has: those are listed here with what they would need. All others have to pass, and none may begin to pass unseen.
"""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.node.packages import NODE, installed
from tests.protocol_clients.typescript import HERE
from tests.world import World

from .conftest import Running

pytestmark = pytest.mark.integration

_PROGRAM: Final = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
_LONGEST_S: Final = 240.0

PASS: Final = {
    "server-initialize": 1,
    "ping": 1,
    "tools-list": 1,
    "resources-list": 1,
    "prompts-list": 1,
    "dns-rebinding-protection": 2,
}
"""Scenarios that need nothing of their own, and how many checks each makes."""
SAY_NOTHING: Final = {
    "tools-call-simple-text": "its tool is not there, and the answer that says so counts as its text",
    "tools-call-error": "its tool is not there, and that error counts as the tool's",
    "server-sse-multiple-streams": "it is about sessions, of which there are none: it makes no check",
}
NEED_THEIR_OWN: Final = {
    "tools-call-image": "the tool test_image_content",
    "tools-call-audio": "the tool test_audio_content",
    "tools-call-embedded-resource": "the tool test_embedded_resource",
    "tools-call-mixed-content": "the tool test_multiple_content_types",
    "tools-call-with-logging": "the tool test_tool_with_logging",
    "tools-call-with-progress": "the tool test_tool_with_progress",
    "tools-call-sampling": "the tool test_sampling",
    "tools-call-elicitation": "the tool test_elicitation",
    "elicitation-sep1034-defaults": "the tool test_elicitation_sep1034_defaults",
    "elicitation-sep1330-enums": "the tool test_elicitation_sep1330_enums",
    "prompts-get-simple": "the prompt test_simple_prompt",
    "prompts-get-with-args": "the prompt test_prompt_with_arguments",
    "prompts-get-embedded-resource": "the prompt test_prompt_with_embedded_resource",
    "prompts-get-with-image": "the prompt test_prompt_with_image",
    "completion-complete": "the prompt test_prompt_with_arguments, and completion, which nothing here offers",
    "resources-read-text": "the resource test://static-text",
    "resources-read-binary": "the resource test://static-binary",
    "resources-templates-read": "the resource test://template/123/data",
    "resources-subscribe": "the resource test://watched-resource",
    "resources-unsubscribe": "the resource test://watched-resource",
    "logging-set-level": "the capability to send log messages, which nothing here offers",
}


async def test_every_scenario_that_needs_nothing_of_its_own_passes(world: World, tmp_path: Path) -> None:
    folder = await asyncio.to_thread(installed, HERE)
    async with Running(world.api(mcp=True, stop_timeout_s=5.0)) as api:
        command = [str(NODE), str(folder / _PROGRAM), "server", "--url", f"{api.http.base_url}/mcp"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(_LONGEST_S):
                told, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    _, _, summary = told.decode().partition("=== SUMMARY ===")
    found = {
        name: (int(passed), int(failed))
        for name, passed, failed in re.findall(r"^. (\S+): (\d+) passed, (\d+) failed$", summary, re.MULTILINE)
    }
    assert found.keys() == {*PASS, *SAY_NOTHING, *NEED_THEIR_OWN}, told.decode()
    assert {name: found[name] for name in PASS} == {name: (count, 0) for name, count in PASS.items()}, told.decode()
    assert {name for name, (_, failed) in found.items() if failed} == NEED_THEIR_OWN.keys(), told.decode()
