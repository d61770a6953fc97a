"""The names under which /metrics of each component gives its instruments."""

import importlib
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from mldash_ingest.delays import Delays

COMPONENTS: Final = {"worker": "mldash_ingest", "compactor": "mldash_compactor", "api": "mldash_api"}
_KINDS: Final = (Counter, Gauge, Histogram, Delays)
_SUFFIXES: Final = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}


def families(component: str) -> dict[str, str]:
    """Kind (counter, gauge, histogram) by the name that docs/operations.md tells."""
    instruments = vars(importlib.import_module(f"{COMPONENTS[component]}.instruments")).values()
    return {family.name: family.type for one in instruments if isinstance(one, _KINDS) for family in one.collect()}


def series() -> set[str]:
    """Names of all series of ours."""
    found = {name: kind for component in COMPONENTS for name, kind in families(component).items()}
    return {name + suffix for name, kind in found.items() for suffix in _SUFFIXES[kind]}


def labels_of(name: str) -> list[str]:
    """Of a counter, those that its instrument gives."""
    for package in COMPONENTS.values():
        for one in vars(importlib.import_module(f"{package}.instruments")).values():
            if isinstance(one, Counter) and next(iter(one.describe())).name == name:
                return list(one._labelnames)
    raise KeyError(name)
