"""A track of a local run on pixel columns."""

import random
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash.answers.rows import with_strings
from mldash.client.kept_runs import KeptRuns
from mldash.events.merging import merge_entries
from mldash.local.reading import entry_windows
from mldash_api.charts.cells import STATISTICS
from mldash_api.charts.tracks.asking import AskedTrackGrid
from mldash_api.charts.tracks.numbers import pieces_of
from mldash_api.folders.track_grids import track_grid

ENTRIES = 1_500


@pytest.mark.parametrize("in_order", [True, False])
def test_a_grid_is_that_of_all_entries_in_whatever_order_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_order: bool
) -> None:
    """Read in many windows, the last entries from the journal."""
    monkeypatch.setattr(entry_windows, "WINDOW_ROWS", 200)
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    times = [at / 8 if in_order else draw.randint(0, 4_000) / 8 for at in range(ENTRIES)]
    events: list[dict[str, Any]] = [{"x": draw.uniform(-5, 5), "q": [at, draw.random()]} for at in range(ENTRIES)]
    with Experiment("o/p/run", root=str(tmp_path), echo=False).run as run:
        for at, (time, event) in enumerate(zip(times, events, strict=True)):
            run.tracks("pose").append(_ts=time, **event)
            if at == ENTRIES - 50:
                run.flush()
        merged = merge_entries(times, events)
        entries = [{"timestamp": time, **merged[time]} for time in sorted(merged)]
        reader = KeptRuns(tmp_path).find()["o/p/run"].reader
        for start, end in ((None, None), (20.0, None), (11.1, 77.7), (1e6, None)):
            asked = AskedTrackGrid(["x", "q"], start, end, 40, STATISTICS, True)
            span = asked.span(entries[0]["timestamp"], entries[-1]["timestamp"])
            expected = asked.nothing()
            if span is not None:
                cells = asked.cells(span)
                within = [one for one in entries if span.low <= one["timestamp"] <= span.high]
                for piece in pieces_of(within, asked.fields):
                    cells.add(piece)
                expected = cells.answer(STATISTICS)
            found = with_strings(track_grid(reader, "pose", asked))  # NaN is not equal to itself
            assert found == with_strings(expected), seed
