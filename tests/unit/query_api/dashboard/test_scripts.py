"""The dashboard's scripts without a browser: their types, and the modules that touch no page."""

import pytest

from tests.scripts import __main__ as scripts


@pytest.mark.parametrize("check", scripts.CHECKS)
def test_scripts_are_right(check: str) -> None:
    done = scripts.run(check)
    assert done.returncode == 0, done.stdout + done.stderr
