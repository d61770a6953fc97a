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
    policies = [one["spec"] for one in of_kind(found, "NetworkPolicy")]
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
