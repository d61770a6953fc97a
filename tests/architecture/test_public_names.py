"""What `mldash` gives to users: a plain table, each name loaded when first used, and each on docs/sdk.md."""

import subprocess
import sys
from pathlib import Path

import mldash

ROOT = Path(__file__).parents[2]


def test_every_public_name_is_there_and_documented() -> None:
    """`from mldash import NAME` for each; docs/sdk.md has it in code."""
    page = (ROOT / "docs" / "sdk.md").read_text()
    assert [name for name in mldash.__all__ if getattr(mldash, name).__name__ != name] == []
    assert [name for name in mldash.__all__ if f"`{name}`" not in page and f"import {name}\n" not in page] == []


def test_public_names_are_what_from_mldash_import_star_brings() -> None:
    """And completion shows them before they are loaded."""
    assert set(mldash.__all__) <= set(dir(mldash))


def test_importing_mldash_alone_loads_nothing_of_the_rooms() -> None:
    """Asked of an interpreter of its own."""
    code = "import sys, mldash; sys.exit(any(name.startswith('mldash.') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    """As of any module."""
    assert not hasattr(mldash, "NoSuchName")


def test_public_classes_and_methods_have_docstrings() -> None:
    """A public docstring is the user's contract."""
    experiment = mldash.Experiment
    missing = [name for name in mldash.__all__ if not getattr(mldash, name).__doc__]
    missing += [
        f"Experiment.{name}"
        for name, member in vars(experiment).items()
        if callable(member) and not name.startswith("_") and not member.__doc__
    ]
    assert not missing
