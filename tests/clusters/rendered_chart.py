"""Rules of the chart, over what a real helm renders: `make check-deploy`, where helm is installed or HELM names it."""

import json
import re
import shutil
from typing import Any

import pytest
import yaml

from mldash.process.configuration import SECTIONS, section_of, struct_of
from mldash.process.environment import OF_FILE, list_settings, read_settings

from . import custom_kinds
from .helm import HELM, SCENARIOS, VERSIONS, Resource, container, helm, of_kind, pods, render, run, values_of
from .values_schema import CHART

pytestmark = [
    pytest.mark.skipif(HELM is None, reason="helm is not installed"),
    pytest.mark.time_limit(900),
]

_SECTIONS = {"worker": "worker", "compactor": "compactor", "api": "api", "prepare": "prepare"}
_PATHS = {"/healthz", "/readyz"}

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def environment(keeper: Resource) -> dict[str, str]:
    """Of a container, as it would be in a pod; of a secret some text."""
    return {one["name"]: one.get("value", "from-elsewhere") for one in container(keeper)["env"]}


def named_by_others(keeper: Resource) -> set[str]:
    """Variables that a later one names as $(NAME): Kubernetes fills in only those that stand before it."""
    before, named = set[str](), set[str]()
    for one in container(keeper)["env"]:
        own = set(re.findall(r"\$\((\w+)\)", one.get("value", "")))
        assert own <= before, one
        named |= own
        before.add(one["name"])
    return named


def read(component: str, found: dict[str, str]) -> Any:
    """As the component itself reads them; a secret's file is some text."""
    secrets = {
        name: "mongodb://x" for name in found if name.endswith(OF_FILE) and is_secret(name.removesuffix(OF_FILE))
    }
    texts = {name.removesuffix(OF_FILE): value for name, value in secrets.items()}
    environ = {name: value for name, value in found.items() if name not in secrets} | texts
    environ |= {"MLDASH_SIGNING_KEYS": "k" * 32} if "MLDASH_SIGNING_KEYS_FILE" in found else {}
    environ.pop("MLDASH_SIGNING_KEYS_FILE", None)
    return read_settings(struct_of(_SECTIONS[component]), section_of(_SECTIONS[component]), environ=environ)


def is_secret(variable: str) -> bool:
    return any(
        one.variable == variable and one.secret
        for name in SECTIONS
        for one in list_settings(struct_of(name), section_of(name))
    )


@every_scenario
@pytest.mark.parametrize("version", [*VERSIONS, None])
def test_it_renders_for_each_kubernetes_and_without_a_cluster(scenario: str, version: str | None) -> None:
    found = render(scenario, version=version)
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(set(names)) == len(names) and all(len(name) <= 63 for _, name in names)
    assert set(pods(found)) == {"worker", "compactor", "api", "prepare"}


@every_scenario
def test_helm_lints_it(scenario: str) -> None:
    done = helm("lint", "--strict", str(CHART), *values_of(scenario))
    assert done.returncode == 0, done.stdout + done.stderr


@every_scenario
@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_is_one_that_kubernetes_has(scenario: str, version: str) -> None:
    """Of its own kinds; where kubernetes-validate is installed."""
    validator = pytest.importorskip("kubernetes_validate")
    for one in render(scenario, version=version):
        if one["apiVersion"].partition("/")[0] not in custom_kinds.GROUPS:
            validator.validate(one, version.rpartition(".")[0], strict=True)


@pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed")
@every_scenario
def test_every_field_is_one_that_keda_prometheus_or_the_gateway_has(scenario: str) -> None:
    checked = [one for one in render(scenario) if one["apiVersion"].partition("/")[0] in custom_kinds.GROUPS]
    assert checked or scenario in ("small", "openshift")
    assert [fault for one in checked for fault in custom_kinds.faults(one)] == []


@pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed")
def test_a_field_that_keda_does_not_have_would_be_seen() -> None:
    (scaler,) = of_kind(render("secured"), "ScaledObject")
    wrong = {**scaler, "spec": {**scaler["spec"], "minReplicas": 1}}
    assert [fault for fault in custom_kinds.faults(wrong) if "minReplicas" in fault]


@every_scenario
def test_what_is_autoscaled_says_no_replicas_and_what_is_not_does(scenario: str) -> None:
    found = render(scenario)
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in found if "scaleTargetRef" in one.get("spec", {})}
    for keeper in pods(found).values():
        if keeper["kind"] != "Job":
            assert ("replicas" not in keeper["spec"]) == (keeper["metadata"]["name"] in scaled)


@every_scenario
def test_no_version_is_in_a_selector(scenario: str) -> None:
    for one in render(scenario):
        text = json.dumps(one.get("spec", {}).get("selector", {})) + json.dumps(
            one.get("spec", {}).get("podSelector", {})
        )
        assert "version" not in text and "helm.sh/chart" not in text
    for keeper in pods(render(scenario)).values():
        labels = keeper["spec"]["template"]["metadata"]["labels"]
        assert labels.items() >= keeper["spec"].get("selector", {}).get("matchLabels", {}).items()
        assert "app.kubernetes.io/version" not in labels


@every_scenario
def test_one_pod_of_each_component_may_be_away(scenario: str) -> None:
    found = render(scenario)
    budgets = {
        json.dumps(one["spec"]["selector"]["matchLabels"], sort_keys=True): one
        for one in of_kind(found, "PodDisruptionBudget")
    }
    for component, keeper in pods(found).items():
        if component != "prepare":
            own = budgets[json.dumps(keeper["spec"]["selector"]["matchLabels"], sort_keys=True)]
            assert own["spec"]["maxUnavailable"] == 1


@every_scenario
def test_probes_ask_paths_that_there_are_on_ports_that_are_listened_on(scenario: str) -> None:
    for component, keeper in pods(render(scenario)).items():
        if component == "prepare":
            continue
        own, settings = container(keeper), read(component, environment(keeper))
        ports = {port["name"]: port["containerPort"] for port in own["ports"]}
        assert settings.health_host == "0.0.0.0" and ports["health"] == settings.health_port
        if component == "api":
            assert settings.host == "0.0.0.0" and ports["http"] == settings.port
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert own[probe]["httpGet"] == {"path": path, "port": "health"} and path in _PATHS
            assert own[probe]["periodSeconds"] and own[probe]["timeoutSeconds"] and own[probe]["failureThreshold"]


@pytest.mark.parametrize(("component", "values"), [("worker", "workers"), ("compactor", "compactor"), ("api", "api")])
def test_probes_are_open_to_values(component: str, values: str) -> None:
    slower = render("small", f"{values}.probes.liveness.periodSeconds=77")
    assert container(pods(slower)[component])["livenessProbe"]["periodSeconds"] == 77
    own = render("small", f'{values}.probes.readiness={{"exec":{{"command":["true"]}}}}')
    probe = container(pods(own)[component])["readinessProbe"]
    assert probe["exec"] == {"command": ["true"]} and "httpGet" not in probe


@every_scenario
def test_secrets_are_those_that_exist_and_are_mounted_as_files(scenario: str) -> None:
    found = render(scenario)
    assert of_kind(found, "Secret") == []
    for keeper in pods(found).values():
        own, spec = container(keeper), keeper["spec"]["template"]["spec"]
        assert not {name for name, _ in environment(keeper).items() if is_secret(name)}
        mounted = {one["mountPath"]: one["name"] for one in own["volumeMounts"]}
        volumes = {one["name"]: one for one in spec["volumes"]}
        assert set(mounted.values()) == set(volumes)
        for name, value in environment(keeper).items():
            if name.endswith("_FILE"):
                assert "secret" in volumes[mounted[value.rpartition("/")[0]]], name


@every_scenario
def test_a_component_has_the_secrets_of_the_servers_that_it_works_with(scenario: str) -> None:
    names = {
        component: {one["name"] for one in keeper["spec"]["template"]["spec"]["volumes"]}
        for component, keeper in pods(render(scenario)).items()
    }
    assert "s3" not in names["worker"] and not {"kafka", "kafka-ca", "signing-keys"} & names["compactor"]
    assert not {"signing-keys", "oidc", "tls"} & (names["worker"] | names["prepare"])


@every_scenario
def test_pods_may_do_as_little_as_can_be(scenario: str) -> None:
    for keeper in pods(render(scenario)).values():
        spec = keeper["spec"]["template"]["spec"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert container(keeper)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        if scenario == "openshift":
            assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"])
        else:
            assert spec["securityContext"]["runAsUser"] == 10001


@every_scenario
def test_only_tmp_can_be_written_and_it_has_an_end(scenario: str) -> None:
    for keeper in pods(render(scenario)).values():
        volumes = {one["name"]: one for one in keeper["spec"]["template"]["spec"]["volumes"]}
        writable = [one for one in container(keeper)["volumeMounts"] if not one.get("readOnly")]
        assert [one["mountPath"] for one in writable] == ["/tmp"]
        assert re.fullmatch(r"\d+(Ki|Mi|Gi)", volumes[writable[0]["name"]]["emptyDir"]["sizeLimit"])


@every_scenario
def test_no_token_of_kubernetes_is_mounted(scenario: str) -> None:
    found = render(scenario)
    (account,) = of_kind(found, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    for keeper in pods(found).values():
        spec = keeper["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["serviceAccountName"] == account["metadata"]["name"]


@every_scenario
def test_a_worker_is_a_static_member_by_the_namespace_and_name_of_its_pod(scenario: str) -> None:
    worker = pods(render(scenario))["worker"]
    assert worker["kind"] == "StatefulSet" and worker["spec"]["podManagementPolicy"] == "Parallel"
    given = {one["name"]: one for one in container(worker)["env"]}
    assert given["MLDASH_WORKER_INSTANCE"]["value"] == "$(POD_NAMESPACE).$(POD_NAME)"
    for name, path in (("POD_NAMESPACE", "metadata.namespace"), ("POD_NAME", "metadata.name")):
        assert given[name]["valueFrom"] == {"fieldRef": {"fieldPath": path}}
    services = {one["metadata"]["name"]: one for one in of_kind(render(scenario), "Service")}
    assert services[worker["spec"]["serviceName"]]["spec"]["clusterIP"] == "None"


@every_scenario
def test_the_grace_is_longer_than_what_a_component_takes_to_end(scenario: str) -> None:
    for component, keeper in pods(render(scenario)).items():
        if component != "prepare":
            grace = keeper["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
            assert grace >= read(component, environment(keeper)).stop_timeout_s + 10


@every_scenario
def test_a_member_outlives_its_pods_restart(scenario: str) -> None:
    worker = pods(render(scenario))["worker"]
    settings = read("worker", environment(worker))
    assert settings.session_timeout_ms > 1_000 * (settings.stop_timeout_s + 10)


@every_scenario
def test_variables_are_settings_that_the_component_takes(scenario: str) -> None:
    settings = [one for name in SECTIONS for one in list_settings(struct_of(name), section_of(name))]
    known = {one.variable for one in settings} | {one.variable + OF_FILE for one in settings if one.secret}
    for component, keeper in pods(render(scenario)).items():
        names = [one["name"] for one in container(keeper)["env"]]
        assert len(set(names)) == len(names)
        assert set(names) - known == named_by_others(keeper)
        read(component, environment(keeper))


def test_numbers_come_as_they_were_written() -> None:
    worker = read("worker", environment(pods(render("secured"))["worker"]))
    assert (worker.known_bytes, worker.idle_s) == (604_800_000, 0.5)
    assert environment(pods(render("secured"))["worker"])["MLDASH_WORKER_KNOWN_BYTES"] == "604800000"


@pytest.mark.parametrize("scenario", ["medium", "large", "secured"])
def test_keda_scales_by_the_lag_of_each_topic(scenario: str) -> None:
    found = render(scenario)
    (scaler,) = of_kind(found, "ScaledObject")
    worker, spec = pods(found)["worker"], scaler["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": worker["metadata"]["name"],
    }
    assert spec["minReplicaCount"] >= 1 and spec["fallback"]["failureThreshold"] and spec["fallback"]["replicas"] >= 1
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 300 and down["policies"] == [
        {"type": "Pods", "value": 1, "periodSeconds": 300}
    ]
    triggers = [one for one in spec["triggers"] if one["type"] == "kafka"]
    topics = {one["metadata"]["topic"] for one in triggers}
    assert topics == {f"mldash.{kind}" for kind in ("params", "metrics", "logs", "tracks", "runs")}
    for trigger in triggers:
        assert set(trigger["metadata"]) == {
            "bootstrapServers",
            "consumerGroup",
            "topic",
            "lagThreshold",
            "offsetResetPolicy",
        }
        assert trigger["metadata"]["offsetResetPolicy"] == "earliest"
        assert trigger["metadata"]["consumerGroup"] == read("worker", environment(worker)).group
    assert all(isinstance(value, str) for one in spec["triggers"] for value in one["metadata"].values())


@pytest.mark.parametrize(
    ("sets", "group"),
    [
        ([], "mldash-ingest"),
        (['kafka.topicPrefix="vision"'], "vision-ingest"),
        (['kafka.topicPrefix="vision"', 'kafka.group="ours"'], "ours"),
    ],
)
def test_the_group_follows_the_topics_and_is_the_same_for_all(sets: list[str], group: str) -> None:
    """Else two installations on one Kafka would take each other's partitions."""
    found = render("medium", *sets)
    assert {environment(pods(found)[one])["MLDASH_WORKER_GROUP"] for one in ("worker", "prepare")} == {group}
    (scaler,) = of_kind(found, "ScaledObject")
    assert {one["metadata"]["consumerGroup"] for one in scaler["spec"]["triggers"]} == {group}


def test_keda_signs_in_as_the_workers_do_and_asks_prometheus_for_the_lag_in_seconds() -> None:
    found = render("secured")
    (scaler,), (signing,) = of_kind(found, "ScaledObject"), of_kind(found, "TriggerAuthentication")
    (lag,) = [one for one in scaler["spec"]["triggers"] if one["type"] == "prometheus"]
    assert "mldash_worker_lag_seconds" in lag["metadata"]["query"] and 'namespace="ml"' in lag["metadata"]["query"]
    kafka = [one for one in scaler["spec"]["triggers"] if one["type"] == "kafka"]
    assert all(one["authenticationRef"] == {"name": signing["metadata"]["name"]} for one in kafka)
    assert {one["parameter"] for one in signing["spec"]["secretTargetRef"]} == {"ca", "username", "password"}
    (said,) = [one for one in of_kind(found, "ConfigMap") if one["metadata"]["name"].endswith("-scaler")]
    assert said["data"] == {"tls": "enable", "sasl": "scram_sha512"}


def test_an_hpa_scales_where_it_is_asked_for() -> None:
    found = render("small", 'autoscaling.kind="hpa"', "api.autoscaling.enabled=true")
    assert of_kind(found, "ScaledObject") == []
    targets = {one["spec"]["scaleTargetRef"]["kind"]: one["spec"] for one in of_kind(found, "HorizontalPodAutoscaler")}
    assert set(targets) == {"StatefulSet", "Deployment"}
    for spec in targets.values():
        assert spec["behavior"]["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 300}]
        assert 1 <= spec["minReplicas"] <= spec["maxReplicas"]
    assert all("replicas" not in pods(found)[one]["spec"] for one in ("worker", "api"))


def test_ingress_and_route_lead_to_one_base_path() -> None:
    found = render("secured")
    (ingress,), (route,) = of_kind(found, "Ingress"), of_kind(found, "HTTPRoute")
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    (rule,) = route["spec"]["rules"]
    assert path["path"] == rule["matches"][0]["path"]["value"] == "/track"
    assert rule["filters"][0]["urlRewrite"]["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind(found, "Service")}
    assert path["backend"]["service"]["name"] == rule["backendRefs"][0]["name"]
    ports = {port["name"]: port["port"] for port in services[rule["backendRefs"][0]["name"]]["ports"]}
    assert path["backend"]["service"]["port"]["name"] == "http" and rule["backendRefs"][0]["port"] == ports["http"]


@every_scenario
def test_services_find_their_pods(scenario: str) -> None:
    found = render(scenario)
    for service in of_kind(found, "Service"):
        (keeper,) = [
            one
            for one in pods(found).values()
            if one["spec"]["template"]["metadata"]["labels"].items() >= service["spec"]["selector"].items()
        ]
        ports = {port["name"] for port in container(keeper)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} == ports


def test_prometheus_finds_every_component_and_has_the_alerts() -> None:
    found = render("secured")
    (monitor,), (rule,) = of_kind(found, "ServiceMonitor"), of_kind(found, "PrometheusRule")
    assert monitor["metadata"]["labels"]["release"] == rule["metadata"]["labels"]["release"] == "prometheus"
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("health", "/metrics")
    chosen = [
        one
        for one in of_kind(found, "Service")
        if one["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    ]
    assert len(chosen) == 3 and all("health" in {port["name"] for port in one["spec"]["ports"]} for one in chosen)
    assert rule["spec"] == yaml.safe_load((CHART / "observe" / "alerts.yaml").read_text())


def test_grafana_has_the_dashboards() -> None:
    (found,) = [
        one for one in of_kind(render("secured"), "ConfigMap") if one["metadata"]["name"].endswith("-dashboards")
    ]
    files = {path.name: json.loads(path.read_text()) for path in (CHART / "observe" / "dashboards").iterdir()}
    assert {name: json.loads(text) for name, text in found["data"].items()} == files
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (['image.repository=""'], "image.repository"),
        (['kafka.bootstrapServers=""'], "kafka.bootstrapServers"),
        (['mongo.existingSecret=""'], "mongo.existingSecret"),
        (['api.auth=""'], "api.auth"),
        (['api.signingKeysSecret=""', "api.replicas=2"], "api.signingKeysSecret"),
        (["api.trustedProxies=[]"], "api.trustedProxies"),
        (['autoscaling.kind="keda"', "autoscaling.maxReplicas=9"], "partitions of the largest topic, 8"),
        (['basePath="/x"', "ingress.enabled=true"], "ingress.annotations"),
        (["workers.replica=2"], "replica"),
        (['workers.settings={"batch_recods":1}'], "batch_recods"),
        (["kafka=null"], "kafka"),
    ],
)
def test_what_can_not_work_is_refused_by_name(sets: list[str], said: str) -> None:
    done = run("small", *sets)
    assert done.returncode != 0 and said in done.stderr, done.stderr


def test_notes_say_what_comes_next() -> None:
    done = helm("install", "lab", str(CHART), "--namespace", "ml", "--dry-run=client", *values_of("small"))
    assert done.returncode == 0, done.stderr
    assert f"job/{pods(render('small'))['prepare']['metadata']['name']} " in done.stdout
    assert "MLDASH_REMOTE=https://mldash.example.org" in done.stdout
