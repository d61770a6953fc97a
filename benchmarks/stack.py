"""A stack for a benchmark: the servers, or all components, in a folder of their own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_stack(data: str | None, *arguments: str) -> Iterator[str]:
    """The folder of a stack; where none is given one is started with these arguments, and its data go with it."""
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        try:
            mldash("up", "--detach", "--data", folder, *arguments)
            yield folder
        finally:
            mldash("down", "--data", folder)


def mldash(*arguments: str) -> str:
    """What the command line prints. Raises CalledProcessError."""
    command = [sys.executable, "-P", "-m", "mldash", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
