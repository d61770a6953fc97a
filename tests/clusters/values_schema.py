"""values.schema.json of the chart, made of values.yaml and of the components' settings: `make docs` writes it.

Each map has exactly the keys of values.yaml: a misspelt one is refused, a deleted one too. Kubernetes' maps are open.
`settings` of a component are those of its Struct that the chart does not set and that are no secret.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from msgspec import Meta

from mldash.process.configuration import section_of, struct_of
from mldash.process.environment import list_settings

CHART: Final = Path(__file__).parents[2] / "deploy" / "chart" / "mldash"

_SECTIONS: Final = {"workers": "worker", "compactor": "compactor", "api": "api", "prepare": "prepare"}
_SET_BY_THE_CHART: Final = {
    *(
        "slot",
        "instance",
        "group",
        "session_timeout_ms",
        "stop_timeout_s",
        "health_host",
        "health_port",
        "host",
        "port",
    ),
    *("tls_cert_file", "tls_key_file", "private_token_file", "link_file", "allowed_hosts", "trusted_proxies"),
    *("public_kafka", "public_address", "group_rights", "oidc_issuer", "oidc_client_id", "oidc_scopes"),
    *(f"{kind}_partitions" for kind in ("params", "metrics", "logs", "tracks", "runs")),
}
_OPEN: Final = {
    "nodeSelector",
    "affinity",
    "annotations",
    "labels",
    "resources",
    "startup",
    "liveness",
    "readiness",
} | {
    "podSecurityContext",
    "containerSecurityContext",
}
_TYPES: Final = {int: "integer", float: "number", bool: "boolean", str: "string", tuple: "array", list: "array"}
_BOUNDS: Final = (
    *(("ge", "minimum"), ("gt", "exclusiveMinimum"), ("le", "maximum"), ("lt", "exclusiveMaximum")),
    *(("min_length", "minLength"), ("description", "description")),
)
_NAME: Final = {"pattern": r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"}
_COUNT: Final = {"minimum": 1}
_CONSTRAINTS: Final[dict[str, dict[str, Any]]] = {
    "image.repository": {"pattern": r"^([a-z0-9][a-z0-9._/:-]*)?$"},
    "image.digest": {"pattern": r"^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "kafka.bootstrapServers": {"pattern": r"^([^\s,:]+:[0-9]+(,[^\s,:]+:[0-9]+)*)?$"},
    "kafka.securityProtocol": {"enum": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]},
    "kafka.saslMechanism": {"enum": ["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]},
    "s3.addressing": {"enum": ["auto", "path", "virtual"]},
    "s3.endpoint": {"pattern": r"^(https?://\S+)?$"},
    "workers.sessionTimeoutMs": {"minimum": 1_000, "maximum": 300_000},
    "api.auth": {"enum": ["", "tokens", "oidc", "proxy", "open"]},
    "api.publicAddress": {"pattern": r"^(https?://\S+)?$"},
    "autoscaling.kind": {"enum": ["none", "keda", "hpa"]},
    "autoscaling.minReplicas": {**_COUNT, "description": "KEDA's 0 would leave records behind unseen commits waiting."},
    "autoscaling.scaleDownAfterSeconds": {"minimum": 0, "maximum": 3_600},
    "basePath": {"pattern": r"^/([^\s?#]*[^\s?#/])?$"},
    "tmpSize": {"pattern": r"^[1-9][0-9]*(Ki|Mi|Gi)$"},
}


def values_schema() -> str:
    """The file's text."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_of_map(values, "")}
    schema["properties"]["global"] = {"type": "object"}
    return json.dumps(schema, indent=2) + "\n"


def settings_of(component: str) -> dict[str, Any]:
    """Schemas of the settings that may be given by name, by name."""
    struct, section = struct_of(_SECTIONS[component]), section_of(_SECTIONS[component])
    prefix = f"MLDASH_{_SECTIONS[component].upper()}_"
    names = {
        one.name
        for one in list_settings(struct, section)
        if one.variable == prefix + one.name.upper() and not one.secret and one.name not in _SET_BY_THE_CHART
    }
    hints = get_type_hints(struct, include_extras=True)
    return {name: _of_hint(hints[name]) for name in sorted(names)}


def _of_map(values: dict[str, Any], path: str) -> dict[str, Any]:
    properties = {key: _of(value, f"{path}.{key}".lstrip("."), key) for key, value in values.items()}
    maps = sorted(key for key, value in values.items() if isinstance(value, dict))
    return {"type": "object", "additionalProperties": False, "required": maps, "properties": properties}


def _of(value: Any, path: str, key: str) -> dict[str, Any]:
    if key == "settings":
        return {"type": "object", "additionalProperties": False, "properties": settings_of(path.split(".")[0])}
    if key in _OPEN:
        return {"type": "object"}
    if isinstance(value, dict):
        return _of_map(value, path)
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array"}
    found: dict[str, Any] = {"type": kinds[type(value)]}
    if found["type"] == "integer":
        found |= _COUNT
    if key.endswith("ecret"):
        found |= _NAME
    return found | _CONSTRAINTS.get(path, {})


def _of_hint(hint: Any) -> dict[str, Any]:
    """msgspec makes no schema of a bound on `int | None`, which settings have."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        bounds = {schema: getattr(one, name) for one in extras for name, schema in _BOUNDS if isinstance(one, Meta)}
        return _of_hint(inner) | {name: bound for name, bound in bounds.items() if bound is not None}
    if get_origin(hint) in (Union, UnionType):
        (inner,) = [one for one in get_args(hint) if one is not NoneType]
        return _of_hint(inner)
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    return {"type": _TYPES[get_origin(hint) or hint]}
