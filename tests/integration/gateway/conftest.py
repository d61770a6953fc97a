"""An API that takes records, tokens for it, and requests made by hand."""

import msgspec
import zstandard
from httpx import Response

from mldash.events.batches import BatchAnswer, BatchedRecord, RecordBatch
from mldash.events.encoding import MSGPACK, encode_record
from mldash.events.schema import Record, Rows
from tests.integration.query_api.conftest import Client

PREFIX = "owner/project/run"
PARTITIONS = 2
ONE, TWO = b"1" * 16, b"2" * 16


def record(session: bytes = ONE, first_seq: int = 0, count: int = 10, **given: object) -> Record:
    seqs = range(first_seq, first_seq + count)
    rows = Rows(["session", "seq"], [1_000.0 + seq for seq in seqs], [[session, seq] for seq in seqs])
    stands = {"prefix": PREFIX, "kind": "metrics", "name": "loss", "blocks": [rows]} | given
    return Record(session=session, first_seq=first_seq, logged_at=1_000.0, **stands)  # type: ignore[arg-type]


def batched(one: Record | bytes, partitions: int = PARTITIONS) -> BatchedRecord:
    value = one if isinstance(one, bytes) else encode_record(one)
    return BatchedRecord(value, MSGPACK, "mldash/1.1", partitions)


async def post(client: Client, *records: BatchedRecord, token: str | None = None) -> Response:
    body = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(RecordBatch([*records])))
    return await post_body(client, body, {"Content-Encoding": "zstd"}, token)


async def post_body(client: Client, body: bytes, headers: dict[str, str], token: str | None = None) -> Response:
    given = {"Content-Type": "application/msgpack", "Accept": "application/msgpack", **headers}
    given["Origin"] = str(client.http.base_url).rstrip("/")
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    return await client.http.post("/v1/records", content=body, headers=given)


def answers(response: Response) -> list[tuple[int, int] | str | None]:
    assert response.status_code == 200, response.text
    return msgspec.msgpack.decode(response.content, type=BatchAnswer).records
