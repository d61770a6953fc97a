"""`make mutants`: break each rule of the protocols in a copy of the tree, and see that its tests fail.

    make mutants                       all of them, on one stack
    make mutants ARGS="--only 'commit before'"

Each named test must pass on the whole copy first, or its failure would prove nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from mldash_deploy.stack.local_servers import LocalServers
from tests.architecture.installing import PACKAGES

from .mutations import MUTATIONS, Mutation

_REPOSITORY = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 300.0
_FAILED = 1
"""pytest's exit code where tests failed; others mean that it could not run them."""


class DoesNotApply(Exception):
    """The source has changed under a mutation: it must be written anew."""

    def __init__(self, mutation: Mutation, path: str, count: int) -> None:
        super().__init__(mutation, path, count)
        self.mutation, self.path, self.count = mutation, path, count

    def __str__(self) -> str:
        return f"mutation {self.mutation.name!r}: {self.path} has its text {self.count} times, not once"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description="Break each rule, and see that a test fails.")
    parser.add_argument("--only", default="", help="those whose name has this text in it")
    given = parser.parse_args()
    chosen = [one for one in MUTATIONS if given.only in one.name]
    if not chosen:
        parser.error(f"no mutation has {given.only!r} in its name")
    for mutation in chosen:
        check_applies(mutation, _REPOSITORY)
    with tempfile.TemporaryDirectory(prefix="mldash-mutants-") as work:
        copy = _copy(Path(work) / "tree")
        running = os.environ.get("MLDASH_TEST_DATA")
        if running:
            return _try_all(chosen, copy, str(Path(running).absolute()))
        data = Path(work) / "stack"
        with LocalServers(data):
            return _try_all(chosen, copy, str(data))


def check_applies(mutation: Mutation, tree: Path) -> None:
    """Raises DoesNotApply."""
    for edit in mutation.edits:
        count = (tree / edit.path).read_text().count(edit.old)
        if count != 1:
            raise DoesNotApply(mutation, edit.path, count)


def _try_all(chosen: list[Mutation], copy: Path, data: str) -> int:
    path = os.pathsep.join(str(copy / folder) for folder in ("", *PACKAGES.values()))
    environment = {**os.environ, "MLDASH_TEST_DATA": data, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    tests = list(dict.fromkeys(test for mutation in chosen for test in mutation.caught_by))
    print(f"{len(tests)} tests on the tree as it is", flush=True)
    whole = _pytest(copy, environment, tests)
    if whole.returncode:
        print(f"{whole.stdout}\n{whole.stderr}\nthey must pass before anything is broken", file=sys.stderr)
        return 1
    survived = 0
    for mutation in chosen:
        survived += _try(mutation, copy, environment)
    print(f"{len(chosen) - survived} of {len(chosen)} mutants were caught")
    return 1 if survived else 0


def _try(mutation: Mutation, copy: Path, environment: Mapping[str, str]) -> bool:
    """Whether it survived one of its tests."""
    before = {edit.path: (copy / edit.path).read_text() for edit in mutation.edits}
    survived = False
    try:
        for edit in mutation.edits:
            path = copy / edit.path
            path.write_text(path.read_text().replace(edit.old, edit.new))
        for test in mutation.caught_by:
            began = monotonic()
            done = _pytest(copy, environment, [test])
            caught = done.returncode == _FAILED
            survived |= not caught
            word = "caught" if caught else "SURVIVED" if done.returncode == 0 else f"NO VERDICT ({done.returncode})"
            print(f"  {word:9} {mutation.name}\n            {test} ({monotonic() - began:.0f} s)", flush=True)
            print(f"            {_reason(done.stdout)}", flush=True)
            if not caught:
                print(done.stdout[-3_000:], file=sys.stderr)
    finally:
        for name, text in before.items():
            (copy / name).write_text(text)
    return survived


def _reason(output: str) -> str:
    """What the failing test said first."""
    return next((line[2:].strip()[:120] for line in output.splitlines() if line.startswith("E  ")), "")


def _pytest(copy: Path, environment: Mapping[str, str], tests: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", *tests]
    return subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )


def _copy(target: Path) -> Path:
    """What git keeps or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=_REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, place = _REPOSITORY / name, target / name
        if source.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)
    return target


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DoesNotApply as error:
        sys.exit(f"mutants: {error}")
