"""Tokens for Kafka: from memory, renewed before they end, and never one that has ended."""
# ruff: noqa: ASYNC240 - small files of the test's own

import asyncio
import gc
import json
import logging
import sys
import weakref
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time
from typing import Any

import aiokafka
import pytest
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from mldash.connections import kafka_tokens
from mldash.connections.kafka_tokens import TokenMissing, TokenProvider, token_provider
from mldash.connections.servers import KafkaServer
from tests.secret_scan import write_secret

MANY_S = 20.0


def jwt(life_s: float, name: str = "one") -> str:
    """As an issuer gives it, but for the signature, which only a broker checks."""
    now = time()
    said = {"iat": now, "exp": now + life_s, "sub": name}
    return ".".join(urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in ({}, said, {}))


def of_file(path: Path) -> TokenProvider:
    return token_provider(server(kafka_token_file=str(path)))


def of_command(command: str) -> TokenProvider:
    return token_provider(server(kafka_token_command=command))


def server(**source: str) -> KafkaServer:
    return KafkaServer(kafka="k:1", kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER", **source)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


async def test_a_token_is_fetched_once_for_all_clients_of_a_loop(tmp_path: Path, file: Path) -> None:
    write_secret(file, jwt(3_600))
    calls = tmp_path / "calls"
    script = tmp_path / "give"
    script.write_text(f"echo x >> {calls}\ncat {file}\n")
    first, second = of_command(f"sh {script}"), of_command(f"sh {script}")
    assert first is second
    tokens = await asyncio.gather(*(first.token() for _ in range(5)))
    assert {*tokens, await second.token()} == {file.read_text()}
    assert calls.read_text() == "x\n"


async def test_it_is_renewed_at_four_fifths_of_its_life_while_nobody_waits(file: Path) -> None:
    write_secret(file, old := jwt(5.0, "old"))
    provider = of_file(file)
    assert await provider.token() == old
    write_secret(file, new := jwt(3_600, "new"))
    assert await provider.token() == old
    begun = monotonic()
    await until(lambda: provider._token is not None and provider._token.text == new)
    assert 3.0 < monotonic() - begun < 5.0, "before its end, and not at once"


async def test_a_token_that_has_ended_is_never_handed_out(file: Path) -> None:
    write_secret(file, jwt(-1.0))
    with pytest.raises(TokenMissing, match="has ended") as caught:
        await of_file(file).token()
    assert isinstance(caught.value, KafkaConnectionError)
    assert caught.value.retriable


async def test_after_the_end_one_waits_for_the_next(file: Path) -> None:
    write_secret(file, jwt(0.3, "old"))
    provider = of_file(file)
    await provider.token()
    await until(lambda: provider._token is not None and provider._token.ends_at <= time())
    write_secret(file, new := jwt(3_600, "new"))
    assert await provider.token() == new


async def test_a_token_that_the_broker_refuses_is_asked_for_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_tokens, "_AGAIN_S", 0.0)
    write_secret(file, jwt(3_600, "old"))
    provider = of_file(file)
    old = await provider.token()
    write_secret(file, new := jwt(3_600, "new"))
    authenticator = OAuthAuthenticator(sasl_oauth_token_provider=provider)
    await authenticator.step(None)
    with pytest.raises(SaslAuthenticationFailed):
        await authenticator.step(b'{"status":"invalid_token"}')
    assert await provider.token() == new != old


@pytest.mark.parametrize(
    ("text", "told"), [("", "empty"), ("<html>sorry</html>", "letters that no token has"), ("a\nb", "letters")]
)
async def test_what_is_no_token_is_not_sent(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(TokenMissing, match=told) as caught:
        await of_file(file).token()
    assert not text or text not in str(caught.value)


async def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(TokenMissing, match=f"{file} can't be read: No such file"):
        await of_file(file).token()


async def test_a_command_that_fails_is_named_without_its_arguments_and_output(tmp_path: Path) -> None:
    script = tmp_path / "give"
    script.write_text("echo geheim; echo geheim >&2; exit 3\n")
    with pytest.raises(TokenMissing, match="kafka_token_command sh ended with code 3") as caught:
        await of_command(f"sh {script} --secret=geheim").token()
    assert "geheim" not in repr(caught.value) + str(caught.value)
    with pytest.raises(TokenMissing, match="can't be run: No such file"):
        await of_command(str(tmp_path / "nothing")).token()


async def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_tokens, "COMMAND_TIMEOUT_S", 0.2)
    begun = monotonic()
    with pytest.raises(TokenMissing, match=r"no token within 0\.2 s"):
        await of_command(f"{sys.executable} -c 'import time; time.sleep(100)'").token()
    assert monotonic() - begun < MANY_S


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("aiokafka", "Unable to request metadata from \"k:1\": KafkaConnectionError('Connection at k:1 closed')"),
        ("aiokafka", "Unable to update metadata from [1]"),
        ("aiokafka.consumer.fetcher", "Failed fetch messages from 1: KafkaConnectionError: Connection at k:1 closed"),
        ("aiokafka.consumer.group_coordinator", "Marking the coordinator dead (node 1) for group g"),
    ],
)
async def test_what_an_end_of_a_token_brings_is_for_who_debugs(file: Path, name: str, text: str) -> None:
    of_file(file)
    usual, other = (logging.makeLogRecord({"levelno": logging.ERROR, "name": name, "msg": one}) for one in (text, "?"))
    for one in (usual, other):
        logging.getLogger(name).filter(one)
    assert (usual.levelno, other.levelno) == (logging.DEBUG, logging.ERROR)


async def test_with_its_last_client_a_provider_goes(file: Path) -> None:
    """Its next renewal does not hold it."""
    write_secret(file, jwt(3_600))
    provider = of_file(file)
    await provider.token()
    left = weakref.ref(provider)
    del provider
    gc.collect()
    assert left() is None


async def test_aiokafka_still_takes_a_refusal_for_success() -> None:
    """When this fails, aiokafka has mended it: take `_step_or_refused` away, and the version of the check with it."""
    assert aiokafka.__version__.startswith("0.14."), "look whether it is still needed, then raise the version"
    authenticator: Any = OAuthAuthenticator(sasl_oauth_token_provider=None)
    authenticator._token_sent = True
    assert await kafka_tokens._step(authenticator, b'{"status":"invalid_token"}') is None
    with pytest.raises(SaslAuthenticationFailed):
        await authenticator.step(b'{"status":"invalid_token"}')
    assert await authenticator.step(b"") is None


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(MANY_S):
        while not holds():  # noqa: ASYNC110 - a timer's doing
            await asyncio.sleep(0.01)
