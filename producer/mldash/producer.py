"""Where 0.1 had the SDK (_moved.py)."""

from typing import Any

import mldash

from ._moved import Moved, keep_public

_PUBLIC = {
    "callbacks": "callbacks",
    "environment": "process.environment",
    "errors": "errors",
    "experiment": "experiment",
    "values": "handles.values",
}

keep_public("mldash.producer", "mldash", _PUBLIC)
__path__ = Moved("mldash.producer", "mldash")


def __getattr__(name: str) -> Any:
    return getattr(mldash, name)
