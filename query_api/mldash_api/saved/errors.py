"""The errors of what people save.

ApiError
  ViewOvertaken    another changed the same card of a saved view first: as it is now
  TooManySaved     there is no room for another one: where, and how many there may be
"""

from typing import Any

from mldash_api.errors import ApiError


class ViewOvertaken(ApiError):
    """`cards`: those that another has changed, as they are now; `name` likewise, None where it is not at odds."""

    status, type, title = 412, "view-overtaken", "Another changed the same part of the view"

    def __init__(self, id_: str, version: int, name: dict[str, Any] | None, cards: dict[str, dict[str, Any]]) -> None:
        super().__init__(id_, version, name, cards)
        self.id, self.version, self.name, self.cards = id_, version, name, cards

    def __str__(self) -> str:
        parts = [*(["the name"] if self.name is not None else []), *(repr(one) for one in sorted(self.cards)[:10])]
        return (
            f"nothing was saved: {', '.join(parts)} of view {self.id} changed since it was read. Look at what is there "
            "now, and send the change again with its version"
        )

    def members(self) -> dict[str, Any]:
        return {"version": self.version, "name": self.name, "cards": self.cards}


class TooManySaved(ApiError):
    """`what` of `whose` is there `most` times."""

    status, type, title = 422, "too-many-saved", "Too many are saved"

    def __init__(self, what: str, whose: str, most: int) -> None:
        super().__init__(what, whose, most)
        self.what, self.whose, self.most = what, whose, most

    def __str__(self) -> str:
        return f"{self.whose} has {self.most} {self.what} already: delete some that are not needed"

    def members(self) -> dict[str, Any]:
        return {"limit": self.most}
