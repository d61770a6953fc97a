"""The time that is left to a process which was told to end, until it is killed.

  termination_grace_s   the setting: a pod's terminationGracePeriodSeconds, Slurm's KillWait
  Slurm, torchrun       30 s between SIGTERM and SIGKILL, where the setting says nothing
  SLURM_JOB_END_TIME    where Slurm sets it (22.05 does not): SIGTERM comes then at the latest
  else                  not known, and nothing shrinks

A sixth of it is kept for the interpreter to leave in. Who outlives it was not meant, and has all its time again.
"""

import math
import os
import time
from collections.abc import Mapping

from mldash.settings import SdkSettings

_GIVEN_S = 30.0
_SHARE = 5 / 6
_ONE_NOTICE_S = 60.0
"""What comes within it is one request to end, however often it is said."""

_told_at: float | None = None
"""Monotonic, of the first SIGTERM."""


def begin_grace() -> None:
    """SIGTERM has come. By the thread that notices it or by the handler, whichever is first."""
    global _told_at
    now = time.monotonic()
    if _told_at is None or now - _told_at > _ONE_NOTICE_S:
        _told_at = now


def close_limit_s(settings: SdkSettings) -> float:
    """For delivery from now on: the close timeout, or what is left where that is less; not below a second."""
    return min(settings.close_timeout_s, max(1.0, _left_now(settings)))


def is_grace_over(settings: SdkSettings) -> bool:
    return _left_now(settings) <= 0


def left_s(environment: Mapping[str, str], told_s: float | None, since_sigterm_s: float | None, now: float) -> float:
    """Seconds for delivery, negative where they are over; `math.inf` where nothing is known, or it was outlived.

    `told_s` is the setting, `since_sigterm_s` the age of SIGTERM or None, `now` the wall clock's.
    """
    grace_s = told_s
    if grace_s is None and any(name in environment for name in ("SLURM_JOB_ID", "TORCHELASTIC_RUN_ID")):
        grace_s = _GIVEN_S
    if grace_s is None:
        return math.inf
    since = [] if since_sigterm_s is None else [since_sigterm_s]
    end = environment.get("SLURM_JOB_END_TIME", "")
    if end.isascii() and end.isdecimal():
        since.append(now - int(end))
    return min((grace_s * _SHARE - age for age in since if age <= grace_s), default=math.inf)


def _left_now(settings: SdkSettings) -> float:
    since = None if _told_at is None else time.monotonic() - _told_at
    return left_s(os.environ, settings.termination_grace_s, since, time.time())


def _forget_in_child() -> None:
    global _told_at
    _told_at = None


os.register_at_fork(after_in_child=_forget_in_child)
