"""POST /v1/experiments/change, GET /v1/experiments/history: title, tags, notes and the archive flag that people set."""

from time import time
from typing import Any, TypedDict

from litestar import Response, get, post
from litestar.params import JSONBody
from msgspec import Struct, field

from mldash.answers.shapes import AnnotatedAnswer
from mldash_api.errors import NotFound, WrongParameter
from mldash_api.experiments.annotations import (
    Annotation,
    AskedChange,
    Edit,
    after_all,
    change_annotation,
    read_annotations,
    read_history,
    with_tags,
)
from mldash_api.experiments.sessions import read_runs
from mldash_api.limits import MOST_CHANGED, MOST_LETTERS, MOST_NOTE_BYTES, MOST_TAG_LETTERS, MOST_TAGS_AT_ONCE
from mldash_api.rights.administering import who
from mldash_api.rights.admission import demand
from mldash_api.rights.caller import Caller, scopes_of
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import Found, OurCaller, OurForm, OurIndex, OurStores
from mldash_api.routes.parameters import PrefixText, checked_count, checked_prefix
from mldash_api.routes.runs import found_by
from mldash_api.search.index import RunIndex
from mldash_api.stores.streams import ExperimentRef, Stores, find_experiment
from mldash_api.times import iso_or_none
from mldash_ingest.documents.changes import record_change


class ChangeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Of each of `prefixes`, or of those that pass `filter`. What is left out stays as it is; other fields than these
    are refused. `add_note`: a paragraph below the notes, whatever they are by then, so that of several who note at once
    none replaces another. `dry_run`: nothing is changed, and the answer is the same."""

    prefixes: list[str] = field(default_factory=list)
    filter: str | None = None
    dry_run: bool = False
    add_tags: list[str] = field(default_factory=list)
    remove_tags: list[str] = field(default_factory=list)
    notes: str | None = None
    archived: bool | None = None
    title: str | None = None
    add_note: str = ""


class ChangedAnswer(TypedDict):
    """`count`: how many are named, or pass the filter; at most 200 of them are changed at a time."""

    experiments: list[AnnotatedAnswer]
    count: int


class EditAnswer(TypedDict):
    """`part`: title, tags, notes or archived; `before` and `after` are all of it."""

    at: str | None
    subject: str
    tokenId: str | None
    address: str | None
    part: str
    before: Any
    after: Any


class HistoryAnswer(TypedDict):
    """The newest first, at most 1,000 and 4 MB."""

    history: list[EditAnswer]


@post("/experiments/change", tags=["experiments"], opt=needs("write", "shown"), status_code=200)
async def changed(
    stores: OurStores, index: OurIndex, caller: OurCaller, form: OurForm, data: JSONBody[ChangeBody]
) -> Response[ChangedAnswer]:
    """Set the title and notes, add and take away tags, archive or bring back. The caller must have the right to write
    each of `prefixes`; where one is not there, or would have too many tags, nothing is changed. A filter finds those
    alone that the caller may write. Again: the same, but a paragraph that no longer stands last is written again."""
    asked = _checked(data)
    experiments, count = await _experiments(stores, index, caller, data)
    runs = await read_runs(stores.mongo, experiments)
    known = await read_annotations(stores.mongo, experiments)
    expected = after_all(experiments, known, asked)
    answers = list[AnnotatedAnswer]()
    for one in experiments:
        told = runs[one.id].folded.about.get("tags")
        said: list[str] = told.value if told is not None else []
        before = known.get(one.id) or Annotation()
        made = expected[one.id]
        if not data.dry_run:
            await record_change(stores.mongo, who(caller), "change an experiment", one.prefix.text, **_details(data))
            made = await change_annotation(stores.mongo, who(caller), one, said, asked)
        answers.append(
            {
                "prefix": one.prefix.text,
                "tags": with_tags(said, made),
                "notes": made.notes,
                "archived": made.archived,
                "title": made.title,
                "changed": made != before,
            }
        )
    return form.answer(ChangedAnswer(experiments=answers, count=count))


@get("/experiments/history", tags=["experiments"], opt=needs("read", "prefix"))
async def history(prefix: PrefixText, experiment: Found, stores: OurStores, form: OurForm) -> Response[HistoryAnswer]:
    """Who changed title, tags, notes and the archive flag, when, from what to what."""
    if experiment is None:
        raise NotFound("experiment", prefix)
    return form.answer({"history": [_answer_of(one) for one in await read_history(stores.mongo, experiment)]})


async def _experiments(
    stores: Stores, index: RunIndex, caller: Caller, data: ChangeBody
) -> tuple[list[ExperimentRef], int]:
    """Raises NotAllowed, NotFound, and what a search does."""
    if data.filter is not None:
        return await found_by(stores, index, data.filter, scopes_of(caller, "write"), time(), MOST_CHANGED)
    prefixes = list(dict.fromkeys(checked_prefix(text) for text in data.prefixes))
    for prefix in prefixes:
        demand(caller, "write", prefix.text)
    experiments = list[ExperimentRef]()
    for prefix in prefixes:
        found = await find_experiment(stores.mongo, prefix)
        if found is None:
            raise NotFound("experiment", prefix.text)
        experiments.append(found)
    return experiments, len(experiments)


def _checked(data: ChangeBody) -> AskedChange:
    if data.filter is None and not data.prefixes:
        raise WrongParameter("prefixes", "name an experiment at least, or say a `filter`")
    if data.filter is not None and data.prefixes:
        raise WrongParameter("filter", "it stands in the place of `prefixes`")
    checked_count("number of prefixes", len(data.prefixes), MOST_CHANGED)
    for parameter, tags in (("add_tags", data.add_tags), ("remove_tags", data.remove_tags)):
        checked_count(f"number of {parameter}", len(tags), MOST_TAGS_AT_ONCE)
        for tag in tags:
            if not 0 < len(tag) <= MOST_TAG_LETTERS or not tag.isprintable():
                raise WrongParameter(parameter, f"a tag has 1 to {MOST_TAG_LETTERS} printable characters")
    for parameter, text in (("notes", data.notes or ""), ("add_note", data.add_note)):
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise WrongParameter(parameter, "a lone surrogate is no character") from None
        checked_count(f"bytes of {parameter}", size, MOST_NOTE_BYTES)
    if data.title and (len(data.title) > MOST_LETTERS or not data.title.isprintable()):
        raise WrongParameter("title", f"it has at most {MOST_LETTERS} printable characters; empty: there is none")
    return AskedChange(
        add_tags=tuple(data.add_tags),
        remove_tags=tuple(data.remove_tags),
        notes=data.notes,
        add_note=data.add_note,
        archived=data.archived,
        title=data.title,
    )


def _details(data: ChangeBody) -> dict[str, str]:
    """Of the line among all changes: what was asked, in short; the experiment's own history has the whole."""
    said = {
        "add_tags": ", ".join(data.add_tags),
        "remove_tags": ", ".join(data.remove_tags),
        "notes": "" if data.notes is None else f"{len(data.notes)} characters",
        "add_note": f"{len(data.add_note)} characters" if data.add_note else "",
        "archived": "" if data.archived is None else str(data.archived).lower(),
        "title": "" if data.title is None else data.title or "none",
    }
    return {name: text for name, text in said.items() if text}


def _answer_of(edit: Edit) -> EditAnswer:
    return {
        "at": iso_or_none(edit.at),
        "subject": edit.subject,
        "tokenId": edit.token_id,
        "address": edit.address,
        "part": edit.part,
        "before": edit.before,
        "after": edit.after,
    }
