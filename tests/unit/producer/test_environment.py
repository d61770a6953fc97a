"""Settings: where a value comes from, and what is refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from mldash.process.environment import (
    HIDDEN,
    MissingSetting,
    SettingError,
    UnknownSetting,
    list_settings,
    read_settings,
    resolve_settings,
    to_variables,
)


class Oven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a thing that is not ours, with every type that ours have."""

    address: Annotated[str, Meta(description="Where it stands.", extra={"env": "MLDASH_OVEN_ADDRESS_SHARED"})]
    heat: Annotated[int, Meta(ge=50, le=300, description="Degrees.")] = 180
    minutes: Annotated[float, Meta(gt=0)] = 12.5
    fan: bool = False
    mode: Literal["bake", "grill"] = "bake"
    level: Annotated[int | None, Meta(ge=0)] = None
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (1,)
    key: Annotated[str | None, Meta(extra={"secret": True})] = None


HERE = {"MLDASH_OVEN_ADDRESS_SHARED": "kitchen"}


def read(environ: dict[str, str] | None = None, **arguments: object) -> Oven:
    return read_settings(Oven, "oven", environ=HERE | (environ or {}), **arguments)  # type: ignore[arg-type]


def test_a_path_is_text() -> None:
    assert read(given={"address": Path("/kitchen/left")}).address == "/kitchen/left"


def test_a_keyword_wins_over_the_environment_it_over_the_file_it_over_the_default() -> None:
    assert read().heat == 180
    assert read(table={"heat": 190}).heat == 190
    assert read({"MLDASH_OVEN_HEAT": "200"}, table={"heat": 190}).heat == 200
    assert read({"MLDASH_OVEN_HEAT": "200"}, table={"heat": 190}, given={"heat": 210}).heat == 210


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("heat", "200", 200),
        ("heat", " 200 ", 200),
        ("minutes", "3", 3.0),
        ("minutes", "inf", float("inf")),
        ("fan", "Yes", True),
        ("fan", "off", False),
        ("fan", "1", True),
        ("mode", "grill", "grill"),
        ("level", "3", 3),
        ("level", "none", None),
        ("names", "a, b,c", ("a", "b", "c")),
        ("sizes", "1,2", (1, 2)),
        ("key", "123", "123"),
    ],
)
def test_text_is_read_by_the_type_of_the_setting(name: str, text: str, value: object) -> None:
    assert getattr(read({f"MLDASH_OVEN_{name.upper()}": text}), name) == value


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read({"MLDASH_OVEN_HEAT": ""}, table={"heat": 190}).heat == 190


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("heat", "hot", "a whole number, at least 50, at most 300"),
        ("heat", "20", "a whole number, at least 50, at most 300"),
        ("minutes", "0", "a number, above 0"),
        ("fan", "perhaps", "true or false"),
        ("mode", "fry", "one of bake, grill"),
        ("sizes", "1,x", "a list of a whole number, by comma"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_what_came_from_where_and_what_is_allowed(
    name: str, text: str, allowed: str
) -> None:
    variable = f"MLDASH_OVEN_{name.upper()}"
    with pytest.raises(SettingError) as caught:
        read({variable: text})
    error = caught.value
    assert (error.name, error.source, error.came, error.allowed) == (name, variable, repr(text), allowed)
    assert str(error) == f"{variable}: {name} is {text!r}, allowed is {allowed}"


def test_a_file_says_which_table_the_wrong_value_stands_in() -> None:
    with pytest.raises(SettingError, match=r"oven\.toml \[oven\]: heat is '200', allowed is a whole number"):
        read(table={"heat": "200"}, table_source="oven.toml [oven]")


def test_an_unknown_name_is_refused_and_the_nearest_one_is_named() -> None:
    with pytest.raises(UnknownSetting, match="no setting 'heet'; there are heat"):
        read(table={"heet": 200})
    with pytest.raises(UnknownSetting, match="keyword: there is no setting 'q'; there are address, heat"):
        read(given={"q": 1})


def test_a_required_setting_that_is_missing_is_named_with_its_variable() -> None:
    with pytest.raises(MissingSetting, match="address is not set: Where it stands; set MLDASH_OVEN_ADDRESS_SHARED"):
        read_settings(Oven, "oven", environ={})


def test_a_secret_is_shown_by_no_message_and_no_listing() -> None:
    with pytest.raises(SettingError) as caught:
        read(table={"key": 12345})
    assert "12345" not in str(caught.value)
    assert HIDDEN in str(caught.value)
    key = next(setting for setting in list_settings(Oven, "oven") if setting.name == "key")
    assert key.secret
    assert key.show("12345") == HIDDEN
    assert key.show(None) == ""


def test_every_setting_is_listed_with_its_variable_type_bounds_default_and_meaning() -> None:
    settings = {setting.name: setting for setting in list_settings(Oven, "oven")}
    assert list(settings) == list(Oven.__struct_fields__)
    assert settings["heat"].variable == "MLDASH_OVEN_HEAT"
    assert settings["heat"].kind == "a whole number, at least 50, at most 300"
    assert settings["heat"].default == 180
    assert settings["heat"].description == "Degrees."
    assert settings["address"].variable == "MLDASH_OVEN_ADDRESS_SHARED"
    assert next(s for s in list_settings(Oven, "") if s.name == "heat").variable == "MLDASH_HEAT"


def test_each_value_says_where_it_comes_from() -> None:
    resolved = resolve_settings(
        Oven, "oven", environ={"MLDASH_OVEN_FAN": "yes"}, table={"heat": 99}, table_source="oven.toml [oven]"
    )
    assert resolved["fan"].source == "MLDASH_OVEN_FAN"
    assert resolved["heat"].source == "oven.toml [oven]"
    assert resolved["mode"].source == "default"
    assert "address" not in resolved


def test_settings_written_as_variables_are_read_back_the_same() -> None:
    settings = Oven(address="hall", fan=True, names=("a", "b"), level=2, key="k", minutes=0.25)
    assert read_settings(Oven, "oven", environ=to_variables(settings, "oven")) == settings


def test_a_refusal_survives_pickling() -> None:
    error = SettingError("heat", "MLDASH_OVEN_HEAT", "'x'", "a number")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
