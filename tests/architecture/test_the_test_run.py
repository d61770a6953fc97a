"""What the run of the tests promises: a hang ends and shows where it stands; the order is random, by a seed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.keeper import is_held
from tests.order import ordered

ROOT = Path(__file__).parents[2]

HANGS = """
import subprocess, sys
import pytest

CHILD = '''
import signal, time
def waits_in_vain():
    print("ready", flush=True)
    time.sleep(600)
signal.signal(signal.SIGINT, signal.SIG_IGN)
waits_in_vain()
'''

@pytest.mark.time_limit(8)
def test_waits_for_a_child():
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(2)
        child.communicate()

def test_that_follows():
    pass
"""

INTERRUPTS = """
import signal, subprocess, sys

def test_interrupts_a_child():
    # Not one long sleep: a signal that comes just before it is heard at its end.
    code = "import time; print('ready', flush=True)\\nwhile True: time.sleep(0.02)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == -signal.SIGINT
"""


def test_a_test_that_hangs_fails_with_the_stacks_of_its_threads_and_of_its_child(tmp_path: Path) -> None:
    """The child ignores Ctrl-C, which the test sent it; the test behind it runs."""
    done = run_pytest(tmp_path, HANGS, "-n", "1")
    assert done.returncode == 1
    assert "not over within 8 s" in done.stdout
    assert "in test_waits_for_a_child" in done.stdout
    assert "in waits_in_vain" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_a_shell_that_ignores_ctrl_c_does_not_hand_that_down_to_what_tests_start(tmp_path: Path) -> None:
    """As cron does, and a script's `&`: what is executed from there ignores it too, unless told otherwise."""
    done = run_pytest(tmp_path, INTERRUPTS, "-n", "1", before='trap "" INT;')
    assert done.returncode == 0, done.stdout


def test_one_seed_gives_one_order_and_another_gives_another(request: pytest.FixtureRequest) -> None:
    """Of what this run has collected, handed over in two orders: every process must come to the same."""
    items = request.session.items
    one, again, other = ordered(items, 1, 3), ordered(items[::-1], 1, 3), ordered(items, 2, 3)
    assert one == again
    assert one != other or len(items) < 20  # so few may come in one order by chance
    assert {item.nodeid for item in other} == {item.nodeid for item in items}


LEAVES = """
import asyncio, subprocess, sys, threading, warnings
import pytest

KEPT, OVER = [], threading.Event()

async def test_leaves_a_task():
    KEPT.append(asyncio.create_task(asyncio.sleep(60)))
    await asyncio.sleep(0)

def test_leaves_a_thread():
    threading.Thread(target=OVER.wait).start()

def test_leaves_a_child():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))

def test_warns():
    OVER.set()
    for child in KEPT[1:]:
        child.kill()
        child.wait()
    warnings.warn("a warning")

@pytest.mark.xfail(reason="it does not")
def test_passes_unexpectedly():
    pass
"""


def test_what_a_test_leaves_behind_a_warning_and_a_pass_that_was_not_expected_fail(tmp_path: Path) -> None:
    """Also in a process of xdist's. In their order: the fourth takes away what those before it left."""
    done = run_pytest(tmp_path, LEAVES, "-n", "1", "-p", "tests.strictness")
    assert done.returncode == 1
    for told in (
        "tasks left behind",
        "threads left behind",
        "child processes left behind",
        "a warning",
        "XPASS(strict)",
    ):
        assert told in done.stdout
    assert "2 failed, 3 passed, 3 errors" in done.stdout


KEEPER = """
import sys
from pathlib import Path
from tests import keeper

def start(started, folder):
    runs = started.start("sleeper", "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    started.until("sleeper", lambda: started.log("sleeper").read_text().endswith(chr(10)), runs)
    return {}

keeper.KINDS["servers"] = start
sys.exit(keeper.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("who", ["controller", "keeper"])
def test_what_tests_share_ends_with_the_run_even_where_that_is_killed(tmp_path: Path, who: str) -> None:
    """The process that controls the run, or the one that keeps the servers, gets a SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as controller:
        command = [sys.executable, "-c", KEEPER, "servers", str(tmp_path), str(controller.pid)]
        started = subprocess.run(command, cwd=ROOT, timeout=100, check=False)
        sleeper = psutil.Process(int((tmp_path / "sleeper.log").read_text()))
        assert started.returncode == 0
        assert is_held(tmp_path / "servers.lock")
        killed = controller.pid if who == "controller" else int((tmp_path / "servers.lock").read_text())
        os.kill(killed, signal.SIGKILL)
        sleeper.wait(60)
        controller.kill()
    deadline = time.monotonic() + 60
    while is_held(tmp_path / "servers.lock"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "servers.failed").exists() == (
        who == "controller"
    )  # it did not end with exit code 0, and is told


TOGETHER = """
import pytest

@pytest.fixture(scope="module")
def shared():
    return 1

@pytest.mark.parametrize("number", range(6))
def test_together(shared, number):
    pass

@pytest.mark.parametrize("number", range(3))
@pytest.mark.xdist_group("marked")
def test_marked(number):
    pass

@pytest.mark.parametrize("number", range(6))
def test_alone(number):
    pass
"""


def test_tests_that_share_a_fixture_of_their_module_or_a_group_run_in_one_process(tmp_path: Path) -> None:
    """Not by xdist's own groups, which pytest 9.2 leaves without effect and without a word."""
    done = run_pytest(tmp_path, TOGETHER, "-n", "2", "-v", "-p", "tests.order")
    assert "15 passed" in done.stdout, done.stdout
    ran = re.findall(r"\[(gw\d)\].* PASSED test_it.py::(\w+)\[", done.stdout)
    assert len(ran) == 15
    for name in ("test_together", "test_marked"):
        assert len({process for process, test in ran if test == name}) == 1
    assert len({process for process, _ in ran}) == 2


CRASHES = """
import os
import pytest

@pytest.mark.parametrize("number", range(8))
@pytest.mark.xdist_group("group")
def test_of_a_group(number):
    pass

@pytest.mark.xdist_group("group")
def test_crashes():
    os._exit(3)
"""


def test_a_test_that_ends_its_process_fails_once_and_all_others_run(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, CRASHES, "-n", "1", "-p", "tests.order")
    assert done.stdout.count("crashed while running 'test_it.py::test_crashes'") >= 1
    assert "1 failed, 8 passed" in done.stdout, done.stdout


MET = """
import sys
from pathlib import Path

import pytest

from mldash_deploy.stack.data_folder import DataFolder, ProcessState, State

FOLDER = Path(__file__).parent
DATA, MADE = DataFolder(FOLDER / "stack"), []

def say(restarts, state="running"):
    DATA.make()
    mongo = ProcessState(name="mongo", restarts=restarts, state=state)
    DATA.write_state(State(supervisor_pid=1, supervisor_created=0.0, ready=True, processes=[mongo]))

@pytest.fixture(scope="module")
def needs_mongo():
    MADE.append(1)
    if len(MADE) == 1:
        say(1)
        DATA.log_path("mongo").write_text('{"s":"I"}\\n{"s":"F", "msg":"Invariant failure"}\\n')
        (FOLDER / "servers.log").write_text("mongo ended with SIGABRT, again in 0.1 s\\n")
        raise ConnectionError

@pytest.mark.integration
def test_is_met(needs_mongo):
    pass

@pytest.mark.integration
def test_fails_by_itself():
    assert not MADE

def test_needs_no_server():
    say(2)
    raise ValueError

from tests import again

def test_what_is_told():
    print(chr(10).join(again.RunServers(FOLDER).told()))
    assert not MADE
"""


def test_a_test_that_a_servers_own_end_has_met_runs_again_and_no_other(tmp_path: Path) -> None:
    """With all that it had made anew; the end is told in the server's and its supervisor's words."""
    (tmp_path / "watched.py").write_text(
        "from pathlib import Path\nfrom tests import again\n"
        "def pytest_configure(config): again.watch(config, Path(__file__).parent)\n"
    )
    done = run_pytest(tmp_path, MET, "-p", "tests.again", "-p", "watched")
    assert "3 failed, 1 passed" in done.stdout, done.stdout
    assert "mongo ended with SIGABRT, again in 0.1 s" in done.stdout
    assert 'mongo: {"s":"F", "msg":"Invariant failure"}' in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("run again: ")] == [
        "run again: test_it.py::test_is_met"
    ]


DETACHES = """
import os, subprocess, sys

def test_leaves_what_is_no_child_of_its(tmp_path):
    code = "import os, time; os.setsid(); time.sleep(600)"
    if os.fork() == 0:
        subprocess.Popen([sys.executable, "-c", code])
        os._exit(0)
    os.wait()
"""


def test_a_process_that_outlives_the_run_is_ended_and_fails_it(tmp_path: Path) -> None:
    """In a session of its own and nobody's child, as a stack that was started with --detach. It would never end by
    itself, so the run does not wait for that as long as usual."""
    (tmp_path / "hurried.py").write_text("from tests import leftovers\nleftovers._TO_END_S = 5.0\n")
    plugins = ("-p", "tests.run_servers", "-p", "hurried")
    done = run_pytest(tmp_path, DETACHES, "-n", "1", *plugins, "--basetemp", str(tmp_path / "temp"))
    assert done.returncode == 1
    assert "left behind and ended now: " in done.stdout
    pid = int(done.stdout.partition("left behind and ended now: ")[2].partition(":")[0])
    assert not psutil.pid_exists(pid)


def run_pytest(folder: Path, test: str, *arguments: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    (folder / "test_it.py").write_text(test)
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-p", "tests.limits"]
    options += ["-p", "xdist", "-p", "asyncio"]  # what else is installed takes a second to load
    command = [sys.executable, "-m", "pytest", *options, *arguments, str(folder / "test_it.py")]
    return subprocess.run(
        ["/bin/sh", "-c", f'{before} exec "$@"', "sh", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
