"""docs/operations.md, What runs have logged as files: `mldash export` over the API and over folders alike."""

import contextlib
import csv
import io
import json
import math
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from mldash import Experiment
from mldash.answers.columns import rows_of_table
from mldash.command_line import group, main
from tests.stored import until_stored

PLACES = ["local", pytest.param("remote", marks=pytest.mark.integration)]

POINTS: list[dict[str, Any]] = [
    {"loss": 0.1, "step": 1, "mixed": 1, "ok": True, "index": "own", "q": [1.5, 2.5]},
    {"loss": math.nan, "step": 2, "mixed": 1.0, "ok": False, "raw": b"\x00\xff", "q": [-0.0, math.inf]},
    {"loss": -math.inf, "step": 2**62, "mixed": "=1+1", "deep": {"a": [1, {"b": None}], "n": math.nan}},
    {"loss": 1e300, "exact": 2**53 + 1, "mixed": True, "text": 'a,"b"\nc'},
    {"loss": 5, "exact": 0.5, "mixed": [1, "x"], "none": None},
]
ENTRIES: list[dict[str, Any]] = [
    {"timestamp": 0.5, "x": 1.0, "name": "a"},
    {"timestamp": 1.5, "x": 2, "list": [1, 2, 3]},
    {"timestamp": 2.5, "x": math.nan, "list": [1]},
]


class Told(NamedTuple):
    stdout: bytes
    stderr: bytes


class Place:
    """A run that was logged, and the command over where it is."""

    def __init__(self, keywords: dict[str, Any], prefix: str, capture: pytest.CaptureFixture[bytes]) -> None:
        self.keywords, self.prefix, self._capture = keywords, prefix, capture
        is_remote = "remote" in keywords
        self.where = ["--remote", keywords["remote"]] if is_remote else ["--root", str(keywords["root"])]

    def log(self, prefix: str) -> None:
        with Experiment(prefix, **self.keywords).run as experiment:
            for point in POINTS:
                experiment.metrics("train/a").log(**point)
            experiment.metrics.log(unnamed=1)
            track = experiment.tracks("pose", description="where it is", tags=["a"], metadata={"fps": 60})
            for entry in ENTRIES:
                track.append(_ts=entry["timestamp"], **{k: v for k, v in entry.items() if k != "timestamp"})
            experiment.log("=first", metadata={"at": 1, "nan": math.nan})
            experiment.log("second", level="error")
            experiment.params.set(lr=0.1, model={"name": "=vit", "sizes": [1, 2]})
            until_stored(experiment, ["train/a", None], ["pose"])
            experiment.tracks.list(wait=90.0)  # what was said of the track

    def ask(self, *arguments: str, code: int = 0) -> Told:
        self._capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main(["export", *arguments, *self.where])
        told = Told(*self._capture.readouterr())
        assert left.value.code == code, told
        return told

    def stream(self, *arguments: str) -> bytes:
        """On stdout: nothing else is there."""
        done = self.ask(self.prefix, *arguments)
        assert done.stderr == b""
        return done.stdout


@pytest.fixture(params=PLACES)
def place(
    request: pytest.FixtureRequest, tmp_path: Path, prefix: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> Place:
    if request.param == "remote":
        keywords = {"echo": False, **request.getfixturevalue("remote")}
    else:
        keywords = {"echo": False, "root": tmp_path / ".dash"}
    made = Place(keywords, prefix, capsysbinary)
    made.log(prefix)
    return made


def unpacked(data: bytes) -> list[Any]:
    """Maps, one behind the other."""
    for count in range(100):
        with contextlib.suppress(msgspec.DecodeError):
            found: list[Any] = msgspec.msgpack.decode(b"\xdd" + count.to_bytes(4, "big") + data)
            return found
    raise AssertionError("more than 100 maps, or none")


def table_of(data: bytes, format: str) -> pa.Table:
    return pq.read_table(io.BytesIO(data)) if format == "parquet" else pa.ipc.open_stream(data).read_all()


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """As a table has them: None is absent, and a name beside its own columns has a "_"."""
    return {"_index" if name == "index" else name: value for name, value in fields.items() if value is not None}


def test_points_are_what_was_logged_in_each_format(place: Place) -> None:
    asked = ["--metric", "train/a"]
    packed = unpacked(place.stream(*asked, "--format", "msgpack"))
    exact = [sorted(one["data"].items()) for one in packed]
    assert repr(exact) == repr([sorted(one.items()) for one in POINTS]), "types, NaN, bytes, signs of zeros"
    assert [one["index"] for one in packed] == [0, 1, 2, 3, 4]
    lines = [json.loads(line) for line in place.stream(*asked, "--format", "jsonl").splitlines()]
    assert [one["data"].get("loss") for one in lines] == [0.1, "NaN", "-Infinity", 1e300, 5]
    assert lines[0] == packed[0] and lines[3]["data"] == POINTS[3]
    assert lines[2]["data"]["deep"] == {"a": [1, {"b": None}], "n": "NaN"} and lines[1]["data"]["raw"] == "AP8="
    nulls = [json.loads(line) for line in place.stream(*asked, "--format", "jsonl", "--nonfinite", "null").splitlines()]
    assert [one["data"].get("loss") for one in nulls] == [0.1, None, None, 1e300, 5]
    for format in ("parquet", "arrow"):
        table = table_of(place.stream(*asked, "--format", format), format)
        kinds = {field.name: str(field.type) for field in table.schema}
        told = {name: kinds[name] for name in ("index", "createdAt", "loss", "step", "ok", "mixed", "exact", "_index")}
        assert told == {
            "index": "int64",
            "createdAt": "timestamp[us, tz=UTC]",
            "loss": "double",
            "step": "int64",
            "ok": "bool",
            "mixed": "large_string",
            "exact": "large_string",
            "_index": "large_string",
        }
        assert pa.types.is_large_list(table.schema.field("q").type)
        rows = [{k: v for k, v in row.items() if k not in ("index", "createdAt")} for row in rows_of_table(table)]
        expected = [present(point) for point in POINTS]
        expected[4]["loss"] = 5.0  # exact in float64, which all of the column is
        assert [sorted(map(repr, row.items())) for row in rows] == [sorted(map(repr, one.items())) for one in expected]
    cells = list(csv.DictReader(io.StringIO(place.stream(*asked, "--format", "csv").decode())))
    assert [one["loss"] for one in cells] == ["0.1", "NaN", "-Infinity", "1e+300", "5"]
    assert [one["mixed"] for one in cells] == ["1", "1.0", "'=1+1", "true", '[1,"x"]']
    assert cells[3]["text"] == POINTS[3]["text"] and cells[2]["step"] == str(2**62) and cells[0]["_index"] == "own"


def test_a_range_and_fields_are_chosen(place: Place) -> None:
    asked = ["--metric", "train/a", "--format", "jsonl", "--start-index", "1", "--end-index", "3", "--field", "step"]
    lines = [json.loads(line) for line in place.stream(*asked).splitlines()]
    assert [(one["index"], one["data"]) for one in lines] == [(1, {"step": 2}), (2, {"step": 2**62})]
    asked = ["--track", "pose", "--format", "csv", "--start", "1.5", "--end", "1970-01-01T00:00:02Z", "--field", "x"]
    assert place.stream(*asked) == b"timestamp,x\n1.5,2\n"
    assert place.stream("--metric", "train/a", "--format", "csv", "--end-index", "0").startswith(b"index,createdAt")
    times = [json.loads(line)["timestamp"] for line in place.stream("--logs", "--format", "jsonl").splitlines()]
    later = place.stream("--logs", "--format", "jsonl", "--start", times[1]).splitlines()
    assert [json.loads(line)["message"] for line in later] == ["second"]
    assert (
        place.stream("--unnamed", "--format", "csv", "--field", "unnamed").splitlines()[0] == b"index,createdAt,unnamed"
    )


def test_entries_are_what_was_logged_in_each_format(place: Place) -> None:
    asked = ["--track", "pose", "--format"]
    packed = [dict(sorted(one.items())) for one in unpacked(place.stream(*asked, "msgpack"))]
    assert repr(packed) == repr([dict(sorted(one.items())) for one in ENTRIES])
    lines = [json.loads(line) for line in place.stream(*asked, "jsonl").splitlines()]
    assert lines == [*ENTRIES[:2], {**ENTRIES[2], "x": "NaN"}]
    for format in ("parquet", "arrow"):
        table = table_of(place.stream(*asked, format), format)
        assert [str(table.schema.field(name).type) for name in ("timestamp", "x", "list")] == [
            "double", "double", "large_string",
        ]  # fmt: skip
        assert repr([dict(sorted(row.items())) for row in rows_of_table(table)]) == repr(
            [dict(sorted({**one, "x": float(one["x"])}.items())) for one in ENTRIES]
        )
    mocap = json.loads(place.stream(*asked, "mocap"))
    assert (mocap["metadata"]["fps"], mocap["metadata"]["frameCount"], mocap["metadata"]["tags"]) == (60, 3, ["a"])
    assert mocap["frames"][0] == {"time": 0.5, "x": 1.0, "name": "a"} and mocap["channels"] == ["list", "name", "x"]
    mcap = place.stream(*asked, "mcap")
    assert mcap.startswith(b"\x89MCAP0\r\n") and mcap.endswith(b"\x89MCAP0\r\n") and b'{"x":1.0,"name":"a"}' in mcap


def test_lines_and_parameters_are_tables_of_one_form(place: Place) -> None:
    lines = unpacked(place.stream("--logs", "--format", "msgpack"))
    assert [(one["sequenceNumber"], one["level"], one["message"]) for one in lines] == [
        (0, "info", "=first"), (1, "error", "second"),
    ]  # fmt: skip
    assert math.isnan(lines[0]["metadata"]["nan"]) and "metadata" not in lines[1]
    table = table_of(place.stream("--logs", "--format", "parquet"), "parquet")
    assert table.column_names == ["sequenceNumber", "timestamp", "level", "message", "metadata"]
    assert rows_of_table(table)[0]["message"] == "=first" and rows_of_table(table)[0]["metadata"]["at"] == 1
    text = list(csv.reader(io.StringIO(place.stream("--logs", "--format", "csv").decode())))
    assert text[1][3:] == ["'=first", '{"at":1,"nan":"NaN"}'] and text[2][2:] == ["error", "second", ""]
    assert place.stream("--params", "--format", "jsonl").splitlines() == [
        b'{"name":"lr","value":0.1}', b'{"name":"model.name","value":"=vit"}', b'{"name":"model.sizes","value":[1,2]}',
    ]  # fmt: skip
    assert (
        place.stream("--params", "--format", "csv") == b'name,value\nlr,0.1\nmodel.name,\'=vit\nmodel.sizes,"[1,2]"\n'
    )
    parameters = rows_of_table(table_of(place.stream("--params", "--format", "arrow"), "arrow"))
    assert [one["value"] for one in parameters] == [0.1, "=vit", [1, 2]]


def test_all_of_several_runs_is_a_file_a_stream_below_one_folder(place: Place, tmp_path: Path) -> None:
    other, out = f"{place.prefix}/metrics", tmp_path / "out"
    place.log(other)
    done = place.ask(place.prefix, other, "--format", "jsonl", "-o", str(out))
    files = sorted(path.relative_to(out / place.prefix).as_posix() for path in out.rglob("*") if path.is_file())
    of_one = ["logs.jsonl", "metrics/None.jsonl", "metrics/train%2Fa.jsonl", "params.jsonl", "tracks/pose.jsonl"]
    assert files == sorted([*of_one, *(f"%6Detrics/{name}" for name in of_one)])
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert done.stdout.decode().startswith(f"10 files, {size:,} bytes") and done.stderr == b""
    assert (out / place.prefix / "metrics/train%2Fa.jsonl").read_bytes() == place.stream(
        "--metric", "train/a", "--format", "jsonl"
    )
    held = place.ask(place.prefix, "--format", "jsonl", "-o", str(out), code=1)
    assert held.stdout == b"" and b"is there already: --force replaces it" in held.stderr
    place.ask(place.prefix, "--format", "jsonl", "-o", str(out), "--force")
    assert not list(out.rglob(".*")), "nothing half"


def test_what_is_not_there_is_said_by_the_exit_code(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "none.csv"
    done = place.ask(place.prefix, "--metric", "none", "-o", str(target), code=1)
    assert b"has no metric 'none'" in done.stderr and not target.exists()
    some = place.ask(
        place.prefix, "--metric", "none", "--metric", "train/a", "--format", "csv", "-o", f"{tmp_path}/x", code=3
    )
    assert b"has no metric 'none'" in some.stderr and some.stdout.startswith(b"1 file")
    place.ask(f"{place.prefix}/none", "--format", "csv", "-o", f"{tmp_path}/y", code=1)
    place.ask("--filter", f'prefix = "{place.prefix}/none"', "--format", "csv", "-o", f"{tmp_path}/y", code=1)


def test_a_reader_who_goes_ends_it_quietly(place: Place) -> None:
    with Experiment(f"{place.prefix}/long", **place.keywords).run as experiment:
        experiment.metrics("loss").log_many(loss=[0.5] * 20_000)
        until_stored(experiment, ["loss"])
    command = [
        sys.executable,
        "-m",
        "mldash",
        "export",
        f"{place.prefix}/long",
        "--metric",
        "loss",
        "--format",
        "jsonl",
    ]
    with subprocess.Popen([*command, *place.where], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(10) == b'{"index":0'
        process.stdout.close()
        assert (process.stderr.read(), process.wait(120)) == (b"", 0)


def on_terminal(*command: str, stream: Literal["stdout", "stderr"]) -> tuple[int, bytes]:
    """The exit code, and what a terminal in place of this stream is sent."""
    ours, theirs = pty.openpty()
    try:
        others: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        with subprocess.Popen([sys.executable, "-m", "mldash", *command], **others, env=environment) as process:
            os.close(theirs)
            seen = b""
            with contextlib.suppress(OSError):  # Linux: so it ends where nobody writes any more
                while data := os.read(ours, 1_000):
                    seen += data
            return process.wait(60), seen
    finally:
        os.close(ours)


def test_a_terminal_shows_no_control_characters_and_how_far_it_is(tmp_path: Path, prefix: str) -> None:
    root, target = tmp_path / ".dash", tmp_path / "train.csv"
    with Experiment(prefix, root=root, echo=False).run as experiment:
        experiment.metrics("train").log(text="a\x1b[2Jb é")
    asked = ["export", prefix, "--metric", "train", "--root", str(root)]
    code, seen = on_terminal(*asked, "--format", "csv", stream="stdout")
    assert code == 0 and "a\\x1b[2Jb é".encode() in seen and b"\x1b" not in seen
    code, seen = on_terminal(*asked, "--format", "parquet", stream="stdout")
    assert (code, seen) == (2, b"")
    code, seen = on_terminal(*asked, "-o", str(target), stream="stderr")
    assert code == 0 and prefix.encode() in seen and "a\x1b[2Jb é" in target.read_text()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "name runs, or say --filter"),
        (["a/b", "--filter", "status = 1", "-o", "x"], "name runs"),
        (["a/b"], "-o DIR"),
        (["a/b", "c/d", "--metric", "x"], "-o DIR"),
        (["a/b", "--format", "mcap", "-o", "x"], "metrics can't be mcap"),
        (["a/b", "--metric", "x", "--start", "5"], "start and end are times"),
        (["a/b", "--track", "x", "--end-index", "5"], "start index and end index count points"),
        (["a/b", "--logs", "--field", "x"], "fields are those"),
        (["a/b", "--logs", "--start", "soon"], "--start"),
        (["--filter", "status =", "-o", "x"], "status ="),
    ],
)
def test_a_wrong_call_is_told_before_anything_is_written(
    arguments: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dash").mkdir()
    named = [] if "--format" in arguments else ["--format", "csv"]
    done = CliRunner().invoke(group, ["export", *arguments, *named, "--root", ".dash"])
    assert done.exit_code == 2 and text in done.output, done.output
    assert list(tmp_path.iterdir()) == [tmp_path / ".dash"]
