"""Experiment tracking as an asynchronous pipeline. What users import: `from mldash import Experiment`.

A plain table of public names, each loaded when it is first used: `import mldash` costs next to nothing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

# log() takes no lock: that one copy into a mapped file is atomic is the GIL's doing.
if "t" in getattr(sys, "abiflags", ""):
    raise ImportError("mldash needs a Python with the GIL: in this free-threaded build log() could lose events")

if TYPE_CHECKING:
    from .callbacks import Callbacks, MldashWarning
    from .client.asynchronous.client import AsyncClient
    from .client.client import Client
    from .client.errors import LiveEnded, NeedsApi, NoSuchFolder
    from .errors import (
        EventsRefused,
        JournalFull,
        JournalUnwritable,
        MldashError,
        NotAllowed,
        NotYetStored,
        PackageMissing,
        RequestRefused,
        ServerUnreachable,
        TokenNotSent,
        TokenRefused,
    )
    from .events.encoding import UndecodableRecord
    from .events.reading import decode, events_of
    from .experiment import Experiment
    from .handles.values import UnsupportedValue
    from .process.environment import SettingError
    from .query.errors import FilterError

NAMES = {
    "AsyncClient": "client.asynchronous.client",
    "Callbacks": "callbacks",
    "Client": "client.client",
    "EventsRefused": "errors",
    "Experiment": "experiment",
    "FilterError": "query.errors",
    "JournalFull": "errors",
    "JournalUnwritable": "errors",
    "LiveEnded": "client.errors",
    "MldashError": "errors",
    "MldashWarning": "callbacks",
    "NeedsApi": "client.errors",
    "NoSuchFolder": "client.errors",
    "NotAllowed": "errors",
    "NotYetStored": "errors",
    "PackageMissing": "errors",
    "RequestRefused": "errors",
    "ServerUnreachable": "errors",
    "SettingError": "process.environment",
    "TokenNotSent": "errors",
    "TokenRefused": "errors",
    "UndecodableRecord": "events.encoding",
    "UnsupportedValue": "handles.values",
    "decode": "events.reading",
    "events_of": "events.reading",
}
"""Public name → the module that has it."""

__all__ = [
    "AsyncClient",
    "Callbacks",
    "Client",
    "EventsRefused",
    "Experiment",
    "FilterError",
    "JournalFull",
    "JournalUnwritable",
    "LiveEnded",
    "MldashError",
    "MldashWarning",
    "NeedsApi",
    "NoSuchFolder",
    "NotAllowed",
    "NotYetStored",
    "PackageMissing",
    "RequestRefused",
    "ServerUnreachable",
    "SettingError",
    "TokenNotSent",
    "TokenRefused",
    "UndecodableRecord",
    "UnsupportedValue",
    "decode",
    "events_of",
]


def __getattr__(name: str) -> Any:
    module = NAMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *NAMES})
