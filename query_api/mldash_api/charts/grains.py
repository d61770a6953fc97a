"""The parts of a view: which summaries it is made of, and where of points. Pure.

A summary speaks of a grain of events: 500 (in the objects), 10,000 (in the manifest and in levels), or more (in
levels). The coarsest grain that is not wider than a pixel column does; what it does not reach (the ends of the range,
what is not joined yet, what is hot) is made of the next finer one, down to points:

    points 500 10,000 | 100,000 100,000 … 100,000 | 10,000 10,000 500 500 points

So every view is made of some thousand summaries at most, and of points at its ends and where it is hot.
"""

from typing import NamedTuple

from mldash_compactor.chunks.levels import RECORDS
from mldash_compactor.chunks.summaries import LEVELS
from mldash_ingest.documents.buckets import CHUNK

from .shape import GRAINS, POINT


class Stretch(NamedTuple):
    """Indices [first, end), made of one grain."""

    grain: int
    first: int
    end: int


class Summarised(NamedTuple):
    """Up to where a stream has summaries: `cold` in objects and manifest, `joined` in levels."""

    cold: int
    joined: int

    def upto(self, grain: int) -> int:
        """The end of what this grain reaches."""
        if grain in LEVELS[1:]:
            block = grain * RECORDS
            return self.joined // block * block
        return self.cold // CHUNK * CHUNK


def cover(first: int, end: int, grain: int, summarised: Summarised) -> list[Stretch]:
    """The range in stretches of this grain and finer ones, in order."""
    if first >= end:
        return []
    if grain == POINT:
        return [Stretch(POINT, first, end)]
    begin, stop = -(-first // grain) * grain, min(end // grain * grain, summarised.upto(grain))
    finer = GRAINS[GRAINS.index(grain) - 1]
    if begin >= stop:
        return cover(first, end, finer, summarised)
    return [
        *cover(first, begin, finer, summarised),
        Stretch(grain, begin, stop),
        *cover(stop, end, finer, summarised),
    ]


def merged(stretches: list[Stretch]) -> list[Stretch]:
    """In order of their indices; neighbours of one grain as one."""
    found: list[Stretch] = []
    for one in sorted(stretches, key=lambda stretch: stretch.first):
        last = found[-1] if found else None
        if last and last.grain == one.grain and last.end == one.first:
            found[-1] = Stretch(one.grain, last.first, one.end)
        else:
            found.append(one)
    return found


def sample(stretches: list[Stretch], most: int) -> tuple[list[Stretch], bool]:
    """Of points at most so many: of more, parts that lie evenly, a chunk each; and whether any was left out."""
    count = sum(one.end - one.first for one in stretches)
    if count <= most:
        return stretches, False
    parts = [
        Stretch(POINT, first, min(one.end, (first // CHUNK + 1) * CHUNK))
        for one in stretches
        for first in (one.first, *range((one.first // CHUNK + 1) * CHUNK, one.end, CHUNK))
    ]
    wanted = max(1, most // CHUNK)
    chosen = {round(at * (len(parts) - 1) / max(1, wanted - 1)) for at in range(wanted)}
    return merged([parts[at] for at in sorted(chosen)]), True
