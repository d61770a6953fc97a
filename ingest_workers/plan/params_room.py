"""Whether an experiment's parameters still fit into the one document that they are folded into."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mldash.producer.events.limits import PARAMS_BYTES, PARAMS_KEYS

_encode = msgspec.msgpack.Encoder().encode
_ITEM_BYTES = 32  # what an item takes beside its key and its value


class ParamsRoom:
    """What is folded so far, and what further events would make of it. Replaced branches are not given back before the
    next batch: it errs on the safe side by one batch at most."""

    def __init__(self, folded: Mapping[str, Any]) -> None:
        self._sizes = {key: _size(key, value) for key, value in folded.items()}
        self._bytes = sum(self._sizes.values())

    def refuse(self, events: list[dict[str, Any]]) -> str | None:
        """Why these events can't be taken in; None where they are."""
        sizes = {key: _size(key, value) for event in events for key, value in event.items()}
        keys = len(self._sizes.keys() | sizes.keys())
        total = self._bytes + sum(size - self._sizes.get(key, 0) for key, size in sizes.items())
        if keys > PARAMS_KEYS:
            return f"the experiment would have {keys} parameters, at most {PARAMS_KEYS} are kept"
        if total > PARAMS_BYTES:
            return f"the experiment's parameters would take {total} bytes, at most {PARAMS_BYTES} are kept"
        self._sizes.update(sizes)
        self._bytes = total
        return None


def _size(key: str, value: Any) -> int:
    return len(key.encode()) + len(_encode(value)) + _ITEM_BYTES
