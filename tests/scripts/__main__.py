"""What is checked of the dashboard's scripts without a browser, on the Node that pip installs.

python -m tests.scripts types   JSDoc types, by TypeScript
python -m tests.scripts units   the pure modules, by node --test
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mldash_api.dashboard.files import HERE as DASHBOARD
from mldash_api.dashboard.npm import node_command
from tests.browser.packages import TYPESCRIPT, installed

HERE = Path(__file__).parent
CHECKS = ("types", "units")
_LONGEST_S = 240.0


@contextmanager
def declared() -> Iterator[Path]:
    """A copy of the scripts in which declarations (types/) stand for the libraries: no checker reads minified code."""
    with tempfile.TemporaryDirectory(prefix="mldash-scripts-") as text:
        folder = Path(text)
        shutil.copytree(
            DASHBOARD, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("libraries*", "*.py", "*.css")
        )
        shutil.copytree(HERE / "types" / "libraries", folder / "libraries")
        shutil.copy(HERE / "tsconfig.json", folder)
        yield folder


def run(check: str) -> subprocess.CompletedProcess[str]:
    """`types` or `units`."""
    with declared() as folder:
        command = ["--test", *map(str, sorted(HERE.glob("*.test.mjs")))]
        if check == "types":
            command = [str(installed(TYPESCRIPT) / "lib" / "tsc.js"), "--project", "."]
        whole = [*node_command(), *command]
        return subprocess.run(whole, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_S, check=False)


def main(arguments: Sequence[str]) -> int:
    for check in arguments or CHECKS:
        done = run(check)
        if done.returncode:
            print(done.stdout + done.stderr, file=sys.stderr)
            return 1
    print(f"the dashboard's scripts: {', '.join(arguments or CHECKS)} are right")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
