"""In which order the tests run: random within a few rules, the same in every process of the run.

    first   what runs longest, one for each process but one: it mostly waits, and the rest goes on beside it
    then    what is fast, so that who breaks something small hears of it within the first minute
    last    all else, longest first: processes end at about the same time

Within each the order is random, by a seed that the header shows and --order-seed sets. Tests that share a fixture of
their module stay together, in one process, as do those of one `xdist_group`.

tests/durations.txt says how long each took, where that was over a second; --write-durations makes it anew.
"""

import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

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
def pytest_configure_node(node: object) -> None:
    """xdist's: every process must come to the same order."""
    node.workerinput["order_seed"] = node.config.stash[_SEED]  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """First of all hooks, for xdist's own reads the groups."""
    items[:] = ordered(items, config.stash[_SEED], int(_worker_input(config).get("workercount", 1)))


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
    name = _name(report.nodeid)
    _SECONDS[name] = _SECONDS.get(name, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("write_durations") and not _worker_input(session.config):
        lines = [f"{taken:.0f} {name}\n" for name, taken in _longest(_SECONDS)]
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
    name = str(item.path.relative_to(HERE))
    item.add_marker(pytest.mark.xdist_group(name))
    return name


def _shares_a_fixture(item: pytest.Item) -> bool:
    """Whether it uses a fixture that is made once for its module: made for one test each, it would cost as often."""
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest says it nowhere else
    found: Iterable[object] = (one for several in definitions.values() for one in several)
    return any(one.scope in ("module", "package") and one.baseid for one in found)  # type: ignore[attr-defined]


def _expected(item: pytest.Item, durations: dict[str, float]) -> float:
    return durations.get(item.nodeid, _USUAL_S.get(_folder(item), 0.05))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0]


def _name(nodeid: str) -> str:
    """Without the group, which xdist appends."""
    return nodeid.rpartition("@")[0] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid


def _read_durations() -> dict[str, float]:
    lines = DURATIONS.read_text().splitlines() if DURATIONS.exists() else []
    return {name: float(seconds) for seconds, _, name in (line.partition(" ") for line in lines)}


def _longest(seconds: dict[str, float]) -> list[tuple[str, float]]:
    noted = [(name, taken) for name, taken in seconds.items() if taken >= _WORTH_NOTING_S]
    return sorted(noted, key=lambda one: (-round(one[1]), one[0]))


def _worker_input(config: pytest.Config) -> dict[str, object]:
    """What the controlling process gave this one; empty in the only process and in the controlling one."""
    given: dict[str, object] = getattr(config, "workerinput", {})
    return given
