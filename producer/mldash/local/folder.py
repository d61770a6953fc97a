"""The files of an experiment's folder, and the folders of names: each name has a folder of its own.

A name's segments between slashes are nested folders: `robot/position` is `robot/position/`. Within a segment

  %XX     stands for a byte that can't or must not stand there: NUL, %, a dot at the beginning, and the first byte of a
          segment that would meet a file or folder of ours (data.jsonl, metrics, …)
  %       alone is the empty segment, as in `a//b`
  None    at the top of metrics/ is the unnamed metric; a metric called "None" is `%4Eone`

A segment above 200 bytes, or a name above 800 once it is written so, is cut and ends in `%~` and a hash of the whole
name. Then the name can't be read back from the folder, but stands in its metadata.json.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .opening import OpenFile, open_anyhow, open_within

SEGMENT_BYTES: Final = 200
_PATH_BYTES: Final = 800
_UNNAMED: Final = "None"

DATA: Final = "data.jsonl"
METADATA: Final = "metadata.json"
EXPERIMENT: Final = "experiment.json"
_PARAMETERS: Final = "parameters.json"
STATE: Final = ".state"
JOURNAL: Final = ".journal"

_KIND_FOLDERS: Final = {"metrics": "metrics", "tracks": "tracks"}
_RESERVED: Final = frozenset(("metrics", "tracks", "logs", DATA, METADATA, EXPERIMENT, _PARAMETERS))
"""First segments of what may lie beside a name's own files: also those of an experiment whose prefix goes on below."""

_ESCAPED: Final = re.compile(r"%([0-9A-F]{2})")
_LIKE_A_DOT: Final = re.compile(r"%(25)*2E")
_CUT: Final = "%~"


class Folder:
    """One experiment's folder. It makes nothing: whoever writes a file makes the folder it lies in."""

    def __init__(self, path: Path, *, follows_links: bool = True) -> None:
        """Whether links below it are followed when it is read: not by who looks at folders of others."""
        self.path, self.follows_links = path, follows_links
        self.open_file: OpenFile = open_anyhow if follows_links else open_within(path)

    @property
    def state(self) -> Path:
        return self.path / STATE

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    @property
    def experiment(self) -> Path:
        return self.path / EXPERIMENT

    @property
    def parameters(self) -> Path:
        return self.path / _PARAMETERS

    def rows(self, kind: str, name: str | None = "") -> str:
        """The row file of a stream, relative to the folder: the name under which it is acknowledged."""
        if kind in _KIND_FOLDERS:
            return f"{_KIND_FOLDERS[kind]}/{folder_of_name(kind, name)}/{DATA}"
        return {"logs": "logs/logs.jsonl", "params": f"{STATE}/params.jsonl", "runs": f"{STATE}/runs.jsonl"}[kind]

    def metadata(self, kind: str, name: str | None) -> Path:
        """The metadata.json of a metric or a track."""
        return self.path / _KIND_FOLDERS[kind] / folder_of_name(kind, name) / METADATA

    def streams(self, kind: str) -> Iterator[Path]:
        """The folders of all metrics or tracks that have data or metadata, in the order of their names."""
        top = self.path / _KIND_FOLDERS[kind]
        waiting = [top]
        while waiting:
            here = waiting.pop()
            if here != top and self._holds(here):
                yield here
            if here.is_dir() and self._leads_on(here):
                below = (
                    one for one in here.iterdir() if _is_segment(one.name) and one.is_dir() and self._leads_on(one)
                )
                waiting.extend(sorted(below, reverse=True))

    def _leads_on(self, path: Path) -> bool:
        return self.follows_links or not path.is_symlink()

    def _holds(self, stream: Path) -> bool:
        """Data or metadata. Data that are a link which is not followed are none of its own."""
        data, metadata = stream / DATA, stream / METADATA
        return self._leads_on(data) and (data.exists() or metadata.exists())

    def relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def experiment_folder(root: str, prefix: str) -> Folder:
    """The folder of a checked prefix (events/identity.py).

    A segment that begins with a dot is written with %2E: `a/b/.journal/x` must not lie within the journal of `a/b`, and
    a walk through the folders passes by what is hidden. Where 0.1.0 has made a folder under the bare name, that one
    stays the experiment's.
    """
    top = Path(root).expanduser().absolute()
    bare, folder = top / prefix, top / "/".join(map(_escape_dot, prefix.split("/")))
    is_of_old = bare != folder and ((bare / EXPERIMENT).exists() or (bare / STATE).exists())
    return Folder(bare if is_of_old else folder)


def _escape_dot(segment: str) -> str:
    """A segment of a prefix: only the dot is written otherwise, and what would be read as one."""
    if segment.startswith("."):
        return f"%2E{segment[1:]}"
    return f"%25{segment[1:]}" if _LIKE_A_DOT.match(segment) else segment


def folder_of_name(kind: str, name: str | None) -> str:
    """The relative folder of a metric (None: the unnamed one) or a topic."""
    if name is None:
        return _UNNAMED
    if kind == "metrics" and name == _UNNAMED:
        return f"%{ord(name[0]):02X}{name[1:]}"
    segments = [_escape(segment) for segment in name.split("/")]
    whole = "/".join(segments)
    if len(whole.encode()) > _PATH_BYTES or any(len(segment.encode()) > SEGMENT_BYTES for segment in segments):
        return _cut_short(whole, name)
    return whole


def name_of_folder(kind: str, folder: str) -> str | None:
    """The reverse of folder_of_name. Raises LookupError for a name that was cut: its metadata has it."""
    if kind == "metrics" and folder == _UNNAMED:
        return None
    if _CUT in folder:
        raise LookupError(f"the folder {folder!r} stands for a name that was too long for it")
    return "/".join("" if segment == "%" else _unescape(segment) for segment in folder.split("/"))


def _escape(segment: str) -> str:
    if not segment:
        return "%"
    escaped = segment.replace("%", "%25").replace("\0", "%00")
    if segment.startswith(".") or segment in _RESERVED:
        escaped = f"%{ord(segment[0]):02X}{escaped[1:]}"
    return escaped


def _unescape(segment: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), segment)


def _cut_short(whole: str, name: str) -> str:
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    readable = re.sub(r"%(..)?|/", "_", whole).encode()[: SEGMENT_BYTES - 40].decode(errors="ignore")
    return f"{readable}{_CUT}{digest}"


def _is_segment(name: str) -> bool:
    """Whether a folder can be a segment of a name: not one of ours, nor of an experiment that lies below."""
    return not name.startswith(".") and name not in _RESERVED
