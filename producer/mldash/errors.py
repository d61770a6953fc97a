"""The SDK's own errors. Wrong arguments raise ValueError or TypeError, as docs/sdk.md says.

MldashError
  SettingError          a setting has a wrong value (environment.py)
  JournalFull           policy "raise", or nothing could be written within the close timeout
  JournalUnwritable     the folder can't be used: missing rights, another owner, no space at the start
  NotYetStored          (a TimeoutError) a read waited for this process's own events in vain
  EventsRefused         (a TimeoutError) Kafka takes some events no more, for their size: they are kept on the disk
  ServerUnreachable     (a ConnectionError) the API does not answer
  RequestRefused        the API answered with an error
    TokenRefused        401: it wants a token, and none was sent, or one that does not hold
    NotAllowed          403: the token's rights are not enough, or the request came in a way that it does not take
    TokenNotSent        the token would have gone over plain http to another host: nothing was sent
  PackageMissing        (an ImportError) a format or a command needs a package that is not installed
"""

from collections.abc import Iterable
from itertools import islice
from typing import ClassVar, Final

_NAMED: Final = 5
"""Of things that there may be many of, a message names so many."""


def few(parts: Iterable[str]) -> str:
    """The first of them by comma, and how many there are besides: no message grows with an experiment."""
    rest = iter(parts)
    text = ", ".join(islice(rest, _NAMED))
    more = sum(1 for _ in rest)
    return f"{text} and {more:,} more" if more else text


class MldashError(Exception):
    """All of ours. `retriable`: the same call may succeed later."""

    retriable: ClassVar[bool] = False


class JournalFull(MldashError):
    """No room for an event: the policy is "raise", or "block" and nothing was sent for the close timeout."""

    retriable = True

    def __init__(self, folder: str, used_bytes: int, reason: str) -> None:
        super().__init__(folder, used_bytes, reason)
        self.folder, self.used_bytes, self.reason = folder, used_bytes, reason

    def __str__(self) -> str:
        return (
            f"the journal {self.folder} is full with {self.used_bytes} bytes ({self.reason}): "
            "nothing more is taken until some of it is sent"
        )


class JournalUnwritable(MldashError):
    """The journal's folder can't be used."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return (
            f"no journal can be kept in {self.folder}: {self.reason}. "
            "Set MLDASH_JOURNAL, in local mode MLDASH_ROOT, to a folder of your own"
        )


class NotYetStored(MldashError, TimeoutError):
    """Events of this process are not readable yet. `missing`: (kind, name, seqs still missing) of each stream."""

    retriable = True

    def __init__(self, missing: list[tuple[str, str | None, int]], waited_s: float) -> None:
        super().__init__(missing, waited_s)
        self.missing, self.waited_s = missing, waited_s

    def __str__(self) -> str:
        parts = few(
            f"{count} of {kind} {name!r:.80}" if name else f"{count} of {kind}" for kind, name, count in self.missing
        )
        return f"after {self.waited_s:g} s not stored yet: {parts}. Read with wait=0 for what is there"


class EventsRefused(MldashError, TimeoutError):
    """Kafka refuses events for their size. Everything else is delivered, and these are kept in the session's folder.

    `refused`: (kind, name, events) of each stream; `kept_bytes` on the disk; `example` names one of the events.
    """

    retriable = True

    def __init__(self, refused: list[tuple[str, str | None, int]], kept_bytes: int, folder: str, example: str) -> None:
        super().__init__(refused, kept_bytes, folder, example)
        self.refused, self.kept_bytes, self.folder, self.example = refused, kept_bytes, folder, example

    def __str__(self) -> str:
        count = sum(events for _, _, events in self.refused)
        others = f" and {count - 1} more" if count > 1 else ""
        return (
            f"Kafka refuses {self.example}{others} for the size: raise max.message.bytes of the topic to 16 MiB. "
            f"Kept until then in {self.folder} ({self.kept_bytes} bytes); all else is delivered"
        )


class ServerUnreachable(MldashError, ConnectionError):
    """The API does not answer."""

    retriable = True

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"no answer from {self.address}: {self.reason}"


class PackageMissing(MldashError, ImportError):
    """What was asked for is another package's. `install`: what pip is given."""

    def __init__(self, package: str, asked_for: str, install: str) -> None:
        super().__init__(package, asked_for, install)
        self.package, self.asked_for, self.install = package, asked_for, install

    def __str__(self) -> str:
        return f"{self.asked_for} needs {self.package}, which is not installed: pip install '{self.install}'"


class RequestRefused(MldashError):
    """The API answered with an error (RFC 9457 problem)."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(status, title, detail)
        self.status, self.title, self.detail = status, title, detail
        self.retry_after_s: float | None = None
        """What the answer's Retry-After asked for, in seconds."""

    def __str__(self) -> str:
        return f"{self.title} ({self.status}): {self.detail}"


class TokenRefused(RequestRefused):
    """The API does not know who asks."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(401, "Not signed in", detail)
        self.args = (address, detail)
        self.address = address

    def __str__(self) -> str:
        return f"{self.address} lets nobody in without a token that holds: {self.detail or 'set MLDASH_TOKEN'}"


class NotAllowed(RequestRefused):
    """The API knows who asks, and refuses it; `detail` says what to do."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(403, "Not allowed", detail)
        self.args = (address, detail)
        self.address = address

    def __str__(self) -> str:
        return f"{self.address} does not allow it: {self.detail or 'ask an admin for a token with the right'}"


class TokenNotSent(RequestRefused):
    """Whoever is between this host and the API could have read the token."""

    def __init__(self, address: str) -> None:
        super().__init__(0, "Token not sent", address)
        self.args = (address,)
        self.address = address

    def __str__(self) -> str:
        return (
            f"the token is not sent to {self.address}, for others could read it on the way: give the address with "
            "https://, unset MLDASH_TOKEN, or set MLDASH_TOKEN_OVER_HTTP=true"
        )
