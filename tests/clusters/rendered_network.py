"""Whom pods may reach and who may reach them, over what a real helm renders: `make check-deploy`."""

import pytest

from .helm import HELM, SCENARIOS, Resource, of_kind, pods, render

pytestmark = [
    pytest.mark.skipif(HELM is None, reason="helm is not installed"),
    pytest.mark.time_limit(900),
]

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def policy_of(found: list[Resource], component: str) -> Resource:
    """The spec of the one policy that chooses a component's pods."""
    labels = pods(found)[component]["spec"]["template"]["metadata"]["labels"]
    policies: list[Resource] = [one["spec"] for one in of_kind(found, "NetworkPolicy")]
    (own,) = [one for one in policies if labels.items() >= one["podSelector"]["matchLabels"].items()]
    return own


def let_out(found: list[Resource], component: str, protocol: str = "TCP") -> set[int]:
    """Ports of any peer; a rule for some peers only would be an error here."""
    rules = policy_of(found, component)["egress"]
    assert all(set(rule) == {"ports"} for rule in rules)
    return {port["port"] for rule in rules for port in rule["ports"] if port.get("protocol", "TCP") == protocol}


@every_scenario
def test_every_pod_has_a_network_policy(scenario: str) -> None:
    found = render(scenario)
    for component in pods(found):
        own = policy_of(found, component)
        assert own["policyTypes"] == ["Ingress", "Egress"]
        ports = {port["port"] for rule in own["ingress"] for port in rule["ports"]}
        assert ports == {"api": {"health", "http"}, "prepare": set()}.get(component, {"health"})
        assert all(isinstance(port["port"], int) for rule in own["egress"] for port in rule["ports"])


@every_scenario
def test_dns_is_let_out_at_the_port_of_the_service_and_at_that_of_openshifts_pods(scenario: str) -> None:
    found = render(scenario)
    for component in pods(found):
        assert let_out(found, component, "UDP") == {53, 5353} <= let_out(found, component)


@pytest.mark.parametrize("component", ["compactor", "api", "prepare"])
def test_who_speaks_to_s3_by_a_role_reaches_those_that_give_out_its_keys(component: str) -> None:
    """EKS Pod Identity and the instance's metadata listen on 80, GKE's on 988; with own keys nobody is asked."""
    by_role, by_keys = render("small", 's3.existingSecret=""'), render("small")
    assert let_out(by_role, component) - let_out(by_keys, component) == {80, 988}
    assert not {80, 988} & let_out(by_keys, component)


def test_workers_speak_to_no_s3_and_reach_nobody_for_its_keys() -> None:
    assert let_out(render("small", 's3.existingSecret=""'), "worker") == let_out(render("small"), "worker")


def test_ports_that_are_given_are_let_out() -> None:
    found = render("small", "networkPolicy.egressPorts=[443,9000]")
    assert all(let_out(found, component) == {53, 5353, 443, 9000} for component in pods(found))
