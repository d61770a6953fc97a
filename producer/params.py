"""`experiment.params`: what the run was started with. One event a `set`, with flat dotted keys."""

import sys
from collections.abc import Mapping
from time import time
from types import BuiltinFunctionType
from typing import Any

import msgspec
from msgspec import Struct

from mldash.producer.events.identity import check_name
from mldash.producer.events.limits import PARAMS_BYTES, PARAMS_KEYS
from mldash.producer.events.merging import flatten, nest
from mldash.producer.handles import Owner
from mldash.producer.values import UnsupportedValue, plain


class Params:
    """The parameters of one experiment, over all its runs and processes."""

    __slots__ = ("_experiment",)

    def __init__(self, experiment: Owner) -> None:
        self._experiment = experiment

    def set(self, /, *values: Any, **named: Any) -> "Params":
        """Merge into what is there, key by key; later values win. Returns the params object.

        `params.set(lr=0.1, model={"depth": 4})` or `params.set(config)`, where config is a mapping, an
        `argparse.Namespace`, a dataclass, a msgspec Struct or a class. Nested dicts become dotted keys (`model.depth`);
        lists, tuples and None are values, and so is an empty dict. A key that is now a value and was a branch, or the
        other way round, replaces it. Of a class its public data attributes count, inherited ones too; given by keyword
        they stand under the class's name.

        Returns when the event is in the journal.
        Raises RuntimeError outside an open run; UnsupportedValue, naming the key and its type; ValueError for more than
        8 MiB or 100,000 keys, or a key above 1 KiB. Nothing of a call that raises is written.
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
        flat = self._experiment._reader().params(wait)
        return flat if flatten else nest(flat)


def flat_params(*values: Any, **named: Any) -> dict[str, Any]:
    """One call's values as flat dotted keys, positional ones first. Raises as `Params.set` does."""
    flat: dict[str, Any] = {}
    for value in values:
        _lay_over(flat, flatten(_branch(value)))
    _lay_over(flat, flatten(_named(named)))
    _check_size(flat)
    return flat


def _lay_over(flat: dict[str, Any], later: dict[str, Any]) -> None:
    """Later keys stand behind earlier ones: the order within an event is that in which they count."""
    for key, value in later.items():
        flat.pop(key, None)
        flat[key] = value


def _branch(value: Any) -> dict[str, Any]:
    """A positional argument as a dict."""
    if isinstance(value, type):
        return _class_attributes(value)
    converted = _value(value, "params")
    if isinstance(converted, dict):
        return converted
    raise UnsupportedValue(
        "params", type(value).__name__, "give a mapping, a Namespace, a dataclass, a Struct or a class, or keywords"
    )


def _named(named: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments as a dict; classes stand under their own names."""
    converted: dict[str, Any] = {}
    classes: dict[str, type] = {}
    for key, value in named.items():
        if not isinstance(value, type):
            converted[key] = _value(value, key)
            continue
        if classes.setdefault(value.__name__, value) is not value:
            raise ValueError(f"two classes are named {value.__name__!r}: give one of them as a dict, vars({key})")
        converted[value.__name__] = _class_attributes(value)
    return converted


def _value(value: Any, key: str) -> Any:
    return plain(_opened(value), key)


def _opened(value: Any) -> Any:
    """Namespaces and classes as dicts of what they hold, also inside of mappings, under the keys where they stand."""
    if isinstance(value, type):
        return _class_attributes(value)
    # argparse is not imported for it: a Namespace can be here only where the user has imported it.
    argparse = sys.modules.get("argparse")
    if argparse is not None and isinstance(value, argparse.Namespace):
        value = vars(value)
    return {key: _opened(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _class_attributes(source: type) -> dict[str, Any]:
    """Public data attributes of a class, those of its bases first; what a subclass overrides is what counts."""
    attributes: dict[str, Any] = {}
    for layer in reversed(source.__mro__[:-1]):
        attributes.update(vars(layer))
    attributes = {name: value for name, value in attributes.items() if _is_data(name, value)}
    attributes.update(_made_defaults(source))
    return {
        name: _class_attributes(value) if isinstance(value, type) else plain(value, name)
        for name, value in attributes.items()
    }


def _is_data(name: str, value: Any) -> bool:
    """Not private, no function, and nothing that computes a value on an instance (property, slot)."""
    return not (name.startswith("_") or isinstance(value, BuiltinFunctionType) or hasattr(type(value), "__get__"))


def _made_defaults(source: type) -> dict[str, Any]:
    """Defaults of a dataclass or a Struct that are no attributes of the class: made anew for each instance."""
    if issubclass(source, Struct):
        fields = msgspec.structs.fields(source)
        given = {one.name: one.default for one in fields if one.default is not msgspec.NODEFAULT}
        return given | {one.name: one.default_factory() for one in fields if callable(one.default_factory)}
    members = getattr(source, "__dataclass_fields__", {})
    return {name: one.default_factory() for name, one in members.items() if callable(one.default_factory)}


def _check_size(flat: dict[str, Any]) -> None:
    for key in flat:
        check_name("parameter", key)
    if len(flat) > PARAMS_KEYS:
        raise ValueError(f"{len(flat)} parameters in one call, at most {PARAMS_KEYS} are allowed")
    size = len(msgspec.msgpack.encode(flat))
    if size > PARAMS_BYTES:
        raise ValueError(f"parameters of {size} bytes in one call, at most {PARAMS_BYTES} are allowed")
