"""A bare insert_many of documents that are already made, into a collection like the worker's, with the same concerns.

The documents are what a worker has stored, read into memory as bytes before the clock starts, so that the client has
nothing to do but to send them. The collection that they come from is dropped first and everything is written to disk:
the bare case has the whole cache and no dirty page of anyone's, as the worker had. Then one insert_many follows the
other, in the order in which the worker stored, without a pause in which the server could catch up unseen.
"""

from time import perf_counter
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

_MOST_BYTES = 40 << 20  # in one call: a message holds 48 MB
_NEWEST = [("$natural", -1)]


def insert_seconds(uri: str, database: str, collection: str, documents: int, a_batch: int) -> float:
    """Seconds for the newest `documents` of the collection, `a_batch` in one insert_many. All others are gone then."""
    with MongoClient[RawBSONDocument](uri, document_class=RawBSONDocument) as client:
        source = client[database].get_collection(collection, write_concern=WriteConcern(w="majority", j=True))
        newest = list(source.find({}, sort=_NEWEST, limit=documents))
        indexes = source.with_options(CodecOptions(dict)).index_information()
        source.drop()
        for name, index in indexes.items():
            if name != "_id_":
                options = {key: index[key] for key in ("unique", "sparse", "partialFilterExpression") if key in index}
                source.create_index(index["key"], name=name, **options)
        client.admin.command("fsync")
        calls = _calls(newest[::-1], a_batch)
        begun = perf_counter()
        for call in calls:
            source.insert_many(call, ordered=False)
        return perf_counter() - begun


def _calls(documents: list[Any], a_batch: int) -> list[list[Any]]:
    calls, held = list[list[Any]]([[]]), 0
    for document in documents:
        if len(calls[-1]) == a_batch or held > _MOST_BYTES:
            calls.append([])
            held = 0
        calls[-1].append(document)
        held += len(document.raw)
    return calls
