"""Experiment tracking as an asynchronous pipeline. What users import: `from mldash import Experiment`.

A plain table of public names, each loaded when it is first used; the rooms behind it are mldash.producer, ….
"""

import sys
from typing import TYPE_CHECKING, Any

# log() takes no lock: that one copy into a mapped file is atomic is the GIL's doing.
if "t" in getattr(sys, "abiflags", ""):
    raise ImportError("mldash needs a Python with the GIL: in this free-threaded build log() could lose events")

if TYPE_CHECKING:
    from mldash.producer import (
        Callbacks,
        Experiment,
        JournalFull,
        JournalUnwritable,
        MldashError,
        MldashWarning,
        NotYetStored,
        RequestRefused,
        ServerUnreachable,
        SettingError,
        UndecodableRecord,
        UnsupportedValue,
        decode,
        events_of,
    )

__all__ = [
    "Callbacks",
    "Experiment",
    "JournalFull",
    "JournalUnwritable",
    "MldashError",
    "MldashWarning",
    "NotYetStored",
    "RequestRefused",
    "ServerUnreachable",
    "SettingError",
    "UndecodableRecord",
    "UnsupportedValue",
    "decode",
    "events_of",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mldash import producer

    value = getattr(producer, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
