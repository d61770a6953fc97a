"""One request of records: admitted, looked at, passed on, and answered when Kafka has acknowledged."""

import asyncio

from mldash.events.batches import BatchAnswer
from mldash_api.errors import NotAllowed
from mldash_api.kafka import Topics
from mldash_api.rights.caller import EVERYTHING, Caller, scopes_of
from mldash_api.settings import ApiSettings
from mldash_ingest.documents.mongo import Mongo

from .batch import check, look_at, unpack
from .errors import RecordsRefused
from .passing_on import PassingOn
from .writers import Writers


class Gateway:
    """One an API process."""

    def __init__(self, settings: ApiSettings, mongo: Mongo, topics: Topics) -> None:
        self._topics = topics
        self._writers = Writers(mongo)
        self.passing_on = PassingOn(settings)

    async def take(self, caller: Caller, body: bytes, encoding: str | None) -> BatchAnswer:
        """Raises WrongParameter, BodyTooLarge, NotAllowed (nothing at all may be written), RecordsRefused (none of
        these may), TooBusy, ServerAway, TopicsMissing."""
        if not scopes_of(caller, "write"):
            raise NotAllowed(caller.subject, "write", EVERYTHING)
        topics = await self._topics.addresses()
        # In a thread whatever its size: a body of a few bytes may hold very many records.
        records = await asyncio.to_thread(unpack, body, encoding)
        if not records:
            await self.passing_on.ready()
            return BatchAnswer([])
        with self.passing_on.room_for(sum(len(one.value) for one in records)):
            arrived = await asyncio.to_thread(look_at, records, topics)
            refused = await self._writers.refusals(caller, arrived)
            why = [one.refusal or refused.get((one.session, one.prefix, one.kind)) for one in arrived]
            # What may not be written is not decoded.
            why = await asyncio.to_thread(lambda: [w or check(one) for one, w in zip(arrived, why, strict=True)])
            taken = [one for one, refusal in zip(arrived, why, strict=True) if refusal is None]
            if not taken:  # most callers look at the status alone
                raise RecordsRefused([text for text in why if text])
            places = iter(await self.passing_on.send(taken))
        return BatchAnswer([next(places) if refusal is None else refusal for refusal in why])
