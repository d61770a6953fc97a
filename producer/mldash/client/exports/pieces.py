"""One stream of one run as the bytes of its file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mldash.answers.shapes import TrackSummary
from mldash.client.client import Client
from mldash.client.errors import NeedsApi
from mldash.client.open_run import OpenRun

from .asked import AskedExport, Stream
from .forms import file_pieces
from .over_api import each_piece, route_of
from .over_folder import Pages, folder_pages
from .rows import line_pages, param_pages


def stream_pieces(client: Client, run: OpenRun, stream: Stream, asked: AskedExport) -> Iterator[bytes]:
    """Piece by piece, each when it is asked for. Raises as reads do; in the middle too: then the file is not whole."""
    if stream.kind in ("logs", "params"):
        pages: Pages = partial(line_pages, run, asked) if stream.kind == "logs" else partial(param_pages, run)
        return file_pieces(stream, asked, pages, lambda: None)
    try:
        return each_piece(client._open_file(*route_of(run.prefix, stream, asked)))
    except NeedsApi as error:
        found = folder_pages(Path(error.root), run.prefix, stream, asked)
        return file_pieces(stream, asked, found, partial(_summary, run, stream))


def _summary(run: OpenRun, stream: Stream) -> TrackSummary | None:
    return next((one for one in run.tracks.list() if one["topic"] == stream.name), None)
