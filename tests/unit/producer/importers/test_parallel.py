"""Runs that are taken by several processes: the same comes of it, and nothing is left of the processes."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mldash.importers.parallel import default_processes

from .imported import INTO, everything, import_all


def imported(source: Path, root: Path, before: str = "", *options: str, processes: int = 2) -> "subprocess.Popen[str]":
    """By several processes, of an own group; `before` is run first, so the processes have it too."""
    arguments = ["import", str(source), "--root", str(root), "--into", INTO, "--processes", str(processes), *options]
    code = f"{before}\nfrom mldash.command_line import main\nmain({arguments!r})"
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its exit code and what it said, once nobody of its group is left."""
    out, err = process.communicate(timeout=120)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return process.returncode, out, err


def test_what_several_processes_import_is_what_one_does(samples: Path, tmp_path: Path) -> None:
    """Of all trackers, told in the order of their runs."""
    code, out, _ = ended(imported(samples, tmp_path / "several", "", "--json"))
    alone = import_all(samples, root=tmp_path / "one", options=("--json",))
    assert code == 0 and json.loads(out) == json.loads(alone.stdout)
    assert everything(tmp_path / "several") == everything(tmp_path / "one")


PATCH = """
import os, signal, threading
import mldash.importers.parallel as parallel
take = parallel.take

def taken(run, prefix, *arguments, **options):
    if prefix.text.endswith("/keras"):
        {then}
    return take(run, prefix, *arguments, **options)

parallel.take = taken
"""


def test_ctrl_c_ends_all_processes_and_what_is_stored_stays(samples: Path, tmp_path: Path) -> None:
    """It comes to one process alone, while another one works and never ends by itself."""
    source, root = samples / "tensorboard", tmp_path / "root"
    then = "os.kill(os.getppid(), signal.SIGINT); threading.Event().wait()"
    code, _, err = ended(imported(source, root, PATCH.format(then=then)))
    assert code == 130 and "Traceback" not in err
    assert ended(imported(source, root))[0] == 0
    import_all(source, root=tmp_path / "other")
    assert everything(root) == everything(tmp_path / "other")


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process has ended (SIGKILL): import again"),
        ("raise ZeroDivisionError('of a\\nrun')", "ZeroDivisionError: of a run"),
    ],
)
def test_a_process_that_fails_is_the_problem_of_its_run_in_one_line(
    samples: Path, tmp_path: Path, then: str, told: str
) -> None:
    """The other runs are taken, whichever process had them."""
    code, out, err = ended(imported(samples / "tensorboard", tmp_path / "root", PATCH.format(then=then)))
    assert code == 1 and "runs/walk" in out and "Traceback" not in err
    assert [line for line in err.splitlines() if told in line] == [f"{INTO}/runs/keras: {told}"]


def test_a_fault_of_one_run_is_its_problem_where_all_are_taken_by_one_process_too(
    samples: Path, tmp_path: Path
) -> None:
    before = PATCH.format(then="raise ZeroDivisionError('of a\\nrun')")
    code, out, err = ended(imported(samples / "tensorboard", tmp_path / "root", before, processes=1))
    assert code == 1 and "runs/walk" in out and "Traceback" not in err
    assert f"{INTO}/runs/keras: ZeroDivisionError: of a run" in err.splitlines()


def test_on_macos_one_process_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """And as many as elsewhere write folders."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    before = default_processes(8, sends=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_processes(8, sends=True) == 1
    assert default_processes(8, sends=False) == before


def test_a_process_whose_parent_is_killed_ends_too(samples: Path, tmp_path: Path) -> None:
    then = "os.kill(os.getppid(), signal.SIGKILL)"
    process = imported(samples / "tensorboard", tmp_path / "root", PATCH.format(then=then))
    process.communicate(timeout=120)  # to the end of the last process that has its pipes
    assert process.returncode == -signal.SIGKILL
