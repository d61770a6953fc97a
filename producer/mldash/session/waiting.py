"""Who waits for a session's delivery, and until when: SIGTERM shortens a wait in its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .grace import is_grace_over

if TYPE_CHECKING:
    from mldash.delivery.delivery import Delivery
    from mldash.delivery.delivery_line import DeliveryLine
    from mldash.settings import SdkSettings


class Waits:
    """Waits that go on, in whatever thread: `with waits:` is one. True while there is one."""

    def __init__(self) -> None:
        self._open: list[None] = []

    def __enter__(self) -> None:
        self._open.append(None)

    def __exit__(self, *error: object) -> None:
        self._open.pop()

    def __bool__(self) -> bool:
        return bool(self._open)


class _GraceOver(Exception):
    """SIGTERM came in the middle of the wait, and its time is over."""


def close_within_grace(delivery: Delivery, timeout: float, line: DeliveryLine, settings: SdkSettings) -> bool:
    """Whether all was delivered within the time, or within what SIGTERM has left of it."""

    def look() -> None:
        line.tell()
        if is_grace_over(settings):
            raise _GraceOver

    try:
        return delivery.close(timeout, look)
    except _GraceOver:
        return False
