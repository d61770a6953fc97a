"""One object that is put in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from .errors import ColdStoreError

if TYPE_CHECKING:
    from .s3 import ObjectStore

_log = structlog.get_logger()


class Upload:
    """Parts of one object, in order; each but the last has 5 MiB at least."""

    def __init__(self, store: ObjectStore, key: str, upload_id: str) -> None:
        self.key, self.id = key, upload_id
        self._store = store
        self._tags: list[str] = []

    async def part(self, data: bytes) -> None:
        self._tags.append(await self._store.send_part(self, len(self._tags) + 1, data))

    async def complete(self) -> None:
        await self._store.end_upload(self, self._tags)

    async def abandon(self) -> None:
        """After an error, which counts for more than what may go wrong here: the sweep aborts what is left."""
        try:
            await self._store.abort_upload(self.key, self.id)
        except ColdStoreError as error:
            _log.warning("an upload was not aborted, the sweep will", key=self.key, error=str(error))
