"""Log lines of components: one way for all, and no secret in any of them."""

import json
import subprocess
import sys

import pytest

FAILING = """
import logging, structlog
from mldash.process import log_output

log_output.set_up(log_output.LogSettings(format="{format}"), "service")

def connect(secret_key):
    raise ConnectionError("refused")

for log in (structlog.get_logger(), logging.getLogger("library")):
    try:
        connect("s3" + "cr3t")
    except ConnectionError:
        log.exception("it failed")
"""


@pytest.mark.parametrize("format", ["json", "readable"])
def test_a_traceback_shows_where_it_failed_and_not_with_which_values(format: str) -> None:
    """Settings with secrets are among the local variables of many a frame."""
    script = FAILING.replace("{format}", format)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.count("in connect") == 2 or done.stderr.count('"name": "connect"') == 2
    assert done.stderr.count("refused") >= 2
    assert "s3cr3t" not in done.stderr
    if format == "json":
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert [line["event"] for line in lines] == ["it failed"] * 2
        assert lines[0]["exception"][0]["exc_type"] == "ConnectionError"
