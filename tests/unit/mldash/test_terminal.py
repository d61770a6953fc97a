"""Tables in a pipe are as wide as what stands in them, and plain."""

import io
from collections.abc import Callable

import pytest
from rich.table import Table

from mldash.process.tables import table_console
from mldash_deploy.stack.data_folder import ProcessState, State
from mldash_deploy.terminal import print_processes

LONG = "owner=o/project=p/experiment=e/gen=0/stream=00/" + "00000000-000001.parquet" * 8


def test_a_long_name_is_whole_and_on_one_line_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = io.StringIO()
    table = Table("stream", "object", box=None)
    table.add_row("[red]loss[/red]", LONG)
    table_console(out).print(table)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[1].split() == ["[red]loss[/red]", LONG]
    assert "\x1b" not in out.getvalue()


def _processes(out: io.StringIO) -> None:
    state = State(supervisor_pid=1, supervisor_created=0.0)
    state.processes = [ProcessState(name="a-worker-" + "x" * 100, pid=1, state="running")]
    print_processes(state, out)


@pytest.mark.parametrize("show", [_processes])
def test_tables_of_commands_are_whole_in_a_pipe(
    show: Callable[[io.StringIO], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    show(out)
    assert "a-worker-" + "x" * 100 in out.getvalue()
    assert "…" not in out.getvalue()
