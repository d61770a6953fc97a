"""What the dashboard stands on: fetched by hash, and loadable by a browser that has no import map."""

import re
import sys
from pathlib import Path

import msgspec
import pytest

from mldash_api.dashboard import libraries, npm
from mldash_api.dashboard.files import imported_by
from mldash_api.dashboard.libraries import BARE, FOLDER, LIBRARIES, UnknownImport, rewritten
from mldash_api.dashboard.npm import WrongHash, archives_of


@pytest.fixture(scope="module")
def folder() -> Path:
    """Fetched, where `make install` has not."""
    if not libraries.are_there():
        libraries.fetch()
    return FOLDER


def test_bare_imports_become_paths() -> None:
    assert rewritten("signals.js", 'import{h as e}from"preact";x\n//# sourceMappingURL=y') == (
        'import{h as e}from"./preact.js";x\n'
    )
    assert rewritten("a.js", "import 'preact/hooks'\n") == "import './hooks.js'\n"
    assert rewritten("a.js", 'import { b } from "./b.js";\n') == 'import { b } from "./b.js";\n'


def test_an_import_that_the_table_does_not_have_is_named() -> None:
    with pytest.raises(UnknownImport, match=r"a\.js imports lodash"):
        rewritten("a.js", 'import x from "lodash";')


def test_every_import_of_a_library_leads_to_a_file(folder: Path) -> None:
    """None is bare, and none asks a bundler for something."""
    for path in folder.rglob("*.js"):
        text = path.read_text()
        if path.name in libraries.SCRIPTS:
            continue
        for name in re.findall(r"""\bfrom\s*["']([^"'\s]+)["']""", text):
            assert name.startswith(".") and (path.parent / name).exists(), (path.name, name)
        assert "process.env" not in text
    assert all((folder / target).exists() for target in BARE.values())


def test_every_library_has_its_licence_beside_it(folder: Path) -> None:
    for one in LIBRARIES:
        (licence,) = [target for target in one.files.values() if target.startswith("licences/")]
        assert re.search("MIT|Apache|BSD|Unlicense", (folder / licence).read_text()), one.name


def test_a_registry_that_is_silent_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(npm, "_npm_command", lambda: [sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(npm, "_FETCH_S", 0.2)
    monkeypatch.setattr(libraries, "are_there", lambda: False)
    assert libraries.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("npm could not fetch the packages: it was not done after 0.2 s, and was stopped")


def test_a_folder_that_cannot_be_written_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch() -> None:
        raise PermissionError(13, "Permission denied", "libraries")

    monkeypatch.setattr(libraries, "are_there", lambda: False)
    monkeypatch.setattr(libraries, "fetch", fetch)
    assert libraries.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "mldash: the dashboard's libraries: [Errno 13] Permission denied: 'libraries'"


def test_another_archive_than_the_pinned_one_is_refused() -> None:
    other = msgspec.structs.replace(LIBRARIES[3], sha512="A" * 86 + "==")
    with (
        pytest.raises(WrongHash, match=r"htm@3\.1\.1: its archive has the SHA-512 .*, pinned is AAAA"),
        archives_of([other]),
    ):
        pass


def test_another_table_asks_for_another_fetch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert libraries.are_there(folder)
    monkeypatch.setattr(libraries, "LIBRARIES", LIBRARIES[:1])
    assert not libraries.are_there(folder)


def test_modules_that_are_loaded_by_a_call_are_not_preloaded() -> None:
    files = {
        "main.js": b'import { a } from "./a.js";\nexport { c } from "./pure/c.js";\nconst b = import("./b.js");',
        "a.js": b'import {\n  c,\n} from "./pure/c.js";',
        "pure/c.js": b'import "../a.js";',
        "b.js": b"",
    }
    assert imported_by("main.js", files) == ["main.js", "a.js", "pure/c.js"]
