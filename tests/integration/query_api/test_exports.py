"""Points as files: every format holds the same points, hot and cold as one, and none is whole that is broken."""

import csv
import io
import json
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mldash.answers.columns import rows_of_table
from mldash_api.exports import ranges as export
from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

LOSS: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}


def event(index: int) -> dict[str, Any]:
    """Fields that are there now and then, that change their type, and that have each type."""
    fields: dict[str, Any] = {"loss": index / 3, "step": index, "done": index % 2 == 0, "tag": f"t{index % 5}"}
    if index % 10 == 0:
        fields["eval"] = None if index % 20 else float(index)
    if index >= 10_000:
        fields["late"] = [index, -index]
    fields["mixed"] = index if index % 3 else f"text {index}"
    fields["number"] = index if index < 10_000 else index + 0.5
    fields["huge"] = 2**60 + index if index < 10_500 else 0.5
    fields["index"] = "the user's own"
    return fields


EVENTS = [event(index) for index in range(11_000)]


@pytest.fixture
async def chain(world: World) -> Chain:
    made = await Chain(world).begin()
    for first in range(0, 11_000, 500):
        await made.append(EVENTS[first : first + 500])
    await made.move(0, 10_000)
    return made


async def test_every_format_holds_the_same_points(
    chain: Chain, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "EXPORT_PIECE_POINTS", 3_000)
    pages = [(await client.get("/v1/metrics/points", **LOSS, start_index=at, limit=4_000))["data"] for at in (9_000,)]
    points = [point for page in pages for point in page]
    assert [point["data"] for point in points] == EVENTS[9_000:]
    asked = {**LOSS, "start_index": 9_000}
    lines = (await client.raw("/v1/metrics/export", **asked, format="jsonl")).content.splitlines()
    assert [json.loads(line) for line in lines] == points
    table = pa.ipc.open_stream((await client.raw("/v1/metrics/export", **asked, format="arrow")).content).read_all()
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "index": "int64",
        "createdAt": "timestamp[us, tz=UTC]",
        "loss": "double",
        "step": "int64",
        "done": "bool",
        "tag": "large_string",
        "eval": "double",
        "late": "large_list<item: int64>",
        "mixed": "large_string",
        "number": "double",
        "huge": "large_string",
        "_index": "large_string",
    } | {"late": types["late"]}
    assert types["late"].startswith("large_list<")
    rows = rows_of_table(table.drop_columns(["createdAt"]))
    expected = [
        {"index": index}
        | {("_index" if name == "index" else name): value for name, value in one.items() if value is not None}
        for index, one in enumerate(EVENTS[9_000:], 9_000)
    ]
    assert rows == expected
    data = (await client.raw("/v1/metrics/export", **asked, format="parquet")).content
    parquet = pq.read_table(io.BytesIO(data))
    assert parquet.column_names == table.column_names
    assert parquet.to_pylist() == table.to_pylist()
    packed = (await client.raw("/v1/metrics/export", {"Accept": "application/msgpack"}, **asked)).content
    head = b"\xdd" + len(points).to_bytes(4, "big")  # an array's, before the maps that it would hold
    assert msgspec.msgpack.decode(head + packed) == points
    text = (await client.raw("/v1/metrics/export", **asked, format="csv")).text
    cells = list(csv.DictReader(io.StringIO(text)))
    assert [(int(cell["index"]), float(cell["loss"]), cell["createdAt"]) for cell in cells] == [
        (point["index"], point["data"]["loss"], point["createdAt"]) for point in points
    ]


async def test_only_the_fields_asked_for_come(chain: Chain, client: Client) -> None:
    page = await client.get("/v1/metrics/points", **LOSS, start_index=9_999, limit=2, fields=["step", "absent"])
    assert [point["data"] for point in page["data"]] == [{"step": 9_999}, {"step": 10_000}]
    asked = {**LOSS, "start_index": 9_999, "limit": 2, "fields": ["step", "absent"]}
    table = pa.ipc.open_stream((await client.raw("/v1/metrics/export", **asked, format="arrow")).content).read_all()
    assert table.drop_columns(["createdAt"]).to_pydict() == {
        "index": [9_999, 10_000],
        "step": [9_999, 10_000],
        "absent": [None, None],
    }


async def test_what_is_not_there_is_a_file_without_points(client: Client) -> None:
    for format, empty in (("jsonl", b""), ("csv", b"index,createdAt\n")):
        assert (await client.raw("/v1/metrics/export", **LOSS, format=format)).content == empty
    answer = await client.raw("/v1/metrics/export", **LOSS, format="arrow")
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == 0
    problem = await client.problem("/v1/metrics/export", 400, **LOSS, format="xls")
    assert problem["parameter"] == "format"


async def test_a_broken_range_breaks_the_file_off(
    world: World, chain: Chain, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first piece it is a problem that names the range; later the connection ends, and no file looks whole."""
    monkeypatch.setattr(export, "EXPORT_PIECE_POINTS", 3_000)
    await chain.move(1, 11_000)
    keys = [one.key async for one in world.objects.list()]
    await world.objects.delete([key for key in keys if "/00000001-" in key])
    problem = await client.problem("/v1/metrics/export", 500, **LOSS, format="jsonl", start_index=10_000)
    assert (problem["firstIndex"], problem["endIndex"]) == (10_000, 11_000)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.raw("/v1/metrics/export", **LOSS, format="jsonl")
    whole = await client.raw("/v1/metrics/export", **LOSS, format="jsonl", limit=10_000)
    assert len(whole.content.splitlines()) == 10_000


async def test_packed_points_are_what_plain_encoding_makes(world: World, client: Client) -> None:
    """MessagePack of plain numbers is laid out by hand: times before 1970, far ahead and at every edge of a second."""
    chain = await Chain(world).begin()
    times = [0.0, 0.1, 0.9999995, 0.9999996, 59.9999999, 86_399.9999999, 1.7e9 + 1e-6, -1.5, 2e10, 1e11, 9e11]
    events = [{"a": float(at), "b": at, "c": at % 2 == 1} for at in range(len(times))]
    await chain.append(events, times=times)
    page = await client.get("/v1/metrics/points", **LOSS)
    plain = msgspec.json.decode((await client.raw("/v1/metrics/points", **LOSS)).content)
    assert page == plain
    assert [point["data"] for point in page["data"]] == events
    assert [type(value) for value in page["data"][0]["data"].values()] == [float, int, bool]
    for first in range(7):  # those between 1970 and the year 3000 have a way of their own
        part = await client.get("/v1/metrics/points", **LOSS, start_index=first, limit=1)
        assert part["data"] == page["data"][first : first + 1]


async def test_points_of_many_small_buckets_are_one_page(world: World, client: Client) -> None:
    """A bucket a point, of other fields and types each time, and a large one between them."""
    chain = await Chain(world).begin()
    events = [event(9_950 + at) for at in range(60)] + [{"a": 1}, {"a": 1.0}, {"a": True}, {"b": "text"}, {}]
    for at, one in enumerate(events):
        await chain.append([one])
        if at == 30:
            await chain.append(events[:200] * 4)
    page = await client.get("/v1/metrics/points", **LOSS, start_index=3, limit=1000)
    expected = (events[:31] + events * 4 + events[31:])[3:]
    assert [point["data"] for point in page["data"]] == expected
    assert [point["index"] for point in page["data"]] == list(range(3, 3 + len(expected)))
    kinds = [{name: type(value) for name, value in point["data"].items()} for point in page["data"]]
    assert kinds == [{name: type(value) for name, value in one.items()} for one in expected]


async def test_a_file_goes_on_at_the_floor_where_retention_raises_it_meanwhile(
    chain: Chain, client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It rises past all of the second piece: what is left behind it is in the file."""
    monkeypatch.setattr(export, "EXPORT_PIECE_POINTS", 1_000)
    real, reads = export.read_range, list[int]()

    async def read_range(*arguments: Any) -> Any:
        reads.append(arguments[2])
        if len(reads) == 2:
            await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"floor": 10_000}})
        return await real(*arguments)

    monkeypatch.setattr(export, "read_range", read_range)
    lines = (await client.raw("/v1/metrics/export", **LOSS, format="jsonl")).content.splitlines()
    assert [json.loads(line)["index"] for line in lines] == [*range(1_000), *range(10_000, 11_000)]


async def test_a_page_that_retention_took_says_where_the_points_that_are_left_begin(
    chain: Chain, client: Client, world: World
) -> None:
    """So that whoever goes from page to page comes to them, in JSON and in MessagePack, and with one step."""
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"floor": 10_000}})
    for accept in ("application/json", "application/msgpack"):
        answer = await client.raw("/v1/metrics/points", {"Accept": accept}, **LOSS, start_index=0, limit=100)
        decode = json.loads if accept.endswith("json") else msgspec.msgpack.decode
        page = decode(answer.content)
        assert (page["startIndex"], page["endIndex"], page["total"], page["hasMore"]) == (0, 9_999, 0, True)


async def test_a_csv_file_names_its_charset_once(chain: Chain, client: Client) -> None:
    for path, query in (("/v1/metrics/export", LOSS), ("/v1/tracks/export", {"prefix": PREFIX, "topic": "none"})):
        for format in ("csv", "jsonl"):
            answer = await client.raw(path, **query, format=format)
            if answer.status_code == 200:
                assert answer.headers["content-type"].count("charset") <= 1, answer.headers["content-type"]
    answer = await client.raw("/v1/metrics/export", **LOSS, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
