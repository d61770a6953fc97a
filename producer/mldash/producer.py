"""Where 0.1 had the SDK (_moved.py)."""

from typing import Any

import mldash

from ._moved import Moved, keep_public

keep_public("mldash.producer", "mldash", ("callbacks", "environment", "errors", "experiment", "values"))
__path__ = Moved("mldash.producer", "mldash")


def __getattr__(name: str) -> Any:
    return getattr(mldash, name)
