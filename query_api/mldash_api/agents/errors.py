"""What a caller can mend, said so that the next call is right.

AgentError
  NoSuchRun        nothing was logged there: the nearest prefixes
  NoSuchMetric     the run has no such metric: the nearest names
  NoSuchField      no run that was asked for has numbers in this field: the nearest names
  PillowMissing    a picture is asked for, and what draws it is not installed
  WrongArgument    an argument is unknown, or its value is none: which, and what is allowed
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from .texts import quoted

_NAMED: Final = 5
_LETTERS: Final = 120


class AgentError(Exception):
    """All of ours."""


class NoSuchRun(AgentError):
    def __init__(self, prefix: str, known: Iterable[str]) -> None:
        super().__init__(prefix)
        self.prefix, self.near = prefix, nearest(prefix, known)

    def __str__(self) -> str:
        return f"there is no run {quoted(self.prefix, _LETTERS)}. {near_text(self.near)}find_runs() lists what there is"


class NoSuchMetric(AgentError):
    def __init__(self, name: str | None, prefix: str, known: Iterable[str | None]) -> None:
        super().__init__(name, prefix)
        names = [one for one in known if one is not None]
        self.name, self.prefix, self.near = name, prefix, nearest(name or "", names) or names[:_NAMED]

    def __str__(self) -> str:
        what = "the unnamed metric" if self.name is None else f"a metric {quoted(self.name, _LETTERS)}"
        return (
            f"run {quoted(self.prefix, _LETTERS)} has not {what}. {near_text(self.near)}describe_run lists its metrics"
        )


class NoSuchField(AgentError):
    def __init__(self, field: str, metric: str | None, known: Iterable[str]) -> None:
        super().__init__(field, metric)
        names = [*known]
        self.field, self.metric, self.near = field, metric, nearest(field, names) or names[:_NAMED]

    def __str__(self) -> str:
        return (
            f"no field {quoted(self.field, _LETTERS)} with numbers in this metric. {near_text(self.near)}"
            "describe_run lists fields"
        )


class PillowMissing(AgentError):
    def __str__(self) -> str:
        return "a picture needs Pillow: pip install 'mldash[agents]'; without picture=true the same is told as text"


class WrongArgument(AgentError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"argument {self.name[:_LETTERS]}: {self.reason}"


def nearest(word: str, known: Iterable[str]) -> list[str]:
    return get_close_matches(word[:1024], list(known), _NAMED, 0.4)


def near_text(near: Iterable[str]) -> str:
    names = ", ".join(quoted(one, _LETTERS) for one in near)
    return f"Near to it: {names}. " if names else ""
