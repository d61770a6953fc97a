"""An API that asks who calls, over the run's stores, as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import pytest
from playwright.sync_api import Page

from tests.components import Pipeline, free_port

_WITHIN_S: Final = 120.0


class Guarded:
    """`address`: where it listens. `pipeline`: the same stores behind an API where nobody signs in."""

    def __init__(self, address: str, pipeline: Pipeline) -> None:
        self.address, self._open = address, pipeline.api

    def token(self, subject: str, right: str, scope: str) -> str:
        """Its text."""
        asked = {"subject": subject, "grants": [{"right": right, "scope": scope}]}
        with httpx.Client(trust_env=False, timeout=_WITHIN_S) as http:
            answer = http.post(f"{self._open}/v1/tokens", json=asked, headers={"Origin": self._open})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


@contextmanager
def guarded_api(pipeline: Pipeline) -> Iterator[Guarded]:
    port = free_port()
    command = [sys.executable, "-m", "mldash", "api", "--port", str(port)]
    variables = {**os.environ, **pipeline.variables, "MLDASH_AUTH": "tokens"}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _await_ready(process, address)
            yield Guarded(address, pipeline)
        finally:
            process.terminate()
            process.wait(_WITHIN_S)


def sign_in(page: Page, token: str) -> None:
    """On the page that asks for it, by hand."""
    page.get_by_label("A token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def _await_ready(process: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + _WITHIN_S
    with httpx.Client(trust_env=False, timeout=_WITHIN_S) as http:
        while True:
            try:
                if http.get(f"{address}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the API at {address} is not ready; exit code {process.returncode}")
            time.sleep(0.1)
