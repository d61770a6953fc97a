"""Whoever can't get in says so, in words, within five seconds at its start: SDK, worker, API, doctor, sync alike."""

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mldash import Experiment
from mldash.connections.servers import Servers
from tests.stack import run_mldash

from .components import running, variables
from .servers import SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

SOON_S = 5.0
START_S = 15.0
"""Of a Python process on a busy machine, until it asks: not counted."""
WRONG = "not-the-password"

CASES: dict[str, tuple[str, Callable[[SecuredServers], dict[str, Any]]]] = {
    "password": ("user or password are wrong", lambda s: {"kafka_password": WRONG}),
    "authority": ("set MLDASH_KAFKA_CA_FILE", lambda s: {"kafka_ca_file": str(s.stranger.pem)}),
    "name": ("made out to another name", lambda s: {"kafka": s.kafka.replace("localhost", "127.0.0.1")}),
    "TLS on a plain port": ("take the port that speaks TLS", lambda s: {"kafka": s.kafka_open}),
    "mechanism": ("correct MLDASH_KAFKA_SASL_MECHANISM", lambda s: {"kafka_sasl_mechanism": "SCRAM-SHA-256"}),
    "rights": ("WRITE on topic", lambda s: {"kafka_username": "nobody", "kafka_password": s.password}),
}


def servers(secured: SecuredServers, **other: Any) -> Servers:
    where = secured.addresses()
    given = {name: getattr(where, name) for name in where.__struct_fields__} | secured.security() | other
    return Servers(**given)


def of_kafka(settings: Servers) -> dict[str, Any]:
    """As keywords of the SDK."""
    return {name: getattr(settings, name) for name in settings.__struct_fields__ if name.startswith("kafka")}


@pytest.fixture(scope="module", autouse=True)
def nobody(secured: SecuredServers) -> None:
    """A user without any right."""
    secured.change(secured.grants.set_password("nobody", secured.password))


@pytest.mark.parametrize("case", CASES)
def test_the_sdk_says_which_door_is_shut(secured: SecuredServers, case: str, tmp_path: Path) -> None:
    told, other = CASES[case]
    settings = servers(secured, **other(secured))
    heard, errors = threading.Event(), list[str]()
    journal = str(tmp_path / "journal")
    experiment = Experiment(
        "o/p/r", mode="remote", journal=journal, echo=False, close_timeout_s=0.1, **of_kafka(settings)
    )

    def on_error(error: Exception, attempts: int) -> None:
        errors.append(str(error))
        heard.set()

    experiment.events.on("network_error", on_error)
    begun = monotonic()
    with warnings.catch_warnings(), pytest.raises(TimeoutError, match="not delivered") as left, experiment:
        warnings.simplefilter("ignore")
        experiment.metrics("train").log(a=1)
        assert heard.wait(SOON_S)
        assert monotonic() - begun < SOON_S
        assert told in errors[0]
        experiment.flush(timeout=0.1)
    assert told in str(left.value)
    secured.assert_kept(*errors, str(left.value))


def test_without_a_function_of_the_users_it_is_a_warning(secured: SecuredServers, tmp_path: Path) -> None:
    settings = servers(secured, kafka_password=WRONG)
    script = tmp_path / "train.py"
    keywords = {name: value for name, value in of_kafka(settings).items() if name != "kafka_password"}
    script.write_text(
        "import time\nfrom mldash import Experiment\n"
        f"experiment = Experiment('o/p/r', mode='remote', journal={str(tmp_path / 'j')!r}, echo=False,"
        f" close_timeout_s=0.5, capture_context=False, **{keywords!r})\n"
        "with experiment:\n    experiment.metrics('train').log(a=1)\n    time.sleep(4)\n"
    )
    (tmp_path / "password").write_text(WRONG)
    environ = {**os.environ, "MLDASH_KAFKA_PASSWORD_FILE": str(tmp_path / "password")}
    command = [sys.executable, str(script)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ, check=False).stderr
    lines = [line for line in said.splitlines() if "MldashWarning" in line]
    assert "user or password are wrong" in lines[0]
    assert "events stay in the journal" in lines[0]
    assert WRONG not in said


@pytest.mark.parametrize("case", [one for one in CASES if one != "rights"])
def test_a_worker_ends_at_its_start_with_the_reason(secured: SecuredServers, case: str, tmp_path: Path) -> None:
    told, other = CASES[case]
    environ = variables(servers(secured, **other(secured)), tmp_path)
    with running(secured, "worker", tmp_path, environ) as worker:
        assert worker.ended(SOON_S + START_S)
        assert told in worker.output


def test_a_worker_without_rights_says_which(secured: SecuredServers, tmp_path: Path) -> None:
    settings = servers(secured, kafka_username="nobody")
    with running(secured, "worker", tmp_path, variables(settings, tmp_path)) as worker:
        assert worker.ended(SOON_S + START_S)
        assert "READ on topic mldash.metrics" in worker.output
        assert "READ on group mldash-ingest" in worker.output


@pytest.mark.parametrize("case", CASES)
def test_doctor_says_which_door_is_shut(secured: SecuredServers, case: str, tmp_path: Path) -> None:
    told, other = CASES[case]
    environ = variables(servers(secured, **other(secured)), tmp_path)
    begun = monotonic()
    done = run_mldash("doctor", "--kafka", environ.pop("MLDASH_KAFKA"), check=False, **environ)
    assert monotonic() - begun < SOON_S + START_S
    assert done.returncode == 1
    assert told in done.stdout
    secured.assert_kept(done.stdout, done.stderr)


def test_sync_does_not_wait_at_a_shut_door(secured: SecuredServers, tmp_path: Path) -> None:
    journal = str(tmp_path / "journal")
    experiment = Experiment("o/p/r", mode="offline", journal=journal, echo=False)
    with experiment:
        experiment.metrics("train").log(a=1)
    settings = servers(secured, kafka_password=WRONG)
    environ = variables(settings, tmp_path)
    begun = monotonic()
    done = run_mldash("sync", journal, "--kafka", settings.kafka, check=False, **environ)
    assert monotonic() - begun < SOON_S + START_S
    assert done.returncode == 1
    assert "kept: Kafka at" in done.stdout and "user or password are wrong" in done.stdout
    secured.assert_kept(done.stdout, done.stderr)


@pytest.mark.parametrize("command", [["tail"], ["dead-letters", "list"]])
def test_commands_that_read_topics_say_which_door_is_shut(
    secured: SecuredServers, command: list[str], tmp_path: Path
) -> None:
    environ = variables(servers(secured, kafka_password=WRONG), tmp_path)
    done = run_mldash(*command, check=False, **environ)
    assert done.returncode
    assert "user or password are wrong" in done.stderr
    assert "Traceback" not in done.stderr
    secured.assert_kept(done.stdout, done.stderr)
