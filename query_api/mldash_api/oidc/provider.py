"""What the provider says of itself (OpenID Connect Discovery 1.0), and its keys; both kept for a while.

A key id that is not known means that keys have changed: they are fetched again, at most once a minute, so that forged
ids make no requests. They are fetched anew every hour besides, so that a key that was taken back ends.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from .errors import ProviderAway
from .fetching import Fetcher

KEPT_S: Final = 3_600.0
AGAIN_AFTER_S: Final = 60.0
_DISCOVERY: Final = "/.well-known/openid-configuration"


class Endpoints(Struct, frozen=True):
    """What of the discovery document is used."""

    authorization: str
    token: str
    userinfo: str | None
    keys: str
    says_issuer: bool
    """Whether it names itself in each answer (RFC 9207)."""


class Provider:
    """One an API process."""

    def __init__(self, issuer: str, fetcher: Fetcher, clock: Callable[[], float] = monotonic) -> None:
        self.issuer, self.fetcher, self._clock = issuer, fetcher, clock
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._fetching = asyncio.Lock()

    async def endpoints(self) -> Endpoints:
        """Raises ProviderAway."""
        if self._endpoints is None or self._clock() - self._endpoints[0] > KEPT_S:
            self._endpoints = (self._clock(), await self._discover())
        return self._endpoints[1]

    async def keys(self, key_id: str | None) -> KeySet:
        """With the key of this id, if the provider has it. Raises ProviderAway."""
        async with self._fetching:  # of many who come with a new id one fetches
            if self._keys is not None:
                age = self._clock() - self._keys[0]
                is_known = key_id is None or any(key.kid == key_id for key in self._keys[1].keys)
                if age < AGAIN_AFTER_S or (is_known and age < KEPT_S):
                    return self._keys[1]
            url = (await self.endpoints()).keys
            document = await self.fetcher.get(url)
            try:
                found = KeySet.import_key_set({"keys": [one for one in document["keys"] if _is_usable(one)]})
            except (JoseError, KeyError, TypeError, ValueError):
                raise ProviderAway(url, "its answer is no set of keys") from None
            self._keys = (self._clock(), found)
            return found

    async def _discover(self) -> Endpoints:
        url = self.fetcher.check(self.issuer.rstrip("/") + _DISCOVERY)
        told = await self.fetcher.get(url)
        if told.get("issuer") != self.issuer:
            raise ProviderAway(url, f"it calls itself {str(told.get('issuer'))[:200]!r}, and not {self.issuer!r}")
        userinfo = told.get("userinfo_endpoint")
        return Endpoints(
            authorization=self.fetcher.check(told.get("authorization_endpoint")),
            token=self.fetcher.check(told.get("token_endpoint")),
            userinfo=None if userinfo is None else self.fetcher.check(userinfo),
            keys=self.fetcher.check(told.get("jwks_uri")),
            says_issuer=told.get("authorization_response_iss_parameter_supported") is True,
        )


def _is_usable(key: Any) -> bool:
    """Public keys that sign. Those of unknown kinds are left out, as RFC 7517, 5, wants it; symmetric ones too."""
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
