"""Rows of logs and parameters, page after page, of an API and of local folders alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mldash.client.open_run import OpenRun

from .asked import AskedExport
from .over_folder import Page

_PAGE: Final = 5_000


def line_pages(run: OpenRun, asked: AskedExport) -> Iterator[Page]:
    """Lines by their sequence number, those that there are when it begins and perhaps some that come meanwhile."""
    offset = 0
    while True:
        page: list[Any] = run.logs.read(limit=_PAGE, offset=offset, start=asked.start, end=asked.end)
        if page:
            yield page
        if len(page) < _PAGE:
            return
        offset += len(page)


def param_pages(run: OpenRun) -> Iterator[Page]:
    """{"name", "value"} of each, by name."""
    params = run.params.get()
    yield [{"name": name, "value": params[name]} for name in sorted(params)]
