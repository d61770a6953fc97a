"""Schemas of kinds that are not Kubernetes' own, out of the definitions in their Go modules, which `go` fetches once.

Strict: a field that the definition does not have is an error, which no server of theirs would say.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

_MODULES: Final = {
    "keda.sh": ("github.com/kedacore/keda/v2@v2.21.0", "config/crd/bases/keda.sh_{}.yaml"),
    "monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_{}.yaml",
    ),
    "gateway.networking.k8s.io": (
        "sigs.k8s.io/gateway-api@v1.7.0",
        "config/crd/standard/gateway.networking.k8s.io_{}.yaml",
    ),
}
GROUPS: Final = frozenset(_MODULES)


def faults(resource: dict[str, Any]) -> list[str]:
    """What its definition does not take."""
    group, _, version = resource["apiVersion"].partition("/")
    validator = jsonschema.Draft202012Validator(_schema(group, version, f"{resource['kind'].lower()}s"))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(resource)]


@functools.cache
def _schema(group: str, version: str, plural: str) -> dict[str, Any]:
    module, path = _MODULES[group]
    definition = yaml.safe_load((_folder(module) / path.format(plural)).read_text())
    (found,) = [one for one in definition["spec"]["versions"] if one["name"] == version]
    schema: dict[str, Any] = _strict(found["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _strict(schema: Any) -> Any:
    """With no other properties than those that are told, but where the definition leaves them open."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(value) for name, value in schema.items()}
    if strict.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if isinstance(strict.get("properties"), dict) and strict.get("type") == "object":
        open_ = schema.get("x-kubernetes-preserve-unknown-fields", False)
        strict.setdefault("additionalProperties", bool(open_))
    return strict


@functools.cache
def _folder(module: str) -> Path:
    """go refuses to use a module that wants a newer go, after it has fetched it."""
    command = ["go", "mod", "download", "-json", module]
    done = subprocess.run(command, env={**os.environ, "GOFLAGS": ""}, capture_output=True, text=True, check=False)
    if folder := json.loads(done.stdout).get("Dir"):
        return Path(folder)
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(cache) / module
