"""Numbers gathered on the client and logged as aggregates: `metrics.buffer` and `metrics(name).summary_cache`.

    aggregate               of the numbers of one key, NaN left out
    mean sum min max        as floats
    count                   how many numbers
    std                     sample deviation (n - 1); 0.0 of one number
    median p50 p90 p95 p99  linear interpolation at rank (n - 1) · p / 100
    first last              in the order of the calls

None counts as NaN; a key with nothing but NaN gives no field. What a process has gathered and not yet logged is logged
when its run ends; a child made by fork starts empty, for the parent logs what it has.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mldash.process.locks import reentrant_lock

from .values import plain

Numbers = list[float]


def _percentile(percent: float) -> Callable[[Numbers], float]:
    def at_rank(numbers: Numbers) -> float:
        ordered = sorted(numbers)
        rank = (len(ordered) - 1) * percent / 100
        low = math.floor(rank)
        if low + 1 >= len(ordered):
            return ordered[low]
        below, above = ordered[low], ordered[low + 1]
        # Equal neighbours first: the difference of two infinities is NaN.
        return below if below == above else below + (above - below) * (rank - low)

    return at_rank


def _sum(numbers: Numbers) -> float:
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # beyond float64 on the way, or infinities of both signs
        return float(sum(numbers))


def _mean(numbers: Numbers) -> float:
    return _sum(numbers) / len(numbers)


def _std(numbers: Numbers) -> float:
    if len(numbers) == 1:
        return 0.0
    mean = _mean(numbers)
    return math.sqrt(_sum([(number - mean) * (number - mean) for number in numbers]) / (len(numbers) - 1))


AGGREGATIONS: dict[str, Callable[[Numbers], float | int]] = {
    "mean": _mean,
    "std": _std,
    "min": min,
    "max": max,
    "count": len,
    "median": _percentile(50),
    "sum": _sum,
    "p50": _percentile(50),
    "p90": _percentile(90),
    "p95": _percentile(95),
    "p99": _percentile(99),
    "first": lambda numbers: numbers[0],
    "last": lambda numbers: numbers[-1],
}

_CACHE_AGGREGATIONS = ("mean", "min", "max", "count", "std")
"""What summary_cache.summarize() gives."""


def checked_aggregations(names: Sequence[str]) -> Sequence[str]:
    """The names, or the default. Raises ValueError "Unsupported aggregation: …" with the list."""
    for name in names:
        if name not in AGGREGATIONS:
            raise ValueError(f"Unsupported aggregation: {name!r}. Use one of {', '.join(AGGREGATIONS)}")
    return names or ("mean",)


_lock = reentrant_lock()
"""Of all that is gathered: it is held for a moment, and there may be a hundred thousand metrics."""


class Gathered:
    """Numbers by key, in the order in which they came. Thread-safe, also from signal handlers and over forks."""

    def __init__(self) -> None:
        self._numbers: dict[str, Numbers] = {}
        self._told: dict[str, int] = {}  # how many of each key a summary that kept them has told already
        self._pid = os.getpid()

    def add(self, numbers: Mapping[str, Any]) -> None:
        """Raises ValueError for anything but a number, before values are kept."""
        checked = {key: checked_number(value, key) for key, value in numbers.items()}
        with _lock:
            self._forget_the_parents()
            for key, number in checked.items():
                self._numbers.setdefault(key, []).append(number)

    def take(self, clear: bool = True) -> dict[str, Numbers]:
        """All numbers by key; with `clear` they are gone from here."""
        with _lock:
            self._forget_the_parents()
            taken = self._numbers if clear else {key: list(numbers) for key, numbers in self._numbers.items()}
            self._told = {} if clear else {key: len(numbers) for key, numbers in taken.items()}
            if clear:
                self._numbers = {}
            return taken

    def give_back(self, taken: Mapping[str, Numbers]) -> None:
        """What was taken could not be logged: it stands before what has come since."""
        with _lock:
            self._forget_the_parents()
            later, self._numbers = self._numbers, {key: list(numbers) for key, numbers in taken.items()}
            for key, numbers in later.items():
                self._numbers.setdefault(key, []).extend(numbers)

    def take_untold(self) -> dict[str, Numbers]:
        """Those that came after the last `take`; then nothing is gathered any more."""
        with _lock:
            self._forget_the_parents()
            untold = {key: numbers[self._told.get(key, 0) :] for key, numbers in self._numbers.items()}
            self._numbers, self._told = {}, {}
            return {key: numbers for key, numbers in untold.items() if numbers}

    def peek(self, keys: Sequence[str], limit: int) -> dict[str, Numbers]:
        """The newest `limit` numbers of these keys (none given: of all that there are)."""
        with _lock:
            self._forget_the_parents()
            wanted = keys or list(self._numbers)
            return {key: self._numbers[key][-limit:] if limit > 0 else [] for key in wanted if key in self._numbers}

    def _forget_the_parents(self) -> None:
        if self._pid != os.getpid():
            self._numbers, self._told, self._pid = {}, {}, os.getpid()


def checked_number(value: Any, key: str) -> float:
    """None is NaN; bool, int, float and scalars of NumPy, PyTorch and JAX are numbers. Raises ValueError."""
    if type(value) is float:
        return value
    if value is None:
        return math.nan
    number = plain(value, key)
    if isinstance(number, (int, float)):
        return float(number)
    raise ValueError(f"{key!r} must be a number, not {type(value).__name__}")


def summarise(gathered: Mapping[str, Numbers], aggregations: Sequence[str]) -> dict[str, float | int]:
    """Fields `key.aggregate`; a key with nothing but NaN gives none."""
    fields: dict[str, float | int] = {}
    for key, numbers in gathered.items():
        present = [number for number in numbers if not math.isnan(number)]
        if present:
            fields.update({f"{key}.{name}": AGGREGATIONS[name](present) for name in aggregations})
    return fields


class SummaryCache:
    """`metrics(name).summary_cache`: numbers of one metric, and the context that is logged with their summary."""

    def __init__(self, log: Callable[[dict[str, Any]], object], check_open: Callable[[], object]) -> None:
        self._log, self._check_open = log, check_open
        self._gathered = Gathered()
        self._context: dict[str, Any] = {}

    def store(self, /, **numbers: Any) -> None:
        """Keep one number a key. Raises ValueError for what is none, RuntimeError outside an open run."""
        self._check_open()
        self._gathered.add(numbers)

    def set(self, /, **context: Any) -> None:
        """Replace the context: fields such as epoch or lr that stand beside the summary. Raises as `log` does."""
        self._check_open()
        self._context = {key: plain(value, key) for key, value in context.items()}

    def summarize(self, clear: bool = True) -> dict[str, Any]:
        """Log one point: the context and, for each key, key.mean, .min, .max, .count and .std. Returns its fields.

        With `clear` numbers and context are empty afterwards; without, the next summary goes on from them, and the end
        of the run tells what came after it. Where nothing has been stored or set, no point is logged.
        """
        self._check_open()
        fields = {**self._context, **summarise(self._gathered.take(clear), _CACHE_AGGREGATIONS)}
        if clear:
            self._context = {}
        if fields:
            self._log(fields)
        return fields

    def peek(self, /, *keys: str, limit: int = 5) -> dict[str, Numbers]:
        """The newest `limit` numbers of these keys, or of all."""
        return self._gathered.peek(keys, limit)

    def settle(self) -> None:
        """At the end of a run: summarise what no summary has told. A context alone says nothing and is dropped."""
        left, context = self._gathered.take_untold(), self._context
        self._context = {}
        fields = {**context, **summarise(left, _CACHE_AGGREGATIONS)} if left else {}
        if fields:
            self._log(fields)

    def __reduce__(self) -> tuple[Any, ...]:
        """As that of the metric's handle, wherever it is opened; what is gathered stays here."""
        return getattr, (getattr(self._log, "__self__", None), "summary_cache")
