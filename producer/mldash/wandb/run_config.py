"""`wandb.config`: what a script was started with, by attribute and by item; each change becomes parameters."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mldash.callbacks import warn
from mldash.handles.values import UnsupportedValue, plain

from .errors import ConfigError

_OWN = ("_values", "_on_change", "_may_change")


class Config(Mapping[str, Any]):
    """`config.lr`, `config["lr"]`, `dict(config)`, `config.update(…)`. Nested dicts stay dicts."""

    def __init__(self, on_change: Callable[[dict[str, Any]], None], *, may_change: bool = False) -> None:
        """`on_change` is given what is new; `may_change`: values may be set anew without being asked for it."""
        self._values: dict[str, Any] = {}
        self._on_change, self._may_change = on_change, may_change

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # of a copy that is being made
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"the config has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            super().__setattr__(name, value)
        else:
            self.update({name: value})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def as_dict(self) -> dict[str, Any]:
        """A copy."""
        return {**self._values}

    def update(self, values: Any, allow_val_change: bool | None = None) -> None:
        """Values of a mapping, a namespace, absl's flags or a YAML file's path. Raises ConfigError."""
        new = mapping_of(values)
        for key, value in new.items():
            may_change = self._may_change or allow_val_change
            if key in self._values and not may_change and not _is_same(self._values[key], value):
                raise ConfigError(key, self._values[key], value)
        self._values.update(new)
        if new:
            self._on_change(new)

    def setdefaults(self, values: Any) -> None:
        """Those that are not set yet."""
        self.update({key: value for key, value in mapping_of(values).items() if key not in self._values})

    def remember(self, values: Mapping[str, Any]) -> None:
        """What a run that is resumed was started with: known, and not said again."""
        self._values.update(values)


def mapping_of(values: Any) -> dict[str, Any]:
    """What may be given as a config, as a dict with keys that are text."""
    if values is None:
        return {}
    if isinstance(values, (str, Path)):
        values = _read_yaml(Path(values))
    elif isinstance(values, argparse.Namespace):
        values = vars(values)
    elif hasattr(values, "flag_values_dict"):  # absl
        values = values.flag_values_dict()
    if not isinstance(values, Mapping):
        values = vars(values) if hasattr(values, "__dict__") else dict(values)
    return {str(key): value for key, value in values.items()}


def _read_yaml(path: Path) -> Mapping[str, Any]:
    """As wandb reads it: a key whose value is {"value": …} has that value."""
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # brought by whoever keeps settings in it
    except ImportError:
        warn(f"the config {path} is not read: pip install pyyaml")
        return {}
    found = yaml.safe_load(path.read_text()) or {}
    return {
        key: value["value"] if isinstance(value, Mapping) and "value" in value else value
        for key, value in found.items()
        if key != "wandb_version"
    }


def _is_same(old: Any, new: Any) -> bool:
    """As they are stored: a tuple is its list, an array its numbers."""
    if old is new:
        return True
    try:
        return bool(plain(old, "") == plain(new, ""))
    except UnsupportedValue:  # an object of the script's own
        pass
    try:
        return bool(old == new)
    except Exception:  # whatever it raises there: then they are two
        return False
