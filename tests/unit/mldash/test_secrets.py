"""Secrets: given by a variable or by a file, and shown nowhere."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import msgspec
import pytest
from rich.pretty import pretty_repr

from mldash.process.configuration import SECTIONS, section_of, struct_of
from mldash.process.environment import (
    HIDDEN,
    OF_FILE,
    Setting,
    SettingError,
    Settings,
    list_settings,
    read_settings,
)
from mldash.settings import SdkSettings
from mldash_compactor.settings import CompactorSettings
from tests.stack import run_mldash

REQUIRED = {
    "MLDASH_KAFKA": "k:1",
    "MLDASH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "MLDASH_KAFKA_SASL_MECHANISM": "PLAIN",
    "MLDASH_KAFKA_USERNAME": "u",
    "MLDASH_KAFKA_PASSWORD": "p",
    "MLDASH_MONGO": "mongodb://m",
}


def secrets_of(section: str) -> list[Setting]:
    return [one for one in list_settings(struct_of(section), section_of(section)) if one.secret]


SECRETS = [(section, one) for section in SECTIONS for one in secrets_of(section)]
NAMED = pytest.mark.parametrize(("section", "setting"), SECRETS, ids=[f"{name}-{one.name}" for name, one in SECRETS])


def test_every_password_key_and_token_is_marked_as_a_secret() -> None:
    """By what it is called; a file of one, a command and a user's name are none."""
    for section in SECTIONS:
        for setting in list_settings(struct_of(section), section_of(section)):
            is_named_so = setting.name.rpartition("_")[2] in ("password", "key", "keys", "secret", "token", "mongo")
            assert setting.secret == is_named_so, f"{section}.{setting.name}"


@NAMED
def test_no_repr_of_settings_holds_a_secret(section: str, setting: Setting) -> None:
    environ = REQUIRED | {setting.variable: "hunter2"}
    settings = read_settings(struct_of(section), section_of(section), environ=environ)
    assert getattr(settings, setting.name) == "hunter2"
    for shown in (repr(settings), str(settings), f"{settings}", pretty_repr(settings), repr([settings])):
        assert "hunter2" not in shown
        assert f"{setting.name}='{HIDDEN}'" in shown.replace("\n", "")


@NAMED
def test_a_secret_comes_from_a_file_without_its_last_newline(section: str, setting: Setting, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" pass word \r\n")
    environ = REQUIRED | {setting.variable + OF_FILE: str(file)}
    environ.pop(setting.variable, None)
    settings = read_settings(struct_of(section), section_of(section), environ=environ)
    assert getattr(settings, setting.name) == " pass word "


def test_the_variable_counts_before_its_file_and_the_file_before_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of the file\n")
    environ = {"MLDASH_TOKEN_FILE": str(file)}
    assert read_settings(SdkSettings, "", environ=environ, table={"token": "t"}).token == "of the file"
    assert read_settings(SdkSettings, "", environ={**environ, "MLDASH_TOKEN": "v"}).token == "v"
    assert read_settings(SdkSettings, "", environ=environ, given={"token": "k"}).token == "k"


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), (b"", "empty"), (b"\n", "empty"), (b"hunter\xff2", "no text")]
)
def test_a_secrets_file_that_can_not_be_read_is_named_and_its_content_is_not(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError) as caught:
        read_settings(SdkSettings, "", environ={"MLDASH_KAFKA_PASSWORD_FILE": str(file)})
    assert caught.value.name == "kafka_password"
    assert caught.value.source == "MLDASH_KAFKA_PASSWORD_FILE"
    assert str(file) in str(caught.value)
    assert told in str(caught.value)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


def test_a_file_is_read_for_secrets_alone(tmp_path: Path) -> None:
    """MLDASH_KAFKA_TOKEN_FILE is a setting of its own."""
    (tmp_path / "name").write_text("a\n")
    assert read_settings(SdkSettings, "", environ={"MLDASH_PREFIX_FILE": str(tmp_path / "name")}).prefix is None


def test_mldash_config_shows_no_secret_whatever_gives_it(tmp_path: Path) -> None:
    file, table = tmp_path / "secret", tmp_path / "mldash.toml"
    file.write_text("hunter2-by-file\n")
    sections: dict[str, dict[str, str]] = {}
    for section, setting in SECRETS:
        sections.setdefault(section, {})[setting.name] = "hunter2-by-table"
    table.write_text("".join(f"[{name}]\n{lines(values)}\n" for name, values in sections.items()))
    by_variable = {setting.variable: "hunter2-by-variable" for _, setting in SECRETS}
    by_file = {setting.variable + OF_FILE: str(file) for _, setting in SECRETS}
    for environment in (by_variable, by_file, {"MLDASH_CONFIG": str(table)}):
        for arguments in (("config",), ("config", "--json")):
            done = run_mldash(*arguments, **environment)
            assert "hunter2" not in done.stdout + done.stderr
    rows = json.loads(run_mldash("config", "--json", **by_file).stdout)
    for section, setting in SECRETS:
        (row,) = (one for one in rows[section] if one["name"] == setting.name)
        assert (row["value"], row["source"]) == (HIDDEN, setting.variable + OF_FILE)


def test_settings_with_secrets_still_compare_copy_and_go_to_variables() -> None:
    one = CompactorSettings(mongo="mongodb://m", s3_secret_key="hunter2")
    other = msgspec.structs.replace(one)
    assert one == other
    assert other.s3_secret_key == "hunter2"
    assert issubclass(CompactorSettings, Settings)


def lines(values: dict[str, str]) -> str:
    return "\n".join(f'{name} = "{value}"' for name, value in values.items())
