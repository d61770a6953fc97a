"""Whether an ID token is for us, now, and for this sign-in (OpenID Connect Core 1.0, 3.1.3.7).

joserfc's decode looks at the signature alone; all that is looked at besides is here.
"""

import base64
import hashlib
import hmac
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from .errors import SignInRefused

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512", "EdDSA")
"""With public keys alone: no `none`, and none whose key a client would know."""
LEEWAY_S: Final = 60
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512, "DSA": hashlib.sha512}


def key_id_of(text: str) -> str | None:
    """Which key signed it, as its head says. Raises SignInRefused: it is no token."""
    try:
        head = extract_compact(text.encode()).headers()
    except (JoseError, ValueError):
        raise SignInRefused("what the provider sent is no ID token") from None
    found = head.get("kid")
    return found if isinstance(found, str) else None


def claims_of(
    text: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, access_token: str | None, now: float
) -> dict[str, Any]:
    """Raises SignInRefused, which says what is wrong with it."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        token = jwt.decode(text, keys, algorithms=list(ALGORITHMS))
        claims = dict(token.claims)
        registry.validate(claims)
    except (JoseError, TypeError, ValueError) as error:  # TypeError: a head of other types
        raise SignInRefused(f"its ID token does not hold ({str(error)[:200]})") from None
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise SignInRefused("its ID token was made for another program")
    if "at_hash" in claims and not _is_hash_of(claims["at_hash"], access_token, str(token.header["alg"])):
        raise SignInRefused("its ID token does not belong to its access token")
    return claims


def _is_hash_of(told: Any, access_token: str | None, algorithm: str) -> bool:
    """OpenID Connect Core 1.0, 3.1.3.6: the left half, under the hash of the signature's algorithm."""
    if not isinstance(told, str) or access_token is None:
        return False
    hashed = _HASHES[algorithm[-3:]](access_token.encode()).digest()
    half = base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).decode().rstrip("=")
    return hmac.compare_digest(told.encode(), half.encode())
