"""`trackio.init`: from its arguments to an open run."""

import secrets
from collections.abc import Mapping
from typing import Any

from mldash.experiment import Experiment
from mldash.incoming.earlier import Earlier, earlier
from mldash.incoming.places import prefix_of, user_name
from mldash.incoming.starting import started

from . import current
from .errors import NotAsked
from .one_run import Run

_RESUMES = ("must", "allow", "never")


def open_run(project: str, name: str | None, group: str | None, config: Mapping[str, Any] | None, resume: str) -> Run:
    """The run that was open ends first, but not that of this process' parent. Raises NotAsked."""
    before = current.open_run
    if before is not None and not before.is_inherited:
        before.finish()
    if resume not in _RESUMES:
        raise NotAsked("resume must be one of: 'must', 'allow', or 'never'")
    if resume == "must" and name is None:
        raise NotAsked("Must provide a run name when resume='must'")
    told = name or secrets.token_hex(4)
    try:
        prefix = prefix_of(user_name(), project, group, told)
    except ValueError as error:
        raise NotAsked(str(error)) from None
    about = {key: value for key, value in {"project": project, "name": told, "group": group}.items() if value}
    experiment = Experiment(prefix, metadata={"trackio": about})
    known = Earlier() if name is None or resume == "never" else earlier(experiment)
    if resume == "must" and not known.was_there and known.is_read:
        raise NotAsked(f"Run '{name}' does not exist in project '{project}'")
    run = Run(started(experiment), project, told, group, known.next_step, config or {})
    current.opened(run)
    return run
