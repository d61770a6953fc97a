"""Title, tags, notes and the archive flag that people set over HTTP: the collection `annotations`, one document an
experiment.

    {_id: experiment, gen, prefix, version, added: [tag], removed: [tag], notes, archived, title,
     history: [{at, subject, token_id, address, part, before, after}], the newest last (stores/histories.py)}

A change and its line of history are one update, which finds the version that it was made from: so `before` is what
truly was there, and no line tells of a change that did not happen. What a run says of its own tags stays as it is:
`added` and `removed` lie over it. A title is what people see in the place of the prefix, which names the experiment for
ever (docs/decisions/0034-a-title-before-an-alias.md). A document of a deleted generation counts for nothing.
"""

from collections.abc import Mapping, Sequence
from time import time
from typing import Any, Final

from msgspec import Struct

from mldash_api.errors import NotFound, WrongParameter
from mldash_api.limits import MOST_NOTE_BYTES
from mldash_api.run_errors import ChangeOvertaken
from mldash_api.stores.histories import pushed, with_sizes
from mldash_api.stores.streams import ExperimentRef
from mldash_ingest.documents.changes import Who
from mldash_ingest.documents.mongo import DuplicateKeyError, Mongo

MOST_TAGS: Final = 1_000
_ATTEMPTS: Final = 20


class Annotation(Struct, frozen=True, kw_only=True):
    """As it is now."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notes: str = ""
    archived: bool = False
    title: str = ""


class AskedChange(Struct, frozen=True, kw_only=True):
    """None and empty leave a part as it is. `add_note` is a paragraph below the notes."""

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    notes: str | None = None
    add_note: str = ""
    archived: bool | None = None
    title: str | None = None


class Edit(Struct, frozen=True, kw_only=True):
    """A line of history: `part` is title, tags, notes or archived."""

    at: float
    subject: str
    token_id: str | None
    address: str | None
    part: str
    before: Any
    after: Any


def with_tags(said: Sequence[str], annotation: Annotation | None) -> list[str]:
    """The tags of a run: what it said without what was removed, then what was added."""
    if annotation is None:
        return list(said)
    kept = [one for one in said if one not in annotation.removed]
    return [*kept, *(one for one in annotation.added if one not in kept)]


def after(annotation: Annotation, change: AskedChange) -> Annotation:
    """Pure. Of a tag that is both added and removed, the removal counts."""
    added = dict.fromkeys([*annotation.added, *change.add_tags])
    removed = dict.fromkeys([one for one in annotation.removed if one not in change.add_tags])
    removed.update(dict.fromkeys(change.remove_tags))
    notes = annotation.notes if change.notes is None else change.notes
    return Annotation(
        added=tuple(one for one in added if one not in change.remove_tags),
        removed=tuple(removed),
        notes=_with_paragraph(notes, change.add_note),
        archived=annotation.archived if change.archived is None else change.archived,
        title=annotation.title if change.title is None else change.title,
    )


def _with_paragraph(notes: str, paragraph: str) -> str:
    """One that stands last already is not added again: who is not sure that it was, asks again."""
    above, own = notes.rstrip(), paragraph.rstrip()
    if not own or above == own or above.endswith(f"\n\n{own}"):
        return notes
    return f"{above}\n\n{own}" if above else own


def after_all(
    experiments: Sequence[ExperimentRef], known: Mapping[bytes, Annotation], change: AskedChange
) -> dict[bytes, Annotation]:
    """Pure. By experiment id; `known`: as they are. Raises WrongParameter where one of them would be too large: so that
    none is changed then."""
    made = {one.id: after(known.get(one.id) or Annotation(), change) for one in experiments}
    for annotation in made.values():
        check_size(annotation)
    return made


def from_document(document: Mapping[str, Any], generation: int) -> Annotation | None:
    """None: it is of another generation."""
    if document["gen"] != generation:
        return None
    return Annotation(
        added=tuple(document["added"]),
        removed=tuple(document["removed"]),
        notes=document["notes"],
        archived=document["archived"],
        title=document.get("title", ""),
    )


async def read_annotations(mongo: Mongo, experiments: Sequence[ExperimentRef]) -> dict[bytes, Annotation]:
    """By experiment id, of those that have one in their present generation."""
    generations = {one.id: one.generation for one in experiments}
    found = dict[bytes, Annotation]()
    async for document in mongo.annotations.find({"_id": {"$in": list(generations)}}, {"history": 0}):
        annotation = from_document(document, generations[document["_id"]])
        if annotation is not None:
            found[document["_id"]] = annotation
    return found


async def change_annotation(
    mongo: Mongo, who: Who, experiment: ExperimentRef, said_tags: Sequence[str], change: AskedChange
) -> Annotation:
    """The annotation after the change. Nothing is written where it changes nothing.

    Raises ChangeOvertaken, NotFound (it was deleted, and what people say of it is of the one that was made since).
    """
    for _ in range(_ATTEMPTS):
        document = await with_sizes(mongo.annotations, experiment.id)
        if document is not None and document["gen"] > experiment.generation:
            raise NotFound("experiment", experiment.prefix.text)
        before = (from_document(document, experiment.generation) if document else None) or Annotation()
        made = after(before, change)
        if made == before:
            return made
        check_size(made)
        edits = _edits(who, said_tags, before, made)
        if await _written(mongo, experiment, document, made, edits):
            return made
    raise ChangeOvertaken(experiment.prefix.text)


def check_size(annotation: Annotation) -> None:
    """Raises WrongParameter."""
    if len(annotation.added) + len(annotation.removed) > MOST_TAGS:
        raise WrongParameter("add_tags", f"an experiment has at most {MOST_TAGS} tags that were set over HTTP")
    if (size := len(annotation.notes.encode())) > MOST_NOTE_BYTES:
        raise WrongParameter("add_note", f"the notes would have {size} bytes, of {MOST_NOTE_BYTES}: shorten them first")


def _edits(who: Who, said: Sequence[str], before: Annotation, made: Annotation) -> list[dict[str, Any]]:
    parts = {
        "tags": (with_tags(said, before), with_tags(said, made)),
        "notes": (before.notes, made.notes),
        "archived": (before.archived, made.archived),
        "title": (before.title, made.title),
    }
    line = {"at": time(), "subject": who.subject, "token_id": who.token_id, "address": who.address}
    return [line | {"part": part, "before": old, "after": new} for part, (old, new) in parts.items() if old != new]


async def _written(
    mongo: Mongo,
    experiment: ExperimentRef,
    document: Mapping[str, Any] | None,
    made: Annotation,
    edits: list[dict[str, Any]],
) -> bool:
    """False where another change came between."""
    fields: dict[str, Any] = {
        "gen": experiment.generation,
        "prefix": experiment.prefix.text,
        "added": list(made.added),
        "removed": list(made.removed),
        "notes": made.notes,
        "archived": made.archived,
        "title": made.title,
    }
    if document is None:
        try:
            await mongo.annotations.insert_one({"_id": experiment.id, "version": 1, **fields, "history": edits})
        except DuplicateKeyError:
            return False
        return True
    version = int(document["version"])
    if document["gen"] != experiment.generation:
        update: dict[str, Any] = {"$set": {**fields, "history": edits, "version": version + 1}}
    else:
        history = pushed(document["history"], edits)
        update = {"$set": {**fields, "version": version + 1}, "$push": {"history": history}}
    done = await mongo.annotations.update_one({"_id": experiment.id, "version": version}, update)
    return bool(done.matched_count)


async def read_history(mongo: Mongo, experiment: ExperimentRef) -> list[Edit]:
    """The newest first."""
    document = await mongo.annotations.find_one({"_id": experiment.id})
    if document is None or document["gen"] != experiment.generation:
        return []
    return [Edit(**one) for one in reversed(document["history"])]
