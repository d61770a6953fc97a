"""What `from mldash import Experiment` costs, and which room may import which."""

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("producer", "ingest_workers", "compactor", "query_api", "deploy")
HEAVY = (
    "pyarrow",
    "motor",
    "pymongo",
    "aioboto3",
    "botocore",
    "numpy",
    "aiokafka",
    "litestar",
    "uvicorn",
    "rich",
    "click",
)
MAY_COST_S = 0.150
_TRIES = 7


def test_importing_the_sdk_takes_less_than_150_ms_more_than_bare_python(tmp_path: Path) -> None:
    """The best of several starts each: what else the machine does only ever adds."""
    bare = min(_seconds("pass", tmp_path) for _ in range(_TRIES))
    ours = min(_seconds("from mldash import Experiment", tmp_path) for _ in range(_TRIES))
    assert ours - bare < MAY_COST_S, f"it takes {1e3 * (ours - bare):.0f} ms more than {1e3 * bare:.0f} ms"


@pytest.mark.parametrize("name", HEAVY)
def test_importing_the_sdk_loads_nothing_heavy(name: str, tmp_path: Path) -> None:
    """Asked of an interpreter of its own, after the import."""
    code = f"import sys; from mldash import Experiment; sys.exit({name!r} in sys.modules)"
    assert _run(code, tmp_path) == 0, f"{name} was imported"


def test_rooms_import_upstream_only() -> None:
    """import-linter's contracts, as `make lint` checks them."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_imports_a_room_by_its_bare_name() -> None:
    """`import producer` would find a user's producer.py (docs/decisions/0001-folders-and-imports.md)."""
    folders = (*ROOMS, "mldash", "tests", "examples", "benchmarks")
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in _imported(path)
        if name.split(".")[0] in ROOMS
    ]
    assert not found


def test_a_rooms_server_clients_are_imported_by_one_file_each() -> None:
    """motor and aioboto3 are behind one module each, so that replacing one is an afternoon."""
    only = {"motor": "ingest_workers/documents/mongo.py", "aioboto3": "compactor/chunks/s3.py"}
    found = {
        (name, str(path.relative_to(ROOT)))
        for room in (*ROOMS, "mldash")
        for path in (ROOT / room).rglob("*.py")
        for name in only
        if name in {imported.split(".")[0] for imported in _imported(path)}
    }
    assert found == set(only.items())


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _seconds(code: str, folder: Path) -> float:
    """Of processor time: an import waits for nothing, and other processes must not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _run(code, folder) == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(code: str, folder: Path) -> int:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode
