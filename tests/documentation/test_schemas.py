"""The published schemas describe what is truly sent, and stay compatible with the last released ones."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from mldash.events.encoding import JSON, decode_record, encode_record, headers
from mldash.events.identity import KINDS, experiment_id, stream_key
from mldash.events.letter import Place, letter_headers, mark_headers
from mldash.events.schema import SCHEMA_VERSION, Record
from mldash.events.stored import StoredUpTo, encode_stored
from mldash.events.topics import DEFAULT_PARTITIONS, dead_letter_topic, event_topics, stored_topic
from mldash_ingest.fetch.decode import Arrival, decode

from . import schemas
from .compatibility import incompatible_changes, without_words

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "generated" / "schemas"
RELEASED = Path(__file__).parent / "released"
GOLDEN = ROOT / "tests" / "unit" / "golden"
STRUCTS: dict[str, type[msgspec.Struct]] = {"record": Record, "stored": StoredUpTo}


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PUBLISHED / name).read_text())
    return found


def validator(name: str) -> Draft202012Validator:
    """Of a published file; those beside it are found by their names."""
    files = [path for path in PUBLISHED.glob("*.json") if path.name != "asyncapi.json"]
    registry = Registry().with_resources((path.name, Resource.from_contents(load(path.name))) for path in files)
    return Draft202012Validator(load(name), registry=registry)


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.name)
def test_each_schema_is_one_and_its_examples_keep_to_it(path: Path) -> None:
    if path.name == "asyncapi.json":
        return
    Draft202012Validator.check_schema(load(path.name))
    for example in load(path.name).get("examples", ()):
        validator(path.name).validate(example)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_a_record_that_a_worker_stores(kind: str) -> None:
    (example,) = load(f"{kind}.json")["examples"]
    value = json.dumps(example).encode()
    record = decode_record(value, headers(JSON))
    assert repr(record) == repr(schemas.examples()[kind])

    key = stream_key(experiment_id(record.prefix), kind, record.name)
    message = SimpleNamespace(
        topic=f"mldash.{kind}", partition=0, offset=0, key=key, value=value, headers=headers(JSON)
    )
    assert isinstance(decode(message, kind), Arrival)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_since_the_first_version_keeps_to_the_schema_of_its_kind_and_to_no_other(kind: str) -> None:
    """The golden bytes, which the encoder still writes."""
    stored = json.loads((GOLDEN / f"record_v1_{kind}.json").read_text())
    assert validator(f"{kind}.json").is_valid(stored)
    assert [other for other in KINDS if other != kind and validator(f"{other}.json").is_valid(stored)] == []


@pytest.mark.parametrize("field", Record.__struct_fields__)
def test_a_record_without_one_of_its_fields_is_refused(field: str) -> None:
    example = json.loads(encode_record(schemas.examples()["metrics"], JSON))
    del example[field]
    assert not validator("metrics.json").is_valid(example)


def test_statements_and_headers_that_are_sent_keep_to_their_schemas() -> None:
    said = StoredUpTo(topic="mldash.logs", partition=0, offset=7, time=1.5, skipped=[(3, 5)])
    validator("stored.json").validate(json.loads(encode_stored(said)))

    message = SimpleNamespace(
        topic="mldash.logs", partition=1, offset=2, key=b"k", value=b"v", headers=[("schema", b"mldash/9.0")]
    )
    letter = dict(letter_headers(message, "newer", 1.5))
    validator("letter_headers.json").validate({key: value.decode() for key, value in letter.items()})
    mark = {key: value.decode() for key, value in mark_headers(Place(0, 4), 1.5)}
    validator("letter_headers.json").validate(mark)
    validator("headers.json").validate({key: value.decode() for key, value in headers(JSON)})
    assert not validator("headers.json").is_valid({"content-type": JSON, "schema": "mldash/2.0"})


def test_the_document_of_topics_names_every_topic_with_its_partitions() -> None:
    document = load("asyncapi.json")
    assert (document["asyncapi"], document["info"]["version"]) == ("3.0.0", schemas.version())
    found = {one["address"]: one["bindings"]["kafka"]["partitions"] for one in document["channels"].values()}
    expected = {topic: DEFAULT_PARTITIONS[kind] for topic, kind in event_topics("mldash").items()}
    assert found == expected | {dead_letter_topic("mldash"): 1, stored_topic("mldash"): 1}
    followed = {one["channel"]["$ref"].rpartition("/")[2] for one in document["operations"].values()}
    assert followed == set(document["channels"])


def test_every_reference_of_the_document_of_topics_leads_somewhere_and_its_examples_keep_to_them() -> None:
    document = load("asyncapi.json")
    for reference in references(document):
        file, _, pointer = reference.partition("#")
        target: Any = load(file) if file else document
        for part in filter(None, pointer.split("/")):
            target = target[part]
    for message in document["components"]["messages"].values():
        for example in message.get("examples", ()):
            validator(message["payload"]["schema"]["$ref"]).validate(example["payload"])
            if "headers" in example:
                validator(message["headers"]["$ref"]).validate(example["headers"])


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [found for one in part for found in references(one)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for one in part.values() for found in references(one)]


def released(name: str) -> tuple[tuple[int, int], dict[str, Any]]:
    """The last released version of this major one, and its schema."""
    major = SCHEMA_VERSION[0]
    versions = {(major, int(path.stem.rpartition(".")[2])): path for path in RELEASED.glob(f"{name}-{major}.*.json")}
    assert versions, f"no released schema of {name} {major}: keep a copy of docs/generated/schemas/{name}.json"
    last = max(versions)
    return last, json.loads(versions[last].read_text())


@pytest.mark.parametrize("name", STRUCTS)
def test_the_schema_is_compatible_with_the_last_released_one(name: str) -> None:
    """Else it needs a new major version (decision 3); what was added needs a new minor one."""
    version, before = released(name)
    now = json.loads(msgspec.json.encode(msgspec.json.schema(STRUCTS[name])))
    assert list(incompatible_changes(before, now)) == []
    if without_words(before["$defs"]) != without_words(now["$defs"]):
        assert version < SCHEMA_VERSION, (
            "fields were added: raise the minor version in producer/mldash/events/schema.py"
        )


def _remove(struct: Any) -> None:
    del struct["properties"]["logged_at"]


def _rename(struct: Any) -> None:
    struct["properties"]["at"] = struct["properties"].pop("logged_at")


def _retype(struct: Any) -> None:
    struct["properties"]["first_seq"] = {"type": "string"}


def _require(struct: Any) -> None:
    struct["properties"]["host"] = {"type": "string"}
    struct["required"].append("host")


def _insert(struct: Any) -> None:
    struct["properties"] = {"host": {"type": "string", "default": ""}, **struct["properties"]}


def _add_kind(struct: Any) -> None:
    struct["properties"]["kind"]["enum"].append("images")


def _add_block(struct: Any) -> None:
    struct["properties"]["blocks"]["items"]["anyOf"].append({"$ref": "#/$defs/Claim"})


def _make_optional(struct: Any) -> None:
    struct["required"].remove("logged_at")


@pytest.mark.parametrize(
    "change", [_remove, _rename, _retype, _require, _insert, _add_kind, _add_block, _make_optional]
)
def test_a_change_that_some_reader_could_not_follow_is_found(change: Callable[[Any], None]) -> None:
    before = msgspec.json.schema(Record)
    after = copy.deepcopy(before)
    change(after["$defs"]["Record"])
    assert list(incompatible_changes(before, after))


def test_a_struct_that_is_gone_or_a_default_that_changed_is_found() -> None:
    before = msgspec.json.schema(Record)
    gone, other = copy.deepcopy(before), copy.deepcopy(before)
    del gone["$defs"]["Claim"]
    other["$defs"]["Claim"]["properties"]["offset"]["default"] = 0
    assert list(incompatible_changes(before, gone)) == ["Claim is gone"]
    (told,) = incompatible_changes(before, other)
    assert told.startswith("Claim.offset is another one")


def test_a_field_more_last_and_with_a_default_and_other_words_are_compatible() -> None:
    before = msgspec.json.schema(Record)
    after = copy.deepcopy(before)
    after["$defs"]["Record"]["properties"]["host"] = {"type": "string", "default": ""}
    after["$defs"]["Record"]["description"] = "Other words."
    assert list(incompatible_changes(before, after)) == []
