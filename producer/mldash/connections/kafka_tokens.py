"""Tokens for Kafka (OAUTHBEARER), from a file that others renew or from a command.

    answer    from memory, while the token in hand is good
    renew     at 80 % of its life, in a task of its own; behind its end, whoever asks waits for the new one
    refused   by the broker, the next one is asked for at once, and every few seconds from then on

A JWT says itself when it ends; another token is taken to be good for half a minute. What goes wrong is a
KafkaConnectionError, which aiokafka's clients wait out; a token that has ended is never handed out. No message holds
any part of a token.

aiokafka connects again when the broker has closed a connection whose token has ended, so nothing else is done about it
but to keep its errors of that out of the log.
"""

import asyncio
import contextlib
import logging
import re
import shlex
import weakref
from base64 import urlsafe_b64decode
from pathlib import Path
from time import time
from typing import Any, Final

import aiokafka
import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from .servers import KafkaServer

COMMAND_TIMEOUT_S: Final = 10.0
_RENEWED_AT: Final = 0.8
_OPAQUE_S: Final = 30.0
_AGAIN_S: Final = 5.0
_MOST_BYTES: Final = 1 << 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750
_log = logging.getLogger(__name__)


class TokenMissing(KafkaConnectionError):
    """There is no token to sign in with, for `reason`. aiokafka tries again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class TokenProvider(AbstractTokenProvider):
    """Of one source in one loop. Its renewals end with the last client that holds it."""

    def __init__(self, source: "_TokenFile | _TokenCommand") -> None:
        self._source = source
        self._token: _Token | None = None
        self._fetched_at = 0.0
        self._refused = False
        self._renewing: asyncio.Task[None] | None = None
        self._next: asyncio.TimerHandle | None = None

    async def token(self) -> str:
        """Raises TokenMissing."""
        now = time()
        token = self._token
        is_due = self._refused and now - self._fetched_at > _AGAIN_S
        if token is None or token.ends_at <= now or is_due:
            await asyncio.shield(self._renewal())
            token = self._token
        if token is None or token.ends_at <= time():
            raise TokenMissing(f"the token of {self._source} has ended: what renews it does not, or a clock is off")
        return token.text

    def refused(self) -> None:
        """The broker does not take the token in hand."""
        self._refused = True

    def _renewal(self) -> "asyncio.Task[None]":
        """The one that runs; callers share it."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
            self._renewing.add_done_callback(_look_at)
        return self._renewing

    async def _renew(self) -> None:
        now = time()
        self._fetched_at = now
        try:
            fetched = _read(await self._source.fetch(), now)
        except TokenMissing:
            self._renew_in(_AGAIN_S)
            raise
        if self._token is None or fetched.text != self._token.text:
            self._token, self._refused = fetched, False
        life = fetched.ends_at - fetched.begun_at
        due = fetched.begun_at + _RENEWED_AT * life
        self._renew_in(due - now if due > now else max(1.0, min(_AGAIN_S, 0.05 * life)))

    def _renew_in(self, seconds: float) -> None:
        # By a weak reference: a provider that no client holds any more renews nothing.
        if self._next is not None:
            self._next.cancel()
        self._next = asyncio.get_running_loop().call_later(seconds, _renew_what_is_left, weakref.ref(self))


class _Token(msgspec.Struct, frozen=True):
    text: str
    begun_at: float
    ends_at: float

    def __repr__(self) -> str:
        return f"_Token(ends_at={self.ends_at})"


class _Claims(msgspec.Struct):
    exp: float | None = None
    iat: float | None = None


_decode_claims = msgspec.json.Decoder(_Claims).decode


class _TokenFile:
    """It is small and local, so it is read without a thread: none starts while the interpreter exits."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __str__(self) -> str:
        return f"kafka_token_file {self._path}"

    async def fetch(self) -> str:
        return self._read()

    def _read(self) -> str:
        try:
            with Path(self._path).expanduser().open("rb") as file:
                return file.read(_MOST_BYTES).decode("ascii", "replace").strip()
        except OSError as error:
            raise TokenMissing(f"{self} can't be read: {error.strerror or error}") from None


class _TokenCommand:
    """Run without a shell; what it says on stderr is not kept."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __str__(self) -> str:
        return f"kafka_token_command {self._command.split(maxsplit=1)[0]}"  # the rest may hold a secret

    async def fetch(self) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *shlex.split(self._command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise TokenMissing(f"{self} can't be run: {getattr(error, 'strerror', None) or error}") from None
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                output, _ = await process.communicate()
        except TimeoutError:
            raise TokenMissing(f"{self} has given no token within {COMMAND_TIMEOUT_S:g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise TokenMissing(f"{self} ended with code {process.returncode}: run it by hand to see why")
        return output[:_MOST_BYTES].decode("ascii", "replace").strip()


_providers: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.WeakValueDictionary[str, TokenProvider]]"
_providers = weakref.WeakKeyDictionary()


def token_provider(server: KafkaServer) -> TokenProvider:
    """The one of this loop for that source: all clients share its token."""
    for name in ("", ".consumer.fetcher", ".consumer.group_coordinator", ".producer.sender"):
        logging.getLogger(f"aiokafka{name}").addFilter(_ends)  # the same filter is added once only
    source: _TokenFile | _TokenCommand
    if server.kafka_token_file is not None:
        source = _TokenFile(server.kafka_token_file)
    else:
        source = _TokenCommand(server.kafka_token_command or "")
    key = f"{server.kafka_token_file}\n{server.kafka_token_command}"
    of_loop = _providers.setdefault(asyncio.get_running_loop(), weakref.WeakValueDictionary())
    provider = of_loop.get(key)
    if provider is None:
        provider = of_loop[key] = TokenProvider(source)
    return provider


_USUAL: Final = re.compile(
    r"KafkaConnectionError(: |\(.)Connection at .* closed|coordinator dead|^Unable to update metadata from "
)


class _EndsOfTokens(logging.Filter):
    """Makes lines of the level DEBUG of the errors that an end of a token brings. A broker that is away is told of by
    who waits for it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG or not _USUAL.search(record.getMessage()):
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


_ends: Final = _EndsOfTokens()


def _read(text: str, now: float) -> _Token:
    """The times of a token; it is the broker that checks its signature."""
    if not _TOKEN.fullmatch(text):
        raise TokenMissing("what should be a token for Kafka is empty, or holds letters that no token has")
    parts = text.split(".")
    if len(parts) != 3:
        return _Token(text, now, now + _OPAQUE_S)
    try:
        claims = _decode_claims(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, msgspec.MsgspecError):
        return _Token(text, now, now + _OPAQUE_S)
    if claims.exp is None:
        return _Token(text, now, now + _OPAQUE_S)
    return _Token(text, now if claims.iat is None else min(claims.iat, claims.exp), claims.exp)


def _renew_what_is_left(provider: "weakref.ref[TokenProvider]") -> None:
    alive = provider()
    if alive is not None:
        alive._renewal()


def _look_at(task: "asyncio.Task[None]") -> None:
    """A renewal that failed is told here: those that wait for it, if there are any, are told by the error."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("no new token for Kafka: %s", error)


_step: Any = OAuthAuthenticator.step


async def _step_or_refused(self: Any, payload: bytes | None) -> Any:
    """The broker's refusal comes with code 0 and a text (RFC 7628, 3.2.2), which aiokafka takes for success: it goes on
    until the broker closes the connection, and tells nothing."""
    if self._token_sent and payload:
        provider = self._sasl_oauth_token_provider
        if isinstance(provider, TokenProvider):
            provider.refused()
        raise SaslAuthenticationFailed("the broker refuses the token")
    return await _step(self, payload)


if aiokafka.__version__.startswith("0.14."):
    _authenticator: Any = OAuthAuthenticator
    _authenticator.step = _step_or_refused
