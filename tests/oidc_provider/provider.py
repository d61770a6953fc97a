"""A real OpenID provider: npm's `oidc-provider` on the Node that pip installs."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from joserfc.jwk import RSAKey
from msgspec import Struct

from tests.node.packages import NODE, installed
from tests.plain_http import plain_http

HERE: Final = Path(__file__).parent
CLIENT, SECRET = "mldash", "secret of mldash"
_START_S: Final = 30.0


class RunningProvider(Struct):
    """Where it is, and what tests tell it."""

    issuer: str

    async def tell(self, **what: Any) -> dict[str, Any]:
        """What its next answers are made of; answers what it has, with how often each path was asked."""
        async with plain_http() as http:
            answer = await http.put(f"{self.issuer}/test", json=what)
            told: dict[str, Any] = answer.json()
            return told


def new_key(key_id: str) -> dict[str, Any]:
    """A JWK with its private part."""
    made = RSAKey.generate_key(2_048, {"kid": key_id, "use": "sig", "alg": "RS256"}, private=True)
    return dict(made.as_dict(private=True))


@asynccontextmanager
async def provider_on(port: int, redirect: str, *keys: dict[str, Any]) -> AsyncIterator[RunningProvider]:
    """Until the block ends; the first of the keys signs."""
    folder = await asyncio.to_thread(installed, HERE)
    asked = json.dumps({"port": port, "redirect": redirect, "keys": keys})
    process = await asyncio.create_subprocess_exec(
        str(NODE), str(HERE / "provider.mjs"), str(folder), asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    errors = asyncio.create_task(process.stderr.read())
    try:
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        assert line == b"ready\n", (line, await errors)
        yield RunningProvider(f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await errors
