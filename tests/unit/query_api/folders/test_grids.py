"""Many local runs on one grid."""

from pathlib import Path

import pytest

from mldash import Experiment
from mldash.answers.downsample import INDEX, ViewRequest
from mldash.client.kept_runs import KeptRuns
from mldash_api.errors import AnswerTooLarge
from mldash_api.folders import grids

COLUMNS = 10
FIELDS = 5


def test_the_cells_of_all_runs_of_an_answer_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No fields are asked for, so that what they are is known only when the points are read."""
    monkeypatch.setattr(grids, "MOST_GRID_CELLS", 2 * FIELDS * COLUMNS)
    prefixes = [f"o/p/run-{number}" for number in range(3)]
    for prefix in prefixes:
        with Experiment(prefix, root=str(tmp_path), echo=False).run as run:
            for at in range(COLUMNS):
                run.metrics("train").log(**{f"f{number}": at for number in range(FIELDS)})
    runs, charts = KeptRuns(tmp_path), grids.Charts()
    asked = grids.AskedGrid("train", ViewRequest(fields=None, x=INDEX, columns=COLUMNS))
    assert all(grids.read_grids(runs, charts, prefixes[:2], asked).runs)
    with pytest.raises(AnswerTooLarge):
        grids.read_grids(runs, charts, prefixes, asked)
