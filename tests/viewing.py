"""`mldash view` in a process of its own, as a user starts it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

_WITHIN_S = 120.0
SERVERS_PACKAGES = [
    *("aioboto3", "botocore", "google_crc32c", "httptools", "httpx", "joserfc", "motor", "prometheus_client"),
    *("pyarrow", "pymongo", "structlog", "uvloop", "zstandard"),
]
"""What the extra `view` does not bring."""
_WITHOUT = f"""
import sys
sys.modules.update(dict.fromkeys({SERVERS_PACKAGES!r}))
from mldash.command_line import main
main()
"""


class Viewing(Struct):
    """A page that is served. `link` has the token, `address` none."""

    process: subprocess.Popen[str]
    link: str

    @property
    def address(self) -> str:
        return self.link.partition("/?")[0]

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.link).query)["token"][0]

    def end(self) -> tuple[int, str]:
        """By Ctrl-C: the exit code, and what it said in the end."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=_WITHIN_S)
        return self.process.returncode, rest


@contextmanager
def viewing(root: Path, browser: Path | None = None) -> Iterator[Viewing]:
    """Without the packages that only servers need. `browser`: a program that is started as one."""
    command = [sys.executable, "-c", _WITHOUT, "view", str(root), "--port", "0"]
    environment = {**os.environ, "DISPLAY": ":0", "BROWSER": f"{browser} %s"}
    command += [] if browser else ["--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        too_late = threading.Timer(_WITHIN_S, process.kill)
        too_late.start()
        try:
            assert process.stdout is not None
            told = list[str]()
            for line in process.stdout:
                told.append(line)
                if "token=" in line:
                    break
            assert "token=" in (told or [""])[-1], "".join(told)
            too_late.cancel()
            yield Viewing(process, told[-1].strip())
        finally:
            too_late.cancel()
            if process.poll() is None:
                process.terminate()
                process.wait(_WITHIN_S)
