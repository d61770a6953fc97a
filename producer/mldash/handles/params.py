"""`experiment.params`: what the run was started with. One event a `set`, with flat dotted keys."""

from collections.abc import Sequence
from time import time
from typing import Any

import msgspec

from mldash.answers.asked import checked_wait
from mldash.callbacks import warn
from mldash.events.identity import check_name
from mldash.events.limits import PARAMS_BYTES, PARAMS_KEYS
from mldash.events.merging import branches_of, leaves, nest

from .handle import Owner
from .parameter_values import branch_of, parameters_of
from .values import UnsupportedValue


class Params:
    """The parameters of one experiment, over all its runs and processes."""

    __slots__ = ("_experiment",)

    def __init__(self, experiment: Owner) -> None:
        self._experiment = experiment

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._experiment, "params")

    def set(self, /, *values: Any, **named: Any) -> "Params":
        """Merge into what is there, key by key; later values win. Returns the params object.

        `params.set(lr=0.1, model={"depth": 4})` or `params.set(config)`, where config is a mapping, a namespace, a
        dataclass, a msgspec Struct, a configuration of attrs, pydantic, OmegaConf, ml_collections or confuse, or a
        class. Nested dicts become dotted keys (`model.depth`); lists, tuples and None are values, and so is an empty
        dict. A key that is now a value and was a branch, or the other way round, replaces it; of two values for one
        place in one argument the first is dropped, and a warning names both. Of a class its public data attributes
        count, inherited ones too; given by keyword they stand under it.
        Every value is taken (parameter_values.py): keys that are not text become text, other objects their repr, and a
        warning says so once; secrets are kept as •••.

        Returns when the event is in the journal.
        Raises RuntimeError outside an open run; UnsupportedValue for a positional argument that holds no parameters;
        ValueError for more than 8 MiB or 100,000 keys, or a key above 1 KiB. Nothing of a call that raises is written.
        """
        writer = self._experiment._writer().stream("params")
        flat = flat_params(*values, **named)
        if flat:
            writer.append(time(), flat)
        return self

    log = set

    def get(self, flatten: bool = True, *, wait: float | None = None) -> dict[str, Any]:
        """All parameters: flat dotted keys, or nested dicts with `flatten=False`; {} before any were set.

        `wait`: seconds to wait for what this process has written (None: read_wait_s; 0: what is there).
        Raises NotYetStored.
        """
        flat = self._experiment._reader().params(checked_wait(wait))
        return flat if flatten else nest(flat)


def flat_params(*values: Any, **named: Any) -> dict[str, Any]:
    """One call's values as flat dotted keys, positional ones first. Raises as `Params.set` does."""
    flat: dict[str, Any] = {}
    for value in values:
        _lay_over(flat, _branch(value))
    _lay_over(flat, {key: parameters_of(value, key) for key, value in named.items()})
    _check_size(flat)
    return flat


def _lay_over(flat: dict[str, Any], later: dict[str, Any]) -> None:
    """Later keys stand behind earlier ones: the order within an event is that in which they count."""
    pairs = list(leaves(later))
    _say_what_is_dropped(pairs)
    for key, value in pairs:
        flat.pop(key, None)
        flat[key] = value


def _say_what_is_dropped(pairs: Sequence[tuple[str, Any]]) -> None:
    """Two values of one argument for one place: the user can't have meant both. Said once a pair of names."""
    held: dict[str, Any] = {}
    below: dict[str, str] = {}  # a branch → the last key under it
    for key, value in pairs:
        branches = branches_of(key)
        dropped = [branch for branch in (*branches, key) if branch in held and held[branch] != {}]
        if key in below and value != {}:
            dropped.append(below[key])
        for one in dropped:
            if len(_said) < 1_000 and (one, key) not in _said:
                _said.add((one, key))
                warn(f"parameters: of {one!r} and {key!r} in one call the first is dropped, for they are one place")
        held[key] = value
        below.update(dict.fromkeys(branches, key))


_said: set[tuple[str, str]] = set()


def _branch(value: Any) -> dict[str, Any]:
    """A positional argument as a dict."""
    branch = branch_of(value)
    if branch is None:
        raise UnsupportedValue(
            "params", type(value).__name__, "give a mapping, a configuration object or a class, or keywords"
        )
    return branch


def _check_size(flat: dict[str, Any]) -> None:
    for key in flat:
        check_name("parameter", key)
    if len(flat) > PARAMS_KEYS:
        raise ValueError(f"{len(flat)} parameters in one call, at most {PARAMS_KEYS} are allowed")
    size = len(msgspec.msgpack.encode(flat))
    if size > PARAMS_BYTES:
        raise ValueError(f"parameters of {size} bytes in one call, at most {PARAMS_BYTES} are allowed")
