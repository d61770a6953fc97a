"""Keys that no two objects share, and that hive readers understand."""

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from mldash.events.identity import Prefix
from mldash_compactor.chunks.keys import VALUE_BYTES, KeyParts, experiment_folder, object_key, parse_key

PLACE = KeyParts(bytes(range(16)), 2, 7, 3)
segments = st.text(min_size=1, max_size=200).filter(lambda text: "/" not in text)


def test_a_key_names_owner_project_experiment_generation_stream_chunk_and_epoch() -> None:
    assert object_key(Prefix("ge/vision/2025/run 1"), PLACE) == (
        "owner=ge/project=vision/experiment=2025%2Frun%201/gen=2/"
        "stream=000102030405060708090a0b0c0d0e0f/00000007-000003.parquet"
    )


def test_the_key_of_joined_chunks_names_the_first_and_the_last() -> None:
    joined = PLACE._replace(chunk_count=93)
    key = object_key(Prefix("ge/vision"), joined)
    assert key.endswith("/00000007-00000099-000003.parquet")
    assert parse_key(key) == joined


def test_an_experiment_of_two_segments_is_named_by_its_project() -> None:
    assert experiment_folder(Prefix("ge/vision")) == "owner=ge/project=vision/experiment=vision/"


@given(st.lists(segments, min_size=2, max_size=6).map("/".join))
def test_a_key_is_read_back_and_its_values_are_short_and_plain(prefix: str) -> None:
    key = object_key(Prefix(prefix), PLACE)
    assert parse_key(key) == PLACE
    assert key.isascii()
    folders = key.split("/")[:3]
    assert [folder.split("=")[0] for folder in folders] == ["owner", "project", "experiment"]
    for folder, name in zip(folders, prefix.split("/", 2), strict=False):
        value = folder.split("=", 1)[1]
        assert len(value) <= VALUE_BYTES
        if "~" not in value:
            assert unquote(value, errors="strict") == name
        else:
            assert name.startswith(unquote(value.split("~")[0], errors="replace").rstrip("\ufffd"))


def test_long_names_that_begin_alike_differ_by_their_hash() -> None:
    one, other = (experiment_folder(Prefix(f"o/p/{'é' * 90}{end}")) for end in "ab")
    assert one != other
    assert "%" not in one.split("~")[0][-2:]  # not cut through an escape


def test_what_is_no_chunk_is_not_taken_for_one() -> None:
    for key in ("", "notes.txt", "gen=1/stream=00/1-1.parquet", object_key(Prefix("a/b"), PLACE) + ".tmp"):
        assert parse_key(key) is None
