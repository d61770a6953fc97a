"""What is told as it is, without a position: the status of experiments, and names of fields."""

from collections import Counter
from collections.abc import Sequence
from time import time
from typing import Final

import msgspec

from mldash.events.run_status import CREATED, RUNNING
from mldash_api.experiments.annotations import read_annotations
from mldash_api.experiments.experiments import answer_of
from mldash_api.experiments.sessions import read_runs
from mldash_api.stores.streams import Stores

from .chains import Chain, Watched

_GOES_ON: Final = (CREATED, RUNNING)


async def read_statuses(stores: Stores, watched: Sequence[Watched]) -> list[Watched]:
    """Look at these anew; those whose status is another now."""
    there = {one.id: one.experiment for one in watched if one.experiment is not None}
    now, lost_after_s = time(), stores.settings.lost_after_s
    runs = await read_runs(stores.mongo, list(there.values()))  # once: status and sessions are of one moment
    annotations = await read_annotations(stores.mongo, list(there.values()))
    changed = list[Watched]()
    for one in watched:
        if one.experiment is not there.get(one.id):
            continue  # deleted meanwhile
        answer, sessions = None, Counter[str]()
        if one.experiment is not None:
            answer = answer_of(one.experiment, runs[one.id], annotations.get(one.id), now, lost_after_s)
            sessions.update(each.status_at(now, lost_after_s) for each in runs[one.id].times())
        block = msgspec.json.encode({"prefix": one.prefix.text, "experiment": answer, "sessions": dict(sessions)})
        one.has_ended = answer is not None and answer["status"] not in _GOES_ON
        if block != one.status:
            one.status = block
            changed.append(one)
    return changed


def fields_block(chain: Chain, names: Sequence[str]) -> bytes:
    """Of one stream."""
    stream = chain.stream
    return msgspec.json.encode(
        {"prefix": stream.prefix, "kind": stream.kind, "name": stream.name, "fields": list(names)}
    )
