"""A TOML file, the environment, flags and a running stack become each component's settings.

    [servers]   addresses that components share: kafka, mongo, s3_endpoint, …, remote
    [worker]  [compactor]  [api]  [prepare]  [topics]  [stack]  [sdk]  [log]

The file is what `--config` or MLDASH_CONFIG names. A value is the first of: a flag (`--set name=value`, or the
command's own) · the addresses of the stack that `--data` names · the environment · the component's table · [servers] ·
the default. The whole file is checked whatever component reads it: an unknown table or key, or a wrong value, is
refused by name.
"""

from __future__ import annotations

import importlib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from mldash.errors import MldashError

from .environment import (
    Resolved,
    SettingError,
    UnknownSetting,
    list_settings,
    parse_text,
    read_settings,
    resolve_settings,
)

# Where each table's Struct is; imported when used.
SECTIONS: Mapping[str, tuple[str, str]] = {
    "servers": ("mldash.connections.servers", "Servers"),
    "worker": ("mldash_ingest.settings", "WorkerSettings"),
    "compactor": ("mldash_compactor.settings", "CompactorSettings"),
    "api": ("mldash_api.settings", "ApiSettings"),
    "prepare": ("mldash_deploy.preparing.settings", "PrepareSettings"),
    "topics": ("mldash.connections.servers", "TopicSettings"),
    "stack": ("mldash_deploy.stack.settings", "StackSettings"),
    "sdk": ("mldash.settings", "SdkSettings"),
    "log": ("mldash.process.log_output", "LogSettings"),
}

# What knows the addresses of a running stack.
_STACK = ("mldash_deploy.stack.addresses", "variables_of")

# Sections whose variables have no section in their name.
_PLAIN_SECTIONS = ("servers", "sdk")

# May stand in [servers], though no server component has it: it is where the SDK finds the API.
_REMOTE = {"remote": "MLDASH_REMOTE"}

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class ConfigurationUnreadable(MldashError):
    """The TOML file is not there, or is not TOML."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"the configuration file {self.path} can't be read: {self.reason}"


class Configuration:
    """The tables of one file, checked; empty where there is none."""

    def __init__(self, path: Path | None, tables: Mapping[str, Mapping[str, object]]) -> None:
        self.path = path
        self._tables = tables
        for name, table in tables.items():
            if name not in SECTIONS:
                raise UnknownSetting(f"[{name}]", str(path), "given", ", ".join(f"[{known}]" for known in SECTIONS))
            if not isinstance(table, Mapping):
                raise SettingError(name, str(path), repr(table), f"a table: [{name}]")
            own = {key: value for key, value in table.items() if not (name == "servers" and key in _REMOTE)}
            resolve_settings(struct_of(name), section_of(name), environ={}, table=own, table_source=self._source(name))

    def table(self, section: str) -> dict[str, object]:
        """A component's own table, over what [servers] says of the addresses that it shares."""
        shared = {
            setting.variable: self._tables.get("servers", {})[setting.name]
            for setting in list_settings(struct_of("servers"), "")
            if setting.name in self._tables.get("servers", {})
        }
        for key, variable in _REMOTE.items():
            if key in self._tables.get("servers", {}):
                shared[variable] = self._tables["servers"][key]
        settings = list_settings(struct_of(section), section_of(section))
        table = {setting.name: shared[setting.variable] for setting in settings if setting.variable in shared}
        return table | dict(self._tables.get(section, {}))

    def read(self, struct: type[SettingsT], section: str, given: Mapping[str, object]) -> SettingsT:
        """The settings of a component. Raises SettingError."""
        return read_settings(
            struct,
            section_of(section),
            given=given,
            given_source="option",
            table=self.table(section),
            table_source=self._source(section),
        )

    def resolve(self, section: str) -> dict[str, Resolved]:
        """The output of `mldash config`: values and their sources."""
        return resolve_settings(
            struct_of(section), section_of(section), table=self.table(section), table_source=self._source(section)
        )

    def _source(self, section: str) -> str:
        return f"{self.path} [{section}]"


def load(path: str | None) -> Configuration:
    """The file that was named, or MLDASH_CONFIG names. Raises ConfigurationUnreadable or SettingError."""
    named = path or os.environ.get("MLDASH_CONFIG")
    if not named:
        return Configuration(None, {})
    file = Path(named).expanduser()
    try:
        with file.open("rb") as stream:
            return Configuration(file, tomllib.load(stream))
    except OSError as error:
        raise ConfigurationUnreadable(file, error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationUnreadable(file, str(error)) from error


def component_settings(
    struct: type[SettingsT],
    section: str,
    *,
    config: str | None,
    data: str | None = None,
    flags: Mapping[str, object] | None = None,
    assignments: tuple[str, ...] = (),
) -> SettingsT:
    """The settings of `mldash worker`, `compactor` and `api`. Flags that are None were not given."""
    given: dict[str, object] = {}
    if data is not None:
        given |= addresses_of_stack(struct, section, data)
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise SettingError(assignment, "--set", "without a value", "name=value")
        given[name] = parse_text(struct, name, text)
    given |= {name: value for name, value in (flags or {}).items() if value is not None}
    return load(config).read(struct, section, given)


def addresses_of_stack(struct: type[msgspec.Struct], section: str, data: str) -> dict[str, object]:
    """The settings of a component that the stack in a data folder knows, by name. Raises NotRunning."""
    module, name = _STACK
    known: Mapping[str, object] = getattr(importlib.import_module(module), name)(data)
    settings = list_settings(struct, section_of(section))
    return {setting.name: known[setting.variable] for setting in settings if setting.variable in known}


def struct_of(section: str) -> type[msgspec.Struct]:
    """A section's Struct."""
    module, name = SECTIONS[section]
    struct: type[msgspec.Struct] = getattr(importlib.import_module(module), name)
    return struct


def section_of(name: str) -> str:
    """The section as it stands in variables: `worker` in MLDASH_WORKER_…, nothing for what is shared."""
    return "" if name in _PLAIN_SECTIONS else name


def config_option(command: CommandT) -> CommandT:
    """`--config FILE`"""
    return click.option("--config", metavar="FILE", help="TOML file with settings (also MLDASH_CONFIG).")(command)


def component_options(command: CommandT) -> CommandT:
    """The options of every component's command: --config, --data, --set."""
    command = click.option(
        "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="One setting; `mldash config` lists them."
    )(command)
    command = click.option("--data", metavar="DIR", help="Use the servers of the local stack in this folder.")(command)
    return config_option(command)
