"""The two steps of a sign-in: off to the provider, and back.

    begin   state, nonce and the verifier of PKCE are drawn, signed, and kept in a cookie of ten minutes: in this
            browser and nowhere else. The browser is sent to the provider
    finish  the browser comes back with a code: `state` is that of its cookie, `iss` is the provider's. The code is
            exchanged with the verifier and the client's secret; the ID token is checked; groups come from the
            provider's user information, whose `sub` is that of the ID token

Nothing is stored between the two. A code that is brought twice is refused by the provider.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from time import time
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from mldash_api.rights.people.signing_keys import SigningKeys
from mldash_api.settings import ApiSettings

from .errors import SignInRefused
from .fetching import Fetcher
from .id_token import claims_of, key_id_of
from .provider import Endpoints, Provider

UNDER_WAY_S: Final = 600.0
BACK: Final = "/v1/sign-in/oidc/back"
_RANDOM_BYTES: Final = 32
_MOST_LETTERS: Final = 200
_MOST_GROUPS: Final = 1_000
_MOST_ASKED: Final = 2_000


class Person(Struct, frozen=True):
    """Whom the provider has signed in, and where they wanted to go."""

    subject: str
    groups: tuple[str, ...]
    next: str


class Flow:
    """One an API process; `close` it."""

    def __init__(self, settings: ApiSettings, keys: SigningKeys) -> None:
        """Raises CertificateUnusable: of the CA file."""
        assert settings.oidc_issuer and settings.oidc_client_id and settings.public_address, "settings.py asks for them"
        self._settings, self._keys, self._client_id = settings, keys, settings.oidc_client_id
        self._address = settings.public_address.rstrip("/")
        self.provider = Provider(settings.oidc_issuer, Fetcher(settings.oidc_issuer, settings.oidc_ca_file))

    async def close(self) -> None:
        await self.provider.fetcher.close()

    async def begin(self, next: str) -> tuple[str, str]:
        """The provider's address to go to, and what the browser keeps meanwhile. Raises ProviderAway."""
        endpoints = await self.provider.endpoints()
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._address + BACK,
            "scope": " ".join(dict.fromkeys(("openid", *self._settings.oidc_scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "next": self.checked_next(next)}
        joint = "&" if "?" in endpoints.authorization else "?"
        return (
            f"{endpoints.authorization}{joint}{urlencode(asked)}",
            self._keys.sign("mldash oidc", kept, time() + UNDER_WAY_S),
        )

    async def finish(self, asked: Mapping[str, str], kept: str | None) -> Person:
        """`asked`: what the browser came back with; `kept`: its cookie. Raises SignInRefused, ProviderAway."""
        begun = self._keys.opened("mldash oidc", kept, time()) if kept else None
        if begun is None:
            raise SignInRefused("it was not begun in this browser within the last ten minutes")
        if not hmac.compare_digest(asked.get("state", "").encode(), str(begun["state"]).encode()):
            raise SignInRefused("it is not the one that was begun last in this browser (`state`)")
        endpoints = await self.provider.endpoints()
        if asked.get("iss", None if endpoints.says_issuer else self.provider.issuer) != self.provider.issuer:
            raise SignInRefused("another provider sent it (`iss`)")
        if "error" in asked:
            raise SignInRefused(f"the provider says {_told(asked['error'], asked.get('error_description'))}")
        if not asked.get("code"):
            raise SignInRefused("the provider sent no code")
        tokens = await self._exchange(endpoints, asked["code"], str(begun["verifier"]))
        claims = await self._claims(tokens, str(begun["nonce"]))
        claims |= await self._user_information(endpoints, tokens, claims)
        return Person(self._subject(claims), self._groups(claims), str(begun["next"]))

    def checked_next(self, text: str) -> str:
        """A page of ours, else the one where people sign in: nobody is sent to another site from here, nor round in
        circles."""
        is_own = text.startswith("/") and not text.startswith(("//", "/v1/")) and "\\" not in text
        is_plain = text.isascii() and text.isprintable() and len(text) <= _MOST_ASKED
        return text if is_own and is_plain else "/sign-in"

    def address_of(self, path: str) -> str:
        """Of a path of ours, as browsers find it."""
        return self._address + path

    async def _exchange(self, endpoints: Endpoints, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._address + BACK,
            "code_verifier": verifier,
        }
        secret = self._settings.oidc_client_secret
        if secret is None:
            form["client_id"] = self._client_id
        answer = await self.provider.fetcher.post(endpoints.token, form, (self._client_id, secret) if secret else None)
        if "error" in answer:
            raise SignInRefused(f"the provider says {_told(answer['error'], answer.get('error_description'))}")
        return answer

    async def _claims(self, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        text, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(text, str):
            raise SignInRefused("the provider sent no ID token")
        return claims_of(
            text,
            await self.provider.keys(key_id_of(text)),
            issuer=self.provider.issuer,
            client_id=self._client_id,
            nonce=nonce,
            access_token=access if isinstance(access, str) else None,
            now=time(),
        )

    async def _user_information(
        self, endpoints: Endpoints, tokens: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the ID token leaves out, as groups mostly are."""
        access = tokens.get("access_token")
        if endpoints.userinfo is None or not isinstance(access, str):
            return {}
        found = await self.provider.fetcher.get(endpoints.userinfo, access)
        if found.get("sub") != claims["sub"]:
            raise SignInRefused("the user information is about somebody else")
        return found

    def _subject(self, claims: Mapping[str, Any]) -> str:
        name = self._settings.oidc_subject_claim
        found = claims.get(name)
        if not isinstance(found, str) or not 0 < len(found) <= _MOST_LETTERS or not found.isprintable():
            raise SignInRefused(f"the provider does not say who it is by {name!r}")
        if name == "email" and claims.get("email_verified") is not True:
            raise SignInRefused("the provider has not verified the email")
        return found

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """A list of texts, or one text; anything else is no group."""
        found = claims.get(self._settings.oidc_groups_claim, [])
        listed = found if isinstance(found, list) else [found]
        return tuple(one for one in listed[:_MOST_GROUPS] if isinstance(one, str))


def _told(error: Any, description: Any) -> str:
    """In the provider's words, which are anybody's: a browser brings them."""
    words = f"{error}: {description}" if description else str(error)
    return repr(words[:_MOST_LETTERS])
