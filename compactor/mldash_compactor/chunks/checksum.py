"""CRC32C of objects: sent with the put, kept in the manifest, computed again over every whole object that is read."""

import base64

import google_crc32c

from .errors import ChunkDamaged


def crc32c(data: bytes, before: int = 0) -> int:
    """The checksum as an unsigned 32-bit number; `before` is that of the bytes that stand in front."""
    return int(google_crc32c.extend(before, data))


def to_header(checksum: int) -> str:
    """As S3 wants it in a header: four bytes, big endian, base64."""
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()


def check(key: str, data: bytes, expected: int) -> None:
    """Raises ChunkDamaged where these are not the bytes that the manifest speaks of."""
    compare(key, len(data), crc32c(data), expected)


def compare(key: str, size: int, found: int, expected: int) -> None:
    """The same of bytes whose checksum was computed while they came."""
    if found != expected:
        raise ChunkDamaged(key, f"its CRC32C is {found:08x} over {size} bytes, the manifest says {expected:08x}")
