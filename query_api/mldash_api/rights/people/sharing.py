"""What admins do with links: each change leaves its line first.

To make a link is to give a right, to whoever will have it, and to say who may do what is what `admin` means. Who may
only read would by a link give on what they were given, for longer than they have it themselves.
"""

from time import time
from typing import Final

from mldash.answers.limits import MOST_FIELDS
from mldash_api.errors import NotFound, WrongParameter
from mldash_api.rights.administering import check_text
from mldash_api.rights.caller import Caller, allows
from mldash_api.rights.opened import Opened
from mldash_ingest.documents.changes import Who, record_change
from mldash_ingest.documents.mongo import Mongo

from .links import Link, create_link, link_of_id, list_links, revoke_link

MOST_DAYS: Final = 366.0
_DAY_S: Final = 86_400.0
_MOST_INDEX: Final = 2**53


async def make_link(mongo: Mongo, who: Who, opens: Opened, days: float, note: str) -> tuple[str, Link]:
    """Its text, and what is known of it. Raises WrongParameter. Whether `who` may is asked before."""
    if note:
        check_text("note", note)
    if not 0 < days <= MOST_DAYS:
        raise WrongParameter("expires_in_days", f"{days:g} is not between 0 and {MOST_DAYS:g}")
    await record_change(mongo, who, "make a link", opens.prefix, opens=str(opens), days=f"{days:g}")
    now = time()
    return await create_link(mongo, opens, now + days * _DAY_S, who.subject, now, note)


async def links_for(mongo: Mongo, admin: Caller) -> list[Link]:
    """Those that open what the caller is admin of, the newest first."""
    return [one for one in await list_links(mongo) if _is_admin_of(admin, one)]


async def end_link(mongo: Mongo, who: Who, id_: str, admin: Caller) -> Link:
    """Nobody comes in by it any more. Raises NotFound, as for ids of links that the caller may not take."""
    link = await link_of_id(mongo, id_)
    if link is None or link.opens is None or not _is_admin_of(admin, link):
        raise NotFound("link", id_)
    if link.revoked_at is None:
        await record_change(mongo, who, "revoke a link", link.opens.prefix, opens=str(link.opens), link=id_)
        await revoke_link(mongo, id_, time())
    return await link_of_id(mongo, id_) or link


def check_opened(opened: Opened) -> None:
    """What no request could ask for opens nothing. Raises WrongParameter."""
    if opened.kind == "experiment":
        if opened.name is not None or opened.fields or opened.start or opened.end:
            raise WrongParameter("kind", "a link to an experiment opens all of it: leave the rest out")
        return
    if not 1 <= len(opened.fields) <= MOST_FIELDS:
        raise WrongParameter("fields", f"a {opened.kind} names 1 to {MOST_FIELDS} of them")
    if opened.kind == "chart" and (opened.start or opened.end):
        raise WrongParameter("start", "a chart is drawn over the whole metric: a range has bounds")
    if opened.kind == "range" and not 0 <= opened.start < opened.end <= _MOST_INDEX:
        raise WrongParameter(
            "end", "a range begins at index `start`, 0 or more, and ends before index `end`, behind it"
        )


def _is_admin_of(caller: Caller, link: Link) -> bool:
    return link.opens is not None and allows(caller, "admin", link.opens.prefix)
