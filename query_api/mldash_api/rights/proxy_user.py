"""People whom a trusted proxy has signed in: their name and groups are in headers that it sets.

    MLDASH_API_GROUP_RIGHTS   GROUP=RIGHT:SCOPE by comma, as `robots=write:robots,leads=admin:/,*=read:public`;
                              the group * is everybody who is signed in

The proxy must remove these headers from what comes in. They are looked at where a trusted proxy's address sends them,
and nowhere else; each may stand once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from litestar.connection import ASGIConnection

from mldash_api.errors import NotSignedIn

from .arrival import Arrival
from .caller import RIGHTS, Caller, Grant, parse_scope

EVERYBODY: Final = "*"
_MOST_LETTERS: Final = 200

GroupRights = Sequence[tuple[str, Grant]]


def group_rights_of(texts: Iterable[str]) -> GroupRights:
    """Raises ValueError that names the one at fault."""
    found = list[tuple[str, Grant]]()
    for text in texts:
        group, _, told = text.rpartition("=")
        name, colon, scope = told.partition(":")
        rights = [right for right in RIGHTS if right == name.strip()]
        if not group.strip() or not rights or not colon:
            raise ValueError(f"{text!r} is not GROUP=RIGHT:SCOPE, where RIGHT is one of {', '.join(RIGHTS)}")
        found.append((group.strip(), Grant(rights[0], parse_scope(scope.strip()))))
    return found


def proxy_caller(
    connection: ASGIConnection[Any, Any, Any, Any],
    arrival: Arrival,
    user_header: str,
    groups_header: str,
    rights: GroupRights,
) -> Caller:
    """Raises NotSignedIn."""
    user, groups = _one(connection, user_header), _one(connection, groups_header)
    if user is None or not user.isprintable() or len(user) > _MOST_LETTERS:
        raise NotSignedIn(f"the proxy names nobody in {user_header}: sign in there, or send a token", is_invalid=False)
    member_of = [group.strip() for group in (groups or "").split(",")]
    return Caller(
        subject=user, grants=grants_of_groups(member_of, rights), is_private=arrival.is_private, address=arrival.address
    )


def grants_of_groups(groups: Iterable[str], rights: GroupRights) -> tuple[Grant, ...]:
    """What members of these groups may; everybody is a member of `*`."""
    member_of = {EVERYBODY, *groups}
    return tuple(dict.fromkeys(grant for group, grant in rights if group in member_of))


def _one(connection: ASGIConnection[Any, Any, Any, Any], header: str) -> str | None:
    """Of two the proxy may have set the one or the other."""
    found = connection.headers.getall(header.lower(), [])
    if len(found) > 1:
        raise NotSignedIn(f"the header {header} stands there twice", is_invalid=False)
    return found[0].strip() or None if found else None
