"""A read within the API is a request as its caller would send it, and ends with the call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mldash.errors import RequestRefused, ServerUnreachable
from mldash_api.agents.http.inside import Inside
from mldash_api.agents.http.shared_reads import SharedReads
from mldash_api.agents.threads import in_thread, share

Told = Callable[[dict[str, Any]], Awaitable[None]]


def scope_of(app: Any, *headers: tuple[bytes, bytes], host: str = "10.0.0.7", port: int = 5) -> Any:
    return {"type": "http", "scheme": "https", "client": (host, port), "headers": [*headers], "litestar_app": app}


def answering(seen: list[Any], status: int = 200) -> Any:
    async def app(scope: Any, receive: Any, send: Told) -> None:
        seen.append(scope)
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": kind})
        for part in (b'{"a":', b"1}"):
            await send({"type": "http.response.body", "body": part, "more_body": True})

    return app


async def test_it_is_asked_as_the_caller_came_and_without_what_was_of_the_call_alone() -> None:
    seen = list[Any]()
    own = (b"authorization", b"Bearer x"), (b"x-forwarded-proto", b"https"), (b"host", b"[")
    of_call = (b"content-length", b"9"), (b"mcp-protocol-version", b"1"), (b"mldash-wait", b"30"), (b"accept", b"*/*")
    inside = Inside(scope_of(answering(seen), *own, *of_call), SharedReads())
    assert await in_thread(inside.get, "/v1/runs", {"filter": "a b&c", "prefix": ["x", "y"]}) == {"a": 1}
    (scope,) = seen
    assert (scope["method"], scope["path"], scope["scheme"], scope["client"]) == (
        "GET",
        "/v1/runs",
        "https",
        ("10.0.0.7", 5),
    )
    assert scope["query_string"] == b"filter=a+b%26c&prefix=x&prefix=y"
    assert scope["headers"] == [*own, (b"accept", b"application/msgpack")]


async def test_a_problem_is_the_error_that_it_is_over_the_network() -> None:
    inside = Inside(scope_of(answering([], 404)), SharedReads())
    with pytest.raises(RequestRefused) as refused:
        await in_thread(inside.get, "/v1/none")
    assert refused.value.status == 404


async def test_what_is_asked_ends_with_the_call_and_nothing_is_asked_after_it() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Told) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    inside = Inside(scope_of(app), SharedReads())
    reading = asyncio.create_task(in_thread(inside.get, "/v1/logs"))
    await begun.wait()
    inside.close()
    with pytest.raises(ServerUnreachable, match="the caller has gone"):
        await reading
    await ended.wait()
    with pytest.raises(ServerUnreachable, match="the caller has gone"):
        await in_thread(inside.get, "/v1/logs")


async def test_an_answer_that_goes_on_is_read_as_it_comes_and_ends_where_it_is_cut() -> None:
    ended, more = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Told) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            await send({"type": "http.response.body", "body": b"one", "more_body": True})
            await more.wait()
            await send({"type": "http.response.body", "body": b"two", "more_body": True})
            await asyncio.Event().wait()
        finally:
            ended.set()

    inside = Inside(scope_of(app), SharedReads())
    answer = await in_thread(inside.open, "/v1/live", {"prefix": "a/b"}, {"Accept": "text/event-stream"}, 60.0)
    assert (answer.status, answer.kind) == (200, "text/event-stream")
    assert await in_thread(answer.read) == b"one"
    reading = asyncio.create_task(in_thread(answer.read))
    more.set()
    assert await reading == b"two"
    reading = asyncio.create_task(in_thread(answer.read))
    inside.close()
    assert await reading == b"" == await in_thread(answer.read)
    await ended.wait()


async def test_an_answer_waits_for_who_does_not_take_it() -> None:
    sent, part = 0, b"x" * 600_000

    async def app(scope: Any, receive: Any, send: Told) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(4):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            sent += 1

    answer = await in_thread(Inside(scope_of(app), SharedReads()).open, "/v1/live", {}, {}, 60.0)
    assert await in_thread(answer.read) == part and sent < 4
    assert await in_thread(answer.whole) == 3 * part and sent == 4


async def test_a_stream_that_is_refused_is_the_error_that_it_is_over_the_network() -> None:
    inside = Inside(scope_of(answering([], 503)), SharedReads())
    with pytest.raises(RequestRefused) as refused:
        await in_thread(inside.open, "/v1/live", {}, {}, 60.0)
    assert refused.value.status == 503


async def test_one_caller_takes_no_more_threads_than_its_share() -> None:
    share.set(asyncio.Semaphore(2))
    running, most = 0, 0
    may_end = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Told) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await may_end.wait()
        running -= 1
        await answering([])(scope, receive, send)

    inside = Inside(scope_of(app), SharedReads())
    reads = [asyncio.create_task(in_thread(inside.get, f"/v1/runs/{at}")) for at in range(5)]
    while running < 2:  # noqa: ASYNC110 - of the app's own count
        await asyncio.sleep(0.01)
    may_end.set()
    assert await asyncio.gather(*reads) == [{"a": 1}] * 5 and most == 2


async def test_calls_of_one_caller_share_a_read_and_those_of_another_do_not() -> None:
    """The port is another with each connection; a token, an address or a header more is another caller."""
    seen, reads, may_end = list[Any](), SharedReads(patience_s=60.0), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Told) -> None:
        seen.append(scope)
        await may_end.wait()
        await answering([])(scope, receive, send)

    token = b"authorization", b"Bearer x"
    mine = [Inside(scope_of(app, token, port=port), reads) for port in range(4)]
    others = [
        Inside(scope_of(app, (b"authorization", b"Bearer y")), reads),
        Inside(scope_of(app), reads),
        Inside(scope_of(app, token, (b"x-forwarded-user", b"bob")), reads),
        Inside(scope_of(app, token, host="10.0.0.8"), reads),
    ]
    asked = [asyncio.create_task(in_thread(one.get, "/v1/runs")) for one in (*others, mine[0])]
    await until(lambda: len(seen) == 5)
    asked += [asyncio.create_task(in_thread(one.get, "/v1/runs")) for one in mine[1:]]
    asked += [asyncio.create_task(in_thread(one.change, "POST", "/v1/x")) for one in mine[:2]]
    await until(lambda: _in_hand() == 10)
    assert len(seen) == 7  # the two changes besides
    may_end.set()
    assert await asyncio.gather(*asked) == [{"a": 1}] * 10 and len(seen) == 8


def _in_hand() -> int:
    return sum(getattr(one.get_coro(), "__qualname__", "") == "Inside._asked" for one in asyncio.all_tasks())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - of tasks, and of the app's own list
            await asyncio.sleep(0.01)
