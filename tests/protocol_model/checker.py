"""A small explicit-state model checker: breadth first (shortest counterexample) and random walks (depth).

A model gives `init` (hashable), `steps(state)` -> iterable of (label, next state), and `check(before, label, after)` ->
None or the text of a violation. `settled(state)`, where given, judges a state in which no step is left.
"""

import random
import time
from collections import deque


def bfs(init, steps, check, settled=None, limit=400_000):
    """Explore every reachable state up to `limit`; return (states, complete, violation, trace)."""
    parent = {init: None}
    queue = deque([init])
    while queue:
        state = queue.popleft()
        moved = False
        for label, after in steps(state):
            if after == state:
                continue
            moved = True
            bad = check(state, label, after)
            if bad:
                return len(parent), False, bad, _trace(parent, state) + [label]
            if after not in parent:
                if len(parent) >= limit:
                    return len(parent), False, None, None
                parent[after] = (state, label)
                queue.append(after)
        if not moved and settled:
            bad = settled(state)
            if bad:
                return len(parent), False, bad, _trace(parent, state)
    return len(parent), True, None, None


def walks(init, steps, check, settled=None, seeds=2000, depth=400, seconds=60):
    """Run seeded random walks; return (seeds run, steps taken, violation, trace)."""
    taken, end = 0, time.time() + seconds
    for seed in range(seeds):
        rng, state, trace = random.Random(seed), init, []
        for _ in range(depth):
            options = [(label, after) for label, after in steps(state) if after != state]
            if not options:
                bad = settled(state) if settled else None
                if bad:
                    return seed + 1, taken, bad, trace
                break
            label, after = rng.choice(options)
            taken += 1
            trace.append(label)
            bad = check(state, label, after)
            if bad:
                return seed + 1, taken, bad, trace
            state = after
        if time.time() > end:
            return seed + 1, taken, None, None
    return seeds, taken, None, None


def _trace(parent, state):
    out = []
    while parent[state]:
        state, label = parent[state]
        out.append(label)
    return out[::-1]
