"""Where 0.1 had the SDK (_moved.py)."""

from typing import Any

import mldash

from ._moved import keep_public

_PUBLIC = {
    "callbacks": "callbacks",
    "environment": "process.environment",
    "errors": "errors",
    "experiment": "experiment",
    "values": "handles.values",
}

__path__ = keep_public(__name__, "mldash", _PUBLIC)


def __getattr__(name: str) -> Any:
    return getattr(mldash, name)
