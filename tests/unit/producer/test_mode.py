"""Which mode it is, and that each mode's writer and reader are what the handles expect."""

import inspect

import pytest

from mldash.local.reading.reader import LocalReader
from mldash.mode import Mode, Reader, StreamWriter, Writer, mode_of
from mldash.remote.reader import RemoteReader
from mldash.session.disabled import EmptyReader, NullWriter
from mldash.session.session import Session
from mldash.settings import SdkSettings


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        (SdkSettings(), "local"),
        (SdkSettings(remote="http://api"), "remote"),
        (SdkSettings(remote="http://api", mode="offline"), "offline"),
        (SdkSettings(mode="disabled"), "disabled"),
    ],
)
def test_the_mode_is_the_one_named_else_remote_where_an_address_is_given(settings: SdkSettings, mode: Mode) -> None:
    assert mode_of(settings) == mode


@pytest.mark.parametrize("reader", [EmptyReader, LocalReader, RemoteReader])
def test_every_reader_answers_everything_with_the_same_parameters(reader: type) -> None:
    for name, method in inspect.getmembers(Reader, inspect.isfunction):
        if not name.startswith("_"):
            expected = [*inspect.signature(method).parameters]
            assert [*inspect.signature(getattr(reader, name)).parameters] == expected, name


@pytest.mark.parametrize("writer", [NullWriter, Session])
def test_every_writer_takes_everything(writer: type) -> None:
    for name, method in inspect.getmembers(Writer, inspect.isfunction):
        if not name.startswith("_"):
            expected = [*inspect.signature(method).parameters]
            assert [*inspect.signature(getattr(writer, name)).parameters] == expected, name
    assert {"append", "append_columns", "next_seq"} <= {*dir(NullWriter().stream("metrics")), *dir(StreamWriter)}
