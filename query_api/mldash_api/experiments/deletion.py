"""Deleting many experiments in two steps: what would go is shown, and then what was shown goes, and nothing else.

What is shown is a list of (experiment, generation), and the token says it: so whatever a filter finds by then, and
whoever makes an experiment anew meanwhile, only those go. It gives no right: whoever comes with it needs `admin` of
each.

To delete is to raise the generation, by which all of it is invisible at once; what is left in the stores is a
compactor's to delete (docs/protocol.md 7).
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.events.identity import ID_BYTES
from mldash_api.errors import WrongParameter
from mldash_api.seam.cold import all_of
from mldash_ingest.documents.changes import Who, record_change
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.removal_counts import Counts, count
from mldash_ingest.documents.removals import Target, raise_generation, target_of

TOKEN_S: Final = 3_600.0
_VERSION: Final = 1
_LIVE_S: Final = 60.0
_AT_ONCE: Final = 8
"""Experiments whose documents are counted at the same time."""


class Shown(NamedTuple):
    id: bytes
    generation: int


class Going(NamedTuple):
    """An experiment that is there, and what would go with it."""

    target: Target
    counts: Counts


class _Token(Struct, frozen=True, array_like=True):
    version: int
    until: float
    shown: list[tuple[bytes, int]]


_decode = msgspec.msgpack.Decoder(_Token).decode


async def look_at(mongo: Mongo, ids: Sequence[bytes], now: float) -> list[Going]:
    """Those of these that are there, in their order. Reads only."""
    found = list[Going]()
    for first in range(0, len(ids), _AT_ONCE):
        found += [
            one for one in await all_of([_going(mongo, id_, now) for id_ in ids[first : first + _AT_ONCE]]) if one
        ]
    return found


async def _going(mongo: Mongo, id_: bytes, now: float) -> Going | None:
    target = await target_of(mongo, id_)
    if target is None or not target.is_there:
        return None
    return Going(target, await count(mongo, id_, target.generation, now - _LIVE_S))


def token_of(going: Sequence[Going], now: float) -> str:
    """What `shown_by` takes apart."""
    shown = [(one.target.id, one.target.generation) for one in going]
    packed = msgspec.msgpack.encode(_Token(_VERSION, now + TOKEN_S, shown))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def shown_by(token: str, now: float, most: int) -> list[Shown]:
    """Raises WrongParameter."""
    try:
        found = _decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise WrongParameter("token", "take that of the dry run, as it is") from None
    shown = [Shown(*one) for one in found.shown]
    if found.version != _VERSION or len(shown) > most or any(len(one.id) != ID_BYTES for one in shown):
        raise WrongParameter("token", "take that of the dry run, as it is")
    if not found.until > now:
        raise WrongParameter("token", "its dry run is more than an hour ago: make another one")
    return shown


async def delete(mongo: Mongo, who: Who, target: Target, shown: Shown) -> bool:
    """From its return on nothing of it is visible. False: what was shown is not there any more."""
    if target.generation != shown.generation or not target.is_there:
        return False
    await record_change(mongo, who, "delete an experiment", target.prefix.text)
    return await raise_generation(mongo, target)
