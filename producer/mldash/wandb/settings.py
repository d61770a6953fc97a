"""What `wandb.init` was given, its Settings and the variables WANDB_* → where a run goes, and what is said of it."""

import os
import secrets
import string
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from mldash.incoming.places import prefix_of, user_name

UNCATEGORIZED = "uncategorized"
_VARIABLES = {
    "project": "WANDB_PROJECT",
    "name": "WANDB_NAME",
    "id": "WANDB_RUN_ID",
    "group": "WANDB_RUN_GROUP",
    "job_type": "WANDB_JOB_TYPE",
    "tags": "WANDB_TAGS",
    "notes": "WANDB_NOTES",
    "entity": "WANDB_ENTITY",
    "resume": "WANDB_RESUME",
    "mode": "WANDB_MODE",
    "dir": "WANDB_DIR",
}
_OF_SETTINGS = {
    **{name: name for name in ("project", "entity", "mode", "resume")},
    **{f"run_{name}": name for name in ("name", "id", "group", "job_type", "tags", "notes")},
    "root_dir": "dir",
}
_TRUE = ("1", "true", "yes", "on")
_ALIASES = {"dryrun": "offline", "run": "online"}
MODES = ("online", "offline", "disabled", "shared")


class Settings:
    """`wandb.Settings`: every keyword is taken; those that a run is placed by count, the others are left alone."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class Place(Struct, frozen=True, kw_only=True):
    """Where a run goes. `named_id`: the id was given, so the run can be resumed by it. `of_variables`: the names that
    variables told, in which `{job}` stands for the job, as it does in MLDASH_PREFIX."""

    entity: str
    project: str
    group: str | None
    name: str | None
    id: str
    named_id: bool
    job_type: str | None
    tags: tuple[str, ...]
    notes: str | None
    resume: str | None
    mode: str
    dir: str
    of_variables: frozenset[str] = frozenset()

    @property
    def prefix(self) -> str:
        """entity / project / [group] / id where one was given, else the name, else an id that is made."""
        last = "id" if self.named_id or not self.name else "name"
        told = {name: getattr(self, name) for name in ("entity", "project", "group", last)}
        templates = {at for at, name in enumerate(told) if name in self.of_variables}
        return prefix_of(*told.values(), templates=templates)

    @property
    def metadata(self) -> dict[str, Any]:
        """Of the experiment: what the prefix does not tell for certain."""
        told = {"id": self.id, "name": self.name, "group": self.group, "job_type": self.job_type}
        return {"wandb": {name: value for name, value in told.items() if value}}


def place_of(given: Mapping[str, Any], settings: Any) -> Place:
    """An argument counts before a setting, and a setting before a variable. Raises ValueError for a mode that is
    none."""
    held = _held(settings)
    found = {name: os.environ[variable] for name, variable in _VARIABLES.items() if os.environ.get(variable)}
    told = {name: held[key] for key, name in _OF_SETTINGS.items() if held.get(key) is not None}
    told |= {name: given[name] for name in _VARIABLES if given.get(name) is not None}
    of_variables = frozenset(found.keys() - told.keys())
    found |= told
    mode = str(found.get("mode", "online"))
    mode = _ALIASES.get(mode, mode)
    if os.environ.get("WANDB_DISABLED", "").lower() in _TRUE:
        mode = "disabled"
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    return Place(
        entity=str(found.get("entity", "")) or user_name(),
        project=str(found.get("project", UNCATEGORIZED)),
        group=_text(found.get("group")),
        name=_text(found.get("name")),
        id=_text(found.get("id")) or generate_id(),
        named_id=bool(found.get("id")),
        job_type=_text(found.get("job_type")),
        tags=_tags(found.get("tags")),
        notes=_text(found.get("notes")),
        resume=_resume(found.get("resume")),
        mode=mode,
        dir=os.fspath(found.get("dir", ".")),
        of_variables=of_variables,
    )


def setting_of(name: str, given: Mapping[str, Any]) -> Any:
    """Of an argument, else of the settings that were given as one; None where neither says it."""
    return given[name] if given.get(name) is not None else _held(given.get("settings")).get(name)


def _held(settings: Any) -> Mapping[str, Any]:
    return settings if isinstance(settings, Mapping) else vars(settings or Settings())


def generate_id(length: int = 8) -> str:
    """As wandb's: lower case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    return tuple(str(tag) for tag in value or () if str(tag))


def _resume(value: Any) -> str | None:
    if isinstance(value, bool):
        return "auto" if value else None
    return _text(value)
