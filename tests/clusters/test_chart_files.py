"""What can be said of the chart without helm; `make check-deploy` renders it (rendered_*.py)."""

import copy
import json
import re
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from mldash.process.configuration import SECTIONS, section_of, struct_of
from mldash.process.environment import OF_FILE, list_settings

from .values_schema import CHART, settings_of

_SCHEMA: Final[dict[str, Any]] = json.loads((CHART / "values.schema.json").read_text())
_VALUES: Final[dict[str, Any]] = yaml.safe_load((CHART / "values.yaml").read_text())
_SCENARIOS: Final = sorted((CHART / "values").glob("*.yaml"))


def refused(values: dict[str, Any]) -> set[str]:
    """Paths of what the schema does not take."""
    found = jsonschema.Draft202012Validator(_SCHEMA).iter_errors(values)
    return {".".join(map(str, error.absolute_path)) for error in found}


def with_(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    inner = changed
    *names, last = path.split(".")
    for name in names:
        inner = inner[name]
    inner[last] = value
    return changed


def merged(base: Any, over: Any) -> Any:
    """As helm does: maps by key, null deletes."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    both = {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return {key: value for key, value in both.items() if value is not None}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(_SCHEMA)


@pytest.mark.parametrize("path", _SCENARIOS, ids=lambda path: path.stem)
def test_values_of_a_scenario_pass(path: Path) -> None:
    assert refused(merged(_VALUES, yaml.safe_load(path.read_text()))) == set()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("worker", {}),
        ("workers.replica", 2),
        ("kafka.securityProtocol", "SASL"),
        ("kafka.bootstrapServers", "kafka:9092, kafka2:9092"),
        ("autoscaling.minReplicas", 0),
        ("workers.settings", {"batch_recods": 1}),
        ("workers.settings", {"batch_records": 0}),
        ("api.settings", {"oidc_client_secret": "x"}),
        ("basePath", "mldash/"),
        ("tmpSize", "64Mb"),
        ("image.digest", "latest"),
    ],
)
def test_what_is_misspelt_or_out_of_bounds_is_refused(path: str, value: Any) -> None:
    assert refused(_VALUES) == set() and refused(with_(_VALUES, path, value))


def test_a_map_that_was_deleted_is_refused() -> None:
    assert refused({name: value for name, value in _VALUES.items() if name != "kafka"})


@pytest.mark.parametrize("component", ["workers", "compactor", "api", "prepare"])
def test_settings_may_be_given_by_name_but_no_secret(component: str) -> None:
    secrets = {one.name for name in SECTIONS for one in list_settings(struct_of(name), section_of(name)) if one.secret}
    assert settings_of(component) and not secrets & set(settings_of(component))


def test_every_variable_that_a_template_names_is_a_setting() -> None:
    settings = [one for name in SECTIONS for one in list_settings(struct_of(name), section_of(name))]
    known = {one.variable for one in settings} | {one.variable + OF_FILE for one in settings if one.secret}
    text = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())
    named = {name for name in re.findall(r"\bname: (MLDASH_[A-Z0-9_]+)", text) if not name.endswith("_")}
    assert len(named) > 30 and named <= known


def test_no_template_says_the_revision() -> None:
    """It is always 1 for Argo CD and `helm template`: a name made of it would never be another."""
    assert not [path.name for path in (CHART / "templates").iterdir() if ".Release.Revision" in path.read_text()]


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (version,) = re.findall(r'^version = "(.+)"$', (CHART.parents[2] / "pyproject.toml").read_text(), re.MULTILINE)
    assert str(chart["appVersion"]) == version
