"""The errors of the API. Each error is one RFC 9457 problem: `type`, `title` and `status` stand on the class.

ApiError
  PortTaken        the address to listen on is another's, or not ours to take (at the start only)
  TokenFileUnusable  the file of the private token is not its owner's alone, or holds none (at the start only)
  CertificateUnusable  certificate and key can't be loaded together (at the start; later the old ones are served on)
  RequestRefused   the request came in a way that is not taken here: by whom it was sent, or passed on
  NotSignedIn      the token is missing, or does not hold: which, and where another comes from
  NotAllowed       the caller has not the right that this needs: the right, and on what
  WrongParameter   a parameter is unknown, missing, or out of what is allowed: named, with what is allowed
  TooManyRequests  this token makes more of them than it may: when the next one is taken
  SearchTooLong    lines are looked through for longer than a setting allows: how to look through fewer
  NotFound         nothing of this name
  NotAcceptable    the Accept header names no format that the route has: which there are
  AnswerTooLarge   the answer would hold more than a setting allows: how to ask for less
  ExperimentDeleted  what the reader's own process writes belongs to a deleted experiment, and is dropped
  NotYetStored     what the reader itself has written is not stored in time: what is missing
  ServerAway       MongoDB, S3 or Kafka does not answer
  TopicsMissing    Kafka answers, but not with our topics
  ReadOvertaken    the stream moved under every attempt to read it: the same again, later
  ChainHasGap      a range is in neither store: nothing is invented for it
  DamagedRange     an object on S3 is gone or broken: its range can't be read, every other can
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar


class ApiError(Exception):
    """All of ours. `retriable`: the same request may succeed later."""

    retriable: ClassVar[bool] = False
    status: ClassVar[int] = 500
    type: ClassVar[str] = "about:blank"
    title: ClassVar[str] = "Error"

    def members(self) -> dict[str, Any]:
        """The members of the problem besides type, title, status and detail."""
        return {}

    def headers(self) -> dict[str, str]:
        """Headers that the answer has to carry."""
        return {}


class PortTaken(ApiError):
    """The address can't be listened on."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host, self.port, self.reason = host, port, reason

    def __str__(self) -> str:
        return f"can't listen on {self.host}:{self.port}: {self.reason}. Set MLDASH_API_PORT to a free one, or 0"


class TokenFileUnusable(ApiError):
    """The file of the private token."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"the token file {self.path} can't be used: {self.reason}"


class CertificateUnusable(ApiError):
    """Certificate and key for TLS."""

    def __init__(self, files: str, reason: str) -> None:
        super().__init__(files, reason)
        self.files, self.reason = files, reason

    def __str__(self) -> str:
        return f"the certificate can't be loaded: {self.files}: {self.reason}"


class RequestRefused(ApiError):
    """Whoever sent it: it came in a way that is not taken here."""

    status, type, title = 403, "request-refused", "The request is not taken"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the request is not taken: {self.reason}"


class NotSignedIn(ApiError):
    """Who calls is not known. `is_invalid`: a token was sent, and does not hold."""

    status, type, title = 401, "not-signed-in", "Not signed in"

    def __init__(self, reason: str, is_invalid: bool) -> None:
        super().__init__(reason, is_invalid)
        self.reason, self.is_invalid = reason, is_invalid

    def __str__(self) -> str:
        return self.reason

    def headers(self) -> dict[str, str]:
        error = ', error="invalid_token"' if self.is_invalid else ""  # RFC 6750, section 3
        return {"WWW-Authenticate": f'Bearer realm="mldash"{error}'}


class NotAllowed(ApiError):
    """The caller is known, and has not the right. `scope`: a prefix, a project, an owner; "" is everything."""

    status, type, title = 403, "not-allowed", "Not allowed"

    def __init__(self, subject: str, right: str, scope: str) -> None:
        super().__init__(subject, right, scope)
        self.subject, self.right, self.scope = subject, right, scope

    def __str__(self) -> str:
        return (
            f"{self.subject} has no right to {self.right} {self.scope or 'everything'}: ask an admin of it for a token "
            "that has"
        )

    def members(self) -> dict[str, Any]:
        return {"right": self.right, "scope": self.scope}


class WrongParameter(ApiError):
    """A parameter of the request."""

    status, type, title = 400, "wrong-parameter", "Wrong parameter"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"

    def members(self) -> dict[str, Any]:
        return {"parameter": self.name}


class TooManyRequests(ApiError):
    """`per_s`: how many requests a second a token may make, of each API process."""

    retriable = True
    status, type, title = 429, "too-many-requests", "Too many requests"

    def __init__(self, per_s: float, wait_s: float) -> None:
        super().__init__(per_s, wait_s)
        self.per_s, self.wait_s = per_s, wait_s

    def __str__(self) -> str:
        return (
            f"more than {self.per_s:g} requests a second with one token: the next one is taken in {self.wait_s:.2g} s"
        )

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(max(1, math.ceil(self.wait_s)))}


class SearchTooLong(ApiError):
    """`looked`: lines that were looked through; `limit_s`: how long that may take."""

    status, type, title = 422, "search-too-long", "The search takes too long"

    def __init__(self, looked: int, limit_s: float) -> None:
        super().__init__(looked, limit_s)
        self.looked, self.limit_s = looked, limit_s

    def __str__(self) -> str:
        return (
            f"{self.looked} lines were looked through in {self.limit_s:g} s, and there are more: bound the time by "
            "`start` and `end`, name a `level`, or ask for fewer lines by `limit` and `offset`"
        )

    def members(self) -> dict[str, Any]:
        return {"looked": self.looked}


class NotFound(ApiError):
    """Nothing of this name."""

    status, type, title = 404, "not-found", "Not found"

    def __init__(self, what: str, name: str | None) -> None:
        super().__init__(what, name)
        self.what, self.name = what, name

    def __str__(self) -> str:
        return f"there is no unnamed {self.what}" if self.name is None else f"there is no {self.what} {self.name!r}"


class NotAcceptable(ApiError):
    """No format of the route is one that the Accept header allows."""

    status, type, title = 406, "not-acceptable", "Not acceptable"

    def __init__(self, accept: str, known: Sequence[str]) -> None:
        super().__init__(accept, known)
        self.accept, self.known = accept, known

    def __str__(self) -> str:
        return f"Accept: {self.accept}: there are {', '.join(self.known)}; or say ?format="

    def members(self) -> dict[str, Any]:
        return {"accept": list(self.known)}


class AnswerTooLarge(ApiError):
    """More than one answer may hold."""

    status, type, title = 422, "answer-too-large", "Answer too large"

    def __init__(self, count: int, limit: int, advice: str) -> None:
        super().__init__(count, limit, advice)
        self.count, self.limit, self.advice = count, limit, advice

    def __str__(self) -> str:
        return f"the answer would hold {self.count}, at most {self.limit} are allowed: {self.advice}"

    def members(self) -> dict[str, Any]:
        return {"count": self.count, "limit": self.limit}


class NotYetStored(ApiError):
    """`missing`: (kind, name, seqs still missing) of each stream that the reader has written."""

    retriable = True
    status, type, title = 504, "not-yet-stored", "Not yet stored"

    def __init__(self, missing: Sequence[tuple[str, str | None, int]], waited_s: float) -> None:
        super().__init__(missing, waited_s)
        self.missing, self.waited_s = list(missing), waited_s

    def __str__(self) -> str:
        parts = ", ".join(f"{count} of {kind} {name or ''}".rstrip() for kind, name, count in self.missing[:10])
        more = f" and {len(self.missing) - 10} streams more" if len(self.missing) > 10 else ""
        return f"after {self.waited_s:g} s not stored yet: {parts}{more}"

    def members(self) -> dict[str, Any]:
        return {"missing": [list(one) for one in self.missing]}


class ExperimentDeleted(ApiError):
    """The experiment was deleted while the session that asks was writing to it."""

    status, type, title = 410, "experiment-deleted", "The experiment was deleted"

    def __init__(self, prefix: str, session: str) -> None:
        super().__init__(prefix, session)
        self.prefix, self.session = prefix, session

    def __str__(self) -> str:
        return (
            f"{self.prefix} was deleted while session {self.session} was writing to it: what it logs is dropped. "
            "A process that starts now begins the experiment anew"
        )

    def members(self) -> dict[str, Any]:
        return {"session": self.session}


class ServerAway(ApiError):
    """A server that the API stands on; `reason` names it and says what happened."""

    retriable = True
    status, type, title = 503, "server-away", "A server does not answer"

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, reason)
        self.server, self.reason = server, reason

    def __str__(self) -> str:
        return self.reason


class TopicsMissing(ApiError):
    """Topics that should be there are not."""

    retriable = True
    status, type, title = 503, "topics-missing", "Topics are missing"

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(topics)
        self.topics = list(topics)

    def __str__(self) -> str:
        named = ", ".join(self.topics)
        return f"Kafka has no topic {named}: were topics prepared, is MLDASH_TOPIC_PREFIX right, may this API see them?"


class ReadOvertaken(ApiError):
    """The compactor moved the stream's cold end under every attempt."""

    retriable = True
    status, type, title = 503, "read-overtaken", "The stream moved while it was read"

    def __init__(self, stream: str, attempts: int) -> None:
        super().__init__(stream, attempts)
        self.stream, self.attempts = stream, attempts

    def __str__(self) -> str:
        return f"{self.stream} moved under each of {self.attempts} attempts to read it"


class ChainHasGap(ApiError):
    """An index below the stream's end is neither in a bucket nor in a chunk."""

    status, type, title = 500, "chain-has-gap", "A range is missing"

    def __init__(self, stream: str, index: int) -> None:
        super().__init__(stream, index)
        self.stream, self.index = stream, index

    def __str__(self) -> str:
        return f"{self.stream} has nothing stored at index {self.index}, though it goes on behind it"

    def members(self) -> dict[str, Any]:
        return {"index": self.index}


class DamagedRange(ApiError):
    """The object that holds [first_index, end_index) is gone, or not what the manifest says."""

    status, type, title = 500, "chunk-damaged", "A chunk is damaged"

    def __init__(self, stream: str, first_index: int, end_index: int, key: str, reason: str) -> None:
        super().__init__(stream, first_index, end_index, key, reason)
        self.stream, self.first_index, self.end_index = stream, first_index, end_index
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return (
            f"indices {self.first_index} … {self.end_index - 1} of {self.stream} can't be read: {self.reason}. "
            f"The object is {self.key}; all other ranges can be read"
        )

    def members(self) -> dict[str, Any]:
        return {"firstIndex": self.first_index, "endIndex": self.end_index, "key": self.key}
