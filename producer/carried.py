"""An experiment in a pickle, or in the arguments of a process that is spawned: as what it is called, not what it holds.

  in it        prefix, mode, whole paths and the other settings; what is said of the experiment, until its run starts
  not in it    secrets, which are read anew from the environment where it is opened; the open run, what was gathered
               for summaries, functions for events

Where it is opened it is another object. If its run was open, the other one starts a run of its own with the first data
call there, as a forked child does; otherwise its run is started by hand. A copy within a process (`copy.deepcopy`) is
the same object: a process has one session for a prefix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .environment import list_settings
from .settings import SdkSettings

if TYPE_CHECKING:
    from .experiment import Experiment


def carried(experiment: Experiment) -> tuple[Any, ...]:
    """What `__reduce__` returns."""
    secrets = {one.name for one in list_settings(SdkSettings, "") if one.secret}
    names = [name for name in SdkSettings.__struct_fields__ if name not in secrets]
    settings = {name: value for name in names if (value := getattr(experiment.settings, name)) is not None}
    settings |= {"prefix": experiment.prefix, "mode": experiment.mode}
    about = experiment._about if experiment.run.own_status == "CREATED" else {}
    return opened_there, (type(experiment), settings, about, experiment.run.is_open)


def opened_there(kind: type[Experiment], settings: dict[str, Any], about: dict[str, Any], is_open: bool) -> Experiment:
    from .experiment import Experiment

    experiment = kind.__new__(kind)
    Experiment.__init__(experiment, **settings)
    experiment._about = about
    experiment._opens_at_use = is_open
    return experiment
