"""What we sign and later believe: a browser's cookie, the state of a sign-in that is under way.

Each is a JWS in its compact form (RFC 7515) with HS256: a header {alg, typ: the purpose, kid: which key}, a JSON body
with `exp`, when it ends. What was signed for one purpose is none for another one.

    MLDASH_SIGNING_KEYS        keys by comma or by line, each of 32 characters or more: `openssl rand -base64 32`
    MLDASH_SIGNING_KEYS_FILE   the same in a file, one a line; read again when it changes

The first key signs, all of them verify. To rotate, put a new one in front, and take the old one out once all that it
signed has ended. Without either, the keys are random and this process's own: what it signs ends with it, and no other
process believes it.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final, Literal

import msgspec
import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from mldash_api.rights.refusals import SigningKeysUnusable
from mldash_api.settings import ApiSettings

Purpose = Literal["mldash sign-in", "mldash oidc"]

LEAST_LETTERS: Final = 32
_ALGORITHM: Final = "HS256"
_BETWEEN: Final = re.compile(r"[,\s]+")
_KEY_ID_LETTERS: Final = 8
_LOOK_EVERY_S: Final = 1.0
_MOST_LETTERS: Final = 8_192
_log = structlog.get_logger()


class SigningKeys:
    """One an API process. Both settings unset: keys of this process alone."""

    def __init__(self, text: str | None, file: str | None, clock: Callable[[], float] = monotonic) -> None:
        """Raises SigningKeysUnusable."""
        self._file, self._clock = Path(file).expanduser() if file else None, clock
        self._seen = self._look() if self._file else None
        self._looked_at = clock()
        if self._file:
            self._keys = self._read(self._file)
        else:
            self._keys = _keys_of(text, "MLDASH_SIGNING_KEYS") if text else [OctKey.import_key(secrets.token_bytes(32))]
        self.are_shared = bool(text or file)
        """Whether other processes can have them."""

    def sign(self, purpose: Purpose, body: Mapping[str, Any], ends_at: float) -> str:
        """Text that `opened` takes until `ends_at`, seconds since the epoch. It can be read by whoever has it."""
        key = self._current()[0]
        header = {"alg": _ALGORITHM, "typ": purpose, "kid": _id_of(key)}
        return jws.serialize_compact(header, msgspec.json.encode({**body, "exp": ends_at}), key, [_ALGORITHM])

    def opened(self, purpose: Purpose, text: str, now: float) -> dict[str, Any] | None:
        """The body; None where it was not signed by us for this purpose, or has ended."""
        if len(text) > _MOST_LETTERS:
            return None
        for key in self._current():
            try:
                found = jws.deserialize_compact(text, key, [_ALGORITHM])
                body: Any = msgspec.json.decode(found.payload or b"")
            except (JoseError, TypeError, ValueError):  # a head of other types, a body that is no JSON: never ours
                continue
            if not isinstance(body, dict) or found.protected.get("typ") != purpose:
                return None
            ends_at = body.get("exp")
            return body if isinstance(ends_at, int | float) and now < ends_at else None
        return None

    def _current(self) -> list[OctKey]:
        """Those of the file as it is now; where it can't be read, the old ones, and the log says so."""
        if self._file is None or self._clock() - self._looked_at < _LOOK_EVERY_S:
            return self._keys
        self._looked_at = self._clock()
        try:
            seen = self._look()
            if seen != self._seen:
                self._keys, self._seen = self._read(self._file), seen
                _log.info("new signing keys are used", file=str(self._file), keys=len(self._keys))
        except SigningKeysUnusable as error:
            _log.error("the old signing keys are used on", reason=str(error))
        return self._keys

    def _look(self) -> tuple[int, int, int]:
        assert self._file is not None
        try:
            found = self._file.stat()
        except OSError as error:
            raise SigningKeysUnusable(str(self._file), error.strerror or str(error)) from error
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self, file: Path) -> list[OctKey]:
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise SigningKeysUnusable(str(file), error.strerror or str(error)) from error
        except ValueError:  # its message holds bytes of the file
            raise SigningKeysUnusable(str(file), "it is no text") from None
        return _keys_of(text, str(file))


def check_shared(settings: ApiSettings, processes: int) -> None:
    """Browsers that one process has signed in must be known to the others. Raises SigningKeysUnusable."""
    has_keys = settings.signing_keys or settings.signing_keys_file
    if settings.auth == "open" or (settings.auth is None and settings.private_token_file is None):
        return  # nobody signs in
    if not has_keys:
        raise SigningKeysUnusable(
            "MLDASH_SIGNING_KEYS",
            f"they are not set, and {processes} API processes need the same ones: put `openssl rand -base64 32` into a "
            "file, and name it in MLDASH_SIGNING_KEYS_FILE",
        )


def _keys_of(text: str, source: str) -> list[OctKey]:
    keys = [one for one in _BETWEEN.split(text) if one]
    if not keys:
        raise SigningKeysUnusable(source, "there is no key in it")
    if any(len(one) < LEAST_LETTERS for one in keys):
        raise SigningKeysUnusable(source, f"a key has fewer than {LEAST_LETTERS} characters: openssl rand -base64 32")
    return [OctKey.import_key(one) for one in dict.fromkeys(keys)]


def _id_of(key: OctKey) -> str:
    """Which key it was, for people who look. The hash of a random key says nothing of it."""
    return hashlib.sha256(b"mldash signing key\0" + key.raw_value).hexdigest()[:_KEY_ID_LETTERS]
