"""All files of the page, in memory: read, joined, compressed and hashed once, when the API starts.

Every file but the page itself lies below one hash of them all, so a browser keeps it for ever, and a page never meets
modules of another version. The page is answered at any depth of path; what it names, it names relative to that.
"""

import gzip
import hashlib
import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Final

from msgspec import Struct

from . import libraries

HERE: Final = Path(__file__).parent
_ENTRY: Final = "main.js"
_STYLES: Final = "styles.css"
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_STATIC_IMPORT: Final = re.compile(
    r"""^(?:import|export)\b[^"'()]*["'](\.[^"']+)["']|\bfrom\s*["'](\.[^"']+)["']""", re.MULTILINE
)


class File(Struct, frozen=True):
    """What is sent, as it is and compressed."""

    content: bytes
    compressed: bytes
    media_type: str


class Page(Struct, frozen=True):
    """`version`: the hash of all files. `preloaded`: the modules that the entry needs, itself first."""

    version: str
    files: dict[str, File]
    preloaded: list[str]
    template: str

    def html(self, depth: int, local: str | None = None) -> bytes:
        """The page, at an address so many segments below the page's root. `local`: the folder that is shown in place of
        an API's runs; the page then leaves out what needs an API."""
        up = "../" * depth
        base = f"{up}dashboard/{self.version}/"
        preloads = "\n".join(f'<link rel="modulepreload" href="{base}{name}">' for name in self.preloaded)
        html = self.template.replace("{base}", base).replace("{preloads}", preloads)
        return html.replace("{local}", "" if local is None else f' data-local="{escape(local)}"').encode()


@lru_cache(maxsize=2)
def read_page(folder: Path = HERE) -> Page | None:
    """None where the libraries are not there."""
    if not libraries.are_there(folder / "libraries"):
        return None
    raw = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES and path.suffix != ".css"
    }
    raw[_STYLES] = joined_styles(folder)
    files = {
        name: File(content, gzip.compress(content, 9, mtime=0), _TYPES[Path(name).suffix])
        for name, content in raw.items()
    }
    template = (folder / "index.html").read_text()
    whole = hashlib.sha256(template.encode())
    for name, content in sorted(raw.items()):
        whole.update(f"{name}\0{len(content)}\0".encode() + content)
    return Page(whole.hexdigest()[:16], files, imported_by(_ENTRY, raw), template)


def joined_styles(folder: Path) -> bytes:
    """One sheet of all, the libraries' first, then each component's, in the order of their names."""
    sheets = [*sorted((folder / "libraries").glob("*.css")), *sorted((folder / "styles").glob("*.css"))]
    return b"\n".join(sheet.read_bytes() for sheet in sheets)


def imported_by(entry: str, files: dict[str, bytes]) -> list[str]:
    """The entry and all that it imports, over any number of steps; what comes by import() does not count.

    Raises KeyError for a module that is not there.
    """
    found, waiting = dict[str, None](), [entry]
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found[name] = None
        for match in _STATIC_IMPORT.finditer(files[name].decode()):
            target = (HERE / name).parent / (match.group(1) or match.group(2))
            waiting.append(str(Path(*target.resolve().relative_to(HERE.resolve()).parts)))
    return list(found)
