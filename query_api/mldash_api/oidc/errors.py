"""Errors of signing in at an OpenID provider, each one problem as those of mldash_api.errors are.

ApiError
  ProviderAway    the provider does not answer, or not as OpenID Connect says: which address, and what came
  SignInRefused   it came back with something else than was begun here: begin again
"""

from mldash_api.errors import ApiError


class ProviderAway(ApiError):
    """`url`: which of its addresses."""

    retriable = True
    status, type, title = 503, "provider-away", "The OpenID provider does not answer"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"the OpenID provider at {self.url}: {self.reason}"


class SignInRefused(ApiError):
    """What came back from the provider opens nothing."""

    status, type, title = 403, "sign-in-refused", "The sign-in is not taken"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"this sign-in at the OpenID provider is not taken: {self.reason}. Begin again at /sign-in"
