"""The files of one experiment as they are acknowledged, for who follows them: a row's index never changes.

What journals hold beyond is left out, other than in reads: it gets its place when it is drained, perhaps behind events
of another session that are drained before.
"""

from pathlib import PurePosixPath
from typing import Final

from mldash.local.folder import Folder
from mldash.local.row_reader import RowReader
from mldash.local.sink import TIME_OF
from mldash.local.state.acknowledged import Acknowledged, FileEnd
from mldash.local.state.adoption import stream_name

from .stream_rows import StreamRows

Stream = tuple[str, str | None]

_SINGLE: Final = ("logs", "params", "runs")


def refreshed_reader(
    folder: Folder, acknowledged: Acknowledged, readers: dict[str, RowReader], kind: str, name: str | None
) -> RowReader:
    """Of a stream's file, as far as it is acknowledged now: the one of `readers`, or a new one that is put there."""
    file = folder.rows(kind, name)
    reader = readers.get(file)
    if reader is None:
        reader = readers[file] = RowReader(folder.path / file, TIME_OF[kind], folder.open_file)
    end = acknowledged.end_of(file) or FileEnd() if acknowledged.exists else None
    reader.refresh(end, acknowledged.generation)
    return reader


class StoredRows:
    """Of one experiment's folder. For one thread."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._acknowledged = Acknowledged(folder.state, open_file=folder.open_file)
        self._readers = dict[str, RowReader]()
        self._seen: dict[str, FileEnd] | None = None
        self._generation = b""
        self._names = dict[str, Stream]()

    def refresh(self) -> bool:
        """Take in what was stored since; whether anything may have changed. Raises NotOurState, OSError."""
        self._acknowledged.refresh()
        now = dict(self._acknowledged.files) if self._acknowledged.exists else None
        changed = now is None or now != self._seen or self._acknowledged.generation != self._generation
        self._seen, self._generation = now, self._acknowledged.generation
        return changed

    def streams(self) -> list[Stream]:
        """All that have rows."""
        single: dict[str, Stream] = {self._folder.rows(kind): (kind, "") for kind in _SINGLE}
        if self._seen is None:
            of_kinds = [
                (kind, stream_name(self._folder, kind, path))
                for kind in ("metrics", "tracks")
                for path in self._folder.streams(kind)
            ]
            return [*of_kinds, *single.values()]
        return [single.get(file) or self._stream_of(file) for file in self._seen]

    def rows(self, kind: str, name: str | None) -> StreamRows:
        reader = refreshed_reader(self._folder, self._acknowledged, self._readers, kind, name)
        return StreamRows(reader, (), TIME_OF[kind])

    def _stream_of(self, file: str) -> Stream:
        found = self._names.get(file)
        if found is None:
            path = PurePosixPath(file)
            kind = path.parts[0]
            name = stream_name(self._folder, kind, self._folder.path / path.parent)
            found = self._names[file] = (kind, name)
        return found
