"""Locks, flags and registries that bear what may interrupt a call (docs/decisions/0020-what-may-interrupt-a-call.md).

A signal's handler runs in the main thread between any two steps of our code, a finaliser wherever the collector runs,
and either may log, flush, end a run, or throw. A fork copies whatever another thread was in the middle of. So

  reentrant_lock   never waits for the frame that it interrupted, and is free in a forked child
  Bell, Flag       in place of threading's Event and Condition: these are Python, with a lock inside that whoever
                   interrupts them waits for, and that an exception thrown into them leaves taken
  Registry         in place of a WeakSet, which can't be walked while another thread adds to it

A lock says nothing about the state behind it: whoever may be interrupted keeps that right between any two steps.
"""

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

_ItemT = TypeVar("_ItemT")


class Bell:
    """Wakes the thread that waits for it; one that is rung before a wait ends the next wait at once.

    A lock that is taken when it is quiet: ringing and waiting are one call of C each, of which none can be half done.
    """

    def __init__(self) -> None:
        self._quiet = threading.Lock()
        self._quiet.acquire()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has rung already
            self._quiet.release()

    def wait(self, seconds: float) -> bool:
        """Whether it was rung in time; it is quiet again."""
        return self._quiet.acquire(timeout=min(max(seconds, 0.0), threading.TIMEOUT_MAX))


class Flag:
    """Stays set, for all who wait for it."""

    def __init__(self) -> None:
        self._is_set = False
        self._bell = Bell()

    def set(self) -> None:
        self._is_set = True
        self._bell.ring()

    def clear(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Whether it is set, at the latest after so many seconds."""
        if not self._is_set and self._bell.wait(seconds):
            self._bell.ring()  # for the next one that waits
        return self._is_set


class Registry(Generic[_ItemT]):
    """Objects as long as they live, and those there are now, whatever other threads add meanwhile."""

    def __init__(self) -> None:
        self._items: dict[int, weakref.ReferenceType[_ItemT]] = {}

    def add(self, item: _ItemT) -> None:
        key, items = id(item), self._items
        items[key] = weakref.ref(item, lambda _: items.pop(key, None))

    def discard(self, item: _ItemT) -> None:
        self._items.pop(id(item), None)

    def __iter__(self) -> Iterator[_ItemT]:
        for reference in list(self._items.values()):  # one step: no other thread runs within it
            item = reference()
            if item is not None:
                yield item

    def __contains__(self, item: object) -> bool:
        return id(item) in self._items

    def __len__(self) -> int:
        return len(self._items)


def reentrant_lock() -> Any:
    """A threading.RLock. In a forked child it is free, unless the thread that forked holds it and goes on there."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


_locks: Registry[Any] = Registry()


def _free_locks_in_child() -> None:
    for lock in _locks:
        if not lock._is_owned():
            lock._at_fork_reinit()


os.register_at_fork(after_in_child=_free_locks_in_child)
