"""Whether readers of a released schema can read what this one writes, and the other way round (decision 3).

A Struct only ever gains fields, last and with a default. Everything else is a new major version: a field that is gone,
of another type or of another default, one more that is required, a kind, status or block more or less.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def incompatible_changes(old: Schema, new: Schema) -> Iterator[str]:
    """Each as a sentence; `old` and `new` are what msgspec makes of a Struct."""
    if old.get("$ref") != new.get("$ref"):
        yield f"the schema is of {new.get('$ref')}, and was of {old.get('$ref')}"
    for name, struct in old["$defs"].items():
        if name not in new["$defs"]:
            yield f"{name} is gone"
        else:
            yield from _changes_of(name, struct, new["$defs"][name])


def _changes_of(name: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for field, schema in before.items():
        if field not in after:
            yield f"{name}.{field} is gone"
        elif without_words(schema) != without_words(after[field]):
            yield f"{name}.{field} is another one: {without_words(after[field])}, and was {without_words(schema)}"
    if [field for field in after if field in before] != list(before) or list(after)[: len(before)] != list(before):
        yield f"the fields of {name} stand in another order: new ones come last"
    for field in after:
        if field in new.get("required", ()) and field not in old.get("required", ()):
            yield f"{name}.{field} is required, and was not there or had a default"
    for field in old.get("required", ()):
        if field in after and field not in new.get("required", ()):
            yield f"{name}.{field} may be absent, and older readers require it"


def without_words(schema: Any) -> Any:
    """What is meant by a schema, without titles and descriptions."""
    if isinstance(schema, list):
        return [without_words(one) for one in schema]
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if not (key == "description" and isinstance(value, str))}
        return {key: without_words(value) for key, value in kept.items()}
    return schema
