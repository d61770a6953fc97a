"""What happens when: drawn from a seed, so that a run that failed can be run again.

A run is rounds of all kinds of faults in a random order, with random pauses between them. What a fault needs comes
before it: a worker is only paused where another can take its partitions, and letters are there before they are
replayed.
"""

import random
from typing import Final

from msgspec import Struct

KINDS: Final = {
    "kill a worker": 3,
    "pause a worker": 3,
    "kill mongod": 2,
    "restart the broker": 1,
    "kill the broker": 1,
    "kill an emitter": 3,
    "set letters aside": 1,
    "replay letters": 1,
    "remove an experiment": 1,
    "kill the compactor": 1,
    "grow to three workers": 1,
    "shrink to one worker": 1,
}
"""Each kind, and how often it comes in a round."""

ROUND_S: Final = 110.0
"""A round takes at least so long; what remains of it is divided into the pauses."""

_BEFORE: Final = (
    ("grow to three workers", "pause a worker"),
    ("set letters aside", "replay letters"),
)

BESIDE_A_PROXY: Final = {
    "kill a worker": 1,
    "pause a worker": 2,
    "kill an emitter": 1,
    "grow to three workers": 1,
    "shrink to one worker": 1,
}
"""What happens besides, where connections are cut all along."""


OVER_HTTP: Final = {"kill the api": 3}
"""What happens besides, where emitters send to the API."""


class Fault(Struct, frozen=True):
    """`after_s` seconds after the one before has begun, `kind` happens; `chance` draws the details."""

    after_s: float
    kind: str
    chance: float

    def __str__(self) -> str:
        return f"{self.after_s:5.1f} s later: {self.kind}"


def kinds_of(*, proxied: bool, over_http: bool) -> dict[str, int]:
    """Each kind of a round, and how often it comes."""
    return (BESIDE_A_PROXY if proxied else KINDS) | (OVER_HTTP if over_http else {})


def make_schedule(seed: int, seconds: float, *, proxied: bool = False, over_http: bool = False) -> list[Fault]:
    """Whole rounds, one at least."""
    times_of = kinds_of(proxied=proxied, over_http=over_http)
    chance = random.Random(f"schedule/{seed}")
    rounds = max(1, round(seconds / ROUND_S))
    faults = list[Fault]()
    for _ in range(rounds):
        kinds = _ordered([kind for kind, times in times_of.items() for _ in range(times)], chance)
        weights = [chance.uniform(0.3, 1.7) for _ in kinds]
        share = seconds / rounds / sum(weights)
        faults += [Fault(weight * share, kind, chance.random()) for weight, kind in zip(weights, kinds, strict=True)]
    return faults


def _ordered(kinds: list[str], chance: random.Random) -> list[str]:
    """A random order that keeps what must come before what: of each pair, the first's first before the second's."""
    while True:
        chance.shuffle(kinds)
        last_pause = len(kinds) - 1 - kinds[::-1].index("pause a worker")
        in_order = all(
            kinds.index(first) < kinds.index(second) for first, second in _BEFORE if first in kinds and second in kinds
        )
        if in_order and last_pause < kinds.index("shrink to one worker"):
            return kinds
