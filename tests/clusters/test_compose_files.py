"""Rules of deploy/compose, over its parsed files; `make check-deploy` asks compose itself (composed.py)."""

import re
import shutil
import ssl
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mldash.process.configuration import SECTIONS, section_of, struct_of
from mldash.process.environment import list_settings, read_settings

_DEPLOY: Final = Path(__file__).parents[2] / "deploy"
_FOLDER: Final = _DEPLOY / "compose"
_TEXT: Final = (_FOLDER / "compose.yaml").read_text()
_COMPOSE: Final[dict[str, Any]] = yaml.safe_load(_TEXT)
_SERVICES: Final[dict[str, dict[str, Any]]] = _COMPOSE["services"]
_OURS: Final = {"prepare", "worker", "compactor", "api"}
_GIVEN: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def filled_in(text: str, given: dict[str, str]) -> str:
    """As compose does with ${NAME}, ${NAME:-default} and ${NAME:?why}."""

    def value(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        if how == "-":
            return given.get(name) or str(rest)
        return given[name]

    return _GIVEN.sub(value, text)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after make-env."""
    folder = tmp_path_factory.mktemp("compose") / "compose"
    shutil.copytree(_FOLDER, folder, ignore=shutil.ignore_patterns(".env", "tls"))
    make_env(folder, "box.example.org", "10.0.0.7")
    return folder


def make_env(folder: Path, *names: str) -> str:
    done = subprocess.run(["sh", str(folder / "make-env"), *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def variables(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_the_profiles_are_servers_mldash_and_observe() -> None:
    profiles: dict[str, set[str]] = {}
    for name, service in _SERVICES.items():
        (profile,) = service["profiles"]
        profiles.setdefault(profile, set()).add(name)
    assert profiles == {
        "servers": {"kafka", "mongo", "s3"},
        "mldash": _OURS,
        "observe": {"prometheus", "grafana"},
    }


def test_only_the_api_and_grafana_are_published_and_only_the_api_can_be_beyond_loopback() -> None:
    published = {name: service["ports"] for name, service in _SERVICES.items() if "ports" in service}
    assert published == {
        "api": ["${API_BIND:-127.0.0.1}:${API_PORT:-8700}:8700"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"],
    }
    assert not any("network_mode" in service for service in _SERVICES.values())


def test_servers_that_ask_for_no_password_stand_on_a_network_that_leads_nowhere() -> None:
    assert _COMPOSE["networks"]["servers"] == {"internal": True}
    for name in ("kafka", "mongo", "s3", "prometheus"):
        assert _SERVICES[name]["networks"] == ["servers"]


def test_the_api_takes_tokens_alone_and_speaks_tls(made: Path) -> None:
    texts = {name: filled_in(value, variables(made)) for name, value in _SERVICES["api"]["environment"].items()}
    settings: Any = read_settings(struct_of("api"), section_of("api"), environ=texts)
    assert (settings.auth, settings.host, settings.port) == ("tokens", "0.0.0.0", 8700)
    assert settings.tls_cert_file and settings.tls_key_file
    assert len(settings.signing_keys) >= 32 and not settings.hand_out_kafka_credentials


@pytest.mark.parametrize("name", sorted(_OURS))
def test_its_variables_are_settings_of_the_component(made: Path, name: str) -> None:
    known = {one.variable for one in list_settings(struct_of(name), section_of(name))}
    texts = {key: filled_in(value, variables(made)) for key, value in _SERVICES[name]["environment"].items()}
    shared = {one.variable for section in SECTIONS for one in list_settings(struct_of(section), section_of(section))}
    assert set(texts) <= shared and len(set(texts) & known) >= 2
    read_settings(struct_of(name), section_of(name), environ=texts)


@pytest.mark.parametrize("name", sorted(_OURS))
def test_ours_may_do_as_little_as_can_be(name: str) -> None:
    service = _SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"] and service["user"].startswith("${RUN_AS:?")
    assert [one.partition(":")[0] for one in service["tmpfs"]] == ["/tmp"]
    assert all(one.endswith(":ro") for one in service.get("volumes", []))


@pytest.mark.parametrize("name", sorted(set(_SERVICES) - {"prepare"}))
def test_what_goes_on_has_a_health_check_is_started_again_and_keeps_bounded_logs(name: str) -> None:
    service = _SERVICES[name]
    check = service["healthcheck"]
    assert check["test"][0] == "CMD" and {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize(("name", "port"), [("worker", 8701), ("compactor", 8702), ("api", 8703)])
def test_a_health_check_asks_the_port_that_is_listened_on_and_no_argument_has_a_blank(name: str, port: int) -> None:
    """Podman's Docker API splits arguments at blanks."""
    service = _SERVICES[name]
    assert service["environment"][f"MLDASH_{name.upper()}_HEALTH_PORT"] == str(port)
    words = service["healthcheck"]["test"]
    assert f"http://127.0.0.1:{port}/readyz" in words[-1] and not any(" " in word for word in words)
    compile(words[-1], name, "eval")


def test_nothing_of_ours_starts_before_prepare_is_through_and_that_waits_for_servers_that_are_started_here() -> None:
    for name in _OURS - {"prepare"}:
        assert _SERVICES[name]["depends_on"] == {
            "prepare": {"condition": "service_completed_successfully", "required": True}
        }
    waits = _SERVICES["prepare"]["depends_on"]
    assert waits == {one: {"condition": "service_healthy", "required": False} for one in ("kafka", "mongo", "s3")}
    assert _SERVICES["prepare"]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(_SERVICES))
def test_an_image_is_a_variable_with_a_public_name_and_a_version_as_default(name: str) -> None:
    (variable, how, default) = _GIVEN.findall(_SERVICES[name]["image"])[0]
    assert variable.endswith("_IMAGE") and how == "-"
    assert ":" in default and (name in _OURS) == default.startswith("localhost/mldash:")
    assert name in _OURS or not default.endswith(":latest")


def test_data_lie_in_named_volumes_and_each_is_used() -> None:
    used = {
        volume.partition(":")[0]
        for service in _SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "$"))
    }
    assert used == set(_COMPOSE["volumes"]) and {"kafka", "mongo", "s3"} <= used


def test_files_that_are_mounted_are_there() -> None:
    for service in _SERVICES.values():
        for volume in service.get("volumes", []):
            if volume.startswith("."):
                assert (_FOLDER / volume.partition(":")[0]).exists(), volume


def test_every_variable_that_must_be_given_is_given_by_make_env(made: Path) -> None:
    demanded = {name for name, how, _ in _GIVEN.findall(_TEXT) if how != "-"}
    assert demanded and demanded <= set(variables(made))
    assert len(_GIVEN.findall(_TEXT)) == _TEXT.count("${"), "compose fills in blanks for what it does not know"
    assert set(variables(made)) <= {name for name, _, _ in _GIVEN.findall(_TEXT)} | {"COMPOSE_PROFILES"}


def test_make_env_makes_secrets_that_nobody_else_has_and_none_twice(made: Path) -> None:
    found = variables(made)
    secrets = [found[name] for name in ("MLDASH_S3_SECRET_KEY", "MLDASH_SIGNING_KEYS", "GRAFANA_PASSWORD")]
    assert len(set(secrets)) == 3 and all(re.fullmatch(r"[0-9a-f]{64}", secret) for secret in secrets)
    for path in (made / ".env", made / "tls" / "tls.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (made / "tls" / "ca.key").exists()
    assert found["RUN_AS"].partition(":")[0] != "0" and found["API_BIND"] == "127.0.0.1"
    assert str((made / "tls" / "tls.key").stat().st_uid) == found["RUN_AS"].partition(":")[0]
    before = {path: path.read_bytes() for path in (made / ".env", made / "tls" / "tls.crt")}
    assert make_env(made) == ""
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(
    ("name", "fits"), [("localhost", True), ("127.0.0.1", True), ("box.example.org", True), ("10.0.0.8", False)]
)
def test_the_certificate_is_for_this_host_and_as_strict_as_python_wants_it(made: Path, name: str, fits: bool) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made / "tls" / "tls.crt", made / "tls" / "tls.key")
    asking = ssl.create_default_context(cafile=str(made / "tls" / "ca.pem"))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = asking.wrap_bio(to_client, to_server, server_hostname=name)
    if not fits:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(client, server)
        return
    shake_hands(client, server)
    assert client.version() == "TLSv1.3"


def shake_hands(client: ssl.SSLObject, server: ssl.SSLObject) -> None:
    waiting = [client, server]
    while waiting:
        for side in [*waiting]:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


def test_prometheus_asks_each_component_and_knows_the_alerts() -> None:
    found = yaml.safe_load((_FOLDER / "prometheus.yml").read_text())
    asked = {job["job_name"]: job["dns_sd_configs"][0] for job in found["scrape_configs"]}
    assert {name: one["port"] for name, one in asked.items()} == {"worker": 8701, "compactor": 8702, "api": 8703}
    assert all(one["names"] == [name] and one["type"] == "A" for name, one in asked.items())
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in _SERVICES["prometheus"]["volumes"]}
    for file in found["rule_files"]:
        assert (_FOLDER / mounted[file]).resolve() == _DEPLOY / "observe" / "alerts.yaml"


def test_grafana_is_given_prometheus_and_the_dashboards() -> None:
    (source,) = yaml.safe_load((_FOLDER / "grafana" / "source.yaml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((_FOLDER / "grafana" / "dashboards.yaml").read_text())["providers"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in _SERVICES["grafana"]["volumes"]}
    assert (_FOLDER / mounted[provider["options"]["path"]]).resolve() == _DEPLOY / "observe" / "dashboards"
