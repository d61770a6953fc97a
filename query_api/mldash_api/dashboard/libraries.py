"""What the page stands on: a table of packages, pinned, and how their files are fetched into the folder libraries/.

Browsers cannot load a bare import (`from "preact"`) without an import map, which the page's policy refuses: such names
are replaced by paths when the files are fetched. Two libraries are scripts and get an export at their end.

    python -m mldash_api.dashboard.libraries        fetch what is not there yet
"""

import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from .npm import FetchFailed, NpmMissing, Package, WrongHash, archives_of, unpack

HERE: Final = Path(__file__).parent
FOLDER: Final = HERE / "libraries"
LINE: Final = "python -m mldash_api.dashboard.libraries"
"""What fetches them."""

OGL: Final = (
    *("core/Renderer", "core/Program", "core/Geometry", "core/Mesh", "core/Transform"),
    *("math/Vec3", "math/Mat3", "math/Mat4", "math/Quat", "math/Euler"),
    *(f"math/functions/{name}Func" for name in ("Vec3", "Vec4", "Mat3", "Mat4", "Quat", "Euler")),
)
"""What the path of a track needs of it, and what that needs. Its licence stands in its README alone."""

LIBRARIES: Final = (
    Package(
        "preact",
        "11.2.0",
        "/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "hooks.js", "LICENSE": "licences/preact.txt"},
    ),
    Package(
        "@preact/signals-core",
        "1.14.5",
        "vcRv7Ityz5JVmeiVqIluLFzT/PDS/AlhHUpw3/aUWqcVUs6bDGIPXE/6RSC4evBNWYvnniozg5Syfj33al3gkg==",
        {"dist/signals-core.mjs": "signals-core.js", "LICENSE": "licences/signals-core.txt"},
    ),
    Package(
        "@preact/signals",
        "2.11.4",
        "Rb+5RPo9gWSaHtzJeauhHxiC8KP/IF2DEPkHPEOGOnuy2wnJzRqyeLRankUCYd6ADqtxS6GnWGv6Ie343d8aYw==",
        {"dist/signals.mjs": "signals.js", "LICENSE": "licences/signals.txt"},
    ),
    Package(
        "htm",
        "3.1.1",
        "983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"dist/htm.mjs": "htm.js", "LICENSE": "licences/htm.txt"},
    ),
    Package(
        "@tanstack/virtual-core",
        "3.19.11",
        "/5iHb0RHBvj8Di59FDs4ESNm45jls33aZAi4zccVXZjc/6ZvwQP6nzEYeT6weXjTf9E6/vrp2JhYWRyO+ZP13A==",
        {
            "dist/esm/index.js": "virtual/index.js",
            "dist/esm/utils.js": "virtual/utils.js",
            "dist/esm/ios-gesture.js": "virtual/ios-gesture.js",
            "dist/esm/lazy-measurements.js": "virtual/lazy-measurements.js",
            "dist/esm/scroll-classifier.js": "virtual/scroll-classifier.js",
            "LICENSE": "licences/virtual-core.txt",
        },
    ),
    Package(
        "uplot",
        "1.6.32",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {
            "dist/uPlot.iife.min.js": "uplot.js",
            "dist/uPlot.min.css": "uplot.css",
            "LICENSE": "licences/uplot.txt",
        },
    ),
    Package(
        "@uwdata/flechette",
        "2.7.0",
        "+d4JwDnBJsxjH7zMz5QSDOVQQYqFdAQYSaR6lfBazFz28C5eIBiL5s4jqLEWJKcc43fSU1m6yHMcWeRUCTNH+g==",
        {"dist/flechette.min.js": "flechette.js", "LICENSE": "licences/flechette.txt"},
    ),
    Package(
        "commonmark",
        "0.31.2",
        "2fRLTyb9r/2835k5cwcAwOj0DEc44FARnMp5veGsJ+mEAZdi52sNopLu07ZyElQUz058H43whzlERDIaaSw4rg==",
        {"dist/commonmark.min.js": "commonmark.js", "LICENSE": "licences/commonmark.txt"},
    ),
    Package(
        "ogl",
        "1.0.11",
        "kUpC154AFfxi16pmZUK4jk3J+8zxwTWGPo03EoYA8QPbzikHoaC82n6pNTbd+oEaJonaE8aPWBlX7ad9zrqLsA==",
        {**{f"src/{name}.js": f"ogl/{name}.js" for name in OGL}, "README.md": "licences/ogl.txt"},
    ),
)

BARE: Final = {
    "preact": "./preact.js",
    "preact/hooks": "./hooks.js",
    "@preact/signals-core": "./signals-core.js",
    "htm": "./htm.js",
}
"""A bare import → the file beside the one that imports it."""

SCRIPTS: Final = {
    "uplot.js": ("", "export default uPlot;\n"),
    "flechette.js": ("const exports = {}, module = {};\n", "export const { tableFromIPC } = exports;\n"),
    "commonmark.js": ("const exports = {}, module = {};\n", "export const { Parser } = exports;\n"),
}
"""Scripts of old kind: what comes before them and behind them makes modules of them."""

TEXTS: Final = {"process.env.NODE_ENV": '"production"'}
"""What a bundler would have replaced."""

_FROM: Final = re.compile(r"""(\b(?:from|import)\s*)(["'])([^"'.\s][^"'\s]*)\2""")
_MAP: Final = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_PINNED: Final = "pinned"


class UnknownImport(Exception):
    """A library imports a package that stands not in the table."""

    def __init__(self, file: str, name: str) -> None:
        super().__init__(file, name)
        self.file, self.name = file, name

    def __str__(self) -> str:
        return f"{self.file} imports {self.name}: name its file in BARE ({Path(__file__).name})"


def rewritten(file: str, text: str) -> str:
    """The text of a fetched script as the page can load it. Raises UnknownImport."""

    def path(match: re.Match[str]) -> str:
        before, quote, name = match.groups()
        if name not in BARE:
            raise UnknownImport(file, name)
        return f"{before}{quote}{BARE[name]}{quote}"

    before, behind = SCRIPTS.get(file, ("", ""))
    # A script of old kind imports nothing, and a text in it may look like an import.
    text = text if file in SCRIPTS else _FROM.sub(path, text)
    for name, value in TEXTS.items():
        text = text.replace(name, value)
    return before + _MAP.sub("", text).rstrip() + "\n" + behind


def mark() -> str:
    """Of this table: another mark, and all is fetched anew."""
    table = [(one.name, one.version, one.sha512, sorted(one.files.items())) for one in LIBRARIES]
    return hashlib.sha256(msgspec.json.encode([table, BARE, SCRIPTS, TEXTS])).hexdigest()


def are_there(folder: Path = FOLDER) -> bool:
    """Whether the folder holds what the table says."""
    pinned = folder / _PINNED
    return pinned.exists() and pinned.read_text().strip() == mark()


def fetch(folder: Path = FOLDER) -> None:
    """Into the folder, all or nothing. Raises NpmMissing, FetchFailed, WrongHash, UnknownImport, OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix="libraries-", dir=folder.parent))
    try:
        with archives_of(LIBRARIES) as archives:
            for one in LIBRARIES:
                unpack(one, archives[one.name], new)
        for path in new.rglob("*.js"):
            path.write_text(rewritten(str(path.relative_to(new)), path.read_text()))
        (new / _PINNED).write_text(mark() + "\n")
        new.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        new.replace(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def main() -> int:
    """0: they are there now."""
    try:
        if are_there():
            return 0
        fetch()
    except (NpmMissing, FetchFailed, WrongHash, OSError) as error:
        print(f"mldash: the dashboard's libraries: {error}", file=sys.stderr)
        return 1
    print(f"The dashboard's libraries are in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
