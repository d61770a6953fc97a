"""Types that msgspec has learnt before a thread decodes by them.

msgspec learns a class (its fields and their types) when it first decodes into it, and keeps it half learnt while it
goes through the fields. Two threads that meet there crash the process: seen with msgspec 0.22.0 as a segmentation fault
of a program that opened two experiments, whose threads both read a `Base` of their journals for the first time. So a
class is learnt when its module is imported, which only one thread does: by a Decoder that the module keeps, or by
`learnt` where values are converted (tests/architecture/test_learnt_types.py).
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

Kind = TypeVar("Kind")


def learnt(kind: Kind) -> Kind:
    """The same type, which msgspec knows from now on. Call it as a module is imported."""
    msgspec.msgpack.Decoder(kind)
    return kind
