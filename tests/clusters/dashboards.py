"""Grafana's dashboards, made of the tables of docs/operations.md ("What to watch"): `make docs` writes them.

A dashboard a component, with a panel a metric whose text says when it moves; and one of the few to look at first.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from .metric_names import COMPONENTS, families, labels_of

ROOT: Final = Path(__file__).parents[2]
_PICK: Final = 'job=~"$job"'
_WIDTH, _HEIGHT = 8, 7
_FIRST: Final = (
    *("mldash_worker_lag_seconds", "mldash_worker_lag_records", "mldash_worker_events_stored"),
    *("mldash_worker_stored_after_seconds", "mldash_worker_halted_partitions", "mldash_worker_dead_letters"),
    *("mldash_compactor_overdue_seconds", "mldash_compactor_events_moved", "mldash_compactor_move_seconds"),
    *("mldash_api_request_seconds", "mldash_api_requests_in_hand", "mldash_api_own_write_wait_seconds"),
    *("mldash_worker_dependency_ok", "mldash_compactor_dependency_ok", "mldash_api_dependency_ok"),
)
"""Of the overview, in its order."""


def files() -> dict[str, str]:
    """Text by file name."""
    told = {name: text for component in COMPONENTS for name, text in rows(component).items()}
    kinds = {name: kind for component in COMPONENTS for name, kind in families(component).items()}
    found = {
        "overview.json": _dashboard("ML-Dash: overview", "mldash-overview", {one: told[one] for one in _FIRST}, kinds)
    }
    for component in COMPONENTS:
        title = "API" if component == "api" else f"{component}s"
        found[f"{component}.json"] = _dashboard(f"ML-Dash: {title}", f"mldash-{component}", rows(component), kinds)
    return found


def rows(component: str) -> dict[str, str]:
    """The component's table on the page for operators: what to do when it moves, by metric, in order."""
    page = (ROOT / "docs" / "operations.md").read_text()
    return dict(re.findall(rf"^\| `(mldash_{component}_\w+)` \| (.*) \|$", page, re.MULTILINE))


def _dashboard(title: str, uid: str, told: dict[str, str], kinds: dict[str, str]) -> str:
    panels = [_panel(at, name, text, kinds[name]) for at, (name, text) in enumerate(told.items())]
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    job = {
        "name": "job",
        "type": "query",
        "label": "job",
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "datasource": {"type": "prometheus", "uid": "$source"},
        "refresh": 2,
        "query": 'label_values({__name__=~"mldash_.+"}, job)',
        "current": {"text": "All", "value": "$__all"},
    }
    whole = {
        "title": title,
        "uid": uid,
        "tags": ["mldash"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source, job]},
        "panels": panels,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _panel(at: int, name: str, text: str, kind: str) -> dict[str, Any]:
    unit = "s" if name.endswith("_seconds") else "bytes" if name.endswith("_bytes") else "short"
    if kind == "counter" and unit == "bytes":
        unit = "Bps"
    return {
        "id": at + 1,
        "type": "timeseries",
        "title": name,
        "description": text,
        "gridPos": {"x": at % 3 * _WIDTH, "y": at // 3 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "datasource": {"type": "prometheus", "uid": "$source"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + place), "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(_expressions(name, kind))
        ],
    }


def _expressions(name: str, kind: str) -> list[tuple[str, str]]:
    if kind == "counter":
        by = ", ".join(["job", *labels_of(name)])
        return [(f"sum by ({by}) (rate({name}_total{{{_PICK}}}[$__rate_interval]))", "__auto")]
    if kind == "histogram":
        rate = f"sum by (le) (rate({name}_bucket{{{_PICK}}}[$__rate_interval]))"
        return [(f"histogram_quantile({share}, {rate})", f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)]
    return [(f"{name}{{{_PICK}}}", "__auto")]
