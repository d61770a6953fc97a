"""When delivery has its turns, against a model of time: no thread, no clock, a turn computes for as long as it is told.

Whoever delivers is simulated as drain.py and publisher.py do it: look, take what is there if it is time, else rest.
"""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from mldash.delivery.pace import IDLE_POLL_S, LISTENED_LEAST_S, LISTENED_MOST_S, LISTENED_SHARE, Pace

SLACK_S = 1e-6
LOOK_COST_S = 1e-4
"""What a look computes that finds nothing."""
SLOWEST_S = 0.002
"""The shortest rest: a turn may come later by so much."""

shares = st.sampled_from([0.001, 0.01, 0.1, 1.0])
bounds = st.sampled_from([0.05, 0.5, 3.0])
moments = st.lists(st.floats(0, 20), max_size=60).map(sorted)
costs = st.tuples(st.floats(1e-5, 0.02), st.floats(0, 1e-3))
"""Of a turn, and of each event in it."""


class Turn(Struct):
    began: float
    cost_s: float
    events: list[float]
    is_hurried: bool


class Run(Struct):
    turns: list[Turn]
    looks: int
    """Without a turn."""
    seconds: float


def run(pace: Pace, arrivals: Sequence[float], cost: tuple[float, float], hurries: Sequence[float] = ()) -> Run:
    now = cpu_s = 0.0
    found = Run([], 0, 0.0)
    waiting, calls = [*arrivals], [*hurries]
    while waiting:
        there = [event for event in waiting if event <= now]
        is_hurried = bool(calls) and calls[0] <= now
        calls = [call for call in calls if call > now]
        if there and (is_hurried or pace.is_due(now)):
            pace.begin(now)
            cost_s = cost[0] + cost[1] * len(there)
            found.turns.append(Turn(now, cost_s, there, is_hurried))
            waiting = waiting[len(there) :]
            now, cpu_s = now + cost_s, cpu_s + cost_s
            pace.spend(cpu_s)
            continue
        found.looks += 1
        cpu_s += LOOK_COST_S
        pace.forget(cpu_s)
        rest_s = pace.rest_s(now)
        assert rest_s > 0
        now = min([now + rest_s, *calls])
    found.seconds = now
    return found


@given(shares, bounds, moments, costs, moments)
def test_turns_take_their_share_unless_the_bound_or_somebody_who_waits_says_otherwise(
    share: float, most_s: float, arrivals: list[float], cost: tuple[float, float], hurries: list[float]
) -> None:
    turns = run(Pace(share, most_s), arrivals, cost, hurries).turns
    for one, following in pairwise(turns):
        distance = following.began - one.began
        assert following.is_hurried or distance >= min(most_s, one.cost_s / share) - SLACK_S


@given(shares, bounds, moments, costs, moments)
def test_no_event_is_held_back_beyond_the_bound(
    share: float, most_s: float, arrivals: list[float], cost: tuple[float, float], hurries: list[float]
) -> None:
    """What it waits for beside is the turn that was going on when it came, and the look that finds it."""
    slowest = cost[0] + cost[1] * len(arrivals)
    for turn in run(Pace(share, most_s), arrivals, cost, hurries).turns:
        for event in turn.events:
            assert turn.began - event <= max(most_s, IDLE_POLL_S) + slowest + SLOWEST_S + SLACK_S


@given(shares, bounds, moments, costs)
def test_the_first_event_after_a_pause_goes_out_with_the_look_that_finds_it(
    share: float, most_s: float, arrivals: list[float], cost: tuple[float, float]
) -> None:
    turns = run(Pace(share, most_s), arrivals, cost).turns
    ends = [-most_s, *(turn.began + turn.cost_s for turn in turns)]
    for ended, turn in zip(ends, turns, strict=False):
        if turn.events[0] >= ended + most_s:
            assert turn.began - turn.events[0] <= IDLE_POLL_S + SLACK_S


@given(shares, bounds, moments, costs, moments)
def test_who_waits_has_a_turn_at_once(
    share: float, most_s: float, arrivals: list[float], cost: tuple[float, float], hurries: list[float]
) -> None:
    turns = run(Pace(share, most_s), arrivals, cost, hurries).turns
    slowest = cost[0] + cost[1] * len(arrivals)
    for hurry in hurries:
        for turn in turns:
            for event in turn.events:
                if event <= hurry < turn.began:  # the turn that was going on ends first
                    assert turn.began - hurry <= slowest + SLACK_S


@given(shares, bounds, moments, costs)
def test_looks_are_few_and_cost_no_turn_its_time(
    share: float, most_s: float, arrivals: list[float], cost: tuple[float, float]
) -> None:
    """At most one for each turn, when it is due, and those of the idle."""
    found = run(Pace(share, most_s), arrivals, cost)
    assert found.looks <= 3 * len(found.turns) + found.seconds / IDLE_POLL_S + 1


@given(st.sampled_from([0.0, 0.02, 2.0]), moments, costs)
def test_a_fixed_linger_counts_in_place_of_the_share_and_the_bound(
    fixed_s: float, arrivals: list[float], cost: tuple[float, float]
) -> None:
    turns = run(Pace(0.001, 0.5, fixed_s), arrivals, cost).turns
    for one, following in pairwise(turns):
        assert following.began - one.began >= fixed_s - SLACK_S
    slowest = cost[0] + cost[1] * len(arrivals)
    for turn in turns:
        for event in turn.events:
            assert turn.began - event <= max(fixed_s, IDLE_POLL_S) + slowest + SLOWEST_S + SLACK_S


@given(shares, bounds, moments, costs)
def test_who_listens_gets_turns_sooner_within_a_share_of_their_own(
    share: float, most_s: float, arrivals: list[float], cost: tuple[float, float]
) -> None:
    found = run(Pace(share, most_s, is_listened=True), arrivals, cost)
    for one, following in pairwise(found.turns):
        least = min(most_s, one.cost_s / share, LISTENED_MOST_S, max(LISTENED_LEAST_S, one.cost_s / LISTENED_SHARE))
        assert following.began - one.began >= least - SLACK_S
    slowest = cost[0] + cost[1] * len(arrivals)
    for turn in found.turns:
        for event in turn.events:
            assert turn.began - event <= max(LISTENED_MOST_S, IDLE_POLL_S) + slowest + SLOWEST_S + SLACK_S


@given(st.sampled_from([0.0, 0.02, 2.0]), moments, costs)
def test_a_fixed_linger_counts_whoever_listens(
    fixed_s: float, arrivals: list[float], cost: tuple[float, float]
) -> None:
    usual, listened = Pace(0.001, 0.5, fixed_s), Pace(0.001, 0.5, fixed_s, is_listened=True)
    assert run(listened, arrivals, cost) == run(usual, arrivals, cost)


def test_when_the_last_listener_goes_the_next_turn_is_as_late_as_before() -> None:
    pace = Pace(0.01, 0.5, is_listened=True)
    pace.begin(100.0)
    pace.spend(0.1)
    assert pace.is_due(100.0 + LISTENED_MOST_S)
    pace.is_listened = False
    assert not pace.is_due(100.4) and pace.is_due(100.5)
