"""A training host without credentials of its own, whose API hands out a user of Kafka."""

import asyncio
import uuid
from pathlib import Path
from time import time

import pytest

from mldash import Experiment
from mldash_api.rights.caller import Grant
from mldash_api.rights.tokens import NewToken, create_token
from tests.world import prepared

from .components import running, variables
from .servers import USER, SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]


def test_the_sdk_signs_in_to_kafka_as_the_user_that_the_api_hands_out(
    secured: SecuredServers, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Straight to Kafka. With a token that may not write everything it sends to the API, without a word: no user is
    handed out, and Kafka is not tried. The password is nowhere."""
    caplog.set_level("DEBUG")
    name = f"t{uuid.uuid4().hex[:12]}"
    asyncio.run(secured.grants.let_in([USER], name))

    async def in_a_world() -> None:
        async with prepared(secured.addresses(), name, **secured.security()) as made:
            tokens = list[str]()
            for scope in ("", "owner"):
                asked = NewToken(subject="job", grants=(Grant("write", scope),), expires_at=None)
                tokens.append((await create_token(made.mongo, asked, "test", time()))[0])
            environ = variables(made.servers, tmp_path)
            environ |= {
                "MLDASH_AUTH": "tokens",
                "MLDASH_API_PUBLIC_KAFKA_USERNAME": USER,
                "MLDASH_API_PUBLIC_KAFKA_PASSWORD_FILE": environ["MLDASH_KAFKA_PASSWORD_FILE"],
                "MLDASH_API_HAND_OUT_KAFKA_CREDENTIALS": "true",
            }
            await asyncio.to_thread(log, environ, *tokens)

    def log(environ: dict[str, str], everywhere: str, owner: str) -> None:
        with running(secured, "api", tmp_path, environ) as api:
            api.until_ready()
            shared = {"remote": api.address, "journal": str(tmp_path / "journal"), "echo": False}
            trusting = {**shared, "kafka_ca_file": str(secured.authority.pem)}
            for prefix, token, way in (("owner/a/run", everywhere, "kafka"), ("owner/b/run", owner, "auto")):
                with Experiment(prefix, token=token, transport=way, **trusting) as experiment:  # type: ignore[arg-type]
                    experiment.metrics("train").log(step=1)
                    experiment.flush(timeout=60)

    asyncio.run(in_a_world())
    for path in (tmp_path / "journal").rglob("*"):
        if path.is_file():
            secured.assert_kept(path.read_bytes().decode("latin-1"))
    said = capfd.readouterr()
    secured.assert_kept(caplog.text, said.out, said.err)
