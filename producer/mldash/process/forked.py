"""A sign that tells a forked child that it is one, also after a fork by C code, which skips Python's hooks."""

import contextlib
import mmap

_MADV_WIPEONFORK = 18


def page_that_forks_empty() -> memoryview:
    """A number that is 1 here and 0 in a forked child, whoever forks (Linux 4.14; elsewhere a hook has to set it)."""
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError, ValueError):
        page.madvise(_MADV_WIPEONFORK)
    return memoryview(page).cast("Q")
