"""Who asks, and what they may do.

A right holds on a scope: everything (""), an owner (`alice`), a project (`alice/robots`), an experiment
(`alice/robots/walk-07`), each with all that lies below it. Scopes are compared segment by segment, byte for byte, as
prefixes are hashed: `alice` says nothing of `alice2`.

    read    what is stored
    write   read, send records, and change what people say of experiments: title, tags, notes, the archive flag; saved
            views
    admin   write, delete, and say who else may do what

Each right includes those above it in this list.
"""

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

from mldash.events.identity import parse_prefix

from .opened import Opened

Right = Literal["read", "write", "admin"]

RIGHTS: Final[tuple[Right, ...]] = ("read", "write", "admin")
"""From the least to the greatest."""

EVERYTHING: Final = ""


class Grant(Struct, frozen=True):
    """A right on a scope, which is as parse_scope leaves it."""

    right: Right
    scope: str

    def __str__(self) -> str:
        return f"{self.right} on {self.scope or 'everything'}"


ADMIN_OF_ALL: Final[tuple[Grant, ...]] = (Grant("admin", EVERYTHING),)


class Caller(Struct, frozen=True, kw_only=True):
    """Who sent a request. `subject` is the person or service, whatever token it comes with."""

    subject: str
    grants: tuple[Grant, ...]
    is_private: bool
    """Whether the request came over TLS or loopback: else no secret may stand in its answer."""
    is_somebody: bool = True
    """Whether the subject is one person or service; False where nobody signs in."""
    address: str | None = None
    """Where it came from; of a request that a trusted proxy passed on, its sender."""
    token_id: str | None = None
    """Of the token it came with, or by which its browser signed in; None without one. It is no secret."""
    sign_in_id: str | None = None
    """Of its browser's sign-in, where it came with a cookie. It is no secret."""
    until: float | None = None
    """When it ends to be known: seconds since the epoch. None: never, or that is for others to say."""
    opens: Opened | None = None
    """Came by a link, which opens this and nothing else; then `grants` is empty."""


def allows(caller: Caller, right: Right, scope: str) -> bool:
    """Whether the caller has the right on all of the scope: a prefix, a project, an owner, or EVERYTHING."""
    return any(_includes(grant.right, right) and covers(grant.scope, scope) for grant in caller.grants)


def allows_all(caller: Caller, grants: Iterable[Grant]) -> bool:
    """Whether the caller is admin of every scope of these grants: who may give and take them."""
    return all(allows(caller, "admin", grant.scope) for grant in grants)


def scopes_of(caller: Caller, right: Right) -> list[str]:
    """The scopes on which the caller has the right, without those that lie within another one, in order."""
    scopes = sorted({grant.scope for grant in caller.grants if _includes(grant.right, right)})
    return [one for one in scopes if not any(other != one and covers(other, one) for other in scopes)]


def covers(outer: str, inner: str) -> bool:
    """Whether a scope lies within another, or is the same."""
    return outer == EVERYTHING or inner == outer or inner.startswith(f"{outer}/")


def parse_scope(text: str) -> str:
    """A scope without outer slashes; `/` and "" are everything. Raises ValueError as parse_prefix does."""
    inner = text.strip("/")
    if not inner:
        return EVERYTHING
    # An owner alone is the first segment of a prefix.
    return parse_prefix(inner).text if "/" in inner else parse_prefix(f"{inner}/any").owner


def _includes(held: Right, needed: Right) -> bool:
    return RIGHTS.index(held) >= RIGHTS.index(needed)
