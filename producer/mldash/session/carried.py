"""An experiment in a pickle, or in the arguments of a process that is spawned: as what it is called, not what it holds.

  in it        prefix, mode, whole paths and the other settings; what is said of the experiment, until its run starts
  not in it    secrets, and `user:password@` of an address, which are read anew from the environment where it is
               opened; the open run, what was gathered for summaries, functions for events

Where it is opened it is another object. If its run was open, the other one starts a run of its own with the first data
call there, as a forked child does; otherwise its run is started by hand. A copy within a process (`copy.deepcopy`) is
the same object: a process has one session for a prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mldash.process.environment import list_settings, resolve_settings
from mldash.settings import SdkSettings

from .jobs import without_job

if TYPE_CHECKING:
    from mldash.experiment import Experiment

_ADDRESSES: Final = ("remote", "kafka")


def carried(experiment: Experiment) -> tuple[Any, ...]:
    """What `__reduce__` returns."""
    secrets = {one.name for one in list_settings(SdkSettings, "") if one.secret}
    names = [name for name in SdkSettings.__struct_fields__ if name not in secrets]
    settings = {name: value for name in names if (value := getattr(experiment.settings, name)) is not None}
    settings |= {name: without_credentials(settings[name]) for name in _ADDRESSES if name in settings}
    settings |= {"prefix": without_job(experiment.prefix), "mode": experiment.mode}
    about = experiment._about if experiment.run.own_status == "CREATED" else {}
    return opened_there, (type(experiment), settings, about, experiment.run.is_open)


def opened_there(kind: type[Experiment], settings: dict[str, Any], about: dict[str, Any], is_open: bool) -> Experiment:
    experiment = kind.__new__(kind)
    experiment._open_again(_with_credentials(settings), about, was_open=is_open)
    return experiment


def without_credentials(addresses: str) -> str:
    """One address, or several by comma, without what stands before the host. A comma or slash in a password is %2C, %2F
    in any address that can be used."""
    return ",".join(map(_without_credentials, addresses.split(",")))


def _with_credentials(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The environment's address where it is the same one: no other host is told what was meant for it."""
    fields = resolve_settings(SdkSettings, "")
    here = {name: fields[name].value for name in _ADDRESSES}
    same = {
        name: value
        for name, value in here.items()
        if isinstance(value, str) and without_credentials(value) == settings.get(name)
    }
    return {**settings, **same}


def _without_credentials(address: str) -> str:
    before, mark, rest = address.rpartition("://") if "://" in address else ("", "", address)
    host, *path = rest.partition("/")
    return before + mark + host.rpartition("@")[2] + "".join(path)
