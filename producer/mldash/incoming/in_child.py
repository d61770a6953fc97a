"""What a forked child must not have of its parent: what the parent still holds back it also writes itself."""

import os
from typing import Protocol

from mldash.process.locks import Registry


class Forgetting(Protocol):
    """Holds back what was logged."""

    def forget(self) -> None:
        """All of it."""
        ...


def forget_in_child(one: Forgetting) -> None:
    """In each forked child, as long as it lives."""
    _forgetting.add(one)


_forgetting: Registry[Forgetting] = Registry()


def _forget_all() -> None:
    for one in _forgetting:
        one.forget()


os.register_at_fork(after_in_child=_forget_all)
