"""Errors of people's ways in. Each error is one RFC 9457 problem, as those of mldash_api.errors are.

ApiError
  SigningKeysUnusable  keys that sign cookies can't be read, or are too short (at the start; later the old ones stay)
  LinkOpensLess        the caller came by a link, and asks for something else than it opens: what it opens
  TooManySignIns       too many sign-ins came from this address, or failed: when the next one is taken
"""

import math

from mldash_api.errors import ApiError


class SigningKeysUnusable(ApiError):
    """Keys that sign cookies. `source`: the file, or the variable."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source, self.reason = source, reason

    def __str__(self) -> str:
        return f"the signing keys of {self.source} can't be used: {self.reason}"


class LinkOpensLess(ApiError):
    """`opens`: the one thing, in words; `asked`: what the request asks for besides."""

    status, type, title = 403, "link-opens-less", "The link does not open this"

    def __init__(self, opens: str, asked: str) -> None:
        super().__init__(opens, asked)
        self.opens, self.asked = opens, asked

    def __str__(self) -> str:
        return f"the link that you came by opens {self.opens}, and this asks for {self.asked}"


class TooManySignIns(ApiError):
    """`per_s`: how many sign-ins a second may come from one address, or fail, in each API process."""

    retriable = True
    status, type, title = 429, "too-many-sign-ins", "Too many sign-ins"

    def __init__(self, per_s: float, wait_s: float) -> None:
        super().__init__(per_s, wait_s)
        self.per_s, self.wait_s = per_s, wait_s

    def __str__(self) -> str:
        wait = math.ceil(self.wait_s)
        return f"too many sign-ins came from this address, or failed: the next one is taken in {wait} s"

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(max(1, math.ceil(self.wait_s)))}
