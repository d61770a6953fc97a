"""The errors of objects and the manifest.

ColdStoreError
  StoreUnreachable  S3 did not answer: the same again, later
  StoreRefused      S3 answered with an error that trying again does not mend (keys, rights, a missing bucket)
  ObjectMissing     no object under this key: read the chunk's document again, it may have moved on
  FilesDiffer       chunks that were to share an object have a column that is not the same in all: they stay apart
  ChunkDamaged      an object differs from the manifest, or is not a chunk: its range can't be read, all others can
"""

from collections.abc import Sequence
from typing import ClassVar, Final

_WORDS: Final = {
    "AccessDenied": "these keys lack the right, none were sent, or the bucket is not there: S3 says the same for all",
    "InvalidAccessKeyId": "S3 does not know the access key: correct MLDASH_S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "the secret key is not the access key's: correct MLDASH_S3_SECRET_KEY; or a proxy changes "
    "requests on their way",
    "ExpiredToken": "the session token has ended: renew MLDASH_S3_SESSION_TOKEN with its keys, or use the host's role",
    "InvalidToken": "the session token is not of these keys: correct MLDASH_S3_SESSION_TOKEN",
    "AllAccessDisabled": "the bucket is shut for everybody: ask whoever owns it",
    "AccountProblem": "the account is: ask whoever owns it",
    "NoSuchBucket": "make the bucket, or correct MLDASH_S3_BUCKET",
    "PermanentRedirect": "the bucket is in another region: correct MLDASH_S3_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region: correct MLDASH_S3_REGION",
    "403": "keys or rights are refused, and S3 does not say which: check MLDASH_S3_ACCESS_KEY and its rights",
}
"""What to do, by S3's code. RequestTimeTooSkewed is no refusal: a clock is set right, so it is tried again."""


class ColdStoreError(Exception):
    """All of ours. `retriable`: the same call may succeed later."""

    retriable: ClassVar[bool] = False


class StoreUnreachable(ColdStoreError):
    """S3 did not answer, or answered that it cannot now."""

    retriable = True

    def __init__(self, store: str, operation: str, reason: str) -> None:
        super().__init__(store, operation, reason)
        self.store, self.operation, self.reason = store, operation, reason

    def __str__(self) -> str:
        advice = "is it running, the address right?"
        if "CERTIFICATE_VERIFY_FAILED" in self.reason or "certificate verify failed" in self.reason:
            advice = "its certificate is not trusted here: set MLDASH_S3_CA_FILE, or call it by the certificate's name"
        elif "HTTPS server" in self.reason or "HTTPS port" in self.reason:  # as servers in Go say, and nginx
            advice = "it speaks TLS: MLDASH_S3_ENDPOINT should begin with https://"
        elif "WRONG_VERSION_NUMBER" in self.reason or "record layer failure" in self.reason:
            advice = "it does not answer in TLS: is it http:// that MLDASH_S3_ENDPOINT should begin with?"
        return f"S3 at {self.store} does not answer ({self.operation}: {self.reason}); {advice}"


class StoreRefused(ColdStoreError):
    """S3 refused the call for a reason that stays."""

    def __init__(self, store: str, operation: str, code: str, reason: str) -> None:
        super().__init__(store, operation, code, reason)
        self.store, self.operation, self.code, self.reason = store, operation, code, reason

    def __str__(self) -> str:
        words = _WORDS.get(self.code, "check keys, rights and bucket")
        return f"S3 at {self.store} refused {self.operation}: {self.code}, {self.reason}; {words}"


class ObjectMissing(ColdStoreError):
    """There is no object under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"no object {self.key}"


class ChunkDamaged(ColdStoreError):
    """The object under this key is not the chunk that it should be."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"object {self.key or '(no key)'} is damaged: {self.reason}"


class FilesDiffer(ColdStoreError):
    """One schema does not hold for these files."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns)
        self.columns = list(columns)

    def __str__(self) -> str:
        return f"not the same in all files that were to be one: the columns {', '.join(map(repr, self.columns))}"
