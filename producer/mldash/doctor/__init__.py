"""`mldash doctor`: tries what a host would use, and says what is wrong, in one line each, with what to do.

finding.py   one line of the report
host.py      settings, the journal's folder and what it holds, the local root
lasting.py   whether the journal's disk outlives the job
servers.py   the API, its clock and version; Kafka from this host: brokers, topics, sizes

It writes nothing that stays: a probe file in the journal's folder, which is removed; no event, no topic.
"""

from collections.abc import Iterator, Mapping

from mldash.mode import mode_of
from mldash.process.environment import Resolved, SettingError, read_settings, resolve_settings
from mldash.settings import SdkSettings

from .finding import Finding, State
from .host import look_at_journal, look_at_leftovers, look_at_root, look_at_settings
from .lasting import look_at_lasting
from .servers import look_at_servers

__all__ = ["Finding", "State", "examine"]


def examine(given: Mapping[str, object] | None = None) -> Iterator[Finding]:
    """Findings as they are made, those of the host first. `given` are settings by option, over the environment's."""
    try:
        resolved: dict[str, Resolved] = resolve_settings(SdkSettings, "", given=given or {}, given_source="option")
        settings = read_settings(SdkSettings, "", given=given or {}, given_source="option")
    except SettingError as error:
        yield Finding("settings", "problem", str(error), "set it to what is allowed, or unset it")
        return
    yield from look_at_settings(settings, resolved)
    yield from look_at_journal(settings)
    yield from look_at_lasting(settings)
    yield from look_at_leftovers(settings)
    if mode_of(settings) == "local":
        yield from look_at_root(settings)
    yield from look_at_servers(settings)
