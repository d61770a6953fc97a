"""The objects: the only module that imports aioboto3. Works with any S3: AWS, SeaweedFS, MinIO, Ceph.

Whole objects are put and read by direct.py, which handles success only; all else goes through the client.

After an error of a put the object may be there, or come later. So a retry sends the same bytes under the same
key, and other bytes never come under a key that was used (docs/protocol.md 4.4).
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar

import aioboto3
import structlog
from aiobotocore.session import get_session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.loaders import Loader, create_loader

from mldash.connections.servers import Servers, StoreServers

from .checksum import to_header
from .direct import DirectRequests, open_direct, speaks_tls
from .errors import ObjectMissing, StoreRefused
from .s3_errors import code_of, translate
from .uploads import Upload

_CONNECT_TIMEOUT_S: Final = 5
_READ_TIMEOUT_S: Final = 30
_TRIES: Final = 4
_FIRST_DELAY_S: Final = 0.05
_DELETE_AT_ONCE: Final = 1_000
_log = structlog.get_logger()

_Answer = TypeVar("_Answer")


class ListedObject(NamedTuple):
    """One object of a listing."""

    key: str
    bytes: int
    modified: datetime


@functools.cache
def _loader() -> Loader:
    """Botocore's description of S3, some megabytes of JSON: read once a process, not once a client (0.3 s each)."""
    return create_loader()


class ObjectStore:
    """One bucket. `async with` opens and closes its connections; each call tries a few times, with a line for each."""

    def __init__(
        self,
        *,
        endpoint: str | None,
        bucket: str,
        region: str = "us-east-1",
        access_key: str | None = None,
        secret_key: str | None = None,
        session_token: str | None = None,
        ca_file: str | None = None,
        addressing: Literal["auto", "path", "virtual"] = "auto",
        connections: int = 32,
    ) -> None:
        """Without keys those of the host are taken: its environment, its files, its role."""
        self.bucket = bucket
        self._endpoint, self._region = endpoint, region
        self._keys = (access_key, secret_key, session_token)
        self._ca_file = ca_file and str(Path(ca_file).expanduser())
        self._addressing = ("path" if endpoint else "auto") if addressing == "auto" else addressing
        self._connections = connections
        self._resources = AsyncExitStack()
        self._client: Any = None
        self._direct: DirectRequests | None = None

    def __repr__(self) -> str:  # without the keys: it may be logged
        return f"ObjectStore({self._name!r}, {self.bucket!r})"

    async def __aenter__(self) -> Self:
        access_key, secret_key, session_token = self._keys
        signing = get_session()
        signing.register_component("data_loader", _loader())
        session = aioboto3.Session(
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            region_name=self._region,
            botocore_session=signing,
        )
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            max_pool_connections=self._connections,
            user_agent="mldash",  # botocore's own is put together anew for each request: a tenth of what one costs
            retries={"total_max_attempts": 1},  # ours are below, where they are seen
            s3={"addressing_style": self._addressing},
            # The checksum is ours, of the whole object; botocore's own would need awscrt.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self._client = await self._resources.enter_async_context(
            session.client(
                "s3",
                endpoint_url=self._endpoint,
                config=config,
                verify=self._ca_file if speaks_tls(self._endpoint) else False,
            )
        )
        self._direct = await open_direct(signing, self._client, self.bucket, config, self._ca_file)
        if self._direct is not None:
            await self._resources.enter_async_context(self._direct)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._resources.aclose()

    async def put(self, key: str, data: bytes, crc32c: int) -> None:
        """The bytes under a key, with their checksum; S3 refuses them where they differ on arrival."""

        checksum = to_header(crc32c)
        headers = {"Content-Type": _PARQUET, "x-amz-checksum-crc32c": checksum}

        async def call() -> None:
            if self._direct is None or not await self._direct.put(key, data, headers):
                await self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=data, ChecksumCRC32C=checksum, ContentType=_PARQUET
                )

        await self._try("put", key, call)

    async def open_upload(self, key: str) -> "Upload":
        """An object that is put in parts; it is there when all of them are and `complete` was called."""

        async def call() -> str:
            answer = await self._client.create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=_PARQUET)
            return str(answer["UploadId"])

        return Upload(self, key, await self._try("begin", key, call))

    async def send_part(self, upload: "Upload", number: int, data: bytes) -> str:
        async def call() -> str:
            answer = await self._client.upload_part(
                Bucket=self.bucket, Key=upload.key, UploadId=upload.id, PartNumber=number, Body=data
            )
            return str(answer["ETag"])

        return await self._try("put a part", upload.key, call)

    async def end_upload(self, upload: "Upload", tags: Sequence[str]) -> None:
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]

        async def call() -> None:
            try:
                await self._client.complete_multipart_upload(
                    Bucket=self.bucket, Key=upload.key, UploadId=upload.id, MultipartUpload={"Parts": parts}
                )
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":  # an answer that was lost: reading it back will tell
                    raise

        await self._try("end", upload.key, call)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """Delete its parts; a missing one is fine."""

        async def call() -> None:
            try:
                await self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    raise

        await self._try("abort", key, call)

    async def abort_uploads_before(self, oldest: datetime) -> int:
        """Uploads that were begun before and never ended, as a kill leaves them; how many there were."""
        more: dict[str, str] = {}
        aborted = 0
        while True:

            async def call(more: dict[str, str] = more) -> dict[str, Any]:
                page: dict[str, Any] = await self._client.list_multipart_uploads(Bucket=self.bucket, **more)
                return page

            page = await self._try("list uploads", self.bucket, call)
            for one in page.get("Uploads", ()):
                if one["Initiated"] < oldest:
                    await self.abort_upload(one["Key"], one["UploadId"])
                    aborted += 1
            if not page.get("IsTruncated"):
                return aborted
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    async def get(self, key: str) -> bytes:
        """All bytes of an object. Raises ObjectMissing."""
        return await self._read(key, None)

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes from `start` on; fewer where the object ends before. Raises ObjectMissing."""
        try:
            return await self._read(key, f"bytes={start}-{start + length - 1}")
        except StoreRefused as error:
            if error.code == "InvalidRange":  # all of it lies behind the object's end
                return b""
            raise

    async def _read(self, key: str, byte_range: str | None) -> bytes:
        more = {} if byte_range is None else {"Range": byte_range}

        async def call() -> bytes:
            found = await self._direct.get(key, byte_range) if self._direct else None
            if found is not None:
                return found
            answer = await self._client.get_object(Bucket=self.bucket, Key=key, **more)
            async with answer["Body"] as body:
                data: bytes = await body.read()
            return data

        return await self._try("get", key, call)

    async def list(self, prefix: str = "") -> AsyncIterator[ListedObject]:
        """The objects whose key begins with `prefix`, in key order, a page in memory at a time."""
        more: dict[str, str] = {}
        while True:

            async def call(more: dict[str, str] = more) -> dict[str, Any]:
                page: dict[str, Any] = await self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more)
                return page

            page = await self._try("list", prefix, call)
            for one in page.get("Contents", ()):
                yield ListedObject(one["Key"], one["Size"], one["LastModified"])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects; a missing one is fine."""
        for at in range(0, len(keys), _DELETE_AT_ONCE):
            part = keys[at : at + _DELETE_AT_ONCE]

            async def call(part: Sequence[str] = part) -> dict[str, Any]:
                objects = {"Objects": [{"Key": key} for key in part], "Quiet": True}
                answer: dict[str, Any] = await self._client.delete_objects(Bucket=self.bucket, Delete=objects)
                return answer

            answer = await self._try("delete", part[0], call)
            for one in answer.get("Errors", ()):
                raise StoreRefused(self._name, f"delete {one['Key']}", one.get("Code", ""), one.get("Message", ""))

    async def ensure_bucket(self) -> None:
        """Make the bucket where it is missing."""

        async def call() -> None:
            try:
                await self._client.head_bucket(Bucket=self.bucket)
                return
            except ClientError as error:
                if code_of(error) not in {"404", "NoSuchBucket", "NotFound"}:
                    raise
            # Only there AWS wants no location constraint, and refuses its own name.
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
            try:
                await self._client.create_bucket(
                    Bucket=self.bucket, **({} if self._region == "us-east-1" or self._endpoint else elsewhere)
                )
            except ClientError as error:
                if code_of(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise

        await self._try("make the bucket", self.bucket, call)

    async def administer(self, operation: str, **arguments: Any) -> Any:
        """One of S3's operations on the bucket itself, as boto3 names it. Raises StoreUnreachable, StoreRefused, and
        ObjectMissing where there is no bucket."""
        call = getattr(self._client, operation)
        return await self._try(operation.replace("_", " "), self.bucket, lambda: call(Bucket=self.bucket, **arguments))

    async def ping(self) -> None:
        """Raises StoreUnreachable or StoreRefused where the bucket does not answer."""

        async def call() -> None:
            try:
                await self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if code_of(error) != "403":
                    raise
                # An answer to HEAD has no body that could say why.
                await self._client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)

        try:
            await self._try("head", self.bucket, call, tries=1)
        except ObjectMissing:
            raise StoreRefused(self._name, "head", "NoSuchBucket", f"there is no bucket {self.bucket!r}") from None

    async def _try(
        self, operation: str, subject: str, call: Callable[[], Awaitable[_Answer]], tries: int = _TRIES
    ) -> _Answer:
        delay = _FIRST_DELAY_S
        for attempt in range(1, tries + 1):
            try:
                return await call()
            except (BotoCoreError, HTTPClientError, ClientError, TimeoutError, OSError) as caught:
                error = translate(self._name, operation, subject, caught)
                if not error.retriable or attempt == tries:
                    raise error from caught
            _log.warning("S3 tried again", operation=operation, subject=subject, error=str(error), delay_s=delay)
            await asyncio.sleep(delay)
            delay *= 4
        raise AssertionError("unreachable: the last try returns or raises")

    @property
    def _name(self) -> str:
        return self._endpoint or f"AWS {self._region}"


def open_store(settings: Servers | StoreServers, connections: int = 32) -> ObjectStore:
    """The bucket that a component's settings name; connects in `async with`."""
    return ObjectStore(
        endpoint=settings.s3_endpoint,
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        session_token=settings.s3_session_token,
        ca_file=settings.s3_ca_file,
        addressing=settings.s3_addressing,
        connections=connections,
    )


_PARQUET: Final = "application/vnd.apache.parquet"
