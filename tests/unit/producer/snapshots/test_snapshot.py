"""`mldash snapshot` over local folders; tests/behaviour/test_client.py has it over an API too, and
tests/browser/test_snapshot.py opens its page."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from mldash import Client, Experiment
from mldash.command_line import group
from mldash.snapshots.folder import new_folder
from mldash.snapshots.gathered import COLUMNS, gather
from mldash.snapshots.page import page_html

HOSTILE = "</script><script>alert(1)</script><!-- ' \" & <b>"


class Elements(HTMLParser):
    """Of a page: tags with their attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.texts.append((self.tags[-1][0], data))

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(next(text for tag, text in self.texts if tag == "script"))
        return found


def snapshot(root: Path, *arguments: object) -> Result:
    return CliRunner().invoke(group, ["snapshot", *map(str, arguments), "--root", str(root)], standalone_mode=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for at in range(2):
        with Experiment(f"alice/robots/{at}", root=str(tmp_path / ".dash"), echo=False, readme=HOSTILE).run as run:
            run.params.set({"lr": 0.1, HOSTILE: HOSTILE})
            run.metrics("train").log_many(loss=[1.0, math.nan, 0.5 + at, math.inf], step=[1, 2, 3, 4])
            run.log(HOSTILE, level="warn")
    with Experiment("alice/robots/1", root=str(tmp_path / ".dash"), echo=False).run as run:
        run.metrics(HOSTILE).log(acc=0.5)
    return tmp_path / ".dash"


def test_the_page_holds_what_was_logged_as_text(root: Path, tmp_path: Path) -> None:
    done = snapshot(root, "alice/robots/0", "/alice/robots/1/", tmp_path / "out")
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'out' / 'index.html'}\n")
    page = Elements((tmp_path / "out" / "index.html").read_text())
    assert [tag for tag, _ in page.tags].count("script") == 2
    runs = page.data["runs"]
    assert [(run["prefix"], run["status"]) for run in runs] == [(f"alice/robots/{at}", "COMPLETED") for at in range(2)]
    assert runs[0]["params"] == [["lr", "0.1"], [HOSTILE, HOSTILE]]
    assert [line[1:] for line in runs[0]["lines"]] == [["warn", HOSTILE]] and runs[0]["readme"] == HOSTILE
    charts = {chart["title"]: chart["series"] for chart in page.data["charts"]}
    assert [*charts] == sorted([f"{HOSTILE}, acc", "train, loss", "train, step"])
    one, two = charts["train, loss"]
    assert (one["run"], one["points"], one["without"], one["above"]) == (0, 4, 1, [3])
    assert (one["stretches"], two["stretches"]) == ([[0, 1.0], [2, 0.5]], [[0, 1.0], [2, 1.5]])


def test_nothing_but_its_own_script_and_style_may_load(root: Path, tmp_path: Path) -> None:
    """The policy names both by their hashes; there is nothing else that could load."""
    assert snapshot(root, "alice/robots/0", tmp_path / "out").exit_code == 0
    page = Elements((tmp_path / "out" / "index.html").read_text())
    policy = next(a["content"] or "" for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for _, text in page.texts]
    style, _, script = hashes
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}';")
    assert {name for _, attributes in page.tags for name in attributes} == {
        *("charset", "http-equiv", "content", "name", "type", "id", "lang")
    }
    assert {tag for tag, _ in page.tags} <= {"html", "head", "meta", "title", "style", "body", "noscript", "script"}


def test_a_page_is_bounded_however_many_points_there_are(tmp_path: Path) -> None:
    with Experiment("alice/robots/long", root=str(tmp_path), echo=False).run as run:
        run.metrics("train").log_many(loss=[math.sin(at) for at in range(50_000)])
        run.metrics("wide").log(**{f"field-{at:03}": at for at in range(100)})
        for at in range(10):
            run.metrics(f"z{at}").log(x=1)
        for at in range(600):
            run.log(f"line {at}")
    page = gather({"alice/robots/long": Client(tmp_path).run("alice/robots/long")._reader()}, 5, "now", str)
    (loss,) = next(chart.series for chart in page.charts if chart.title == "train, loss")
    assert loss.points == 50_000 and sum(map(len, loss.stretches)) <= 2 * 4 * COLUMNS
    assert page.left == 7 + 60 and len(page.charts) == 1 + 40 + 3
    assert page.runs[0].line_count == 600
    assert [line[2] for line in page.runs[0].lines] == [f"line {at}" for at in range(100, 600)]


def test_the_same_runs_give_the_same_page(root: Path) -> None:
    pages = [gather({"x": Client(root).run("alice/robots/1")._reader()}, 9, "now", str) for _ in range(2)]
    assert page_html(pages[0]) == page_html(pages[1])


def test_a_folder_that_holds_something_is_left_alone_unless_it_is_said(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert snapshot(root, "alice/robots/0", out, "--parquet").exit_code == 0, "an empty one is taken"
    (out / "mine.txt").write_text("kept")
    page = (out / "index.html").read_text()
    again = snapshot(root, "alice/robots/1", out)
    assert again.exit_code == 1 and "is not empty" in str(again.exception)
    assert (out / "index.html").read_text() == page
    assert snapshot(root, "alice/robots/1", out, "--force").exit_code == 0
    assert sorted(one.name for one in out.iterdir()) == ["index.html", "mine.txt"], "the points were of another page"
    assert [run["prefix"] for run in Elements((out / "index.html").read_text()).data["runs"]] == ["alice/robots/1"]
    assert snapshot(root, "alice/robots/0", out, "--force", "--parquet").exit_code == 0
    assert sorted(one.name for one in out.iterdir()) == ["index.html", "mine.txt", "points"]
    assert sorted(one.name for one in tmp_path.iterdir()) == [".dash", "out"]


def test_what_fails_or_is_interrupted_leaves_no_folder(root: Path, tmp_path: Path) -> None:
    absent = snapshot(root, "alice/robots/0", "alice/robots/none", tmp_path / "out")
    assert absent.exit_code == 1 and "nothing was logged at alice/robots/none" in str(absent.exception)

    def interrupted() -> None:
        with new_folder(tmp_path / "out") as made:
            (made / "index.html").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [one.name for one in tmp_path.iterdir()] == [".dash"]


def test_exact_points_lie_beside_the_page_as_parquet(root: Path, tmp_path: Path) -> None:
    """Under numbers: no name of a user's is one of a file."""
    assert snapshot(root, "alice/robots/0", "alice/robots/1", tmp_path / "out", "--parquet").exit_code == 0
    points = tmp_path / "out" / "points"
    listed = json.loads((points / "index.json").read_bytes())
    assert sorted((one["prefix"], one["metric"], one["points"]) for one in listed) == sorted(
        [("alice/robots/0", "train", 4), ("alice/robots/1", "train", 4), ("alice/robots/1", HOSTILE, 1)]
    )
    assert all(re.fullmatch(r"\d{6}\.parquet", one["file"]) for one in listed)
    assert {one.name for one in points.iterdir()} == {"index.json", *(one["file"] for one in listed)}
    (first,) = [one["file"] for one in listed if one["prefix"] == "alice/robots/0"]
    rows = parquet.read_table(points / first).to_pylist()
    assert [row["index"] for row in rows] == [0, 1, 2, 3] and [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [repr(row["loss"]) for row in rows] == ["1.0", "nan", "0.5", "inf"]
