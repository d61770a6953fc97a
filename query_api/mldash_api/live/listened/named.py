"""Which experiments a listener names, and what of them a training process is told. Pure.

Scopes name none: to look at a project is no reason for every process below it to hurry. Nor does the status of runs,
which changes with their starts and ends, and these are sent at once.
"""

from collections.abc import Iterable, Set
from hashlib import blake2b

from mldash_api.live.asked import Asked


def named_by(asked: Asked) -> tuple[str, ...]:
    """The prefixes to whose events it listens."""
    return () if set(asked.kinds) <= {"status"} else asked.prefixes


def listened_of(prefixes: Iterable[str], named: Set[str]) -> list[str]:
    """Those of a process's prefixes that somebody names, in order."""
    return sorted({prefix for prefix in prefixes if prefix in named})


def state_of(listened: Iterable[str]) -> str:
    """A short text that is another when what is listened to is; "" where nothing is."""
    text = "\n".join(listened)
    return blake2b(text.encode(), digest_size=6).hexdigest() if text else ""
