"""The errors of objects and the manifest.

ColdStoreError
  StoreUnreachable  S3 did not answer: the same again, later
  StoreRefused      S3 answered with an error that trying again does not mend (keys, rights, a missing bucket)
  ObjectMissing     no object under this key: read the chunk's document again, it may have moved on
  FilesDiffer       chunks that were to share an object have a column that is not the same in all: they stay apart
  ChunkDamaged      an object differs from the manifest, or is not a chunk: its range can't be read, all others can
"""

from collections.abc import Sequence
from typing import ClassVar


class ColdStoreError(Exception):
    """All of ours. `retriable`: the same call may succeed later."""

    retriable: ClassVar[bool] = False


class StoreUnreachable(ColdStoreError):
    """S3 did not answer, or answered that it cannot now."""

    retriable = True

    def __init__(self, store: str, operation: str, reason: str) -> None:
        super().__init__(store, operation, reason)
        self.store, self.operation, self.reason = store, operation, reason

    def __str__(self) -> str:
        return (
            f"S3 at {self.store} does not answer ({self.operation}: {self.reason}); is it running, the address right?"
        )


class StoreRefused(ColdStoreError):
    """S3 refused the call for a reason that stays."""

    def __init__(self, store: str, operation: str, code: str, reason: str) -> None:
        super().__init__(store, operation, code, reason)
        self.store, self.operation, self.code, self.reason = store, operation, code, reason

    def __str__(self) -> str:
        return f"S3 at {self.store} refused {self.operation}: {self.code}, {self.reason}; check keys, rights and bucket"


class ObjectMissing(ColdStoreError):
    """There is no object under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"no object {self.key}"


class ChunkDamaged(ColdStoreError):
    """The object under this key is not the chunk that it should be."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"object {self.key or '(no key)'} is damaged: {self.reason}"


class FilesDiffer(ColdStoreError):
    """One schema does not hold for these files."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns)
        self.columns = list(columns)

    def __str__(self) -> str:
        return f"not the same in all files that were to be one: the columns {', '.join(map(repr, self.columns))}"
