"""Every block of Python in README.md and docs/ runs, in local mode, as a script of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def blocks() -> Iterator[tuple[str, str]]:
    """(where, code) of each; one that is headed `python no-run` needs servers, and is only compiled."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text()
        for found in re.finditer(r"```python([^\n]*)\n(.*?)```", text, re.DOTALL):
            line = text[: found.start()].count("\n") + 1
            yield f"{page.relative_to(ROOT)}:{line}{found[1]}", found[2]


@pytest.mark.parametrize("where, code", list(blocks()))
def test_an_example_runs(where: str, code: str, tmp_path: Path) -> None:
    """In an empty folder; warnings are errors."""
    compile(code, where, "exec")
    if where.endswith("no-run"):
        return
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{where}:\n{done.stdout}{done.stderr}"
