"""What a second render over a first may change, and what not, by a real helm: `make check-deploy`."""

import re
from typing import Final

import pytest

from .helm import HELM, SCENARIOS, Resource, container, pods, render
from .values_schema import CHART

pytestmark = [
    pytest.mark.skipif(HELM is None, reason="helm is not installed"),
    pytest.mark.time_limit(900),
]

_PAGES: Final = (CHART / "UPGRADE.md", CHART.parents[2] / "docs" / "clusters.md")
_KINDS: Final = {"deploy": "Deployment", "deployment": "Deployment", "statefulset": "StatefulSet", "job": "Job"}

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def job_of(scenario: str, *sets: str) -> Resource:
    return pods(render(scenario, *sets))["prepare"]


@every_scenario
def test_prepare_is_a_plain_job_that_goes_after_its_end(scenario: str) -> None:
    job = job_of(scenario)
    assert job["kind"] == "Job" and "annotations" not in job["metadata"]
    assert re.fullmatch(r"[a-z-]+-prepare-[0-9a-f]{10}", job["metadata"]["name"])
    assert job["spec"]["ttlSecondsAfterFinished"] == 604_800


@pytest.mark.parametrize(
    "change",
    [
        *('image.tag="0.2.0"', 'kafka.topicPrefix="other"', 'kafka.caSecret="other"', "prepare.partitions.metrics=9"),
        *('prepare.settings={"retention_days":14}', 'prepare.resources={"limits":{"memory":"1Gi"}}', 'tmpSize="65Mi"'),
        *("podSecurityContext.runAsUser=10002", 'image.pullSecrets=[{"name":"registry"}]', 's3.existingSecret=""'),
    ],
)
def test_a_job_whose_pods_would_be_others_has_another_name(change: str) -> None:
    """Kubernetes refuses another template under the old name: "field is immutable"."""
    before, after = job_of("small"), job_of("small", change)
    assert before["spec"]["template"] != after["spec"]["template"]
    assert before["metadata"]["name"] != after["metadata"]["name"]


@pytest.mark.parametrize("change", ["workers.replicas=3", 'api.auth="open"', "prepare.ttlSecondsAfterFinished=60"])
def test_what_changes_nothing_of_its_pods_runs_no_job_again(change: str) -> None:
    before, after = job_of("small"), job_of("small", change)
    assert before["spec"]["template"] == after["spec"]["template"]
    assert before["metadata"]["name"] == after["metadata"]["name"]


def test_a_job_is_kept_where_that_is_said() -> None:
    assert "ttlSecondsAfterFinished" not in job_of("small", "prepare.ttlSecondsAfterFinished=null")["spec"]


def test_all_of_a_jobs_pods_is_in_its_template() -> None:
    """What else of a Job can't be changed is not said, so that the hash of the template is enough."""
    assert set(job_of("secured")["spec"]) == {"backoffLimit", "ttlSecondsAfterFinished", "template"}
    assert container(job_of("secured"))["args"] == ["prepare"]


def test_commands_of_the_pages_name_what_there_is() -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in render("medium")}
    named = {
        (_KINDS[kind], name)
        for page in _PAGES
        for kind, name in re.findall(rf"\b({'|'.join(_KINDS)})/(lab-[a-z0-9-]+)", page.read_text())
    }
    assert len(named) >= 2 and named <= there


def test_the_page_on_upgrades_scales_all_whose_number_an_upgrade_takes_out() -> None:
    """A number that was there and is said no more becomes 1, until the scaler acts."""
    fixed, scaled = (pods(render(scenario)).values() for scenario in ("small", "medium"))
    counted, still = (
        {(one["kind"], one["metadata"]["name"]) for one in keepers if "replicas" in one["spec"]}
        for keepers in (fixed, scaled)
    )
    told = re.findall(r"kubectl -n ml scale (\w+)/(\S+) --replicas", (CHART / "UPGRADE.md").read_text())
    assert {(_KINDS[kind], name) for kind, name in told} == counted - still
