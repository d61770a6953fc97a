"""`wandb.summary`: what was logged last of each key, and what a script sets itself, such as its best value."""

import math
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from mldash.incoming.in_child import forget_in_child

_AGGREGATES = ("min", "max", "mean", "best")


class Summary(Mapping[str, Any]):
    """Reads back what was logged last; of keys for which `define_metric` asks for more, that: `{"max": 0.9}`. What is
    set is a point of the metric `summary`, so that a killed run has it."""

    def __init__(self, on_change: Callable[[dict[str, Any]], None]) -> None:
        self.__dict__["_last"] = {}
        self.__dict__["_on_change"] = on_change
        self.__dict__["_asked"] = []
        self.__dict__["_gathered"] = {}
        forget_in_child(self)

    def __getitem__(self, name: str) -> Any:
        return self._last[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_last"][name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def __repr__(self) -> str:
        return repr(self._last)

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several at once."""
        self._last.update(values)
        self._on_change(dict(values))

    def remember(self, row: Mapping[str, Any]) -> None:
        """What was logged."""
        self._last.update(row)
        if self._asked:
            for key, value in row.items():
                self._gather(key, value)

    def ask(self, pattern: str, aggregates: str, goal: str | None) -> None:
        """Keys that the pattern fits have these, with commas between them; what is asked last counts. `best` is the
        least, or with the goal "maximize" the greatest."""
        kinds = tuple(kind for kind in map(str.strip, aggregates.split(",")) if kind in _AGGREGATES)
        self._asked.insert(0, (pattern, kinds, max if str(goal).startswith("max") else min))

    def gathered(self) -> dict[str, float]:
        """`loss.max` and the like, of all keys of which something was asked."""
        return {f"{key}.{kind}": value for key in self._gathered for kind, value in self._last[key].items()}

    def forget(self) -> None:
        """What was gathered is the parent's to tell."""
        self._gathered.clear()

    def _gather(self, key: str, value: Any) -> None:
        asked = next(((kinds, best) for pattern, kinds, best in self._asked if fnmatchcase(key, pattern)), None)
        if asked is None or not asked[0]:
            return
        kinds, best = asked
        least, most, total, count = self._gathered.get(key, (math.inf, -math.inf, 0.0, 0))
        number = _number_of(value)
        if not math.isnan(number):
            least, most, total, count = min(least, number), max(most, number), total + number, count + 1
        if count:
            self._gathered[key] = least, most, total, count
            found = {"min": least, "max": most, "mean": total / count, "best": best(least, most)}
            self._last[key] = {kind: found[kind] for kind in kinds}


def _number_of(value: Any) -> float:
    """NaN of what is none, and of an int that no float holds."""
    try:
        return float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        return math.nan
