"""What can be said of the image without building it; `make check-deploy` builds it (built_image.py)."""

import json
import re
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_IMAGE: Final = _ROOT / "deploy" / "image"


def locked(path: Path) -> dict[str, str]:
    """All that is locked of each package: version, marker, hashes."""
    parts = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", path.read_text(), flags=re.MULTILINE)
    return {part.partition("==")[0]: part.strip() for part in parts if part.strip()}


def hashes(text: str) -> set[str]:
    return set(re.findall(r"sha256:[0-9a-f]{64}", text))


def test_what_is_installed_in_it_is_what_the_tests_ran_with() -> None:
    """`make lock` makes both."""
    ours, all_of_it = locked(_IMAGE / "requirements.lock"), locked(_ROOT / "requirements.lock")
    assert len(ours) > 30 and set(ours) <= set(all_of_it)
    for name, text in ours.items():
        version = re.compile(rf"^{re.escape(name)}==([^\s;\\]+)")
        assert version.findall(text) == version.findall(all_of_it[name]), name
        assert hashes(text) and hashes(text) == hashes(all_of_it[name]), name


def test_signals_reach_the_program_and_its_user_is_a_number() -> None:
    """An entry in shell form is a shell, which passes no SIGTERM on."""
    lines = (_IMAGE / "Containerfile").read_text().splitlines()
    (entry,) = [line for line in lines if line.startswith("ENTRYPOINT ")]
    assert json.loads(entry.removeprefix("ENTRYPOINT ")) == ["/opt/mldash/bin/mldash"]
    assert "USER 10001:10001" in lines
