"""The context in which a run was started: part of the session's Start event, unless the setting capture_context is off.

    {"user", "command": [argument, …], "cwd", "script", "python", "platform",
     "packages": {module: version},                       of the modules that are loaded by then
     "git": {"commit", "branch", "dirty"}}                where the script lies in a working tree

It costs some milliseconds and never more than GIT_TIMEOUT_S: what git has not said by then is left out. Values of
options whose name says that they are secret are not recorded.
"""

import contextlib
import getpass
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

GIT_TIMEOUT_S: Final = 1.0
PACKAGES: Final = 300
"""Modules whose versions are recorded, at most."""
_COMMAND_BYTES: Final = 64 * 1024

_SECRET: Final = re.compile(r"token|secret|passw|api[-_]?key|credential", re.IGNORECASE)
_HIDDEN: Final = "•••"


def gather() -> dict[str, Any]:
    """The context of this process, as plain data. It raises nothing: what can't be told is absent."""
    context: dict[str, Any] = {
        "user": _user_name(),
        "command": command_line(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": package_versions(),
    }
    folder = Path()
    with contextlib.suppress(OSError):  # the working folder may have been removed
        folder = Path.cwd()
        context["cwd"] = str(folder)
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script:
        folder = Path(script).absolute().parent
        context["script"] = str(Path(script).absolute())
    git = git_state(folder)
    if git:
        context["git"] = git
    printable: dict[str, Any] = _printable(context)
    return printable


def _user_name() -> str:
    """The user; empty where the system does not know (a container's number without a name)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def command_line() -> list[str]:
    """The arguments that the process was started with, interpreter options included, without secrets."""
    shown: list[str] = []
    hide_next = False
    size = 0
    for argument in sys.orig_argv:
        size += len(argument)
        if size > _COMMAND_BYTES:
            shown.append("…")
            break
        name, equals, _ = argument.partition("=")
        secret = name.startswith("-") and _SECRET.search(name)
        shown.append(_HIDDEN if hide_next else f"{name}={_HIDDEN}" if secret and equals else argument)
        hide_next = bool(secret and not equals)
    return shown


def package_versions() -> dict[str, str]:
    """Versions of the loaded top-level modules that name one. Nothing is imported, no lazy attribute is touched."""
    found: dict[str, str] = {}
    for name, module in sorted(sys.modules.copy().items()):
        if "." in name or name.startswith("_") or name in sys.stdlib_module_names:
            continue
        version = getattr(module, "__dict__", {}).get("__version__")
        if isinstance(version, str):
            found[name] = version
            if len(found) >= PACKAGES:
                break
    return found


def git_state(folder: Path) -> dict[str, Any]:
    """Commit, branch and whether tracked files are changed; empty outside of a working tree, or without git."""
    told = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    state: dict[str, Any] = {}
    if told is None:
        commit = _git(folder, "rev-parse", "HEAD")  # of a huge working tree, where status takes too long
        return {"commit": commit.strip()} if commit else {}
    for line in told.splitlines():
        key, _, value = line.removeprefix("# ").partition(" ")
        if key == "branch.oid" and value != "(initial)":
            state["commit"] = value
        elif key == "branch.head" and value != "(detached)":
            state["branch"] = value
    state["dirty"] = any(not line.startswith("#") for line in told.splitlines())
    return state


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=GIT_TIMEOUT_S / 2,
            check=True,
            stdin=subprocess.DEVNULL,
            # No lock of git's index for the sake of a look at it, and no question to the user.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")


def _printable(value: Any) -> Any:
    """Text without lone surrogates, which arguments and paths of other encodings have."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value
