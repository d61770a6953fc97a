"""A run that can't be read: another user's, damaged, or written by somebody else. It holds up none of the others."""

from typing import Final

import msgspec

from mldash.local.row_index import DamagedRow
from mldash.local.state.acknowledged import NotOurState

IN_THE_WAY: Final = (
    *(OSError, DamagedRow, NotOurState, msgspec.MsgspecError),
    *(ValueError, LookupError, TypeError, AttributeError),  # rows that are JSON, but not ours
)
"""What reading one may raise."""


class RunUnreadable(Exception):
    """`error` was in the way."""

    def __init__(self, prefix: str, error: Exception) -> None:
        super().__init__(prefix, error)
        self.prefix, self.error = prefix, error

    @property
    def is_of_files(self) -> bool:
        """The error says which file, and what is wrong with it."""
        return isinstance(self.error, (OSError, DamagedRow, NotOurState))

    @property
    def reason(self) -> str:
        return str(self.error) if self.is_of_files else f"{type(self.error).__name__}: {self.error}"

    def __str__(self) -> str:
        return f"{self.prefix} can't be read: {self.reason}"
