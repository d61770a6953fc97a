"""The fields of a stream so far, for a chunk that has not all of them: so many chunks are one table for every reader.

Most readers take the columns of the first object, or refuse the next one that has not the same. So each chunk goes on
with the columns of the one before: those that its own events lack are columns of nulls, `inherited` in `mldash.fields`
and in the manifest, of the type that they had, and it hands all of them on. A field that comes later than the first
chunk is still in none of those before it, and a chunk of whole events hands nothing on (docs/recipes/parquet.md).
"""

from collections.abc import Sequence
from typing import Final

from mldash_compactor.chunks.manifest import Live, stored_fields
from mldash_compactor.chunks.rows import Cold, Part, join
from mldash_ingest.documents.columns import Column
from mldash_ingest.documents.mongo import Mongo

from .columns import to_arrow
from .mixed_types import Field

LIMIT: Final = 256
"""Columns of nulls in one chunk at most: each takes some 300 bytes."""


def lacking(known: Sequence[Field], own: Sequence[Field]) -> list[Field]:
    """The fields that a chunk with these ones inherits."""
    names = {field.name for field in own}
    if any(field.type == "events" for field in own):
        return []
    missing = [field for field in known if field.name not in names and field.type != "events"]
    return [Field(field.name, field.type, field.shape, "absent", True) for field in missing[:LIMIT]]


def laid_over(known: Sequence[Field], later: Sequence[Field]) -> list[Field]:
    """Both, in the order of their first appearance, with the types of the later ones."""
    return list(({field.name: field for field in known} | {field.name: field for field in later}).values())


async def read_known(mongo: Mongo, stream: bytes, k: int, live: Live | None) -> list[Field]:
    """The known fields of chunk k: those of the chunk before, which has those of all before it, and its own so far."""
    before = await stored_fields(mongo, stream, k - 1) if k else []
    return before if live is None else laid_over(before, live.stored_fields())


def known_by_each(known: Sequence[Field], chunks: Sequence[Sequence[Part]]) -> list[list[Field]]:
    """Of chunks that follow one another: what each of them knows of those before it, the first one knows `known`.

    A field's type is asked of the rows only where a later chunk may need it.
    """
    found: list[list[Field]] = []
    so_far = {field.name: field for field in known}
    for number, parts in enumerate(chunks):
        found.append(list(so_far.values()))
        if number + 1 < len(chunks):
            so_far |= _fields_of(parts, so_far)
    return found


def _fields_of(parts: Sequence[Part], known: dict[str, Field]) -> dict[str, Field]:
    """How these parts' fields would be stored, of those whose type is not known or may become a wider one."""
    if any(column.type == "events" for part in parts for column in part.columns):
        return {}
    asked = [_only(part, [one for one in part.columns if _is_open(known.get(one.name))]) for part in parts]
    rows = join(asked)
    return {one.name: to_arrow(one, rows.row_count, known.get(one.name)).field for one in rows.columns}


def _is_open(known: Field | None) -> bool:
    return known is None or known.type in ("int64", "float32", "none")


def _only(part: Part, columns: Sequence[Column]) -> Cold:
    return Cold(first_index=part.first_index, count=part.count, times=part.times, columns=columns)
