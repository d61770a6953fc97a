"""Why a listener is not let in, each one problem like those of mldash_api/errors.py.

ApiError
  TooManyListeners  this caller has as many streams, or names, as one may have
  ListenersFull     this process has as many streams as it may have
  ProcessesFull     as many training processes wait here as may
"""

from typing import Any

from mldash_api.errors import ApiError

_AGAIN_AFTER_S = 10
_PROCESSES_AGAIN_AFTER_S = 60


class TooManyListeners(ApiError):
    """`limit`: of one token; where nobody signs in, of one address."""

    retriable = True
    status, type, title = 429, "too-many-listeners", "Too many listeners"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} live streams of one caller are open: end one, or listen to more by one stream"

    def members(self) -> dict[str, Any]:
        return {"limit": self.limit}

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(_AGAIN_AFTER_S)}


class ListenersFull(ApiError):
    """`limit`: of one process."""

    retriable = True
    status, type, title = 503, "listeners-full", "No room for another listener"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} live streams are open at this API process (MLDASH_API_LIVE_LISTENERS): come back later"

    def members(self) -> dict[str, Any]:
        return {"limit": self.limit}

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(_AGAIN_AFTER_S)}


class ProcessesFull(ApiError):
    """`limit`: of one process of the API."""

    retriable = True
    status, type, title = 503, "processes-full", "No room for another process that waits"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} processes wait here to hear of listeners (MLDASH_API_LIVE_PROCESSES): keep to the linger"

    def members(self) -> dict[str, Any]:
        return {"limit": self.limit}

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(_PROCESSES_AGAIN_AFTER_S)}
