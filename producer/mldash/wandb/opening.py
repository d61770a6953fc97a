"""`wandb.init`: from its arguments to an open run."""

import sys
from collections.abc import Mapping
from typing import Any

from mldash.callbacks import warn
from mldash.experiment import Experiment
from mldash.incoming.earlier import Earlier, earlier
from mldash.incoming.starting import started

from . import current
from .boards import watch_boards
from .errors import UsageError
from .one_run import Run
from .run_config import mapping_of
from .settings import Place, place_of, setting_of

_RESUMES = ("allow", "must", "auto")


def open_run(given: Mapping[str, Any]) -> Run:
    """The run of this process that is open, or a new one: a forked child's first `init` begins one, as wandb's does.
    Raises UsageError for arguments that contradict each other."""
    reinit = _reinit_of(given)
    before = None if current.open_run is None or current.open_run.is_inherited else current.open_run
    if reinit == "finish_previous":
        for one in [one for one in current.active if not one.is_inherited]:
            one.finish()
    elif before is not None and reinit != "create_new":
        return before
    given = _with_told_id(given)
    try:
        place = place_of(given, given.get("settings"))
        experiment = _experiment(place)
    except ValueError as error:
        raise UsageError(str(error)) from None
    run = _start(experiment, place, may_change=bool(given.get("allow_val_change")))
    current.opened(run, is_current=reinit != "create_new" or before is None)
    run.config.update(_wanted(given))
    if given.get("sync_tensorboard") or given.get("tensorboard"):
        watch_boards()
    if given.get("monitor_gym"):
        run.unkept.count("monitor_gym")
    return run


def _with_told_id(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """`resume_from="ID?_step=N"` names the run to go on in. Points are only appended, so it goes on behind the last."""
    if given.get("fork_from"):
        warn(f"fork_from: the run begins anew, what {given['fork_from']!r:.120} has is not copied")
    told = given.get("resume_from")
    if not told:
        return given
    warn(f"resume_from: the run goes on behind the last step that it has, which may be another one than {told!r:.120}")
    return {**given, "id": given.get("id") or str(told).partition("?")[0], "resume": given.get("resume") or "must"}


def _reinit_of(given: Mapping[str, Any]) -> str:
    """What becomes of runs that are open. In a notebook the cell that begins one is run again: the earlier one ends."""
    asked = setting_of("reinit", given)
    if isinstance(asked, bool):
        return "finish_previous" if asked else "return_previous"
    if asked is not None and asked != "default":
        return str(asked)
    return "finish_previous" if _is_notebook() else "return_previous"


def _is_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _start(experiment: Experiment, place: Place, *, may_change: bool) -> Run:
    known = _earlier(experiment, place)
    run = Run(started(experiment), place, known.next_step, resumed=known.was_there, may_change=may_change)
    run.config.remember(known.config)
    return run


def _experiment(place: Place) -> Experiment:
    """Where it goes is for MLDASH_… to say; offline keeps a run of the pipeline in this host's journal."""
    about: dict[str, Any] = {"tags": place.tags or None, "description": place.notes, "metadata": place.metadata}
    if place.mode == "disabled":
        return Experiment(place.prefix, mode="disabled", **about)
    experiment = Experiment(place.prefix, **about)
    if place.mode == "offline" and experiment.mode == "remote":
        return Experiment(place.prefix, mode="offline", **about)
    return experiment


def _earlier(experiment: Experiment, place: Place) -> Earlier:
    """What a run that is resumed has already: nothing of one that is not.

    Raises UsageError where `resume` says "must" and it is not there, or "never" and it is.
    """
    if not place.named_id and place.resume in _RESUMES:
        warn(f"resume={place.resume!r} without an id goes on in no earlier run: give one, or set WANDB_RUN_ID")
    if not place.named_id or place.resume not in (*_RESUMES, "never"):
        return Earlier()
    found = earlier(experiment)
    if place.resume == "must" and not found.was_there and found.is_read:
        raise UsageError(f"resume='must', and there is no run {place.id} at {experiment.prefix}")
    if place.resume == "never" and found.was_there:
        raise UsageError(f"resume='never', and there is a run {place.id} at {experiment.prefix}")
    return found


def _wanted(given: Mapping[str, Any]) -> dict[str, Any]:
    config = mapping_of(given.get("config"))
    included, excluded = given.get("config_include_keys"), given.get("config_exclude_keys")
    if included and excluded:
        raise UsageError("give config_include_keys or config_exclude_keys, not both")
    if included:
        return {key: value for key, value in config.items() if key in included}
    return {key: value for key, value in config.items() if key not in (excluded or ())}
