"""What an error of the client's means: which of ours it is, and so whether it is tried again."""

from typing import Final

from botocore.exceptions import ClientError

from .errors import ColdStoreError, ObjectMissing, StoreRefused, StoreUnreachable

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_PASSING: Final = frozenset({"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "Throttling", "TooManyRequests"})


def translate(store: str, operation: str, subject: str, error: Exception) -> ColdStoreError:
    """`store` is its address, as the message names it."""
    if not isinstance(error, ClientError):
        return StoreUnreachable(store, operation, f"{type(error).__name__}: {error}")
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = error.response.get("Error", {}).get("Message", "")
    if code in _MISSING:
        return ObjectMissing(subject)
    if code in _PASSING or status >= 500:
        return StoreUnreachable(store, operation, f"{code}: {message}")
    return StoreRefused(store, f"{operation} {subject}", code, message)


def code_of(error: ClientError) -> str:
    """S3's own word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))
