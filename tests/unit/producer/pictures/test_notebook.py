"""What a notebook is given for an experiment, a run of a Client and a view."""

import copy
import json
import math
import pickle
import re
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from mldash import Client, Experiment
from mldash.mode import Reader
from mldash.pictures import notebook
from mldash.pictures.svg import COLOURS, DARK, LIGHT, colour_of
from mldash.settings import SdkSettings
from mldash_api.dashboard.npm import node_command

DASHBOARD = Path(notebook.__file__).parents[3] / "query_api" / "mldash_api" / "dashboard"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&]]>\x1b[2J\u202e\ufffe<!--"
HARMLESS = {"svg", "style", "rect", "text", "title", "path", "a"}
ATTRIBUTES = {
    *("class", "role", "aria-label", "width", "height", "viewBox", "x", "y", "rx", "d", "text-anchor"),
    *("href", "target", "rel"),
}


@pytest.fixture(autouse=True)
def whole_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is now."""
    monkeypatch.setattr(notebook, "_READ_S", 120.0)
    monkeypatch.setattr(notebook, "_WAIT_S", 120.0)


def picture(html: str) -> ElementTree.Element:
    """Its root; no element or attribute that could do anything."""
    root = ElementTree.fromstring(html)
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in HARMLESS
        assert set(element.attrib) <= ATTRIBUTES
    assert "url(" not in html and "@import" not in html
    return root


def texts(html: str) -> list[str]:
    return ["".join(one.itertext()) for one in picture(html).iter(f"{SVG}text")]


def curves(html: str) -> list[str]:
    return [one.attrib["d"] for one in picture(html).iter(f"{SVG}path") if one.get("class") == "mldash-curve"]


def logged(root: Path, prefix: str = "alice/robots/walk", **fields: list[Any]) -> Experiment:
    """A run that has ended."""
    experiment = Experiment(prefix, root=str(root), echo=False, tags=["sweep"])
    with experiment.run:
        experiment.params.set(lr=0.1)
        experiment.metrics("train").log_many(**(fields or {"loss": [1.0, 0.5]}))
    return experiment


def test_a_run_shows_its_status_params_and_charts(tmp_path: Path) -> None:
    experiment = logged(tmp_path, loss=[1.0, 0.5, 0.25], accuracy=[0.1, 0.9, math.nan])
    html = experiment._repr_html_()
    told = texts(html)
    assert {"alice/robots/walk", "COMPLETED", "sweep", "lr", "0.1", "train, loss", "train, accuracy"} <= {*told}
    assert {"3 points", "3 points, 1 without a number", "0.25", "0.9"} <= {*told}
    assert len(curves(html)) == 2
    assert experiment.run._repr_html_() == html == Client(root=tmp_path).run("alice/robots/walk")._repr_html_()


def test_a_run_that_goes_on_is_drawn_as_far_as_it_has_come(tmp_path: Path) -> None:
    """Also what no file has yet."""
    for mode, place in (("local", {"root": str(tmp_path / "dash")}), ("offline", {"journal": str(tmp_path / "j")})):
        with Experiment("alice/robots/on", mode=mode, echo=False, **place).run as experiment:
            for step in range(5):
                experiment.metrics("train").log(loss=1.0 / (step + 1))
            told = texts(experiment._repr_html_())
            assert "RUNNING" in told and "5 points" in told


def test_what_users_logged_stays_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("\x1b", "")
    with Experiment("alice/<b>/x", root=str(tmp_path), echo=False, description=HOSTILE, tags=[HOSTILE]).run as run:
        run.params.set({name: HOSTILE})
        run.metrics(name).log(**{name: 1.0})
        run.tracks("<i>").append(x=1.0, _ts=0.0)
        view = run.metrics(name).view()._repr_html_()
        html = run._repr_html_()
    run.run.fail(HOSTILE)
    for one in (html, view):
        whole = "\n".join(texts(one))
        assert "<script>alert(1)</script>" in whole and "alice/<b>/x" in whole
        assert "\x1b" not in one and "\u202e" not in one
    assert "\\x1b" in html and "tracks: <i> (1)" in texts(html)


def test_a_picture_is_bounded_whatever_was_logged(tmp_path: Path) -> None:
    with Experiment("alice/robots/wide", root=str(tmp_path), echo=False).run as run:
        run.params.set({f"{at}{'x' * 900}": "y" * 20_000 for at in range(100)})
        for at in range(200):
            run.metrics(f"{at:03}{'é' * 400}").log_many(**{f"{at}{'z' * 400}": [math.sin(x) for x in range(500)]})
        for at in range(50):
            run.tracks(f"topic-{at}").append(x=1.0)
    html = run._repr_html_()
    assert len(html) < 200_000 and float(picture(html).attrib["height"]) < 1_200
    assert len(curves(html)) == 12
    assert "84 more params" in texts(html)
    assert any("188 more metrics" in one for one in texts(html))
    assert max(map(len, texts(html))) < 500
    wide = {f"field-{at:02}": [float(x) for x in range(30_000)] for at in range(30)}
    run = logged(tmp_path, "alice/robots/fields", **wide)
    view = run.metrics("train").view(points=50_000)._repr_html_()
    assert len(view) < 200_000 and len(curves(view)) == 12 and "18 more fields" in texts(view)


def test_the_same_data_give_the_same_picture(tmp_path: Path) -> None:
    logged(tmp_path, loss=[1.0, math.inf, 0.5, -math.inf, math.nan, 1e300])
    one, two = (Client(root=tmp_path).run("alice/robots/walk") for _ in range(2))
    assert one._repr_html_() == two._repr_html_()
    views = [run.metrics("train").view()._repr_html_() for run in (one, two)]
    assert views[0] == views[1] and len(picture(views[0]).findall(".//*[@class='mldash-mark']")) == 1


def test_a_view_is_a_plain_dict_to_all_but_a_notebook(tmp_path: Path) -> None:
    view = logged(tmp_path).metrics("train").view()
    plain = dict(view)
    assert view == plain and json.loads(json.dumps(view)) == plain and repr(view) == repr(plain)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(view)) == plain
    for one in (pickle.loads(pickle.dumps(view)), copy.deepcopy(view)):
        assert one == plain and one._repr_html_() == view._repr_html_()
    assert {"train, loss", "of 2 points", "over index"} <= {*texts(view._repr_html_())}


def test_a_view_of_times_names_them(tmp_path: Path) -> None:
    run = logged(tmp_path, loss=[1.0, 2.0], _ts=[0.0, 1.7e9])
    assert {"1970-01-01 00:00:00", "2023-11-14 22:13:20"} <= {*texts(run.metrics("train").view(x="time")._repr_html_())}
    run = logged(tmp_path, "alice/robots/far", loss=[1.0, 2.0], _ts=[0.0, 1e300])
    assert "1e+300" in texts(run.metrics("train").view(x="time")._repr_html_())


def test_a_view_without_points_says_so(tmp_path: Path) -> None:
    run = logged(tmp_path)
    for view in (run.metrics("absent").view(), run.metrics("train").view([])):
        assert "no numbers" in texts(view._repr_html_())
    assert "–" in texts(run.metrics("train").view("absent")._repr_html_())


def test_what_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    absent = Experiment("alice/robots/<none>", root=str(tmp_path))
    assert absent._repr_html_() == "<p>alice/robots/&lt;none&gt;: nothing was logged there yet</p>"
    disabled = Experiment("alice/robots/walk", mode="disabled")
    with disabled.run:
        assert disabled._repr_html_() == "<p>alice/robots/walk: nothing was logged there yet</p>"
        assert "no numbers" in texts(disabled.metrics("train").view()._repr_html_())


def test_a_run_that_cannot_be_read_says_why_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        remote = f"http://127.0.0.1:{closed.getsockname()[1]}"
        html = Client(remote)
        said = html.run("alice/robots/walk")._repr_html_()
    assert said.startswith("<p>alice/robots/walk can&#x27;t be shown: ") and "127.0.0.1" in said and "\n" not in said
    offline = Experiment("alice/robots/walk", mode="remote", journal=str(tmp_path))._repr_html_()
    assert "reads need the API" in offline and offline.count("<") == 2


def test_a_server_that_does_not_answer_holds_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_WAIT_S", 0.1)
    answered = threading.Event()

    def reader() -> Reader:
        answered.wait(60)
        raise ValueError("too late")

    try:
        said = notebook.run_html("alice/robots/walk", SdkSettings(), reader)
        assert said == "<p>alice/robots/walk can&#x27;t be shown: not read within 0.1 s</p>"
    finally:
        answered.set()
        for thread in threading.enumerate():
            if thread.name == "mldash-picture":
                thread.join(60)


def test_the_live_page_is_linked_where_an_api_is_read() -> None:
    settings = SdkSettings(remote="https://user:secret@mldash.example/base/")
    assert notebook.page_address(settings, "alice/a b/c?") == "https://mldash.example/base/run/alice/a%20b/c%3F"
    assert notebook.page_address(SdkSettings(remote="http://h", mode="local"), "a/b") is None
    assert notebook.page_address(SdkSettings(), "a/b") is None


def test_light_and_dark_are_the_dashboard_s_colours() -> None:
    css = (DASHBOARD / "styles" / "00-palette.css").read_text()
    light, dark = css.split(':root[data-theme="dark"]')
    for colours, block in ((LIGHT, light), (DARK, dark)):
        told = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))
        assert colours == {name: told[name] for name in colours}


def test_a_run_has_the_colour_that_it_has_in_the_dashboard() -> None:
    names = ["alice/robots/walk-07", "a/b", "möbius/№/🚶", *(f"vera/vision/run-{at}" for at in range(40))]
    script = (
        f"import {{ colourOf }} from {json.dumps((DASHBOARD / 'pure' / 'colours.js').as_uri())};"
        f"console.log(JSON.stringify({json.dumps(names)}.map(colourOf)))"
    )
    command = [*node_command(), "--input-type=module", "--eval", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == [colour_of(name) for name in names]
    assert {colour_of(name) for name in names} == {*range(COLOURS)}
