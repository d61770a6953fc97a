"""GET /v1/audit"""

import asyncio
from typing import Any, Final

import msgspec
from litestar import Request, Response, get

from mldash.answers.audited import AuditAnswer, AuditedSession, AuditedStream, FindingAnswer
from mldash.connections.errors import TopicError
from mldash_api.audit.asking import ask_kafka
from mldash_api.audit.audit import audit
from mldash_api.audit.findings import Finding, Report, SessionCount, StreamCount
from mldash_api.errors import NotFound, ServerAway
from mldash_api.kafka import KAFKA_TROUBLES
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import Found, OurForm, OurStores
from mldash_api.routes.leaving import while_connected
from mldash_api.routes.parameters import PrefixText
from mldash_api.run_errors import AuditTooLong
from mldash_api.stores.streams import ExperimentRef, Stores

_one_at_a_time: Final = asyncio.Semaphore(1)
"""Each reads all of an experiment, hot and cold."""


@get("/audit", tags=["experiments"], opt=needs("read", "prefix"))
async def audited(
    request: Request[Any, Any, Any], prefix: PrefixText, experiment: Found, stores: OurStores, form: OurForm
) -> Response[AuditAnswer]:
    """Whether all that was written to an experiment is stored, event by event, as `mldash audit` looks. One at a time
    in each process of the API."""
    if experiment is None:
        raise NotFound("experiment", prefix)
    report = await while_connected(request, _within(stores.settings.audit_timeout_s, stores, experiment))
    return form.answer(_answer_of(report or Report(prefix=prefix, generation=0)))  # else nobody takes it


async def _within(limit_s: float, stores: Stores, experiment: ExperimentRef) -> Report:
    """Raises AuditTooLong, ServerAway, and what reads raise."""
    try:
        async with asyncio.timeout(limit_s) as limit, _one_at_a_time:
            try:
                progress, letters = await ask_kafka(stores.settings, stores.settings.audit_group)
            except (TopicError, *KAFKA_TROUBLES) as error:
                raise ServerAway("Kafka", str(error) or type(error).__name__) from error
            return await audit(stores.mongo, stores.objects, experiment, progress, letters)
    except TimeoutError:
        if not limit.expired():  # of something below
            raise
        raise AuditTooLong(limit_s, experiment.prefix.text) from None


def _answer_of(report: Report) -> AuditAnswer:
    return {
        "prefix": report.prefix,
        "verdict": report.verdict,
        "events": report.event_count,
        "setAside": report.set_aside_count,
        "streams": [_stream(one) for one in report.streams],
        "sessions": [_session(one) for one in report.sessions],
        "findings": [_finding(one) for one in report.findings],
    }


def _stream(one: StreamCount) -> AuditedStream:
    return {"kind": one.kind, "name": one.name, "floor": one.floor, "cold": one.cold, "end": one.end}


def _session(one: SessionCount) -> AuditedSession:
    return {
        "session": one.session,
        "kind": one.kind,
        "name": one.name,
        "claimed": one.claimed,
        "final": one.final,
        "stored": one.stored,
    }


def _finding(one: Finding) -> FindingAnswer:
    found: FindingAnswer = msgspec.to_builtins(one)
    return {**found, "name": one.name, "isDamage": one.is_damage}
