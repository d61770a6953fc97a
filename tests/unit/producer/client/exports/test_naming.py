"""How files of an export are called: below the folder, and each otherwise."""

from pathlib import Path, PurePosixPath
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from mldash.client.exports.asked import SUFFIXES, Format, Stream
from mldash.client.exports.naming import file_path

NASTY = [
    "..",
    ".",
    "/",
    "../../etc/passwd",
    "a/b",
    "a%2Fb",
    "None",
    "None%",
    "~",
    "-",
    "con.",
    " ",
    "\n",
    "é" * 400,
    "x" * 500,
]
names = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
segments = st.one_of(
    st.sampled_from(["metrics", "Tracks", "logs.csv", "params.jsonl", "a", "%6Detrics", "...", ".a"]), names
).filter(lambda text: "/" not in text and "\x00" not in text and text not in (".", ".."))
streams = st.one_of(
    st.sampled_from([Stream("logs"), Stream("params"), Stream("metrics", None)]),
    names.map(lambda name: Stream("metrics", name)),
    names.map(lambda name: Stream("tracks", name)),
)
places = st.tuples(st.lists(segments, min_size=2, max_size=4).map("/".join), streams)


@given(places, st.sampled_from(get_args(Format)))
def test_no_name_leads_out_of_the_folder(place: tuple[str, Stream], format: Format) -> None:
    found = file_path(*place, format)
    assert not found.is_absolute() and not {"..", "."} & set(found.parts)
    assert len(found.parts) == len(place[0].split("/")) + (1 if place[1].kind in ("logs", "params") else 2)
    assert all(0 < len(part.encode()) < 250 for part in found.parts)
    assert not any(ord(letter) < 32 or letter in '\\:*?"<>|' for part in found.parts for letter in part)
    assert Path("/root/out", found).resolve().is_relative_to("/root/out")


@given(st.lists(places, min_size=2, max_size=6, unique=True))
def test_no_two_streams_meet_in_one_file_nor_a_file_and_a_folder(found: list[tuple[str, Stream]]) -> None:
    paths = [file_path(*place, "csv") for place in found]
    assert len(set(paths)) == len(paths)
    folders = {folder for path in paths for folder in path.parents}
    assert not folders & set(paths)


def test_names_are_told_as_the_page_says() -> None:
    run = PurePosixPath("alice/robots/walk")
    for stream, told in {
        Stream("metrics", "train/loss"): "metrics/train%2Floss.csv",
        Stream("metrics", None): "metrics/None.csv",
        Stream("metrics", "None"): "metrics/%4Eone.csv",
        Stream("tracks", ".."): "tracks/%2E%2E.csv",
        Stream("logs"): "logs.csv",
    }.items():
        assert file_path(str(run), stream, "csv") == run / told
    assert file_path("alice/metrics/logs.csv", Stream("params"), "mcap") == PurePosixPath(
        "alice/%6Detrics/%6Cogs.csv/params.mcap"
    )
    assert set(SUFFIXES) == set(get_args(Format))
