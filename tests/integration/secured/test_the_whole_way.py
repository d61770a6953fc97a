"""From log() to what readers get, over secured servers alone, with each way to sign in; and no secret anywhere."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mldash import Experiment
from tests.secret_scan import write_secret
from tests.world import prepared

from .components import running, status_of, variables
from .servers import USER, SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

NOBODY = dict.fromkeys(("kafka_username", "kafka_password"))


def way(secured: SecuredServers, name: str, folder: Path) -> dict[str, Any]:
    """Fields of Servers."""
    if name == "certificate":
        key = {"kafka_key_file": str(secured.client.key), "kafka_key_password": secured.key_password}
        mutual = {"kafka": secured.kafka_mutual, "kafka_security_protocol": "SSL", "kafka_sasl_mechanism": None}
        return secured.security(**NOBODY, **mutual, **key, kafka_cert_file=str(secured.client.cert))
    if name.startswith("token"):
        file = folder / "token"
        write_secret(file, secured.issuer.token(USER))
        source = {"kafka_token_file": str(file)} if name == "token file" else {"kafka_token_command": f"cat {file}"}
        return secured.security(**NOBODY, kafka_sasl_mechanism="OAUTHBEARER", **source)
    return secured.security(kafka_sasl_mechanism=name)


@pytest.fixture
def name(secured: SecuredServers) -> str:
    """Of topics, a group, a database and a bucket that the pipeline's user may use."""
    made = f"t{uuid.uuid4().hex[:12]}"
    asyncio.run(secured.grants.let_in([USER], made))
    return made


@pytest.mark.parametrize("by", ["SCRAM-SHA-512", "PLAIN", "token file", "token command", "certificate"])
def test_what_is_logged_is_stored_and_read(
    secured: SecuredServers,
    name: str,
    by: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The worker, the compactor and the API are processes of their own; settings by variables, secrets by files."""
    caplog.set_level("DEBUG")
    security = way(secured, by, tmp_path)
    addresses = msgspec.structs.replace(secured.addresses(), kafka=security.pop("kafka", secured.kafka))

    async def in_a_world() -> None:
        async with prepared(addresses, name, **security) as made:
            environ = variables(made.servers, tmp_path) | {"MLDASH_WORKER_GROUP": name}
            await asyncio.to_thread(log_and_read, environ)

    def log_and_read(environ: dict[str, str]) -> None:
        with (
            running(secured, "worker", tmp_path, environ) as worker,
            running(secured, "compactor", tmp_path, environ) as compactor,
            running(secured, "api", tmp_path, environ) as api,
        ):
            for component in (worker, compactor, api):
                component.until_ready()
            secured.assert_kept(str(status_of(api, "/v1/connect")))
            own = {key: value for key, value in security.items() if key.startswith("kafka_")}
            del own["kafka_security_protocol"], own["kafka_sasl_mechanism"]  # as the API says
            experiment = Experiment(
                "owner/project/run", remote=api.address, journal=str(tmp_path / "journal"), echo=False, **own
            )
            with experiment:
                train = experiment.metrics("train")
                for step in range(500):
                    train.log(step=step)
                experiment.params.set(lr=0.1)
                page = train.read(limit=1_000)
                assert [one["data"]["step"] for one in page["data"]] == list(range(500))

    asyncio.run(in_a_world())
    for path in (tmp_path / "journal").rglob("*"):
        if path.is_file():
            secured.assert_kept(path.read_bytes().decode("latin-1"))
    said = capfd.readouterr()
    secured.assert_kept(caplog.text, said.out, said.err)
