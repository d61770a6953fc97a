"""`mldash chunks PREFIX`"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash_compactor.listing import ListedStream
    from mldash_compactor.settings import CompactorSettings


@click.command("chunks")
@click.argument("prefix")
@click.option("--name", metavar="NAME", help="Of one metric or track topic; default: all.")
@click.option("--kind", type=click.Choice(["metrics", "tracks"]), help="Default: both.")
@click.option("--paths", is_flag=True, help="Only the objects' addresses, s3://bucket/key, one a line.")
@click.option("--json", "as_json", is_flag=True, help="For programs: each chunk's range, object, offset and bytes.")
@component_options
def command(
    prefix: str,
    name: str | None,
    kind: str | None,
    paths: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """List the Parquet objects that hold the cold metrics and tracks of the experiment PREFIX.

    Read exactly these. A glob of the bucket (`**/*.parquet`) shows others too: for a day after chunks were joined both
    the joined object and its parts are there, and every row of them would be read twice; and orphans of killed
    compactors. What is still hot is in none of them, and is told on stderr.
    """
    from mldash.events.identity import parse_prefix
    from mldash_compactor.settings import CompactorSettings

    try:
        parsed = parse_prefix(prefix)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="PREFIX") from error
    settings = component_settings(CompactorSettings, "compactor", config=config, data=data, assignments=assignments)
    streams = asyncio.run(_list(settings, parsed, kind, name))
    if paths:
        for stream in streams:
            print("".join(f"s3://{settings.s3_bucket}/{key}\n" for key in stream.keys), end="")
    elif as_json:
        print(json.dumps([_for_programs(stream) for stream in streams], indent=2))
    else:
        _show(streams)
    for stream in streams:
        if stream.hot_events:
            print(f"{stream.label}: {stream.hot_events} events are hot, in no object", file=sys.stderr)


async def _list(settings: CompactorSettings, prefix: Any, kind: str | None, name: str | None) -> list[ListedStream]:
    from mldash_compactor.listing import list_streams
    from mldash_ingest.documents.mongo import open_mongo

    mongo = open_mongo(settings)
    try:
        await mongo.ping()
        found = await list_streams(mongo, prefix, kind, name)
    finally:
        await mongo.close()
    if found is None:
        raise click.ClickException(f"there is no experiment {prefix.text}")
    return found


def _for_programs(stream: ListedStream) -> dict[str, Any]:
    chunks = [
        {
            "first": one.first_index,
            "end": one.live.end,
            "key": one.live.key,
            "offset": one.live.offset,
            "bytes": one.live.bytes,
            "crc32c": f"{one.live.crc32c:08x}",
            "t0": one.live.t0,
            "t1": one.live.t1,
        }
        for one in stream.chunks
    ]
    return {"kind": stream.kind, "name": stream.name, "hotEvents": stream.hot_events, "chunks": chunks}


def _show(streams: list[ListedStream]) -> None:
    from rich.table import Table

    from mldash.process.tables import table_console

    table = Table("stream", "events", "chunks", "MB", "object", box=None, padding=(0, 2, 0, 0))
    for stream in streams:
        for key, chunks in stream.by_object():
            first, end = chunks[0].first_index, chunks[-1].live.end
            size = sum(chunk.live.bytes for chunk in chunks) / 1e6
            table.add_row(stream.label, f"{first} … {end - 1}", str(len(chunks)), f"{size:.2f}", key)
    table_console().print(table)
