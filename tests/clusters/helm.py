"""Renders of the chart by the helm that is installed, or that HELM names."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from .values_schema import CHART

HELM: Final = os.environ.get("HELM") or shutil.which("helm")
VERSIONS: Final = ("1.31.0", "1.34.0", "1.37.0")
SCENARIOS: Final = ("small", "medium", "large", "openshift", "secured")
_APIS: Final = (
    *("keda.sh/v1alpha1", "monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1"),
    "networking.k8s.io/v1/Ingress",
)
_HERE: Final = Path(__file__).parent

Resource = dict[str, Any]


class _Strict(yaml.SafeLoader):
    """YAML in which a key that is there twice is an error: helm and kubectl take the last."""


def _strict_map(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise yaml.constructor.ConstructorError(None, None, f"keys that are there twice: {twice}", node.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _strict_map)


@functools.cache
def render(scenario: str, *sets: str, version: str | None = "1.34.0") -> list[Resource]:
    """Resources of a scenario; `sets` are NAME=JSON. Raises AssertionError with helm's words."""
    done = run(scenario, *sets, version=version)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.load_all(done.stdout, _Strict) if one]


def run(scenario: str, *sets: str, version: str | None = "1.34.0") -> subprocess.CompletedProcess[str]:
    """`helm template`; without a version as where there is no cluster to ask."""
    words = ["template", "lab", str(CHART), "--namespace", "ml", *values_of(scenario)]
    words += [word for one in sets for word in ("--set-json", one)]
    if version:
        words += ["--kube-version", version, *(word for api in _APIS for word in ("--api-versions", api))]
    return helm(*words)


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    assert HELM
    return subprocess.run([HELM, *words], capture_output=True, text=True, check=False)


def values_of(scenario: str) -> list[str]:
    """What must be given, and the chart's own values of that name, or ours."""
    of_chart = CHART / "values" / f"{scenario}.yaml"
    own = of_chart if of_chart.exists() else _HERE / "values" / f"{scenario}.yaml"
    return ["-f", str(_HERE / "values" / "given.yaml"), "-f", str(own)]


def of_kind(resources: list[Resource], kind: str) -> list[Resource]:
    return [one for one in resources if one["kind"] == kind]


def pods(resources: list[Resource]) -> dict[str, Resource]:
    """The template of each component's pods, with what keeps them, by component."""
    keepers = [one for one in resources if one["kind"] in ("StatefulSet", "Deployment", "Job")]
    return {one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in keepers}


def container(keeper: Resource) -> Resource:
    (only,) = keeper["spec"]["template"]["spec"]["containers"]
    return only
