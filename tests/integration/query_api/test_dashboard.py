"""How the page and its files are served."""

import gzip
import re

import pytest

from mldash_api.dashboard import files, libraries
from mldash_api.routes.dashboard import POLICY

from .conftest import Client

pytestmark = pytest.mark.integration


def _named(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', html)


async def test_the_page_is_answered_with_the_strict_policy(client: Client) -> None:
    answer = await client.raw("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy == POLICY
    assert "script-src 'self';" in policy and "trusted-types 'none'" in policy and "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.raw("/", {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/", "/charts", "/compare", "/access", "/status", "/run/alice/robots/walk", "/run/a/b/c/d%20e"]
)
async def test_all_that_the_page_names_is_found_from_where_it_is(client: Client, path: str) -> None:
    """By addresses relative to it: so whatever base path a proxy puts in front holds too."""
    page = await client.raw(path)
    names = _named(page.text)
    assert len(names) > 20
    for name in names:
        assert not name.startswith(("/", "http")), name
        answer = await client.http.get(str(page.url.join(name)))
        assert answer.status_code == 200, name
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/charts/", "/charts"),
        ("/charts//?runs=a%2Fb%2Fc", "/charts?runs=a%2Fb%2Fc"),
        ("/run/alice/robots/walk/", "/run/alice/robots/walk"),
        ("/run/a/b/c%20d%3F/?tab=logs", "/run/a/b/c%20d%3F?tab=logs"),
    ],
)
async def test_an_address_that_ends_in_a_slash_leads_to_the_one_without(client: Client, path: str, there: str) -> None:
    """By a relative path: so it holds behind whatever base path a proxy puts in front."""
    answer = await client.http.get(path, follow_redirects=False)
    assert answer.status_code == 307
    assert not answer.headers["location"].startswith("/")
    assert answer.url.join(answer.headers["location"]) == answer.url.join(there)
    assert (await client.http.get(there, follow_redirects=False)).status_code == 200


async def test_files_are_compressed_for_whom_takes_it(client: Client) -> None:
    name = next(name for name in _named((await client.raw("/")).text) if name.endswith("main.js"))
    plain = await client.raw(f"/{name}", {"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with client.http.stream("GET", f"/{name}", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
        assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(raw) == plain.content


async def test_a_file_of_another_version_or_outside_is_not_there(client: Client) -> None:
    page = files.read_page()
    assert page is not None
    for path in (
        "/dashboard/0000/main.js",
        f"/dashboard/{page.version}/npm.py",
        f"/dashboard/{page.version}/../app.py",
    ):
        assert (await client.raw(path)).status_code == 404, path


async def test_without_its_libraries_the_page_says_the_line_that_fetches_them(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And all else is answered as ever."""
    monkeypatch.setattr(files.libraries, "are_there", lambda _: False)
    files.read_page.cache_clear()
    answer = await client.raw("/")
    files.read_page.cache_clear()
    assert answer.status_code == 503
    assert libraries.LINE in answer.text
    assert (await client.raw("/v1/experiments")).status_code == 200
