"""The threads that take a session's events from its journal, to Kafka or into local files, and ask the API about them.

This module imports all that such a thread needs, so the thread does not: a process that forks while a thread imports
has half a module in its child, for good (tried: "unknown encoding: idna" in loader workers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mldash.delivery.delivery import Delivery
    from mldash.delivery.publisher import Publisher
    from mldash.journal.append import Journal
    from mldash.journal.forcing import IntervalSync
    from mldash.remote.listened import ListenedWatch
    from mldash.remote.standing import StandingWatch

    from .session import Session

FSYNC_INTERVAL_S = 1.0


def make_delivery(session: Session, journal: Journal) -> Delivery:
    """Not started. For the modes remote and local."""
    fsync_s = FSYNC_INTERVAL_S if session.settings.fsync == "interval" else None
    return _publisher(session, journal, fsync_s) if session.mode == "remote" else _drain(session, journal, fsync_s)


def interval_sync(session: Session, journal: Journal) -> IntervalSync | None:
    """For the mode offline, where nothing is delivered; None where the settings want none."""
    if session.settings.fsync != "interval":
        return None
    from mldash.journal.forcing import IntervalSync

    return IntervalSync(journal, FSYNC_INTERVAL_S, session.callbacks)


def standing_watch(session: Session) -> list[StandingWatch]:
    """None where no API is known: Kafka alone cannot be asked."""
    settings = session.settings
    if session.mode != "remote" or settings.remote is None:
        return []
    from mldash.remote.standing import StandingWatch
    from mldash.remote.transport import Transport

    transport = Transport.of(settings, settings.remote, keep=False)
    return [StandingWatch(transport, session.prefix.text, session.id, settings.heartbeat_s, session.callbacks)]


def listened_watch(session: Session) -> list[ListenedWatch]:
    """None where no API is known, and where a fixed time between turns is set, which nobody shortens."""
    settings, delivery = session.settings, session.delivery
    if session.mode != "remote" or settings.remote is None or settings.linger_s is not None:
        return []
    from mldash.delivery.publisher import Publisher
    from mldash.remote.listened import ListenedWatch

    assert isinstance(delivery, Publisher)
    return [ListenedWatch(settings, settings.remote, session.prefix.text, delivery.listen)]


def _publisher(session: Session, journal: Journal, fsync_s: float | None) -> Publisher:
    import encodings.idna
    import hashlib
    import shutil

    from mldash.delivery import kafka
    from mldash.delivery.pace import LINGER_MAX_S, Pace
    from mldash.delivery.publisher import Publisher
    from mldash.remote.handshake import asker, poster

    assert encodings.idna and hashlib and shutil and kafka
    settings = session.settings
    return Publisher(
        journal,
        asker(settings),
        session.callbacks,
        settings,
        pace=Pace(settings.background_share, settings.linger_max_s or LINGER_MAX_S, settings.linger_s),
        heartbeat_s=settings.heartbeat_s,
        fsync_s=fsync_s,
        post=poster(settings, settings.remote),
    )


def _drain(session: Session, journal: Journal, fsync_s: float | None) -> Delivery:
    from mldash.delivery.drain import SinkDrain
    from mldash.delivery.pace import LINGER_MAX_S, Pace
    from mldash.local.folder import experiment_folder
    from mldash.local.sink import LocalSink

    settings = session.settings
    folder = experiment_folder(settings.root, session.prefix.text)
    fsync = settings.fsync != "never"
    return SinkDrain(
        journal,
        lambda: LocalSink(folder, session.prefix, fsync=fsync, use_lease=session.is_on_network),
        session.callbacks,
        prefix=session.prefix.text,
        pace=Pace(settings.background_share, settings.linger_max_s or LINGER_MAX_S, settings.linger_s),
        fsync_s=fsync_s,
    )
