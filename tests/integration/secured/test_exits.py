"""A script that logs and ends at once: its events are delivered while the interpreter exits, where no thread starts."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mldash.connections.servers import NAME
from mldash.journal.sessions import find_sessions
from mldash_deploy.prepare import prepare
from tests.secret_scan import write_secret
from tests.world import World

from .servers import USER, SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

SCRIPT = """
import sys
from mldash import Experiment
experiment = Experiment("o/p/r", mode="remote", capture_context=False, echo=False, close_timeout_s=20)
experiment.run.start()
experiment.metrics("train").log(a=1)
"""


@pytest.fixture(scope="module")
def topics(secured: SecuredServers) -> None:
    """Of the usual names: no API says others."""

    async def make() -> None:
        made = World(secured.addresses(), NAME, **secured.security())
        await prepare(made.servers)
        await made.mongo.close()

    secured.change(secured.grants.let_in([USER], f"{NAME}."), make())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_an_exit_delivers_to_a_kafka_where_one_signs_in(
    secured: SecuredServers, topics: None, mechanism: str, tmp_path: Path
) -> None:
    write_secret(tmp_path / "password", secured.password)
    write_secret(tmp_path / "token", secured.issuer.token(USER))
    environ: dict[str, Any] = {
        "MLDASH_JOURNAL": str(tmp_path / "journal"),
        "MLDASH_KAFKA": secured.kafka,
        "MLDASH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "MLDASH_KAFKA_SASL_MECHANISM": mechanism,
        "MLDASH_KAFKA_CA_FILE": str(secured.authority.pem),
    }
    if mechanism == "OAUTHBEARER":
        environ["MLDASH_KAFKA_TOKEN_COMMAND"] = f"cat {tmp_path / 'token'}"
    else:
        environ |= {"MLDASH_KAFKA_USERNAME": USER, "MLDASH_KAFKA_PASSWORD_FILE": str(tmp_path / "password")}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environ}, check=False
    )
    assert not done.returncode and "Warning" not in done.stderr, done.stderr  # a busy machine may say "delivering …"
    assert not list(find_sessions(tmp_path / "journal")), "all is delivered, so nothing is kept"
    secured.assert_kept(done.stdout, done.stderr)
