"""What no statement tells: experiments that were deleted, made, or came below a scope; pages that changed what they
listen to; rights that were taken; what is kept for a time.
"""

from collections.abc import Mapping
from time import monotonic, time
from typing import Final

import msgspec

from mldash_api.rights.caller import Caller
from mldash_api.rights.people.links import link_of_id
from mldash_api.rights.people.sign_ins import SignIn, sign_ins_of_ids
from mldash_api.rights.proxy_user import grants_of_groups, group_rights_of
from mldash_api.rights.tokens import Token, tokens_of_ids

from .asked import may_read
from .hub import Hub
from .kept import Page, keep_longer, keep_pages, pages_of
from .listener import BEGINNING
from .scopes import MOST_EXPERIMENTS, first_below

EVERY_S: Final = 0.5
_EXPERIMENTS_EVERY_S: Final = 1.0
RIGHTS_EVERY_S: Final = 10.0
_PAGES_EVERY_S: Final = 20.0
_POSITIONS_EVERY_S: Final = 60.0
SIGNED_IN_S: Final = 3_600.0
"""Whom a proxy has signed in, comes back after it: nobody else can say that their right was taken."""


class Tending:
    """`tend` is a step of a supervisor."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._group_rights = group_rights_of(hub.settings.group_rights)
        self._done_at = dict[str, float]()

    async def tend(self) -> None:
        if not self._hub.listeners:
            return
        if self._is_time("rights", RIGHTS_EVERY_S):  # before all that can fail
            await self._look_at_rights()
        await self._look_at_pages()
        if self._is_time("experiments", _EXPERIMENTS_EVERY_S):
            for listener in self._hub.listeners:
                listener.look_again()
            await self._look_at_experiments()
            await self._look_at_scopes()
        if self._is_time("pages", _PAGES_EVERY_S):
            await keep_pages(self._hub.stores.mongo, [one.page.name for one in self._hub.listeners if one.page])
        if self._is_time("positions", _POSITIONS_EVERY_S):
            latest = [one.positions.kept for one in self._hub.listeners if one.positions.kept is not None]
            await keep_longer(self._hub.stores.mongo, latest)

    def _is_time(self, what: str, every_s: float) -> bool:
        now = monotonic()
        if now - self._done_at.get(what, float("-inf")) < every_s:
            return False
        self._done_at[what] = now
        return True

    def take(self, page: Page) -> None:
        """What is listened to under its name, where that is new."""
        for listener in self._hub.listeners:
            if listener.page is not None and listener.page.name == page.name and page.change > listener.page.change:
                listener.changes_to(page)

    async def _look_at_pages(self) -> None:
        names = {one.page.name for one in self._hub.listeners if one.page is not None}
        for page in await pages_of(self._hub.stores.mongo, names):
            self.take(page)

    async def _look_at_experiments(self) -> None:
        """Whether they are there, in the generation that is watched."""
        watched = dict(self._hub.watched)
        found = self._hub.stores.mongo.experiments.find({"_id": {"$in": list(watched)}}, {"gen": 1})
        now = {one["_id"]: one["gen"] async for one in found}
        for id_, one in watched.items():
            if not one.is_loaded or id_ not in now or self._hub.watched.get(id_) is not one:
                continue
            if one.experiment is None or one.experiment.generation != now[id_]:
                await self._hub.reload(one)

    async def _look_at_scopes(self) -> None:
        """New ones are told from their beginning. Who listens to more than a listener may, ends, and nobody else."""
        scoped = [one for one in self._hub.listeners if one.asked.scopes]
        if not scoped:
            return
        asked = {one.asked.scopes: one.asked for one in scoped}
        # So many that who asks for too many is among them.
        most = MOST_EXPERIMENTS * len(asked) + 1
        found = await first_below(self._hub.stores.mongo, {scope for scopes in asked for scope in scopes}, most)
        below = {scopes: [one for one in found if each.covers(one)] for scopes, each in asked.items()}
        for listener in scoped:
            prefixes = below.get(listener.asked.scopes, [])
            if len(prefixes) > MOST_EXPERIMENTS:
                listener.close("too-many-experiments")
                continue
            known = {one.prefix.text for one in self._hub.watched_by(listener)}
            new = [one for one in prefixes if one not in known]
            if new and listener in self._hub.listeners:
                await self._hub.listen(listener, new, BEGINNING)

    async def _look_at_rights(self) -> None:
        """Within RIGHTS_EVERY_S of a revocation, or of signing out, the stream has ended."""
        now, mongo, listeners = time(), self._hub.stores.mongo, list(self._hub.listeners)
        ids = {one.caller.token_id for one in listeners if one.caller.token_id is not None}
        tokens = {one.id: one for one in await tokens_of_ids(mongo, ids)}
        ids = {one.caller.sign_in_id for one in listeners if one.caller.sign_in_id is not None}
        sign_ins = {one.id: one for one in await sign_ins_of_ids(mongo, ids)}
        of = {one.of for one in sign_ins.values() if one.way == "link"}
        open_links = {id_ for id_ in of if (link := await link_of_id(mongo, id_)) and link.why_closed(now) is None}
        for listener in listeners:
            caller = listener.caller
            sign_in = sign_ins.get(caller.sign_in_id) if caller.sign_in_id else None
            is_closed = sign_in is not None and sign_in.way == "link" and sign_in.of not in open_links
            if is_closed or has_ended(caller, tokens, sign_in, now):
                listener.close("not-signed-in")
            elif sign_in is not None and sign_in.way == "oidc":
                grants = grants_of_groups(sign_in.groups, self._group_rights)
                listener.caller = msgspec.structs.replace(caller, grants=grants)
                if not may_read(listener.caller, listener.asked):
                    listener.close("not-allowed")
            elif (
                caller.token_id is None
                and self._hub.settings.auth == "proxy"
                and monotonic() - listener.since > SIGNED_IN_S
            ):
                listener.close("sign-in-again")


def has_ended(caller: Caller, tokens: Mapping[str, Token], sign_in: SignIn | None, now: float) -> bool:
    """Whether what a caller came by holds no longer: the token, the browser's sign-in, or the token that is behind it.

    `sign_in`: that of the caller, as it is now.
    """
    if caller.sign_in_id is not None and (sign_in is None or sign_in.ended_at is not None or now >= sign_in.expires_at):
        return True
    if caller.token_id is None:
        return False
    token = tokens.get(caller.token_id)
    return token is None or token.why_refused(now) is not None
