"""Scripts with `import mldash.wandb as wandb`, each a process of its own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from mldash import Client


def run_script(body: str, folder: Path, *, ends_by: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """It must end with this code."""
    script = folder / "script.py"
    script.write_text("import mldash.wandb as wandb\n" + textwrap.dedent(body))
    env = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")} | environment
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == ends_by, done.stderr
    return done


def points(folder: Path, prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Client(root=folder / ".dash").run(prefix).metrics(metric).read()["data"]]
