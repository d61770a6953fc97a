"""docs/sdk.md, Finding and comparing runs: a Client gives what was logged, over the API and over folders alike."""

import json
import math
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from mldash import Client, Experiment, FilterError, NeedsApi, NoSuchFolder, PackageMissing, ServerUnreachable
from mldash.client import api_runs, tables
from mldash.command_line import group
from mldash.pictures import notebook
from tests.stored import until_stored

PLACES = ["local", pytest.param("remote", marks=pytest.mark.integration)]
COLUMNS = ["params.lr", "params.model", "metrics.eval.acc.max", "tags", "started", "params.layers"]


class Runs:
    """Three runs of a project of their own, and the client that finds them."""

    def __init__(self, client: Client, keywords: dict[str, Any]) -> None:
        self.client, self.project = client, f"robots-{os.urandom(5).hex()}"
        self.mine = f'project = "{self.project}"'
        self.prefixes = [f"alice/{self.project}/{at}" for at in range(3)]
        self.begun = time.time()
        for at, prefix in enumerate(self.prefixes):
            with Experiment(prefix, echo=False, tags=["sweep", f"n{at}"], **keywords).run as experiment:
                experiment.params.set(lr=[0.1, 1, 0.01][at], model="vit" if at else "cnn", seed=7)
                if at:
                    experiment.params.set(layers=2**53 + at)
                experiment.metrics("eval").log(acc=0.5 + at / 8)
                experiment.metrics("eval").log(acc=0.25)
                experiment.metrics("curve").log_many(loss=[1.0] * 50 + [1.0 + at] * 50)
                experiment.log("it begins", level="warn")
                experiment.tracks("pose").append(x=1.0, _ts=0.5)
                until_stored(experiment, ["eval", "curve"], ["pose"])
        # An index of runs follows within some moments; of metrics it has the last snapshots.
        self.until(lambda: self.count("metrics.eval.acc.count = 2 and metrics.curve.loss.count = 100") == 3)
        self.until(lambda: self.count('status = "COMPLETED" and params.seed = 7 and tags has "sweep"') == 3)

    def count(self, filter: str) -> int:
        return self.client.runs(f"{self.mine} and {filter}").count()

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def found(self, filter: str | None = None, **asked: Any) -> list[str]:
        whole = self.mine if filter is None else f"{self.mine} and ({filter})"
        return [run.prefix for run in self.client.runs(whole, **asked)]


@pytest.fixture(params=PLACES)
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Runs:
    if request.param == "remote":
        keywords = request.getfixturevalue("remote")
        return Runs(Client(keywords["remote"]), keywords)
    (tmp_path / ".dash").mkdir()
    return Runs(Client(tmp_path / ".dash"), {"root": tmp_path / ".dash"})


@pytest.fixture
def over_api(remote: dict[str, Any]) -> Runs:
    return Runs(Client(remote["remote"]), remote)


def test_runs_are_found_by_a_filter_in_the_order_of_any_field(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = runs.prefixes
    assert runs.found() == [three, two, one]  # the newest first
    assert runs.found("params.lr < 1", sort="params.lr") == [three, one]
    assert runs.found('tags has "n1" or metrics.eval.acc.max > 0.7', sort="-metrics.eval.acc.max") == [three, two]
    assert runs.found("not params.layers exists") == [one]
    assert runs.found(sort="params.lr", limit=2) == [three, one] and runs.found(limit=0) == []
    assert runs.found("params.lr > 5") == []
    monkeypatch.setattr(api_runs, "_FIRST_PAGE", 1)
    monkeypatch.setattr(api_runs, "_PAGE", 1)
    assert runs.found(sort="params.lr") == [three, one, two]


def test_a_row_has_the_columns_that_were_asked_for_as_they_were_logged(runs: Runs) -> None:
    found = runs.client.runs(runs.mine, sort="params.lr", columns=COLUMNS)
    assert (len(found), found.count(), found.columns) == (3, 3, COLUMNS)
    rows = found.to_list()
    assert [row.prefix for row in found] == [row["prefix"] for row in rows] == [runs.prefixes[at] for at in (2, 0, 1)]
    assert [repr(row["params.lr"]) for row in rows] == ["0.01", "0.1", "1"]
    assert [row["metrics.eval.acc.max"] for row in rows] == [0.75, 0.5, 0.625]
    assert [row["tags"] for row in rows] == [["sweep", "n2"], ["sweep", "n0"], ["sweep", "n1"]]
    assert [row.get("params.layers") for row in rows] == [2**53 + 2, None, 2**53 + 1]
    with pytest.raises(KeyError, match=r"params\.layers"):
        rows[1]["params.layers"]
    assert all(row["started"].endswith("Z") for row in rows)
    limited = runs.client.runs(runs.mine, limit=2)
    assert (len(limited), limited.count(), len(limited.to_list())) == (2, 3, 2)
    assert list(limited.to_list()[0].values) == ["status", "started", "duration", "project"]


def test_a_run_draws_itself_for_a_notebook_with_a_link_where_a_page_is(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Well-formed, of the run and of a view of it; however slow this machine is now."""
    monkeypatch.setattr(notebook, "_READ_S", 120.0)
    monkeypatch.setattr(notebook, "_WAIT_S", 120.0)
    prefix, where = runs.prefixes[1], runs.client.where
    run = runs.client.run(prefix)
    picture = run._repr_html_()
    root = ElementTree.fromstring(picture)
    told = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {prefix, "COMPLETED", "eval, acc", "curve, loss", "2 points", "100 points", "layers"} <= {*told}
    chart = run.metrics("curve").view()._repr_html_()
    pages = [
        one.attrib["href"]
        for svg in (picture, chart)
        for one in ElementTree.fromstring(svg).iter()
        if "href" in one.attrib
    ]
    assert pages == ([f"{where}/run/{prefix}"] * 2 if where.startswith("http") else [])
    assert "of 100 points" in chart


def test_a_snapshot_holds_the_runs_and_their_exact_points(runs: Runs, tmp_path: Path) -> None:
    place = ["--remote" if runs.client.where.startswith("http") else "--root", runs.client.where]
    arguments = ["snapshot", *runs.prefixes, str(tmp_path / "out"), "--parquet", *place]
    done = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "index.html").read_text()
    found = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert [(run["prefix"], run["status"], run["lineCount"]) for run in found["runs"]] == [
        (prefix, "COMPLETED", 1) for prefix in runs.prefixes
    ]
    charts = {chart["title"]: [(one["run"], one["points"]) for one in chart["series"]] for chart in found["charts"]}
    assert charts == {"curve, loss": [(at, 100) for at in range(3)], "eval, acc": [(at, 2) for at in range(3)]}
    points = tmp_path / "out" / "points"
    for one in json.loads((points / "index.json").read_bytes()):
        table = parquet.read_table(points / one["file"])
        exact = runs.client.run(one["prefix"]).metrics(one["metric"]).read_columns(limit=None)
        assert table.column("index").to_pylist() == exact["index"]
        assert table.drop(["index", "createdAt"]).to_pydict() == {
            name: values for name, values in exact.items() if name not in ("index", "createdAt")
        }


def test_rows_become_tables_of_the_types_of_what_was_logged(runs: Runs) -> None:
    found = runs.client.runs(runs.mine, sort="prefix", columns=COLUMNS)
    table = found.to_arrow()
    assert table.column_names == ["prefix", *COLUMNS]
    assert [str(kind) for kind in table.schema.types] == [
        "string", "double", "string", "double", "list<item: string>", "timestamp[us, tz=UTC]", "int64",
    ]  # fmt: skip
    assert table["params.layers"].to_pylist() == [None, 2**53 + 1, 2**53 + 2]
    assert table["params.lr"].to_pylist() == [0.1, 1.0, 0.01]
    assert all(runs.begun - 60 < at.timestamp() < time.time() + 60 for at in table["started"].to_pylist())
    frame = found.to_pandas()
    assert list(frame.index) == runs.prefixes and frame.index.name == "prefix"
    assert frame["params.layers"].dropna().tolist() == [2**53 + 1, 2**53 + 2] and str(frame["started"].dt.tz) == "UTC"
    assert str(frame["params.lr"].dtype) == "float64" and frame["params.lr"].tolist() == [0.1, 1.0, 0.01]
    assert frame["metrics.eval.acc.max"].tolist() == [0.5, 0.625, 0.75]
    assert frame["started"].tolist() == table["started"].to_pylist()
    polars = found.to_polars()
    assert polars["prefix"].to_list() == runs.prefixes and polars["tags"].to_list()[1] == ["sweep", "n1"]
    assert polars["params.layers"].to_list() == [None, 2**53 + 1, 2**53 + 2]
    nobody = runs.client.runs(f"{runs.mine} and params.lr > 5", columns=COLUMNS)
    assert nobody.to_arrow().num_rows == len(nobody.to_pandas()) == len(nobody.to_polars()) == 0
    assert not nobody and found


def test_a_run_is_read_by_the_handles_of_an_experiment_and_is_not_written(runs: Runs) -> None:
    run = runs.client.run(runs.prefixes[1])
    assert (run.status, run.prefix, run.params.get()["lr"]) == ("COMPLETED", runs.prefixes[1], 1)
    assert [point["data"] for point in run.metrics("eval").read()["data"]] == [{"acc": 0.625}, {"acc": 0.25}]
    assert run.metrics("eval").stats()["fields"]["acc"]["max"] == 0.625
    assert run.metrics("curve").view("loss", points=1_000)["fields"]["loss"]["y"] == [1.0] * 50 + [2.0] * 50
    assert [line["message"] for line in run.logs.read(level="warn")] == ["it begins"]
    assert run.tracks("pose").read()["entries"] == [{"timestamp": 0.5, "x": 1.0}]
    assert {one["name"] for one in run.metrics.list()} == {"eval", "curve"}
    about = run.about()
    assert about is not None and about["tags"] == ["sweep", "n1"] and len(run.sessions()) == 1
    for write in (lambda: run.metrics("eval").log(acc=1), lambda: run.params.set(x=1), lambda: run.logs.info("no")):
        with pytest.raises(RuntimeError, match="only reads"):
            write()
    assert run.metrics("eval").read()["total"] == 2
    assert pickle.loads(pickle.dumps(run)).params.get()["lr"] == 1
    absent = runs.client.run(f"{runs.prefixes[1]}/absent")
    assert (absent.status, absent.about(), absent.params.get()) == ("CREATED", None, {})


def test_fields_say_what_can_be_asked(runs: Runs) -> None:
    def of_mine(prefix: str) -> dict[str, list[str]]:
        return {one["field"]: one["kinds"] for one in runs.client.fields(prefix, limit=10_000)}

    params = of_mine("params.l")
    assert set(params["params.lr"]) >= {"number"} and "params.layers" in params
    assert "metrics.eval.acc.max" in of_mine("metrics.eval.acc.") and of_mine("params.no such name here") == {}
    first, *_ = runs.client.fields("params.", limit=1)
    assert first["runs"] >= 3
    told = runs.client.explain("params.lr < 1 and started > now - 7d")
    assert [one["field"] for one in told["reads"]] == ["params.lr", "started"] and "1 week" in told["words"]


def test_a_wrong_question_is_told_before_anything_is_asked(runs: Runs) -> None:
    with pytest.raises(FilterError) as raised:
        runs.client.runs("params.lr << 3")
    assert raised.value.position == 11
    for wrong in ({"sort": "-params"}, {"columns": ["nothing"]}, {"limit": -1}):
        with pytest.raises(ValueError):
            runs.client.runs(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="columns"):
        runs.client.runs(columns="status")
    with pytest.raises(ValueError):
        runs.client.run("no-slash")


@pytest.mark.integration
def test_runs_are_compared_over_the_api(over_api: Runs) -> None:
    told = over_api.client.compare(over_api.prefixes)
    params = {row["name"]: row for row in told["params"]}
    assert params["lr"]["values"] == [0.1, 1, 0.01] and params["layers"]["missing"] == [0] and "seed" not in params
    (greatest,) = [row for row in told["statistics"] if (row["metric"], row["statistic"]) == ("eval", "max")]
    assert greatest["values"] == [0.5, 0.625, 0.75]
    everything = over_api.client.compare(over_api.prefixes, everything=True)
    assert "seed" in {row["name"] for row in everything["params"]}

    one, two, three = over_api.prefixes
    parted = over_api.client.parted(one, three, "curve", "loss")
    assert (parted.found, parted.x, parted.above) == ("parted", 50, 1) and parted.bands == [[1.0, 1.0], [3.0, 3.0]]
    assert over_api.client.parted(one, two, "curve", "loss", end=49).found == "never"
    assert over_api.client.parted(one, two, "curve", "absent").found == "no common x"


@pytest.mark.integration
def test_one_metric_of_many_runs_comes_on_one_grid_as_lists_and_as_arrow(over_api: Runs) -> None:
    asked: dict[str, Any] = {"fields": "loss", "points": 100, "statistics": ["greatest", "count"]}
    grid = over_api.client.grid(over_api.prefixes, "curve", **asked)
    assert [one["totalPoints"] for one in grid["runs"]] == [100] * 3
    values = {one["run"]: one["statistics"]["greatest"] for one in grid["series"]}
    assert values == {at: [1.0] * 50 + [1.0 + at] * 50 for at in range(3)}
    table = over_api.client.grid(over_api.prefixes, "curve", format="arrow", **asked)
    assert table["x"].to_pylist() == grid["edges"][:-1]
    assert table[f"{over_api.prefixes[2]} loss greatest"].to_pylist() == values[2]
    absent = over_api.client.grid(over_api.prefixes, "curve", filter="loss > 2.5", points=100)
    assert [one["totalPoints"] for one in absent["runs"]] == [0, 0, 50]
    halves = over_api.client.grid(over_api.prefixes, "curve", points=100, expressions=["loss / 2"])
    (half,) = [one for one in halves["series"] if one["run"] == 2 and one.get("expression")]
    assert half["statistics"]["greatest"] == [0.5] * 50 + [1.5] * 50
    grouped = over_api.client.grid(over_api.prefixes, "curve", "loss", points=100, over=["max"])
    (band,) = grouped["bands"]
    assert (band["statistic"], band["over"]["max"]) == ("mean", values[2])
    with pytest.raises(ValueError, match="points"):
        over_api.client.grid(over_api.prefixes, "curve", points=0)
    assert not any(math.isnan(one) for one in values[0])


def test_folders_say_what_needs_an_api(tmp_path: Path) -> None:
    client = Client(root=tmp_path)
    for ask in (
        lambda: client.compare(["a/b"]),
        lambda: client.parted("a/b", "a/c", "m", "f"),
        lambda: client.grid(["a/b"], "m"),
    ):
        with pytest.raises(NeedsApi, match="needs an API"):
            ask()
    assert client.runs().to_list() == [] and client.fields() == []


def test_a_client_reads_where_it_is_told_to_else_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLDASH_ROOT", str(tmp_path))
    assert Client().where == str(tmp_path)
    monkeypatch.setenv("MLDASH_REMOTE", "http://u:p@127.0.0.1:9")
    assert Client().where == "http://127.0.0.1:9" and "p@" not in repr(Client())
    assert Client(tmp_path).where == str(tmp_path)
    assert Client(remote="127.0.0.1:9").where == "http://127.0.0.1:9"
    with pytest.raises(NoSuchFolder, match="no folder"):
        Client(tmp_path / "absent")
    with pytest.raises(ValueError, match="one place"):
        Client(tmp_path, remote="http://127.0.0.1:9")
    with pytest.raises(ServerUnreachable):
        Client().runs().to_list()


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    found = Client(tmp_path).runs()
    for make, install in (
        (found.to_arrow, r"mldash\[arrow\]"),
        (found.to_pandas, "pandas"),
        (found.to_polars, "polars"),
    ):
        with pytest.raises(PackageMissing, match=f"pip install '{install}'"):
            make()


def test_a_client_of_an_api_loads_no_client_of_a_server_and_no_table_library() -> None:
    """Asked of an interpreter of its own."""
    code = (
        "import sys; from mldash import Client; Client('http://127.0.0.1:9').runs('params.lr < 1');"
        "heavy = {'aiokafka', 'pyarrow', 'numpy', 'pandas', 'polars', 'motor', 'asyncio', 'click', 'rich'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
