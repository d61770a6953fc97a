"""What `from mldash import Experiment` costs, and which package may import which."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installing import PACKAGES, ROOT

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
    "lark",
)
CLIENTS = {"aiokafka", "motor", "pymongo", "aioboto3", "botocore", "pyarrow"}
FACES: dict[str, set[str]] = {
    "mldash.events": set(),
    "mldash.answers": set(),
    "mldash.query": set(),
    "mldash.local.reading": set(),
    "mldash.connections": {"aiokafka"},
    "mldash.process": set(),
    "mldash_ingest.documents": {"motor", "pymongo"},
    "mldash_compactor.chunks": {"motor", "pymongo", "aioboto3", "botocore", "pyarrow"},
}
"""What other packages import (import-linter holds them to it), and the servers' clients that are its business."""
FLOOR = "import asyncio, json, threading, msgspec"
"""What any SDK of this kind needs: an import of ours is measured by it."""
OURS = "from mldash import Experiment"
_TRIES = 5


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The modules that an interpreter of its own has after each: nothing, the floor, our import."""
    folder = tmp_path_factory.mktemp("loaded")
    listed = "; import sys; print(*sys.modules, sep=',')"
    return {
        code: set(subprocess.check_output([sys.executable, "-c", code + listed], cwd=folder, text=True).split(","))
        for code in ("pass", FLOOR, OURS)
    }


def test_importing_the_sdk_loads_about_as_many_modules_as_its_floor(
    loaded: dict[str, set[str]],
) -> None:
    """A count, the same on every machine. It was 1.56 in version 0.1.0, and 1.02 when this was written."""
    bare = loaded["pass"]
    floor, ours = loaded[FLOOR] - bare, loaded[OURS] - bare
    assert len(ours) <= 1.15 * len(floor), f"{len(ours)} modules for {len(floor)}, more: {sorted(ours - floor)}"


def test_importing_the_sdk_takes_at_most_two_and_a_half_times_what_its_floor_takes(tmp_path: Path) -> None:
    """User CPU time over that of a bare start, taken in turns, the least of each: a loaded machine adds to all three
    alike. It was 1.5 to 1.9 in version 0.1.0, and 1.5 when this was written;
    modules that work while they load are what the bound is for."""
    seconds: dict[str, list[float]] = {"pass": [], FLOOR: [], OURS: []}
    for _ in range(_TRIES):
        for code, taken in seconds.items():
            taken.append(_user_seconds(code, tmp_path))
    bare, floor, ours = (min(taken) for taken in seconds.values())
    assert ours - bare <= 2.5 * (floor - bare), f"{ours:.3f} s, the floor {floor:.3f} s, a bare start {bare:.3f} s"


@pytest.mark.parametrize("name", HEAVY)
def test_importing_the_sdk_loads_nothing_heavy(name: str, loaded: dict[str, set[str]]) -> None:
    """Asked of an interpreter of its own, after the import."""
    assert name not in loaded[OURS]


WRITE_AND_READ = """
import sys
from mldash import Experiment

experiment = Experiment("owner/project/run", echo=False, {where}=sys.argv[1], mode="{mode}")
with experiment.run:
    experiment.metrics("train").log(loss=0.5)
    experiment.tracks("pose").append(x=1.0)
assert Experiment("owner/project/run", {where}=sys.argv[1], mode="{mode}").metrics("train").read()["total"] == 1
print(*{{name.split(".")[0] for name in sys.modules}})
"""


@pytest.mark.parametrize(("mode", "where"), [("local", "root"), ("offline", "journal")])
def test_what_is_written_and_read_on_this_host_loads_no_client_of_a_server(
    tmp_path: Path, mode: str, where: str
) -> None:
    script = WRITE_AND_READ.format(mode=mode, where=where)
    told = subprocess.check_output([sys.executable, "-c", script, str(tmp_path)], text=True, timeout=60)
    assert not {"aiokafka", "urllib3", "motor", "pymongo", "aioboto3", "pyarrow"} & set(told.split())


def test_packages_import_upstream_only() -> None:
    """import-linter's contracts, as `make lint` checks them."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("face", "business"), FACES.items())
def test_a_face_loads_no_server_s_client_but_those_that_are_its_business(
    face: str, business: set[str], tmp_path: Path
) -> None:
    """The package alone loads none; each of its modules, in the same interpreter, those at most."""
    script = (
        "import importlib, pkgutil, sys\n"
        f"loaded = lambda: {CLIENTS} & {{name.partition('.')[0] for name in sys.modules}}\n"
        f"face = importlib.import_module('{face}')\n"
        "assert not loaded(), loaded()\n"
        "for module in pkgutil.walk_packages(face.__path__, face.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        f"    assert loaded() <= {business!r}, (module.name, loaded())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_file_imports_a_component_by_the_name_of_its_folder() -> None:
    """`import producer` would find a user's producer.py (docs/decisions/0025-a-package-a-folder.md)."""
    folders = (*PACKAGES.values(), "tests", "examples", "benchmarks")
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in _imported(path)
        if name.split(".")[0] in PACKAGES.values()
    ]
    assert not found


def test_a_module_of_the_same_folder_is_imported_by_its_relative_name_and_others_by_their_whole_one() -> None:
    """One style. What is imported from above or beside is a face of another room, and can be searched for."""
    found = []
    for package, folder in PACKAGES.items():
        for path in (ROOT / folder / package).rglob("*.py"):
            here = ".".join(path.parent.relative_to(ROOT / folder).parts)
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.ImportFrom):
                    continue
                name = node.module or ""
                below = name.startswith(f"{here}.") or (name == here and "." in here)
                if node.level > 1 or (not node.level and below):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} imports {'.' * node.level}{name}")
    assert not found


def test_a_component_s_folder_holds_one_package_and_nothing_else_that_can_be_imported() -> None:
    """An editable install puts these folders on sys.path: what stands beside a package has a name that is none, or no
    code in it (deploy/chart, deploy/image, deploy/observe)."""
    found = {
        path.name
        for folder in PACKAGES.values()
        for path in (ROOT / folder).iterdir()
        if path.stem.isidentifier() and (path.suffix == ".py" or _holds_code(path))
    }
    assert found == set(PACKAGES)


def test_a_servers_client_is_imported_by_one_file_each() -> None:
    """motor and aioboto3 are behind one module each, so that replacing one is an afternoon."""
    only = {"motor": "mldash_ingest/documents/mongo.py", "aioboto3": "mldash_compactor/chunks/s3.py"}
    found = {
        (name, str(path.relative_to(ROOT / folder)))
        for folder in PACKAGES.values()
        for path in (ROOT / folder).rglob("*.py")
        for name in only
        if name in {imported.split(".")[0] for imported in _imported(path)}
    }
    assert found == set(only.items())


def _holds_code(folder: Path) -> bool:
    """Byte code of what stood there before a `git pull` is none."""
    return any(path.is_file() for path in folder.rglob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _user_seconds(code: str, folder: Path) -> float:
    """Of the processor, outside the kernel: an import waits for nothing, and other processes must not count."""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime
