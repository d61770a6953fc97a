"""Alerts and dashboards name what there is: series of /metrics, sections of the docs, tests of promtool."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from . import dashboards, generate
from .metric_names import COMPONENTS, families, series

_ROOT: Final = Path(__file__).parents[2]
_OBSERVE: Final = _ROOT / "deploy" / "observe"
_RULES: Final[list[dict[str, Any]]] = yaml.safe_load((_OBSERVE / "alerts.yaml").read_text())["groups"][0]["rules"]


@pytest.mark.parametrize("path", generate.files(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_what_is_made_has_not_drifted(path: Path) -> None:
    """`make docs` writes it anew."""
    assert path.read_text() == generate.files()[path], f"{path.relative_to(_ROOT)}: run `make docs`"


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_series_that_metrics_gives(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"\bmldash_\w+", rule["expr"]))
    assert named and named <= series()


@pytest.mark.parametrize("name", dashboards.files())
def test_a_dashboard_asks_for_series_that_metrics_gives(name: str) -> None:
    panels = json.loads(dashboards.files()[name])["panels"]
    for panel in panels:
        for target in panel["targets"]:
            named = set(re.findall(r"\bmldash_\w+", target["expr"]))
            assert named and named <= series(), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "$source"} and panel["description"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places) and len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_metric_has_a_panel(component: str) -> None:
    shown = {panel["title"] for panel in json.loads(dashboards.files()[f"{component}.json"])["panels"]}
    assert shown == set(families(component))


def test_every_alert_has_its_paragraph_and_its_test() -> None:
    """promtool passes a test of an alert that there is not."""
    alerts = [rule["alert"] for rule in _RULES]
    page = (_ROOT / "docs" / "operations.md").read_text()
    assert re.findall(r"^\| `(Mldash\w+)` \|", page, re.MULTILINE) == alerts
    tests = yaml.safe_load((_OBSERVE / "alerts_test.yaml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert fired == set(alerts)


def test_every_alert_says_how_grave_it_is_and_what_is_seen() -> None:
    for rule in _RULES:
        assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"].endswith(".")
