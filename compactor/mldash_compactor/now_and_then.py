"""What a compactor does beside the moves: each step by itself and every so many seconds; a failure holds up that one
only."""

import asyncio
from time import time
from typing import Final

from mldash.process.supervision import Step
from mldash_ingest.documents.mongo import Mongo

from .budget import ByteBudget
from .chunks.s3 import ObjectStore
from .settings import CompactorSettings
from .upkeep.first_numbers import read_first_numbers
from .upkeep.lost_levels import restore_levels
from .upkeep.removal import go_on_with_removals
from .upkeep.retention import keep_retention
from .upkeep.strays import find_strays
from .upkeep.sweep import sweep

_DAY_S: Final = 86_400.0


def steps_of(
    mongo: Mongo, objects: ObjectStore, budget: ByteBudget, settings: CompactorSettings, stop: asyncio.Event
) -> tuple[tuple[str, Step, float], ...]:
    """Name, step, and how often. Each comes first one sweep after the start: who is restarted every day looks for
    strays all the same."""
    keep_events, idle_s = settings.keep_track_events, settings.idle_s
    daily_s = max(_DAY_S, settings.sweep_s)
    return (
        ("sweep orphans", lambda: sweep(mongo, objects, settings.orphan_age_s), settings.sweep_s),
        (
            "go on with removals",
            lambda: go_on_with_removals(mongo, objects, settings.purge_after_s, time()),
            settings.sweep_s,
        ),
        ("keep retention", lambda: keep_retention(mongo, time(), settings.snapshot_sessions), settings.sweep_s),
        ("restore levels", lambda: restore_levels(mongo, stop), settings.sweep_s),
        ("find strays", lambda: find_strays(mongo, stop, keep_events=keep_events, idle_s=idle_s), daily_s),
        ("read first numbers", lambda: read_first_numbers(mongo, objects, budget, stop), daily_s),
    )
