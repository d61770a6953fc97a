"""One error of each of our own classes, whatever facts it carries."""

import importlib
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

FAMILIES = (
    "mldash.errors",
    "mldash_ingest.errors",
    "mldash_compactor.errors",
    "mldash_compactor.chunks.errors",
    "mldash_api.errors",
    "mldash_deploy.stack.errors",
    "mldash.journal.reading.scan",
)
_FACTS: dict[str, object] = {"int": 1, "float": 1.0, "bytes": b"\x01" * 16, "Sequence[str]": ["a"], "list[str]": ["a"]}


def own_errors(*families: str) -> Iterator[Exception]:
    """Every class that our packages define, or these modules, base classes too."""
    for module in families or FAMILIES:
        for kind in vars(importlib.import_module(module)).values():
            if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == module:
                yield make(kind)


def make(kind: type[Exception]) -> Exception:
    """With a value of the right sort for each fact."""
    if kind.__init__ is Exception.__init__:  # type: ignore[comparison-overlap]
        return kind("a reason")
    facts = []
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        is_given = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
        if is_given and name != "self":
            annotation = getattr(parameter.annotation, "__name__", parameter.annotation)
            facts.append(_FACTS.get(str(annotation), "a fact"))
    return kind(*facts)


class Faulty:
    """Calls the real function once it has raised each of our errors, and is let through."""

    def __init__(self, real: Callable[..., Awaitable[Any]], *families: str) -> None:
        self.real, self.errors, self.calls = real, [*own_errors(*families)], 0
        self.is_stuck = True
        """While it is, the last error is raised again and again."""

    async def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if len(self.errors) > 1:
            raise self.errors.pop()
        if self.is_stuck:
            raise self.errors[0]
        return await self.real(*arguments, **named)
