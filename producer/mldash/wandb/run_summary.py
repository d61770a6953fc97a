"""`wandb.summary`: what was logged last of each key, and what a script sets itself, such as its best value."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Summary(Mapping[str, Any]):
    """Reads back what was logged last. What is set is a point of the metric `summary`, so that a killed run has it."""

    def __init__(self, on_change: Callable[[dict[str, Any]], None]) -> None:
        self.__dict__["_last"] = {}
        self.__dict__["_on_change"] = on_change

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
