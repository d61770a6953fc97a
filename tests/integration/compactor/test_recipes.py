"""The recipes of docs/recipes/parquet.md, as they stand there, on real objects: joined ones and single ones."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from benchmarks.cold_stream import columns_of_chunk, load, name_stream
from mldash.events.identity import parse_prefix
from mldash_compactor.chunks import manifest
from mldash_compactor.moving import candidates, join
from mldash_compactor.moving.move import Move, move_chunk
from mldash_ingest.documents.buckets import CHUNK
from tests.integration.query_api.writing import Chain
from tests.stack import run_mldash
from tests.world import World

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[3] / "docs" / "recipes" / "parquet.md"
PREFIX, CHUNKS = "alice/robots/walk-07", 5


async def make_stream(world: World) -> None:
    """Five chunks, four of them in one object."""
    stream = name_stream(PREFIX, "train")
    await load(world.mongo, world.objects, stream, CHUNKS * CHUNK, joined=False)
    state = await candidates.read_stream(world.mongo, stream.id)
    assert state is not None
    chunks = await manifest.live_chunks(world.mongo, stream.id, 0, CHUNKS - 2)
    await join.run_steps(join.Join(world.mongo, world.objects, state, stream.prefix, chunks, owner="t", lease_s=60))


def environment(world: World) -> dict[str, str]:
    servers = world.servers
    return {
        "MLDASH_MONGO": servers.mongo,
        "MLDASH_MONGO_DATABASE": world.name,
        "MLDASH_S3_ENDPOINT": servers.s3_endpoint or "",
        "MLDASH_S3_BUCKET": servers.s3_bucket,
        "MLDASH_S3_ACCESS_KEY": servers.s3_access_key or "",
        "MLDASH_S3_SECRET_KEY": servers.s3_secret_key or "",
    }


async def run_blocks() -> dict[str, Any]:
    """What the page's blocks leave, in order; they read paths.txt."""
    found: dict[str, Any] = {}
    for block in re.findall(r"```python no-run\n(.*?)```", PAGE.read_text(), re.DOTALL):
        await asyncio.to_thread(exec, block, found)
    return found


async def test_the_recipes_read_what_was_logged(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_stream(world)
    monkeypatch.chdir(tmp_path)
    for name, value in environment(world).items():
        monkeypatch.setenv(name, value)
    arguments = ("chunks", PREFIX, "--kind", "metrics", "--name", "train", "--paths")
    assert " ".join(arguments) in PAGE.read_text()
    listed = await asyncio.to_thread(run_mldash, *arguments)
    assert len(listed.stdout.split()) == 2
    (tmp_path / "paths.txt").write_text(listed.stdout)
    found = await run_blocks()
    loss = np.concatenate([np.frombuffer(columns_of_chunk(k)[0].data) for k in range(CHUNKS)])
    assert found["part"].column("index").to_pylist() == list(range(12_000, 13_000))
    assert found["part"].column("loss").to_pylist() == loss[12_000:13_000].tolist()
    worst = np.argsort(loss[:20_000])[::-1][:5]
    assert found["worst"] == [(int(index), float(loss[index])) for index in worst]
    assert found["means"]["loss"].to_list() == pytest.approx(loss.reshape(CHUNKS, -1).mean(axis=1).tolist())
    assert found["train"].collect().height == CHUNKS * CHUNK


NAN = float("nan")
HARD = "007/0x10/1e5"


def hard_event(index: int) -> dict[str, Any]:
    """Integers, then floats with a 0 and NaN among them; a field that appears late and pauses; names of the key's."""
    k, row = divmod(index, CHUNK)
    event: dict[str, Any] = {"loss": row if k == 0 else (0, 0.5, row / 3)[min(row, 2)]}
    if k == 2 and row % 7 == 0:
        event["loss"] = NAN
    if k >= 1:
        event |= {"owner": "me", "gen": row, "INDEX": -row}
    if k == 2:
        event["val_loss"] = row / 2
    return event


async def make_hard_stream(world: World, tmp_path: Path) -> list[str]:
    """Four chunks, as the compactor moves them; copies of the objects lie in a folder under their keys."""
    chain = await Chain(world, "metrics", "train", prefix=HARD).begin()
    for first in range(0, 4 * CHUNK, 2_000):
        await chain.append([hard_event(index) for index in range(first, first + 2_000)])
    for k in range(4):
        stream = await candidates.read_stream(world.mongo, chain.id)
        assert stream is not None
        range_ = candidates.Range(k, (k + 1) * CHUNK)
        await move_chunk(Move(world.mongo, world.objects, stream, parse_prefix(HARD), range_, owner="t", lease_s=60.0))
    keys = [str(chunk.live.key) for chunk in await manifest.live_chunks(world.mongo, chain.id, 0) if chunk.live]
    for key in keys:
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await world.objects.get(key))
    return keys


async def test_the_recipes_hold_where_fields_come_late_types_widen_and_names_are_the_keys(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And NaN is found. Each reader gives every point the values that were logged, numbers as float64."""
    keys = await make_hard_stream(world, tmp_path)
    bucket = world.servers.s3_bucket
    monkeypatch.chdir(tmp_path)
    for name, value in environment(world).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "paths.txt").write_text("".join(f"s3://{bucket}/{key}\n" for key in keys))
    found = await run_blocks()
    events = [hard_event(index) for index in range(4 * CHUNK)]
    fields = {
        "loss": "loss",
        "val_loss": "val_loss",
        "owner": "field:owner",
        "gen": "field:gen",
        "INDEX": "field:INDEX",
    }
    expected = {column: [event.get(field) for event in events] for field, column in fields.items()}
    expected["loss"] = [float(value) for value in expected["loss"]]
    nan_count = sum(value != value for value in expected["loss"])
    above = sum(not value <= 2 for value in expected["loss"])

    table = await asyncio.to_thread(found["dataset"].to_table)
    for column, values in expected.items():
        assert repr(table.column(column).to_pylist()) == repr(values), column
    loss = ds.field("loss")
    assert await asyncio.to_thread(found["dataset"].count_rows, filter=loss.is_nan()) == nan_count
    assert await asyncio.to_thread(found["dataset"].count_rows, filter=~(loss <= 2)) == above

    frame = await asyncio.to_thread(found["train"].collect)
    for column, values in expected.items():
        assert repr(frame[column].to_list()) == repr(values), column
    assert frame.filter(pl.col("loss").is_nan()).height == nan_count

    # The same query over copies of the objects, for the extension that reads S3 would have to be downloaded.
    here = [str(tmp_path / key) for key in keys]
    query = found["query"].replace(f"s3://{bucket}", str(tmp_path))
    assert duckdb.sql(query).fetchall() == found["worst"]
    assert [value for _, value in found["worst"]] == sorted(expected["loss"][: 2 * CHUNK], reverse=True)[:5]
    source = f"read_parquet({here}, {found['options']})"
    rows = duckdb.sql(f"SELECT {', '.join(map(json.dumps, expected))} FROM {source} ORDER BY index").fetchall()
    for at, (column, values) in enumerate(expected.items()):
        assert repr([row[at] for row in rows]) == repr(values), column
    assert duckdb.sql(f"SELECT count(*) FROM {source} WHERE isnan(loss)").fetchall() == [(nan_count,)]
    assert duckdb.sql(f"SELECT count(*) FROM {source} WHERE NOT (loss <= 2)").fetchall() == [(above,)]
    by_key = f"read_parquet({here}, union_by_name = true, hive_types_autocast = false)"
    names = duckdb.sql(f"SELECT DISTINCT owner, project, experiment FROM {by_key}").fetchall()
    assert names == [tuple(HARD.split("/"))]


async def test_columns_go_on_in_chunks_that_lack_them(world: World, tmp_path: Path) -> None:
    keys = await make_hard_stream(world, tmp_path)
    schemas = [pq.read_schema(tmp_path / key) for key in keys]
    assert ["val_loss" in schema.names for schema in schemas] == [False, False, True, True]
    assert [str(schema.field("loss").type) for schema in schemas] == ["int64", "double", "double", "double"]
