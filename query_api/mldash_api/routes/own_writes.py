"""The headers by which a reader says what it has written, and how long it waits for it."""

import base64
import binascii
from typing import Annotated

import msgspec
from litestar.params import HeaderParameter

from mldash.answers.limits import MOST_COUNT
from mldash.events.identity import ID_BYTES, KINDS
from mldash_api.errors import WrongParameter
from mldash_api.experiments.own_writes import Written
from mldash_api.limits import MOST_WRITTEN_STREAMS

from .parameters import HEADERS, checked_count, checked_name

WrittenText = Annotated[
    str | None,
    HeaderParameter(
        name=HEADERS["written"],
        description="What the reader has written: base64url(MessagePack [[kind, name, session, next seq], …]).",
    ),
]
WaitText = Annotated[
    float | None,
    HeaderParameter(name=HEADERS["wait"], ge=0, description="Seconds to wait at most for what was written."),
]

_written = msgspec.msgpack.Decoder(list[tuple[str, str | None, bytes, int]])


def checked_written(text: str | None) -> list[Written]:
    """The header's streams. Raises WrongParameter, whatever it holds."""
    if not text:
        return []
    try:
        decoded = _written.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise WrongParameter("Mldash-Written", f"no base64url of MessagePack as described: {error}") from None
    checked_count("streams in Mldash-Written", len(decoded), MOST_WRITTEN_STREAMS)
    for kind, name, session, next_seq in decoded:
        if kind not in KINDS:
            raise WrongParameter("Mldash-Written", f"{kind!r} is no kind; there are {', '.join(KINDS)}")
        if len(session) != ID_BYTES or not 0 <= next_seq < MOST_COUNT:
            raise WrongParameter("Mldash-Written", f"a session has {ID_BYTES} bytes, a seq is not negative")
        checked_name("Mldash-Written", name or "")
    return [_as_stored(*one) for one in decoded]


def _as_stored(kind: str, name: str | None, session: bytes, next_seq: int) -> Written:
    """Params, logs and runs are one stream each, whose name is empty."""
    return Written(kind, name if kind in ("metrics", "tracks") else "", session, next_seq)
