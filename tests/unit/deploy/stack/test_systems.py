"""What a system must bring: libraries that ldd misses, and systems for which there is no server."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from mldash_deploy.stack import kafka, mongo, s3, stack
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.errors import DataFolderUnusable, LibraryMissing, NotOnThisSystem
from mldash_deploy.stack.settings import StackSettings


def test_libraries_that_ldd_does_not_find_are_named_with_the_line_that_installs_them() -> None:
    output = "\tlibcurl.so.4 => not found\n\tlibssl.so.3 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x0)\n"
    assert mongo.missing_libraries(output) == ["libcurl.so.4", "libssl.so.3"]
    message = str(LibraryMissing("mongo", ["libcurl.so.4"], "sudo apt-get install -y libcurl4"))
    assert message == "mongo needs libcurl.so.4, which this system lacks: sudo apt-get install -y libcurl4"


def test_on_another_system_the_servers_that_can_not_be_brought_are_named_with_their_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(NotOnThisSystem) as caught:
        stack._check_system(["kafka", "s3"])
    assert str(caught.value) == (
        "no kafka, s3 can be brought on Darwin arm64, only on Linux x86_64: "
        "name your own with MLDASH_KAFKA (kafka), MLDASH_S3_ENDPOINT (s3)"
    )
    stack._check_system([])


def test_a_server_whose_address_is_given_is_not_brought(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    given = StackSettings(kafka="broker:9092", s3_endpoint="http://s3:1")
    assert stack._servers_to_bring(given, folder) == ["mongo"]
    assert stack._servers_to_bring(StackSettings(), folder) == ["kafka", "mongo", "s3"]


def test_an_address_that_is_the_stacks_own_counts_as_not_given(tmp_path: Path) -> None:
    """As in a shell that ran `eval "$(mldash env)"` and then starts the same stack again."""
    folder = DataFolder(tmp_path)
    kept = {port: 20_000 + number for number, port in enumerate((*s3.PORTS, *mongo.PORTS))}
    folder.write_ports(kept)
    own = StackSettings(mongo=mongo.address(kept), s3_endpoint=s3.address(kept), kafka="127.0.0.1:1")
    assert stack._servers_to_bring(own, folder) == ["mongo", "s3"]


def test_a_path_is_written_as_java_reads_it_in_properties() -> None:
    assert kafka._escape("/tmp/a b=c") == "/tmp/a b=c"
    assert kafka._escape("back\\slash ü 😀") == "back\\\\slash \\u00fc \\ud83d\\ude00"


def test_a_folder_whose_name_servers_would_take_for_two_is_refused() -> None:
    with pytest.raises(DataFolderUnusable, match="comma"):
        DataFolder("/nowhere/a,b").make()
