"""One service in one process: signals and exit codes, seen from outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

SERVICE = """
import asyncio, sys
from mldash.command_line import group, main
from mldash.process import log_output
from mldash.process.service import run_service

class Service:
    async def run(self, stop):
        print("running", flush=True)
        MODE
        print("batch finished", flush=True)

    async def health(self):
        return None

log_output.set_up(log_output.LogSettings(), "service")

@group.command("service")
def service():
    run_service("service", Service)

import mldash.command_line
mldash.command_line.COMMANDS = {**mldash.command_line.COMMANDS}
mldash.command_line.CommandTable.get_command = lambda self, context, name: service
main(["service"])
"""


def start(body: str, *before: str) -> subprocess.Popen[str]:
    script = SERVICE.replace("MODE", body)
    process = subprocess.Popen(
        [*before, sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_batch_in_hand_and_leaves_with_0(number: signal.Signals) -> None:
    with start("await stop.wait()") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "batch finished\n")
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events == ["starting", "stopping", "stopped"]


def test_ctrl_c_reaches_a_service_that_a_shell_without_it_started() -> None:
    """A script's `&` and cron ignore SIGINT, and hand that down."""
    with start("await stop.wait()", "/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh") as process:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "batch finished\n")


def test_a_second_signal_ends_it_at_once() -> None:
    with start("await stop.wait(); print('stopping', flush=True); await asyncio.sleep(60)") as process:
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        process.terminate()
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (128 + signal.SIGTERM, "")


def test_what_a_service_raises_is_one_line_and_exit_code_1() -> None:
    with start("raise ConnectionError('no answer from 127.0.0.1:1')") as process:
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "mldash: no answer from 127.0.0.1:1"
    assert "Traceback" not in err
