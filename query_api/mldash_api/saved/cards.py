"""A saved view: a name, and named cards of which each has its own version. Pure.

A view counts its changes; what a change touches gets the change's number as its version. Who changes a card says the
version that they saw (0: it was not there). So changes of different cards are both made, whoever comes first, and of
two changes of one card the second one is refused and told what is there. Numbers of a view never come again: a card
that was removed and made anew is not taken for the one before.

A card's content is JSON of the page's own, kept as the bytes of it: names in it are never names of the database's.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from .errors import ViewOvertaken


class Card(Struct, frozen=True):
    """`content`: JSON."""

    content: bytes
    version: int
    at: float
    subject: str


class View(Struct, frozen=True, kw_only=True):
    """As it is now. `is_gone`: deleted, and still to be had back."""

    id: str
    scope: str
    name: str = ""
    name_version: int = 0
    version: int = 0
    at: float = 0.0
    subject: str = ""
    cards: Mapping[str, Card] = {}
    is_gone: bool = False


class AskedName(NamedTuple):
    version: int
    text: str


class AskedCard(NamedTuple):
    """`content` None: remove it."""

    version: int
    content: bytes | None


class AskedChange(Struct, frozen=True, kw_only=True):
    """Cards that it does not name stay as they are; so does a name of None."""

    name: AskedName | None = None
    cards: Mapping[str, AskedCard] = {}


class Edit(NamedTuple):
    """One part of a change: `part` is `name`, `card` or `view` (deleted, or had back: content is None then)."""

    part: str
    card: str | None
    before: bytes | None
    after: bytes | None


class Line(Struct, frozen=True, kw_only=True):
    """A change in a view's history."""

    version: int
    at: float
    subject: str
    token_id: str | None
    address: str | None
    edits: tuple[Edit, ...]


def changed(view: View, asked: AskedChange, subject: str, at: float) -> tuple[View, list[Edit]]:
    """The view after the change, and what of it is truly another; the same view and nothing where all is there already,
    whoever wrote it: so a change whose answer was lost may be sent again.

    Raises ViewOvertaken: then none of it is made.
    """
    name, cards, edits = view.name, dict(view.cards), list[Edit]()
    odd_name, odd = None, dict[str, dict[str, Any]]()
    version = view.version + 1
    if asked.name is not None and asked.name.text != view.name:
        if asked.name.version != view.name_version:
            odd_name = {"version": view.name_version, "text": view.name}
        name = asked.name.text
        edits.append(Edit("name", None, _json(view.name), _json(name)))
    for key, one in asked.cards.items():
        known = view.cards.get(key)
        before = known.content if known else None
        if one.content == before:
            continue
        if one.version != (known.version if known else 0):
            odd[key] = told(known)
        edits.append(Edit("card", key, before, one.content))
        if one.content is None:
            del cards[key]
        else:
            cards[key] = Card(one.content, version, at, subject)
    if odd_name is not None or odd:
        raise ViewOvertaken(view.id, view.version, odd_name, odd)
    if not edits:
        return view, []
    name_version = view.name_version if name == view.name else version
    made = msgspec.structs.replace(
        view, name=name, name_version=name_version, version=version, at=at, subject=subject, cards=cards
    )
    return made, edits


def undoing(line: Line, view: View) -> AskedChange:
    """The change that brings back what was there before this one. It holds as long as no later one has touched the same
    cards: its versions are those that the line's change gave them."""
    name, cards = None, dict[str, AskedCard]()
    for edit in line.edits:
        if edit.part == "name":
            name = AskedName(line.version, msgspec.json.decode(edit.before or b'""'))
        elif edit.card is not None:
            # A card that the change removed has no version, unless another one is there by now.
            version = line.version if edit.after is not None else 0
            cards[edit.card] = AskedCard(version, edit.before)
    return AskedChange(name=name, cards=cards)


def told(card: Card | None) -> dict[str, Any]:
    """As answers have it; a card that is not there has version 0 and no content."""
    if card is None:
        return {"version": 0, "content": None}
    return {"version": card.version, "content": msgspec.json.decode(card.content)}


def _json(text: str) -> bytes:
    return msgspec.json.encode(text)
