"""The errors of records that come over HTTP, each one problem like those of mldash_api/errors.py.

ApiError
  RecordsRefused   no record of a request may be written: why
  TooBusy          too many bytes of records are on their way to Kafka
  BodyTooLarge     a request holds more than is taken: how much is
"""

from collections.abc import Sequence
from typing import Any

from mldash_api.errors import ApiError


class RecordsRefused(ApiError):
    """No record of a request may be written: of each a reason, in their order."""

    status, type, title = 403, "records-refused", "Records refused"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(reasons)
        self.reasons = list(reasons)

    def __str__(self) -> str:
        return self.reasons[0] if self.reasons else "none of the records may be written"

    def members(self) -> dict[str, Any]:
        return {"reasons": self.reasons[:10]}


class TooBusy(ApiError):
    """So many bytes of records are on their way to Kafka already."""

    retriable = True
    status, type, title = 429, "too-busy", "Too busy"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} bytes of records are on their way to Kafka: send again in a moment"

    def members(self) -> dict[str, Any]:
        return {"limit": self.limit}


class BodyTooLarge(ApiError):
    """Of a request; `what` says what of it the limit is of."""

    status, type, title = 413, "request-too-large", "Request too large"

    def __init__(self, limit: int, what: str) -> None:
        super().__init__(limit, what)
        self.limit, self.what = limit, what

    def __str__(self) -> str:
        return f"at most {self.limit} bytes {self.what}"

    def members(self) -> dict[str, Any]:
        return {"limit": self.limit}
