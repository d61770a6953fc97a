"""One small record says what counts: whole it does, torn it does not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.local.state import acknowledged
from mldash.local.state.acknowledged import Acknowledged, FileEnd, NotOurState, StreamOf

GOLDEN = Path(__file__).parents[2] / "golden" / "acknowledged_v1.bin"
SESSION = bytes(range(16))
STREAM = StreamOf(SESSION, "metrics", None)
FILES = {"metrics/None/data.jsonl": FileEnd(120, 3)}


def fresh(folder: Path) -> Acknowledged:
    state = Acknowledged(folder)
    state.refresh()
    return state


def test_what_is_appended_is_there_for_the_next_process(tmp_path: Path) -> None:
    writer = fresh(tmp_path)
    writer.append(FILES, {STREAM: 3})
    writer.append({"logs/logs.jsonl": FileEnd(10, 1)}, {StreamOf(SESSION, "logs", ""): 1})
    writer.append({"metrics/None/data.jsonl": FileEnd(200, 5)}, {STREAM: 5})
    reader = fresh(tmp_path)
    assert reader.exists
    assert reader.end_of("metrics/None/data.jsonl") == FileEnd(200, 5)
    assert reader.end_of("logs/logs.jsonl") == FileEnd(10, 1)
    assert reader.end_of("tracks/x/data.jsonl") is None
    assert (reader.next_seq(*STREAM), reader.next_seq(SESSION, "metrics", "other")) == (5, 0)


def test_two_processes_see_what_the_other_one_appends(tmp_path: Path) -> None:
    left = fresh(tmp_path)
    left.append(FILES, {STREAM: 3})
    right = fresh(tmp_path)
    for seq in range(4, 50):
        writer, reader = (left, right) if seq % 3 else (right, left)
        writer.refresh()
        writer.append({"metrics/None/data.jsonl": FileEnd(seq * 40, seq)}, {STREAM: seq})
        reader.refresh()
        assert reader.next_seq(*STREAM) == seq


def test_a_record_that_was_torn_by_a_kill_does_not_count_and_is_cut(tmp_path: Path) -> None:
    """The file is cut at each of its bytes: what is read is always the state before or after the last record."""
    writer = fresh(tmp_path)
    writer.append(FILES, {STREAM: 3})
    first = writer.path.read_bytes()
    writer.append({"metrics/None/data.jsonl": FileEnd(200, 5)}, {STREAM: 5})
    whole = writer.path.read_bytes()
    for size in range(len(first), len(whole)):
        writer.path.write_bytes(whole[:size] + b"\xff" * (size % 3))
        state = fresh(tmp_path)
        assert state.next_seq(*STREAM) == 3
        state.append({}, {STREAM: 4})
        assert fresh(tmp_path).next_seq(*STREAM) == 4


def test_a_file_that_grew_long_is_rewritten_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acknowledged, "REWRITE_BYTES", 500)
    writer, other = fresh(tmp_path), Acknowledged(tmp_path)
    for seq in range(1, 200):
        writer.append({"metrics/None/data.jsonl": FileEnd(seq, seq)}, {STREAM: seq})
        if seq % 7 == 0:
            other.refresh()
            assert other.next_seq(*STREAM) == seq
    assert writer.path.stat().st_size < 2000
    assert fresh(tmp_path).end_of("metrics/None/data.jsonl") == FileEnd(199, 199)


def test_a_file_that_is_not_ours_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "acknowledged").write_bytes(b"something else entirely")
    with pytest.raises(NotOurState, match="begins with"):
        fresh(tmp_path)
    (tmp_path / "acknowledged").write_bytes(b"short")
    with pytest.raises(NotOurState, match="shorter"):
        fresh(tmp_path)


def test_where_nothing_was_ever_acknowledged_there_is_no_state(tmp_path: Path) -> None:
    state = fresh(tmp_path / "nowhere")
    assert not state.exists
    assert state.files == {}


def test_the_bytes_of_version_one_still_read(tmp_path: Path) -> None:
    (tmp_path / "acknowledged").write_bytes(GOLDEN.read_bytes())
    state = fresh(tmp_path)
    assert state.files == {**FILES, "logs/logs.jsonl": FileEnd(4096, 17)}
    assert state.seqs == {STREAM: 3, StreamOf(SESSION, "logs", ""): 17}


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text(max_size=5), st.builds(FileEnd, st.integers(0, 2**60), st.integers(0, 2**60))),
            st.dictionaries(
                st.builds(StreamOf, st.binary(min_size=16, max_size=16), st.just("logs"), st.none() | st.text()),
                st.integers(0, 2**60),
            ),
        ),
        max_size=6,
    )
)
def test_any_sequence_of_records_reads_as_their_union(tmp_path_factory: pytest.TempPathFactory, records: list) -> None:  # type: ignore[type-arg]
    folder = tmp_path_factory.mktemp("state")
    writer = fresh(folder)
    files: dict[str, FileEnd] = {}
    seqs: dict[StreamOf, int] = {}
    for some_files, some_seqs in records:
        writer.append(some_files, some_seqs)
        files.update(some_files)
        seqs.update(some_seqs)
    reader = fresh(folder)
    assert (reader.files, reader.seqs) == (files, seqs)
