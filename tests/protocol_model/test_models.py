"""The protocols' models: each rule that is left out is broken by some interleaving, and with all of them none is found.

They bound what was explored and prove nothing about code; the faults tests do. The bounds here are small, for they run
with all tests: a violation is found within some ten thousand states, and what holds is explored as far as the time goes.
"""

from typing import Any

import pytest

from . import chain, compaction, join, move, shared
from .checker import bfs, walks

STATES = 400_000
"""At which the search for a violation gives up: the deepest takes 300,000."""

FEW = 10_000
WALKS, DEPTH, SECONDS = 300, 150, 0.5

BROKEN = [
    *(pytest.param(move.model(rules, **bounds), id=f"move: {title}") for title, rules, bounds in move.CASES),
    *(pytest.param(join.model(rules, **bounds), id=f"join: {title}") for title, rules, bounds in join.CASES),
    *(pytest.param(shared.model(rules, **bounds), id=f"shared: {title}") for title, rules, bounds in shared.CASES),
    *(
        pytest.param(compaction.model(rules, **bounds), id=f"compaction: {title}")
        for title, rules, bounds in compaction.CASES
    ),
    *(
        pytest.param(chain.model(rules, logs, **bounds), id=f"chain: {title}")
        for title, rules, logs, bounds, _ in chain.CASES
    ),
]
FINAL = [
    *(pytest.param(move.model(rules, **bounds), id=f"move: {title}") for title, rules, bounds in move.FINAL),
    *(pytest.param(join.model(rules, **bounds), id=f"join: {title}") for title, rules, bounds in join.FINAL),
    *(pytest.param(shared.model(rules, **bounds), id=f"shared: {title}") for title, rules, bounds in shared.FINAL),
    *(
        pytest.param(compaction.model(rules, **bounds), id=f"compaction: {title}")
        for title, rules, bounds in compaction.FINAL
    ),
    *(
        pytest.param(chain.model(rules, logs, **bounds), id=f"chain: {title}")
        for title, rules, logs, bounds in chain.FINAL
    ),
]


@pytest.mark.parametrize("model", BROKEN)
def test_a_protocol_without_one_of_its_rules_breaks(model: tuple[Any, ...]) -> None:
    _, _, violation, trace = bfs(*model, limit=STATES)
    if violation is None:
        _, _, violation, trace = walks(*model, seeds=20_000, depth=200, seconds=20)
    assert violation, "no interleaving broke it: the rule is not needed, or the model does not show why"
    assert trace


@pytest.mark.parametrize("model", FINAL)
def test_a_protocol_with_all_of_its_rules_holds(model: tuple[Any, ...]) -> None:
    _, _, violation, trace = bfs(*model, limit=FEW)
    assert violation is None, f"{violation}: {trace}"
    _, _, violation, trace = walks(*model, seeds=WALKS, depth=DEPTH, seconds=SECONDS)
    assert violation is None, f"{violation}: {trace}"
