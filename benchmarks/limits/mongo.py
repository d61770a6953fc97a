"""A bare insert_many of documents that are already made, with the same indexes and concerns, in a collection beside."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

_MOST_BYTES = 40 << 20


def insert_seconds(uri: str, database: str, collection: str, documents: int, a_batch: int) -> float:
    """Seconds for the last `documents` of the collection, `a_batch` in one insert_many."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    source = client[database][collection]
    beside = client[database].get_collection(f"bare_{collection}", write_concern=WriteConcern(w="majority", j=True))
    beside.drop()
    for name, index in source.index_information().items():
        if name != "_id_":
            options = {key: index[key] for key in ("unique", "sparse", "partialFilterExpression") if key in index}
            beside.create_index(index["key"], name=name, **options)
    seconds = 0.0
    for part in _parts(source.find({}, sort=[("$natural", -1)], limit=documents), a_batch):
        begun = perf_counter()
        beside.insert_many(part, ordered=False)
        seconds += perf_counter() - begun
    beside.drop()
    client.close()
    return seconds


def _parts(documents: Any, size: int) -> Iterator[list[dict[str, Any]]]:
    """Read outside the clock; at most as many at once as a message holds well."""
    part, held = list[dict[str, Any]](), 0
    for document in documents:
        part.append(document)
        held += sum(len(column["bytes"]) for column in document.get("cols", ()))
        if len(part) == size or held > _MOST_BYTES:
            yield part
            part, held = [], 0
    if part:
        yield part
