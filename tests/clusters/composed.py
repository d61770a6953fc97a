"""Compose's own word on deploy/compose: `make check-deploy`, where it is installed or COMPOSE names it.

It needs no engine. Built from its Go module: `go mod download -json github.com/docker/compose/v5@v5.6.0`, and in a copy
of that folder `go build -o docker-compose ./cmd`. podman-compose is no judge: it finds no misspelt key.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

_DEPLOY: Final = Path(__file__).parents[2] / "deploy"


def _found() -> list[str] | None:
    named = os.environ.get("COMPOSE") or shutil.which("docker-compose")
    if named:
        return [named]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    return None


_COMMAND: Final = _found()

pytestmark = pytest.mark.skipif(_COMMAND is None, reason="compose is not installed")


def compose(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    assert _COMMAND
    own = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE", "MLDASH"))}
    command = [*_COMMAND, "--project-directory", str(folder), "-f", str(folder / "compose.yaml"), *words]
    return subprocess.run(command, capture_output=True, text=True, env=own, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of deploy, in which make-env has run."""
    shutil.copytree(_DEPLOY / "compose", tmp_path / "compose", ignore=shutil.ignore_patterns(".env", "tls"))
    shutil.copytree(_DEPLOY / "observe", tmp_path / "observe")
    subprocess.run(["sh", str(tmp_path / "compose" / "make-env")], check=True, capture_output=True)
    return tmp_path / "compose"


@pytest.mark.parametrize("profiles", ["servers,mldash,observe", "mldash", "servers,mldash", "servers", "observe"])
def test_it_takes_the_file_without_a_warning(folder: Path, profiles: str) -> None:
    """It warns of much that is wrong, as of a variable that is not set."""
    path = folder / ".env"
    path.write_text(path.read_text().replace("servers,mldash,observe", profiles))
    done = compose(folder, "config", "--quiet")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_what_it_makes_of_it_listens_on_loopback_until_it_is_told_otherwise(folder: Path) -> None:
    def published() -> dict[str, set[str]]:
        done = compose(folder, "config", "--format", "json")
        services: dict[str, Any] = json.loads(done.stdout)["services"]
        return {name: {port["host_ip"] for port in one["ports"]} for name, one in services.items() if one.get("ports")}

    assert published() == {"api": {"127.0.0.1"}, "grafana": {"127.0.0.1"}}
    path = folder / ".env"
    path.write_text(path.read_text().replace("API_BIND=127.0.0.1", "API_BIND=0.0.0.0"))
    assert published() == {"api": {"0.0.0.0"}, "grafana": {"127.0.0.1"}}


def test_without_an_env_it_says_who_makes_one(folder: Path) -> None:
    (folder / ".env").unlink()
    done = compose(folder, "config", "--quiet")
    assert done.returncode != 0 and "run make-env" in done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("    stop_grace_period: 40s\n", "    stop_grace_perod: 40s\n"),
        ("interval: 15s", "interval: 15"),
        ("condition: service_completed_successfully, required: true", "condition: service_completed"),
    ],
)
def test_it_would_refuse_what_is_misspelt(folder: Path, right: str, wrong: str) -> None:
    path = folder / "compose.yaml"
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong, 1))
    assert compose(folder, "config", "--quiet").returncode != 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_its_file_with_the_alerts(folder: Path) -> None:
    path = folder / "prometheus.yml"
    path.write_text(path.read_text().replace("/etc/prometheus/alerts.yaml", "../observe/alerts.yaml"))
    done = subprocess.run(["promtool", "check", "config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
