"""In which order the tests run: random within a few rules, the same in every process of the run.

    first   what runs longest, one for each process but one: it mostly waits, and the rest goes on beside it
    then    what is fast, so that who breaks something small hears of it within the first minute
    last    all else, longest first: processes end at about the same time

Within each the order is random, by a seed that the header shows and --order-seed sets. Tests that share a fixture of
their module stay together, in one process, as do those of one `xdist_group`.

tests/durations.txt says how long each took, where that was over a second; --write-durations makes it anew.
"""

import json
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

HERE = Path(__file__).parent
DURATIONS = HERE / "durations.txt"
_WORTH_NOTING_S = 1.0
_HEAD_S = 30.0
"""What takes longer may begin before the fast tests."""
_FAST = ("architecture", "documentation", "unit", "protocol_model", "mutants")
_USUAL_S = {"integration": 2.0, "behaviour": 0.5, "examples": 2.0, "property": 10.0, "faults": 1.0}
"""Of a test that is not in the table, by its folder."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("order")
    group.addoption("--order-seed", type=int, help="the seed of the order of tests [default: a new one each run]")
    group.addoption("--write-durations", action="store_true", help=f"make {DURATIONS.name} anew from this run")


def pytest_configure(config: pytest.Config) -> None:
    given = _worker_input(config).get("order_seed", config.getoption("order_seed"))
    config.stash[_SEED] = random.SystemRandom().randrange(1 << 32) if given is None else int(given)


def pytest_report_header(config: pytest.Config) -> str:
    return f"order: --order-seed {config.stash[_SEED]}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist's: every process must come to the same order."""
    node.workerinput["order_seed"] = node.config.stash[_SEED]
    node.workerinput["groups"] = str(_groups_file(node.config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    given = _worker_input(config)
    items[:] = ordered(items, config.stash[_SEED], int(given.get("workercount", 1)))
    if given:
        groups = {item.nodeid: group for item in items if (group := _group(item)) != item.nodeid}
        written = Path(given["groups"]).with_suffix(f".{given['workerid']}")
        written.write_text(json.dumps(groups))
        written.replace(given["groups"])  # every process writes the same


class Groups(LoadScopeScheduling):
    """One group after the other to whichever process is free, in the order of the tests.

    xdist's own `loadgroup` puts the group's name into the test's id, which pytest 9.2 does not let it: the groups are
    ignored without a word (pytest-xdist issue 1386). Here the processes write them down.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._groups: dict[str, str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._groups is None:
            self._groups = json.loads(_groups_file(self.config).read_text())
        return self._groups.get(nodeid, nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Of a process that ended or crashed; answers with the test that it crashed in.

        xdist's own would give that test to the next process, which it would crash as well.
        """
        units = self.assigned_work.pop(node)
        crashed = next((test for unit in units.values() for test, is_over in unit.items() if not is_over), None)
        if crashed is not None:
            units[self._split_scope(crashed)][crashed] = True
            self.workqueue.update({name: unit for name, unit in units.items() if not all(unit.values())})
            for other in self.assigned_work:
                self._reschedule(other)
        return crashed


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


def ordered(items: Sequence[pytest.Item], seed: int, processes: int) -> list[pytest.Item]:
    """The order for a seed, which the order that they come in does not change."""
    durations = _read_durations()
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(_group(item), []).append(item)
    seconds = {name: sum(_expected(item, durations) for item in members) for name, members in groups.items()}
    longest = sorted((name for name in groups if seconds[name] > _HEAD_S), key=lambda name: (-seconds[name], name))
    head = set(longest[: processes - 1])

    def rank(name: str) -> tuple[int, float, float]:
        if name in head:
            return 0, -seconds[name], 0
        if _folder(groups[name][0]) in _FAST and seconds[name] < _HEAD_S:
            return 1, 0, _chance(seed, name)
        return 2, -round(math.log2(max(seconds[name], 0.25))), _chance(seed, name)

    return [
        item
        for name in sorted(groups, key=rank)
        for item in sorted(groups[name], key=lambda item: _chance(seed, item.nodeid))
    ]


def _chance(seed: int, name: str) -> float:
    return random.Random(f"{seed} {name}").random()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Setup, call and teardown; where there are several processes, the one that controls them hears of all."""
    _SECONDS[report.nodeid] = _SECONDS.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What this run has not run stays as it was."""
    if session.config.getoption("write_durations") and not _worker_input(session.config):
        lines = [f"{taken:.0f} {name}\n" for name, taken in _longest({**_read_durations(), **_SECONDS})]
        DURATIONS.write_text("".join(lines))


_SEED = pytest.StashKey[int]()
_SECONDS: dict[str, float] = {}


def _group(item: pytest.Item) -> str:
    """The name of those that must run in one process, one after the other."""
    marked = item.get_closest_marker("xdist_group")
    if marked is not None:
        return str(marked.args[0])
    if not _shares_a_fixture(item):
        return item.nodeid
    return str(item.path)


def _shares_a_fixture(item: pytest.Item) -> bool:
    """Whether it uses a fixture that is made once for its module: made for one test each, it would cost as often."""
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest says it nowhere else
    found: Iterable[object] = (one for several in definitions.values() for one in several)
    return any(one.scope in ("module", "package") and one.baseid for one in found)  # type: ignore[attr-defined]


def _expected(item: pytest.Item, durations: dict[str, float]) -> float:
    return durations.get(item.nodeid, _USUAL_S.get(_folder(item), 0.05))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""


def _read_durations() -> dict[str, float]:
    lines = DURATIONS.read_text().splitlines() if DURATIONS.exists() else []
    return {name: float(seconds) for seconds, _, name in (line.partition(" ") for line in lines)}


def _longest(seconds: dict[str, float]) -> list[tuple[str, float]]:
    noted = [(name, taken) for name, taken in seconds.items() if taken >= _WORTH_NOTING_S]
    return sorted(noted, key=lambda one: (-round(one[1]), one[0]))


def _groups_file(config: pytest.Config) -> Path:
    factory: pytest.TempPathFactory = getattr(config, "_tmp_path_factory")  # noqa: B009 - xdist takes it there too
    return factory.getbasetemp() / "groups.json"


def _worker_input(config: pytest.Config) -> dict[str, Any]:
    """What the controlling process gave this one; empty in the only process and in the controlling one."""
    given: dict[str, Any] = getattr(config, "workerinput", {})
    return given
