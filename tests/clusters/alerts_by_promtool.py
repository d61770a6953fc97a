"""Prometheus' own word on the alert rules: `make check-deploy`, where promtool is installed (Debian: prometheus)."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

_OBSERVE: Final = Path(__file__).parents[2] / "deploy" / "observe"

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=_OBSERVE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_rules_and_none_is_there_twice() -> None:
    """Without --lint-fatal a rule that is there twice passes."""
    promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")


def test_each_alert_fires_for_what_it_is_there_for() -> None:
    promtool("test", "rules", "alerts_test.yaml")
