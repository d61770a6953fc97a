"""Many delays at once count as the library's own histogram counts each."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from mldash_ingest.delays import Delays

BOUNDS = (0.01, 0.5, 1, 3600)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.01, 0.011, 0.5, 1.0, 2.0, 3600.0, 3601.0])), max_size=4))
def test_many_at_once_are_each_by_itself(batches: list[list[float]]) -> None:
    together, singly = CollectorRegistry(), CollectorRegistry()
    delays, histogram = (
        Delays("delay", "How long.", BOUNDS, together),
        Histogram("delay", "How long.", buckets=BOUNDS, registry=singly),
    )
    for batch in batches:
        delays.observe(batch)
        for one in batch:
            histogram.observe(one)
    assert lines(together) == lines(singly)


def lines(registry: CollectorRegistry) -> list[bytes]:
    """What is scraped, but for the time at which it was made."""
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line and b"_sum" not in line]
