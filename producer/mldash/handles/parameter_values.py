"""Values of parameters → plain data; each value is taken: a run must not end for the sake of its settings.

  as values.py has it     everything that it converts
  to a dict               namespaces, classes (their public data), attrs, pydantic, OmegaConf, ml_collections, confuse,
                          configurations with a to_dict() as transformers has them
  to text                 keys that are not text, and every other object: its repr of at most 4 KiB, without addresses,
                          so that each process writes the same; of a repr that raises, the name of the type
  to •••                  secrets: pydantic's, and what has their method or is named as they are

What holds itself, and what is nested more than 64 deep, is text too. What was kept as text is said, once a type. None
of the libraries is imported here.
"""

import re
import sys
from array import array
from collections import UserList, deque
from collections.abc import Mapping
from enum import Enum
from types import BuiltinFunctionType, SimpleNamespace
from typing import Any, Final

import msgspec
from msgspec import Struct

from mldash.callbacks import warn
from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.limits import NESTING, PARAMS_BYTES

from .library_arrays import is_array
from .values import UnsupportedValue, in_order, members_of, plain, type_name

REPR_BYTES: Final = 4 * 1024
HIDDEN: Final = "•••"

_AS_IT_IS = frozenset((float, bool, type(None), bytes))
_LISTS = (list, tuple, deque, UserList, array)
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+|\b0x[0-9A-Fa-f]{9,16}\b")
_SECRET_NAMES = frozenset(("Secret", "SecretStr", "SecretBytes", "SecretString", "SecretValue"))
_SECRET_METHODS = ("get_secret_value", "get_secret")
_CONFIGURATION = re.compile(r"(Config|Configuration|Settings|Options|Args|Arguments|Params|Parameters|HParams)$")
_said: set[tuple[str, str]] = set()


def parameters_of(value: Any, field: str) -> Any:
    """One value as plain data, whatever it is. Raises ValueError where it holds more values than a call may."""
    conversion = Conversion()
    found = conversion.plain(value, field, 0)
    conversion.say()
    return found


def branch_of(value: Any) -> dict[str, Any] | None:
    """The keys and values of an object that stands for a whole set of parameters; None for any other object."""
    conversion = Conversion()
    try:
        found = _class_attributes(value) if isinstance(value, type) else conversion.opened(value)
    except Exception:  # whatever a library's object raises where it is looked at
        return None
    if not isinstance(found, Mapping):
        return None
    branch: dict[str, Any] = conversion.plain(found, "params", 0)
    conversion.say()
    return branch


class Conversion:
    """Of one call's values; it remembers what was kept as text."""

    def __init__(self) -> None:
        self._around: list[int] = []  # ids of the lists and dicts around a value
        self._values = 0
        self._kept: dict[tuple[str, str], str] = {}

    def plain(self, value: Any, field: str, depth: int) -> Any:
        kind = type(value)
        if kind in _AS_IT_IS or (kind is str and value.isascii()) or (kind is int and MIN_INT <= value <= MAX_INT):
            return value
        self._values += 1
        if self._values > PARAMS_BYTES:
            raise ValueError(f"{field!r} holds more than {PARAMS_BYTES} values: no call of parameters takes so many")
        if _is_secret(value):
            return HIDDEN
        if isinstance(value, Enum):
            return self.plain(value.value, field, depth)
        if isinstance(value, (str, int)):
            return self._text_or_int(value, field)
        try:
            opened = self.opened(value)
        except Exception as error:  # whatever a library's object raises where it is looked at
            return self._as_text(value, field, f"it can't be looked into: {type(error).__name__}")
        if not isinstance(opened, (Mapping, list)):
            return self._leaf(opened, field)
        if id(value) in self._around:
            return self._as_text(value, field, "it holds itself")
        if depth >= NESTING:
            return self._as_text(value, field, f"lists and dicts nest at most {NESTING} deep")
        self._around.append(id(value))
        try:
            if isinstance(opened, list):
                return [self.plain(item, f"{field}[{at}]", depth + 1) for at, item in enumerate(opened)]
            return self._dict(opened, field, depth)
        finally:
            self._around.pop()

    def opened(self, value: Any) -> Any:
        """Mappings, and all that stands for one, as a mapping; lists and the like as a list; others as they are."""
        if isinstance(value, type):
            return _class_attributes(value) or value
        if is_array(value):
            return value
        if type(value).__name__ == "FieldReference" and type(value).__module__.startswith("ml_collections."):
            return self.opened(value.get())
        held = _held_by(value)
        if held is not None:
            return held
        if isinstance(value, (set, frozenset)):
            return in_order(value)
        return list(value) if isinstance(value, _LISTS) else value

    def say(self) -> None:
        """Warn of values kept as text, of each type once in the life of the process."""
        for (name, why), field in self._kept.items():
            if len(_said) < 1_000 and (name, why) not in _said:
                _said.add((name, why))
                warn(f"parameter {field!r:.120} ({name}) is kept as text: {why}")

    def _dict(self, values: Mapping[Any, Any], field: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in values.items():
            name = key if type(key) is str and key.isascii() else self._key(key, field)
            if item is msgspec.UNSET:
                continue
            found[name] = self.plain(item, f"{field}.{name}", depth + 1)
        return found

    def _key(self, key: Any, field: str) -> str:
        if isinstance(key, Enum) and not isinstance(key, str):
            key = key.value
        if isinstance(key, str):
            return _printable(str.__str__(key))
        self._kept.setdefault((type_name(key), "keys are text"), f"{field}.{key!r:.40}")
        if isinstance(key, bytes):
            return key.decode(errors="backslashreplace")
        return str(key) if key is None or isinstance(key, (int, float)) else repr_of(key, REPR_BYTES // 16)

    def _text_or_int(self, value: str | int, field: str) -> Any:
        try:
            return plain(value, field)
        except UnsupportedValue as error:
            self._kept.setdefault((error.type_name, error.reason), field)
            return _printable(str.__str__(value)) if isinstance(value, str) else repr_of(int(value))

    def _leaf(self, value: Any, field: str) -> Any:
        try:
            return plain(value, field)
        except UnsupportedValue as error:
            return self._as_text(value, field, error.reason)

    def _as_text(self, value: Any, field: str, why: str) -> str:
        self._kept.setdefault((type_name(value), why), field)
        return repr_of(value)


def repr_of(value: Any, most_bytes: int = REPR_BYTES) -> str:
    """The object's repr, the same in each process: without addresses, cut to its size; the type's name if it raises."""
    try:
        text = _printable(_ADDRESS.sub("", repr(value)))
    except Exception:
        return f"<{type_name(value)}>"
    encoded = text.encode()
    return text if len(encoded) <= most_bytes else encoded[: most_bytes - 3].decode(errors="ignore") + "…"


def _is_secret(value: Any) -> bool:
    """Whether it is a type that hides what it holds: pydantic's, Litestar's, Starlette's, and others named so."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return False
    if any(callable(getattr(kind, method, None)) for method in _SECRET_METHODS):
        return True
    return any(layer.__name__ in _SECRET_NAMES for layer in kind.__mro__)


def _held_by(value: Any) -> Mapping[Any, Any] | list[Any] | None:
    """The content of an object of a library of configurations, one layer; None for other objects."""
    kind = type(value)
    if kind is dict or kind in _LISTS:
        return value if kind is dict else None
    argparse = sys.modules.get("argparse")
    if isinstance(value, SimpleNamespace) or (argparse is not None and isinstance(value, argparse.Namespace)):
        return vars(value)
    for library, open_value in _LIBRARIES.items():
        if library in sys.modules and any(layer.__module__.partition(".")[0] == library for layer in kind.__mro__):
            held: Mapping[Any, Any] | list[Any] | None = open_value(value)
            if held is not None:
                return held
    if isinstance(value, Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if hasattr(kind, "__attrs_attrs__"):
        return {one.name: getattr(value, one.name) for one in kind.__attrs_attrs__ if hasattr(value, one.name)}
    if hasattr(kind, "__dataclass_fields__"):
        return members_of(value)
    if isinstance(value, Mapping):
        return value
    if callable(getattr(kind, "to_dict", None)) and any(_CONFIGURATION.search(one.__name__) for one in kind.__mro__):
        return _mapping(value.to_dict())
    return None


def _of_omegaconf(value: Any) -> Any:
    omegaconf = sys.modules["omegaconf"]
    if not omegaconf.OmegaConf.is_config(value):
        return None
    try:
        return omegaconf.OmegaConf.to_container(value, resolve=True, throw_on_missing=False)
    except omegaconf.errors.OmegaConfBaseException:  # a reference to what is not there stays as it was written
        return omegaconf.OmegaConf.to_container(value, resolve=False, throw_on_missing=False)


def _of_ml_collections(value: Any) -> Any:
    return _mapping(value.to_dict()) if hasattr(type(value), "to_dict") else None


def _of_confuse(value: Any) -> Any:
    """With what the user called a secret (`redact`) left out by it."""
    flat = getattr(value, "flatten", None)
    return None if flat is None else _mapping(flat(redact=True))


def _of_pydantic(value: Any) -> Any:
    """Fields of a model, and what it took beside them; those that it leaves out of its dumps are left out here."""
    kind = type(value)
    if hasattr(kind, "model_fields_set"):
        fields = kind.model_fields
    elif hasattr(kind, "__fields_set__"):  # version 1
        fields = {name: one.field_info for name, one in kind.__fields__.items()}
    else:
        return None
    return {name: item for name, item in value if getattr(fields.get(name), "exclude", None) is not True}


def _of_transformers(value: Any) -> Any:
    """Its to_dict() hides tokens, which are fields like others in its arguments."""
    return _mapping(value.to_dict()) if hasattr(type(value), "to_dict") else None


_LIBRARIES: Final = {
    "omegaconf": _of_omegaconf,
    "ml_collections": _of_ml_collections,
    "confuse": _of_confuse,
    "pydantic": _of_pydantic,
    "transformers": _of_transformers,
}


def _mapping(found: Any) -> Mapping[Any, Any] | None:
    return found if isinstance(found, Mapping) else None


def _class_attributes(source: type) -> dict[str, Any]:
    """Public data attributes of a class, those of its bases first; what a subclass overrides is what counts."""
    attributes: dict[str, Any] = {}
    for layer in reversed(source.__mro__[:-1]):
        attributes.update(vars(layer))
    return {name: value for name, value in attributes.items() if _is_data(name, value)} | _made_defaults(source)


def _is_data(name: str, value: Any) -> bool:
    """Not private, no function, and nothing that computes a value on an instance (property, slot)."""
    return not (name.startswith("_") or isinstance(value, BuiltinFunctionType) or hasattr(type(value), "__get__"))


def _made_defaults(source: type) -> dict[str, Any]:
    """Defaults of a dataclass or a Struct that are not attributes of the class: made anew for each instance."""
    if issubclass(source, Struct):
        fields = msgspec.structs.fields(source)
        given = {one.name: one.default for one in fields if one.default is not msgspec.NODEFAULT}
        return given | {one.name: one.default_factory() for one in fields if callable(one.default_factory)}
    members = getattr(source, "__dataclass_fields__", {})
    return {name: one.default_factory() for name, one in members.items() if callable(one.default_factory)}


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
