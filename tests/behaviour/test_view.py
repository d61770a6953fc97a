"""`mldash view`: the dashboard's routes over plain files, by the command itself."""

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mldash import Experiment
from mldash.client.client import Client
from tests.viewing import Viewing, viewing

WITHIN_S = 60.0
POINTS = 500
RUNS = ("vera/vision/run-0", "vera/vision/run-1", "vera/vision/run-2")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs, the last of which has NaN."""
    folder = tmp_path_factory.mktemp("view")
    for number, prefix in enumerate(RUNS):
        with Experiment(prefix, root=str(folder / ".dash"), echo=False, tags=["sweep"]).run as run:
            run.params.set(optimizer={"lr": 10.0**-number}, seed=number % 2)
            for step in range(POINTS):
                loss = math.nan if number == 2 and step >= 300 else 1 / (step + 1) + number
                run.metrics("train").log(step=step, loss=loss)
            run.log("half way", level="warn")
            for at in range(10):
                run.tracks("robot/position").append(x=float(at), _ts=float(at))
            run.log("done")
    return folder / ".dash"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Viewing]:
    with viewing(root) as found:
        yield found


@pytest.fixture
def http(served: Viewing) -> Iterator[httpx.Client]:
    """A browser that has come by the printed address."""
    with httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S) as client:
        assert client.get("/", params={"token": served.token}).status_code == 303
        yield client


def ask(http: httpx.Client, path: str, **query: Any) -> Any:
    answer = http.get(f"/v1/{path}", params={"nonfinite": "string", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_printed_address_lets_in_and_nothing_else_does(served: Viewing) -> None:
    """The token becomes a cookie that no script reads, and leaves the address bar."""
    with httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S) as client:
        shut = client.get("/")
        assert (shut.status_code, "mldash view" in shut.text) == (401, True)
        assert client.get("/run/vera/vision/run-0").status_code == 401
        assert client.get("/v1/experiments").json()["type"] == "not-signed-in"
        assert client.get("/", params={"token": served.token[:-1] + "0"}).status_code == 401
        entered = client.get("/", params={"token": served.token})
        assert (entered.status_code, entered.headers["location"]) == (303, "./")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and served.token not in cookie
        assert client.get("/v1/experiments").status_code == 200
        page = client.get("/run/vera/vision/run-0")
        assert page.status_code == 200 and "data-local=" in page.text
        entry = re.search(r'src="([^"]+main\.js)"', page.text)
        assert entry and client.get(f"/run/vera/vision/{entry[1]}").status_code == 200
    held = {"Authorization": f"Bearer {served.token}"}
    assert httpx.get(f"{served.address}/v1/experiments", headers=held, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Host": "evil.example"}, 403),
        ("GET", {"Host": "hub.example", "X-Forwarded-For": "10.0.0.1"}, 200),
        ("GET", {"Origin": "http://evil.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ("PUT", {}, 403),
    ],
)
def test_a_page_of_another_origin_gets_nothing_by_the_browsers_cookie(
    http: httpx.Client, method: str, headers: dict[str, str], status: int
) -> None:
    """A notebook's proxy names us otherwise, and says so."""
    path = "/v1/live/name" if method == "PUT" else "/v1/experiments"
    if "Host" in headers:  # a cookie is of a host and a port
        headers = {**headers, "Host": f"{headers['Host']}:{http.base_url.port}"}
    assert http.request(method, path, headers=headers).status_code == status


def test_runs_are_found_by_the_one_grammar_page_after_page(http: httpx.Client) -> None:
    asked = {"filter": "params.optimizer.lr < 1", "sort": "-metrics.train.loss.max", "limit": 1}
    columns = {"fields": ["status", "params.optimizer.lr", "metrics.train.loss.last", "started"]}
    first = ask(http, "experiments", **asked, **columns)
    second = ask(http, "experiments", **asked, **columns, cursor=first["next"])
    assert [one["prefix"] for one in first["experiments"] + second["experiments"]] == [RUNS[2], RUNS[1]]
    assert (first["count"], second["next"]) == (2, None)
    values = first["experiments"][0]["values"]
    assert (values["status"], values["metrics.train.loss.last"]) == ("COMPLETED", "NaN")
    assert values["started"].endswith("Z")
    wrong = http.get("/v1/experiments", params={"filter": "params.seed >"})
    assert (wrong.status_code, wrong.json()["type"], wrong.json()["position"]) == (400, "wrong-filter", 13)
    groups = ask(http, "experiments", group=["params.seed"], values=["metrics.train.loss.min"])["groups"]
    assert [(one["value"], one["count"]) for one in groups] == [(0, 2), (1, 1)]
    assert groups[1]["values"]["metrics.train.loss.min"]["mean"] == 1 / POINTS + 1
    fields = ask(http, "fields", prefix="params.", limit=1)
    assert (fields["count"], fields["fields"][0]["runs"]) == (2, 3)
    assert http.get("/v1/experiments", params={"nonsense": "1"}).json()["parameter"] == "nonsense"


def test_one_run_is_read_as_a_client_reads_it(http: httpx.Client, root: Path) -> None:
    run = Client(root).run(RUNS[1])
    assert ask(http, "experiment", prefix=RUNS[1]) == run.about()
    assert ask(http, "params", prefix=RUNS[1])["params"] == run.params.get()
    assert ask(http, "sessions", prefix=RUNS[1])["sessions"] == run.sessions()
    assert ask(http, "metrics/stats", prefix=RUNS[1], name="train") == run.metrics("train").stats()
    assert ask(http, "metrics/view", prefix=RUNS[1], name="train", points=50) == run.metrics("train").view(points=50)
    assert ask(http, "logs/lines", prefix=RUNS[1], level=["warn"])["lines"] == run.logs.read(level="warn")
    assert http.get("/v1/experiment", params={"prefix": "vera/vision/none"}).status_code == 404


def test_many_runs_are_drawn_on_one_grid_with_what_is_no_number_counted(http: httpx.Client) -> None:
    grid = ask(
        http,
        "metrics/grid",
        prefixes=[*RUNS, "vera/vision/none"],
        name="train",
        fields=["loss"],
        points=50,
        statistics=["count", "least", "missing", "mean"],
    )
    assert grid["edges"] == [*range(0, POINTS + 1, 10)]
    assert [one["totalPoints"] for one in grid["runs"]] == [POINTS, POINTS, POINTS, 0]
    first, _, last = grid["series"]
    assert first["statistics"]["least"][:2] == [1 / 10, 1 / 20]
    assert last["statistics"]["count"] == [10] * 30 + [0] * 20
    assert last["statistics"]["missing"] == [0] * 30 + [10] * 20
    assert last["statistics"]["mean"][30:] == ["NaN"] * 20
    by_step = ask(
        http, "metrics/grid", prefixes=RUNS[:1], name="train", fields=["loss"], x="step", points=5, start=100, end=199
    )
    assert by_step["runs"][0]["totalPoints"] == 100 and by_step["edges"][0] == 100
    by_time = ask(http, "metrics/grid", prefixes=RUNS, name="train", fields=["loss"], x="time", points=5)
    assert [one["totalPoints"] for one in by_time["runs"]] == [POINTS] * 3
    derived = ask(http, "metrics/grid", prefixes=RUNS[:1], name="train", expression=["log10(loss)"], points=1)
    assert derived["series"][0]["statistics"]["greatest"] == [0.0]


def test_tracks_are_read_at_moments_and_at_a_rate(http: httpx.Client) -> None:
    of = {"prefix": RUNS[0], "topic": "robot/position"}
    assert ask(http, "tracks", prefix=RUNS[0])["tracks"][0]["totalEntries"] == 10
    assert [one["x"] for one in ask(http, "tracks/entries", **of, start=2.5, limit=3)["entries"]] == [3, 4, 5]
    found = ask(http, "tracks/at", **of, times=[-1, 3.5])["entries"]
    assert found[0] is None and found[1]["x"] == 3
    sampled = ask(http, "tracks/resampled", **of, rate=2, start=0, end=2)["entries"]
    assert [one["x"] for one in sampled] == [0, 0, 1, 1, 2]
    many = http.get("/v1/tracks/resampled", params={**of, "rate": 1e12})
    assert (many.status_code, many.json()["parameter"]) == (400, "rate")


def test_runs_are_compared(http: httpx.Client) -> None:
    found = ask(http, "compare", prefixes=[RUNS[0], "vera/vision/none", RUNS[1]])
    assert found["absent"] == [1]
    assert found["params"] == [
        {"name": "optimizer.lr", "values": [1.0, None, 0.1], "missing": []},
        {"name": "seed", "values": [0, None, 1], "missing": []},
    ]
    parted = ask(http, "compare/parted", prefixes=RUNS[:2], name="train", field="loss", points=100)
    assert (parted["found"], parted["x"], parted["above"]) == ("parted", 0, 1)
    never = ask(http, "compare/parted", prefixes=[RUNS[0], RUNS[0]], name="train", field="loss")
    assert never["found"] == "never"


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Name, id and data of server-sent events."""
    told = dict[str, str]()
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            told[name] = value.strip()
        elif "data" in told:
            yield told["event"], told.get("id", ""), json.loads(told["data"])
            told = {}


def test_the_stream_tells_each_point_once_also_when_it_comes_back(tmp_path: Path) -> None:
    """A run that begins while somebody listens to its project; the stream is cut in the middle of it."""
    root, prefix = tmp_path / ".dash", "vera/live/run"
    root.mkdir()
    with viewing(root) as served, httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S) as client:
        client.get("/", params={"token": served.token})
        query = {"scope": ["vera/live"], "kind": ["points"], "id": "a" * 32}
        found, after = list[int](), ""
        with Experiment(prefix, root=str(root), echo=False).run as run:
            for half in (range(50), range(50, 100)):
                resumed = {**query, "after": after} if after else query
                with client.stream("GET", "/v1/live", params=resumed) as stream:
                    assert stream.status_code == 200
                    for name, id_, data in events_of(stream.iter_lines()):
                        after = id_
                        if name == "up-to-date":
                            for step in half:
                                run.metrics("train").log(step=step)
                            run.flush()
                        if name == "points":
                            found += [point["data"]["step"] for one in data for point in one["points"]]
                        if len(found) > half[-1]:
                            break
        assert found == [*range(100)]


def test_what_is_listened_to_is_changed_while_the_stream_goes_on(http: httpx.Client, served: Viewing) -> None:
    with http.stream("GET", "/v1/live", params={"prefix": RUNS[0], "kind": ["status"], "id": "b" * 32}) as stream:
        events = events_of(stream.iter_lines())
        assert next(events)[2][0]["experiment"]["status"] == "COMPLETED"
        body = {"prefixes": [RUNS[1]], "kinds": ["params"], "from": "start", "nonfinite": "string"}
        with httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S, cookies=http.cookies) as other:
            changed = other.put(f"/v1/live/{'b' * 32}", json=body, headers={"Origin": served.address})
        assert changed.json() == {"change": 1}
        (told,) = next(data for name, _, data in events if name == "params")
        assert (told["prefix"], told["sets"][0]["optimizer.lr"]) == (RUNS[1], 0.1)


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    """Neither one that is asked for, nor a link in the folder."""
    outside, root = tmp_path / "outside", tmp_path / ".dash"
    with Experiment("vera/secret/run", root=str(outside), echo=False).run as run:
        run.params.set(seed=1)
    with Experiment("vera/vision/run", root=str(root), echo=False).run as run:
        run.params.set(seed=2)
    (root / "vera" / "secret").symlink_to(outside / "vera" / "secret")
    with viewing(root) as served, httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S) as client:
        client.get("/", params={"token": served.token})
        assert [one["prefix"] for one in ask(client, "experiments")["experiments"]] == ["vera/vision/run"]
        for prefix in ("vera/secret/run", "../outside/vera/secret/run", "/etc/passwd/x", "vera/vision/../../x"):
            assert client.get("/v1/experiment", params={"prefix": prefix}).status_code in (400, 404)
            assert client.get("/v1/params", params={"prefix": prefix}).json().get("params", {}) == {}
        assert client.get("/dashboard/x/..%2f..%2f..%2fetc%2fpasswd").status_code == 404


def test_ctrl_c_ends_it_while_a_page_listens(root: Path) -> None:
    with viewing(root) as served, httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S) as client:
        client.get("/", params={"token": served.token})
        with client.stream("GET", "/v1/live", params={"prefix": RUNS[0]}) as stream:
            assert next(stream.iter_lines()).startswith("retry")
            code, rest = served.end()
        assert code == 0
        assert rest.splitlines()[-1] == "ended" and "Traceback" not in rest


def test_the_browser_is_started_without_the_token_among_its_arguments(tmp_path: Path) -> None:
    """But with a page that its owner alone can read, and that is gone when it ends."""
    told, program = tmp_path / "told", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\n(echo "$1"; stat -c %a "${{1#file://}}") > {told}.part\nmv {told}.part {told}\n')
    program.chmod(0o700)
    root = tmp_path / ".dash"
    root.mkdir()
    with viewing(root, browser=program) as served:
        until = time.monotonic() + WITHIN_S
        while not told.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        address, mode = told.read_text().split()
        page = Path(address.removeprefix("file://"))
        assert served.token not in address and mode == "600" and served.link in page.read_text()
        assert served.end()[0] == 0
    assert not page.exists()


def mldash_view(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "mldash", "view", "--no-browser", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, env={**os.environ})
    return done.returncode, done.stderr


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, served: Viewing) -> None:
    code, said = mldash_view(str(tmp_path / "none"))
    assert code == 1 and re.fullmatch(r"mldash: view: there is no folder .*none: .*\n", said)
    port = served.address.rpartition(":")[2]
    code, said = mldash_view(str(tmp_path), "--port", port)
    assert code == 1 and re.fullmatch(rf"mldash: view: .*{port}.*\n", said)
