"""The recipes of docs/recipes/parquet.md, as they stand there, on real objects: joined ones and single ones."""

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.cold_stream import columns_of_chunk, load, name_stream
from mldash.compactor import candidates, join
from mldash.compactor.chunks import manifest
from mldash.ingest_workers.documents.buckets import CHUNK
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
    found: dict[str, Any] = {}
    for block in re.findall(r"```python no-run\n(.*?)```", PAGE.read_text(), re.DOTALL):
        await asyncio.to_thread(exec, block, found)
    loss = np.concatenate([np.frombuffer(columns_of_chunk(k)[0].data) for k in range(CHUNKS)])
    assert found["part"].column("index").to_pylist() == list(range(12_000, 13_000))
    assert found["part"].column("loss").to_pylist() == loss[12_000:13_000].tolist()
    worst = np.argsort(loss[:20_000])[::-1][:5]
    assert found["worst"] == [(int(index), float(loss[index])) for index in worst]
    assert found["means"]["loss"].to_list() == pytest.approx(loss.reshape(CHUNKS, -1).mean(axis=1).tolist())
    assert found["train"].collect().height == CHUNKS * CHUNK
