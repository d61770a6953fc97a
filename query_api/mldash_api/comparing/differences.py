"""What many runs differ in: their parameters, the context that they recorded, the statistics of their metrics
(mldash.answers.runs.compared_rows.py says when values differ).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mldash.answers.runs.compared_rows import STATISTICS, Run, named, statistics_rows
from mldash.answers.shapes import Comparison
from mldash.events.merging import flatten
from mldash_api.errors import AnswerTooLarge
from mldash_api.experiments.params import read_params
from mldash_api.experiments.sessions import Runs, read_runs
from mldash_api.limits import MOST_COMPARED
from mldash_api.seam.snapshots import all_carried_forward
from mldash_api.stores.streams import ExperimentRef, Stores, StreamRef

from .rows import Key, Rows

_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode


async def compare(
    stores: Stores, prefixes: Sequence[str], experiments: Sequence[ExperimentRef | None], *, everything: bool
) -> Comparison:
    """`everything`: rows in which all agree, too. Raises AnswerTooLarge, ReadOvertaken, ServerAway."""
    there = {run: one for run, one in enumerate(experiments) if one is not None}
    rows = Rows(list(there), len(experiments), everything)
    statistics = rows.of(await _statistics(stores, there))
    return {
        "prefixes": [*prefixes],
        "absent": [run for run, one in enumerate(experiments) if one is None],
        "params": named(rows.of(dict(zip(there, await read_params(stores, [*there.values()]), strict=True)))),
        "context": named(rows.of(await _contexts(stores, there))),
        "statistics": statistics_rows(statistics),
    }


async def _contexts(stores: Stores, there: Mapping[Run, ExperimentRef]) -> dict[Run, dict[str, Any]]:
    """What the newest process of rank 0, or without a rank, recorded; where there is none, the newest of all."""
    runs = await read_runs(stores.mongo, list(there.values()), contexts=True)
    return {run: _context_of(runs[one.id]) for run, one in there.items()}


def _context_of(runs: Runs) -> dict[str, Any]:
    states = runs.folded.sessions
    recorded = [one for one in states if runs.sessions.get(one, {}).get("context")]
    if not recorded:
        return {}
    newest = max(recorded, key=lambda one: (states[one].rank in (0, None), states[one].started))
    return flatten(_decode(runs.sessions[newest]["context"]))


async def _statistics(stores: Stores, there: Mapping[Run, ExperimentRef]) -> dict[Run, dict[Key, Any]]:
    """Of each numeric field, as of now."""
    experiments = {one.id: one for one in there.values()}  # one may be named twice
    query = {"exp": {"$in": list(experiments)}, "kind": "metrics"}
    streams = dict[bytes, tuple[bytes, StreamRef]]()
    async for document in stores.mongo.streams.find(query, {"exp": 1, "gen": 1, "name": 1}):
        experiment = experiments[document["exp"]]
        if document["gen"] == experiment.generation:
            streams[document["_id"]] = experiment.id, experiment.stream("metrics", document["name"])
        if len(streams) * len(STATISTICS) > MOST_COMPARED:
            raise AnswerTooLarge(len(streams) * len(STATISTICS), MOST_COMPARED, "ask for fewer experiments")
    carried = await all_carried_forward(stores.mongo, [stream for _, stream in streams.values()])
    found: dict[bytes, dict[Key, Any]] = {id_: {} for id_ in experiments}
    for stream_id, (id_, stream) in streams.items():
        if stream_id in carried:
            for field, statistics in carried[stream_id].snapshot.statistics.items():
                for name in STATISTICS:
                    found[id_][stream.name, field, name] = getattr(statistics, name)
    return {run: found[one.id] for run, one in there.items()}
