"""MLDASH_… variables and TOML tables become any component's settings; the only file that reads the environment.

A component's settings are one frozen msgspec Struct. A field's value is the first of

    1. what was given by keyword (or by a command's option)
    2. its environment variable; an empty one counts as not set
    3. of a secret: the file that the variable with _FILE behind its name names, without the newline at its end
    4. its key in the component's TOML table
    5. its default

The variable is the `env` of the field's `Meta(extra={"env": …})`, which is how components share addresses, and
otherwise MLDASH_{SECTION}_{FIELD} (for the SDK, whose section is empty, MLDASH_{FIELD}). `extra={"secret": True}` marks
what no message, no listing and no `repr` may show: settings are made from `Settings`, which hides them.

Text is read by the field's type: true/false/yes/no/on/off/1/0, numbers, one of a Literal, lists by comma. A value that
does not fit is refused by name: SettingError says what came, from where, and what is allowed.
"""

from __future__ import annotations

import functools
import operator
import os
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from mldash.errors import MldashError

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)

PREFIX = "MLDASH"
HIDDEN = "•••"
OF_FILE = "_FILE"
"""Behind a secret's variable: the file that holds it."""

_TRUE = frozenset(("true", "yes", "on", "1"))
_FALSE = frozenset(("false", "no", "off", "0"))
_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every component's settings are made from: no secret is in their `repr`."""

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        named = [(setting, getattr(self, setting.name)) for setting in list_settings(type(self), "")]
        return [(one.name, HIDDEN if one.secret and value is not None else value) for one, value in named]


class SettingError(MldashError, ValueError):
    """A setting was refused: `name` came from `source` as `came`, and `allowed` says what it may be."""

    def __init__(self, name: str, source: str, came: str, allowed: str) -> None:
        super().__init__(name, source, came, allowed)  # args are the fields: the error survives pickling
        self.name, self.source, self.came, self.allowed = name, source, came, allowed

    def __str__(self) -> str:
        return f"{self.source}: {self.name} is {self.came}, allowed is {self.allowed}"


class UnknownSetting(SettingError):
    """A setting has an unknown name; `allowed` lists the known ones."""

    def __str__(self) -> str:
        return f"{self.source}: there is no setting {self.name!r}; there are {self.allowed}"


class MissingSetting(SettingError):
    """A setting without a default was given nowhere; `source` is the variable that would give it."""

    def __str__(self) -> str:
        return f"{self.name} is not set: {self.allowed}; set {self.source}"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a settings Struct, as people see it."""

    name: str
    variable: str
    kind: str
    """The type in words, with bounds: `a whole number, at least 1`."""
    default: object
    """`msgspec.NODEFAULT` where a value is required."""
    description: str
    secret: bool

    def show(self, value: object) -> str:
        """The value as a listing may print it."""
        if self.secret and value is not None:
            return HIDDEN
        if isinstance(value, (list, tuple)):
            return ",".join(str(item) for item in value)
        return "" if value is None else str(value)


def list_settings(struct: type[msgspec.Struct], section: str) -> list[Setting]:
    """Every setting of a Struct in the order of its fields; `mldash config` and docs/settings.md are made of this."""
    settings = []
    for field in msgspec.structs.fields(struct):
        metas = list(_metas(field.type))
        extra = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        settings.append(
            Setting(
                name=field.name,
                variable=extra.get("env") or "_".join(part for part in (PREFIX, section, field.name) if part).upper(),
                kind=_describe(field.type),
                default=default,
                description=" ".join(meta.description for meta in metas if meta.description),
                secret=bool(extra.get("secret")),
            )
        )
    return settings


class Resolved(msgspec.Struct, frozen=True):
    """A setting's value and where it comes from: `keyword`, a variable, a file's table, or `default`."""

    value: object
    source: str


def read_settings(
    struct: type[SettingsT],
    section: str,
    *,
    given: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    table: Mapping[str, object] | None = None,
    table_source: str = "configuration file",
    given_source: str = "keyword",
) -> SettingsT:
    """The settings of one component, from keywords, environment and a TOML table, in this order.

    A keyword that is None counts as given: leave it out to mean "not given". `environ` None is the process's own.
    `given_source` and `table_source` are what errors call the two.
    Raises SettingError: UnknownSetting, MissingSetting, or which value was refused and why.
    """
    resolved = resolve_settings(
        struct,
        section,
        given=given,
        environ=environ,
        table=table,
        table_source=table_source,
        given_source=given_source,
    )
    for setting in list_settings(struct, section):
        if setting.name not in resolved:
            meaning = setting.description.rstrip(".") or setting.kind
            raise MissingSetting(setting.name, setting.variable, "nothing", meaning)
    try:
        return struct(**{name: item.value for name, item in resolved.items()})
    except SettingError:  # of the Struct's own __post_init__, as below: values that do not go together
        raise
    except ValueError as error:
        raise SettingError(section or "settings", "together", "refused", str(error)) from error


def resolve_settings(
    struct: type[msgspec.Struct],
    section: str,
    *,
    given: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    table: Mapping[str, object] | None = None,
    table_source: str = "configuration file",
    given_source: str = "keyword",
) -> dict[str, Resolved]:
    """Each setting's value with its source, by name; those that are given nowhere and have no default are left out."""
    given = {} if given is None else given
    table = {} if table is None else table
    environ = os.environ if environ is None else environ
    settings = {setting.name: setting for setting in list_settings(struct, section)}
    hints = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for source, names in ((given_source, given), (table_source, table)):
        for name in names:
            if name not in settings:
                raise UnknownSetting(name, source, "given", _nearest(name, settings))
    resolved: dict[str, Resolved] = {}
    for name, setting in settings.items():
        if name in given:
            resolved[name] = _convert(given[name], hints[name], setting, given_source)
        elif text := environ.get(setting.variable, "").strip():
            resolved[name] = _convert(_parse(text, hints[name]), hints[name], setting, setting.variable, came=text)
        elif setting.secret and (file := environ.get(setting.variable + OF_FILE, "").strip()):
            text = _read_secret(setting, file)
            resolved[name] = _convert(text, hints[name], setting, setting.variable + OF_FILE)
        elif name in table:
            resolved[name] = _convert(table[name], hints[name], setting, table_source)
        elif setting.default is not msgspec.NODEFAULT:
            resolved[name] = Resolved(setting.default, "default")
    return resolved


def parse_text(struct: type[msgspec.Struct], name: str, text: str) -> object:
    """The value of a text given for a setting, under its type, as for a variable; unknown names stay text."""
    for field in msgspec.structs.fields(struct):
        if field.name == name:
            return _parse(text, field.type)
    return text


def to_variables(settings: msgspec.Struct, section: str) -> dict[str, str]:
    """The environment variables from which read_settings() makes these settings again; None leaves a variable out."""
    variables = {}
    for setting in list_settings(type(settings), section):
        value = getattr(settings, setting.name)
        if value is None:
            continue
        if isinstance(value, bool):
            variables[setting.variable] = "true" if value else "false"
        elif isinstance(value, (list, tuple)):
            variables[setting.variable] = ",".join(str(item) for item in value)
        else:
            variables[setting.variable] = str(value)
    return variables


def _convert(value: object, hint: Any, setting: Setting, source: str, came: object = None) -> Resolved:
    if isinstance(value, os.PathLike):  # a folder, given as a Path
        value = os.fspath(value)
    try:
        return Resolved(msgspec.convert(value, _bounds_inside(hint), strict=True), source)
    except msgspec.ValidationError as error:
        shown = HIDDEN if setting.secret else repr(value if came is None else came)
        raise SettingError(setting.name, source, shown, setting.kind) from error


def _read_secret(setting: Setting, file: str) -> str:
    """Without the newline that an editor leaves at the end. Raises SettingError, which names the file alone."""
    allowed = f"a file with {setting.kind} in UTF-8"
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        came = f"{file!r} ({error.strerror or error})"
        raise SettingError(setting.name, setting.variable + OF_FILE, came, allowed) from None
    except ValueError:  # its message holds bytes of the file
        raise SettingError(setting.name, setting.variable + OF_FILE, f"{file!r} (no text)", allowed) from None
    if not text:
        raise SettingError(setting.name, setting.variable + OF_FILE, f"{file!r} (empty)", allowed)
    return text


def _parse(text: str, hint: Any) -> object:
    """The value of the text under the type; other text stays text, which _convert then refuses."""
    members = _members(hint)
    for member in members:
        if typing.get_origin(member) in (tuple, list):
            item = typing.get_args(member)[0]
            return [_parse(part.strip(), item) for part in text.split(",") if part.strip()]
    if type(None) in members and text.lower() in ("none", "null"):
        return None
    if bool in members and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    for kind in (int, float):
        if kind in members or any(type(choice) is kind for choice in _choices(members)):
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def _bounds_inside(hint: Any) -> Any:
    """`Annotated[int | None, Meta(ge=1)]` as msgspec takes it: the bound belongs to the number, not to None."""
    if typing.get_origin(hint) is Annotated:
        inner, *annotations = typing.get_args(hint)
        if typing.get_origin(inner) in (typing.Union, types.UnionType):
            members = typing.get_args(inner)
            bounded = (m if m is type(None) else Annotated[(m, *annotations)] for m in members)
            return functools.reduce(operator.or_, bounded)
    return hint


def _metas(hint: Any) -> Iterator[msgspec.Meta]:
    """Every Meta of a type, from the outside in."""
    if typing.get_origin(hint) is Annotated:
        inner, *annotations = typing.get_args(hint)
        yield from (annotation for annotation in annotations if isinstance(annotation, msgspec.Meta))
        yield from _metas(inner)
    elif typing.get_origin(hint) in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from _metas(member)


def _members(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have, without Annotated and unions: `(str, NoneType)`."""
    if typing.get_origin(hint) is Annotated:
        return _members(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(member for part in typing.get_args(hint) for member in _members(part))
    return (hint,)


def _choices(members: tuple[Any, ...]) -> list[object]:
    return [choice for member in members if typing.get_origin(member) is Literal for choice in typing.get_args(member)]


def _describe(hint: Any) -> str:
    """The type in words, as an error or a listing names it."""
    members = _members(hint)
    parts = []
    for member in members:
        if typing.get_origin(member) is Literal:
            parts.append("one of " + ", ".join(str(choice) for choice in typing.get_args(member)))
        elif typing.get_origin(member) in (tuple, list):
            parts.append(f"a list of {_describe(typing.get_args(member)[0])}, by comma")
        elif member is type(None):
            parts.append("none")
        else:
            parts.append(_KIND_NAMES.get(member, getattr(member, "__name__", str(member))))
    text = " or ".join(parts)
    bounds = []
    for meta in _metas(hint):
        for value, words in (
            (meta.ge, "at least {}"),
            (meta.gt, "above {}"),
            (meta.le, "at most {}"),
            (meta.lt, "below {}"),
            (meta.multiple_of, "a multiple of {}"),
            (meta.pattern, "matching {}"),
            (meta.min_length, "of length {} or more"),
            (meta.max_length, "of length {} or less"),
        ):
            if value is not None:
                bounds.append(words.format(value))
    return ", ".join([text, *bounds])


def _nearest(name: str, names: Mapping[str, Setting]) -> str:
    # Imported on the way to an error only: difflib costs a user's `import mldash` nothing.
    import difflib

    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return (", ".join(near) + ", …") if near else ", ".join(names)
