"""File, environment, flags and a running stack become settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldash.connections.servers import Servers
from mldash.process.configuration import (
    SECTIONS,
    ConfigurationUnreadable,
    component_settings,
    load,
    section_of,
    struct_of,
)
from mldash.process.environment import SettingError, UnknownSetting, list_settings
from mldash.settings import SdkSettings
from mldash_api.settings import ApiSettings
from mldash_compactor.settings import CompactorSettings
from mldash_deploy.stack.data_folder import DataFolder, State
from mldash_deploy.stack.errors import NotRunning
from mldash_ingest.settings import WorkerSettings

FILE = """
[servers]
kafka = "broker:9092"
mongo = "mongodb://m"
remote = "http://api:1"

[worker]
batch_records = 77
mongo = "mongodb://the-workers-own"

[log]
level = "debug"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mldash.toml"
    path.write_text(FILE)
    return str(path)


def test_components_share_the_servers_table_and_their_own_wins(file: str) -> None:
    worker = component_settings(WorkerSettings, "worker", config=file)
    assert (worker.kafka, worker.mongo, worker.batch_records) == ("broker:9092", "mongodb://the-workers-own", 77)
    assert component_settings(CompactorSettings, "compactor", config=file).mongo == "mongodb://m"
    assert component_settings(SdkSettings, "sdk", config=file).remote == "http://api:1"


def test_the_environment_wins_over_the_file_and_an_option_over_both(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDASH_WORKER_BATCH_RECORDS", "88")
    assert component_settings(WorkerSettings, "worker", config=file).batch_records == 88
    options = ("batch_records=99", "group=g")
    settings = component_settings(WorkerSettings, "worker", config=file, assignments=options)
    assert (settings.batch_records, settings.group) == (99, "g")


def test_a_variable_names_the_file(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDASH_CONFIG", file)
    assert component_settings(WorkerSettings, "worker", config=None).batch_records == 77


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[workers]\n", r"mldash\.toml: there is no setting '\[workers\]'; there are \[servers\], \[worker\]"),
        ("[worker]\nbatch = 1\n", r"\[worker\]: there is no setting 'batch'; there are"),
        ("[servers]\nkafak = 'a'\n", r"\[servers\]: there is no setting 'kafak'; there are kafka"),
        ("[api]\nport = 70000\n", r"\[api\]: port is 70000, allowed is a whole number, at least 0, at most 65535"),
        ("[log]\nlevel = 'loud'\n", r"\[log\]: level is 'loud', allowed is one of debug, info, warning, error"),
        ("worker = 1\n", "worker is 1, allowed is a table"),
    ],
)
def test_what_is_wrong_anywhere_in_the_file_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mldash.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=told):
        component_settings(WorkerSettings, "worker", config=str(path))


def test_a_file_that_is_not_there_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnreadable, match=r"none\.toml can't be read: No such file"):
        load(str(tmp_path / "none.toml"))
    (tmp_path / "torn.toml").write_text("[worker")
    with pytest.raises(ConfigurationUnreadable, match=r"torn\.toml can't be read"):
        load(str(tmp_path / "torn.toml"))


def test_an_option_of_a_setting_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownSetting, match="option: there is no setting 'nothing'"):
        component_settings(WorkerSettings, "worker", config=None, assignments=("nothing=1",))
    with pytest.raises(SettingError, match="allowed is name=value"):
        component_settings(WorkerSettings, "worker", config=None, assignments=("slot",))


def test_a_data_folder_gives_the_addresses_of_its_running_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLDASH_KAFKA", "elsewhere:1")
    folder = DataFolder(tmp_path)
    with pytest.raises(NotRunning, match="no stack runs on"):
        component_settings(WorkerSettings, "worker", config=None, data=str(tmp_path))
    servers = Servers(kafka="here:1", mongo="mongodb://here", s3_endpoint="http://here", s3_access_key="a")
    folder.lock()
    folder.write_state(State(supervisor_pid=1, supervisor_created=0, servers=servers, api="http://api:2"))
    try:
        worker = component_settings(WorkerSettings, "worker", config=None, data=str(tmp_path))
        api = component_settings(ApiSettings, "api", config=None, data=str(tmp_path), flags={"port": 5, "host": None})
    finally:
        folder.unlock()
    assert (worker.kafka, worker.mongo) == ("here:1", "mongodb://here")
    assert (api.kafka, api.s3_endpoint, api.s3_access_key, api.port) == ("here:1", "http://here", "a", 5)


def test_components_that_share_a_variable_agree_on_its_type_and_default() -> None:
    """Kafka's address is one thing: no component may read the same variable differently."""
    seen: dict[str, tuple[str, object]] = {}
    for section in ("servers", "worker", "compactor", "api"):
        for setting in list_settings(struct_of(section), section_of(section)):
            kind = seen.setdefault(setting.variable, (setting.kind, setting.default))
            assert kind == (setting.kind, setting.default), setting.variable


def test_every_setting_has_a_sentence_that_says_what_it_is() -> None:
    for section in SECTIONS:
        for setting in list_settings(struct_of(section), section_of(section)):
            assert setting.description.endswith("."), f"{section}.{setting.name}"
