"""The address of an API, as it may be shown, and that of its page of a run."""

from urllib.parse import quote, urlsplit


def bare_address(address: str) -> str:
    """http://HOST:PORT/PATH or https://…, without a password and a slash at its end. Raises ValueError for others."""
    parts = urlsplit(address if "//" in address else f"http://{address}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        secret, _, bare = address.rpartition("@")
        shown = f"{parts.scheme}://…@{bare}" if secret else address
        raise ValueError(f"remote {shown!r}: write http://HOST:PORT or https://HOST")
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def page_of(remote: str, prefix: str | None) -> str:
    """The dashboard's page of the run, or that of all runs."""
    base = remote.rstrip("/") + "/"
    return base if prefix is None else f"{base}run/{quote(prefix.strip('/'), safe='/')}"
