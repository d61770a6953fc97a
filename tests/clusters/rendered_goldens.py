"""What the chart makes of each set of values, whole, as it was looked at: `make check-deploy`, where helm is installed.

The other tests hold rules; this shows every change there is, so that none goes in unseen. Where one is meant, write
the files anew by `python -m tests.clusters.rendered_goldens`, and read the difference. Alerts and dashboards are files
of their own and stand for themselves. Resources are in the order of their kinds and names, keys in that of the
alphabet, so that it is the same by any helm.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from .helm import HELM, SCENARIOS, Resource, render

_GOLDEN: Final = Path(__file__).parent / "golden"
_OF_FILES: Final = {"ConfigMap": "data", "PrometheusRule": "spec"}
_LINE: Final = 120

pytestmark = [
    pytest.mark.skipif(HELM is None, reason="helm is not installed"),
    pytest.mark.time_limit(900),
]


def golden(scenario: str) -> str:
    """The text of a scenario's file."""
    found = sorted(map(_without_files, render(scenario)), key=lambda one: (one["kind"], one["metadata"]["name"]))
    return yaml.safe_dump_all(found, sort_keys=True, width=_LINE, allow_unicode=True)


def _without_files(resource: Resource) -> dict[str, Any]:
    part = _OF_FILES.get(resource["kind"])
    return resource if part is None else {**resource, part: sorted(resource[part])}


def test_there_is_one_of_each_set_of_values() -> None:
    assert {path.stem for path in _GOLDEN.iterdir()} == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_renders_as_it_was_looked_at(scenario: str) -> None:
    assert golden(scenario) == (_GOLDEN / f"{scenario}.yaml").read_text()


def main(say: Callable[[str], None] = print) -> None:
    _GOLDEN.mkdir(exist_ok=True)
    for scenario in SCENARIOS:
        (_GOLDEN / f"{scenario}.yaml").write_text(golden(scenario))
        say(scenario)


if __name__ == "__main__":
    main()
