"""Where a token goes, and what is said where it does not open."""

import pickle

import pytest

from mldash.errors import NotAllowed, RequestRefused, TokenNotSent, TokenRefused
from mldash.remote.transport import Transport
from mldash.settings import SdkSettings
from tests.own_address import own_address

from .api import Api
from .conftest import serving

TOKEN = "mld_secret"


def test_a_token_goes_to_this_very_host(api: Api) -> None:
    Transport(api.address, TOKEN).get("/v1/connect")
    assert api.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"


def test_no_token_goes_over_plain_http_to_another_host() -> None:
    """And nothing else: the request would fail there with less to say."""
    with serving(Api(own_address())) as other:
        with pytest.raises(TokenNotSent, match=r"https://.*MLDASH_TOKEN_OVER_HTTP") as told:
            Transport(other.address, TOKEN).get("/v1/connect")
        assert other.asked == []
        assert TOKEN not in str(told.value)
        Transport(other.address).get("/v1/connect")
        assert "Authorization" not in other.asked[0][2]


def test_a_token_goes_where_it_is_told_to() -> None:
    with serving(Api(own_address())) as other:
        Transport.of(SdkSettings(token=TOKEN, token_over_http=True), other.address).get("/v1/connect")
        assert other.asked[0][2]["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_takes_a_token_along(api: Api, status: int) -> None:
    with serving(Api()) as other:
        api.status, api.location = status, f"{other.address}/v1/connect"
        with pytest.raises(RequestRefused, match="set MLDASH_REMOTE"):
            Transport(api.address, TOKEN).get("/v1/connect")
        assert other.asked == []


@pytest.mark.parametrize(("status", "kind"), [(401, TokenRefused), (403, NotAllowed)])
def test_a_refusal_is_an_error_of_its_own_in_one_line(api: Api, status: int, kind: type[RequestRefused]) -> None:
    api.status, api.answer = status, {"type": "x", "title": "X", "detail": "token ab has expired; make another"}
    with pytest.raises(kind) as told:
        Transport(api.address, TOKEN).get("/v1/connect")
    text = str(told.value)
    assert api.address in text and "has expired; make another" in text
    assert "\n" not in text and TOKEN not in text
    assert str(pickle.loads(pickle.dumps(told.value))) == text
    assert told.value.status == status


@pytest.mark.parametrize(("status", "advice"), [(401, "MLDASH_TOKEN"), (403, "ask an admin")])
def test_a_refusal_of_something_in_between_says_what_to_do_too(api: Api, status: int, advice: str) -> None:
    """A proxy's answer has no detail of ours."""
    api.status, api.answer = status, {}
    with pytest.raises(RequestRefused, match=advice):
        Transport(api.address).get("/v1/connect")
