"""The text of a token, 53 characters: what a scanner of leaked secrets finds, and knows to be no accident.

    prefix    mld_
    secret    43 characters of 0-9A-Za-z: 32 random bytes as one big-endian number to the base 62
    checksum  6 characters of 0-9A-Za-z: the CRC-32 of the secret's 43 characters, to the base 62

Both numbers are filled up with zeros on the left. A scanner's pattern is `\\bmld_[0-9A-Za-z]{49}\\b`, and the checksum
leaves no chance hits. The model is GitHub's format of 2021 (prefix, random part, CRC-32 in six characters to the base
62): https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/

Only the SHA-256 of the whole text is stored: with 256 random bits behind it, it needs neither salt nor stretching. The
first eight bytes of the hash, in hex, are the token's id, which may be shown and logged.
"""

import hashlib
import secrets
import string
import zlib
from typing import Final

PREFIX: Final = "mld_"
LINK_PREFIX: Final = "mll_"
"""Of a link (links.py), whose text is made the same way."""
SECRET_BYTES: Final = 32
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6
_ID_BYTES: Final = 8


def new_token(prefix: str = PREFIX) -> str:
    """A new one. Shown once, never stored."""
    return token_of(secrets.token_bytes(SECRET_BYTES), prefix)


def token_of(secret: bytes, prefix: str = PREFIX) -> str:
    """The text of these 32 bytes."""
    text = _to_base_62(int.from_bytes(secret, "big"), _SECRET_LENGTH)
    return f"{prefix}{text}{_checksum(text)}"


def is_token(text: str, prefix: str = PREFIX) -> bool:
    """Whether a text is one by its form and its checksum: what was mistyped or cut is known without a look-up."""
    body = text.removeprefix(prefix)
    if len(text) != len(prefix) + _SECRET_LENGTH + _CHECKSUM_LENGTH or len(body) == len(text):
        return False
    return all(letter in _DIGITS for letter in body) and body[_SECRET_LENGTH:] == _checksum(body[:_SECRET_LENGTH])


def hash_of(token: str) -> bytes:
    """The 32 bytes that are stored."""
    return hashlib.sha256(token.encode()).digest()


def id_of(hashed: bytes) -> str:
    """The token's public name: 16 hex digits."""
    return hashed[:_ID_BYTES].hex()


def _checksum(secret: str) -> str:
    return _to_base_62(zlib.crc32(secret.encode()), _CHECKSUM_LENGTH)


def _to_base_62(number: int, length: int) -> str:
    digits = list[str]()
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
