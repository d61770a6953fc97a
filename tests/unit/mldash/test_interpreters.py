"""Which interpreters the SDK refuses, and how."""

import subprocess
import sys


def test_a_free_threaded_build_is_refused_in_one_line_that_says_why() -> None:
    """log() takes no lock and relies on the GIL (journal/writers.py). Such a build says `t` in its flags."""
    script = "import sys; sys.abiflags = 't'\ntry:\n    import mldash\nexcept ImportError as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    [line] = done.stdout.splitlines()
    assert "free-threaded" in line and "GIL" in line
