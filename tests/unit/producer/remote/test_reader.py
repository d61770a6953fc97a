"""What the SDK asks of the API, and what it makes of the answers: against a small HTTP server on a real socket."""

import base64
from typing import Any

import msgspec
import pytest

from mldash.errors import NotYetStored, RequestRefused, ServerUnreachable
from mldash.remote.handshake import ask_connection
from mldash.remote.reader import RemoteReader
from mldash.remote.transport import Transport

from .api import Api


class Own:
    """What a session tells its reader."""

    id = bytes(range(16))
    has_ended = False

    def __init__(self) -> None:
        self.flushed: list[float | None] = []
        self.streams: dict[tuple[str, str | None], int] = {("metrics", "train"): 7, ("runs", ""): 2, ("logs", ""): 1}

    def flush(self, timeout: float | None = None) -> None:
        self.flushed.append(timeout)

    def written(self) -> dict[tuple[str, str | None], int]:
        return self.streams


def reader_of(api: Api, own: Own | None = None, token: str | None = None) -> RemoteReader:
    return RemoteReader(Transport(api.address, token), "owner/project/run", 10.0, lambda: [own] if own else [])


def told(headers: dict[str, str]) -> Any:
    text = headers["Mldash-Written"]
    return msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_read_says_what_this_process_has_written_of_the_stream(api: Api) -> None:
    own = Own()
    api.answer = {"data": [], "startIndex": 5, "endIndex": 4, "total": 0, "hasMore": False}
    assert reader_of(api, own, "secret").metric_points("train", 5, 10) == api.answer
    ((path, query, headers),) = api.asked
    assert (path, query) == (
        "/v1/metrics/points",
        {"prefix": ["owner/project/run"], "name": ["train"], "start_index": ["5"], "limit": ["10"]},
    )
    assert told(headers) == [["metrics", "train", own.id, 7]]
    assert 9 < float(headers["Mldash-Wait"]) <= 10
    assert headers["Authorization"] == "Bearer secret"
    assert own.flushed == pytest.approx([10.0], abs=1)


def test_lists_are_asked_with_all_streams_of_their_kind(api: Api) -> None:
    api.answer = {"metrics": []}
    reader_of(api, Own()).metrics()
    assert told(api.asked[0][2]) == [["runs", "", Own.id, 2], ["metrics", "train", Own.id, 7]]


def test_lists_wait_for_every_stream_that_this_process_wrote(api: Api) -> None:
    """More than one header holds: the others are waited for before, in requests whose headers servers take. What is
    known to be stored is not told again."""
    own = Own()
    own.streams = {("metrics", f"m{number}" + "x" * 1_000 * (number % 100 == 0)): number + 1 for number in range(950)}
    api.answer = {"metrics": []}
    reader = reader_of(api, own)
    reader.metrics()
    asked = [one for _, _, headers in api.asked for one in told(headers)]
    assert asked == [["metrics", name, own.id, seq] for (_, name), seq in own.streams.items()]
    assert max(len(headers["Mldash-Written"]) for _, _, headers in api.asked) < 8_000
    assert [path for path, _, _ in api.asked if path == "/v1/metrics"] == ["/v1/metrics"] == [api.asked[-1][0]]
    before = len(api.asked)
    own.streams["metrics", "m7"] += 1
    reader.metrics()
    assert len(api.asked) - before <= 2
    assert ["metrics", "m7", own.id, 9] in [one for _, _, headers in api.asked[before:] for one in told(headers)]


def test_wait_0_takes_what_is_there(api: Api) -> None:
    own = Own()
    api.answer = {"lines": []}
    assert reader_of(api, own).log_lines(levels=["info", "warn"], search="x", wait=0) == []
    ((_, query, headers),) = api.asked
    assert query["level"] == ["info", "warn"]
    assert "start" not in query
    assert "Mldash-Written" not in headers and "Mldash-Wait" not in headers
    assert own.flushed == []


def test_the_unnamed_metric_has_a_query_of_its_own(api: Api) -> None:
    api.answer = {"data": [], "startIndex": 0, "endIndex": -1, "total": 0, "hasMore": False}
    reader_of(api).metric_points(None, 0, 1)
    assert api.asked[0][1]["unnamed"] == ["true"]
    assert "name" not in api.asked[0][1]


def test_what_is_not_stored_in_time_is_named(api: Api) -> None:
    api.status = 504
    api.answer = {"type": "not-yet-stored", "title": "Not yet stored", "missing": [["metrics", "train", 3]]}
    with pytest.raises(NotYetStored, match="3 of metrics 'train'") as raised:
        reader_of(api, Own()).metric_points("train", 0, 1)
    assert raised.value.missing == [("metrics", "train", 3)]
    assert isinstance(raised.value, TimeoutError)


def test_what_kafka_does_not_take_in_time_is_named_too(api: Api) -> None:
    class Stuck(Own):
        def missing(self) -> list[tuple[str, str | None, int]]:
            return [("metrics", "train", 3), ("logs", "", 1), ("runs", "", 0)]

        def flush(self, timeout: float | None = None) -> None:
            raise TimeoutError

    with pytest.raises(NotYetStored, match=r"3 of metrics 'train'\. Read"):
        reader_of(api, Stuck()).metric_points("train", 0, 1, wait=0.1)
    assert api.asked == []


def test_what_is_absent_is_the_empty_answer(api: Api) -> None:
    api.status, api.answer = 404, {"type": "not-found", "title": "Not found", "detail": "there is no metric"}
    reader = reader_of(api)
    assert reader.experiment() is None
    assert reader.metric_statistics("x") is None
    assert reader.metric_points("x", 3, 5)["endIndex"] == 2
    assert reader.track_entries("x") == {"entries": [], "count": 0}


def test_a_refusal_keeps_what_the_api_said(api: Api) -> None:
    api.status, api.answer = 422, {"type": "too-large", "title": "Too large", "detail": "ask for less"}
    with pytest.raises(RequestRefused, match=r"Too large \(422\): ask for less"):
        reader_of(api).params()


def test_pages_go_on_until_there_is_no_more(api: Api) -> None:
    pages = [
        {"data": [{"index": 0}], "startIndex": 0, "endIndex": 0, "total": 1, "hasMore": True},
        {"data": [{"index": 1}], "startIndex": 1, "endIndex": 1, "total": 1, "hasMore": False},
    ]
    reader = reader_of(api, own := Own())
    found = []
    api.answer = pages[0]
    for page in reader.metric_pages("train", 0):
        found.append(page)
        api.answer = pages[1]
    assert found == pages
    assert own.flushed == pytest.approx([10.0], abs=1), "only the first page waits"


def test_a_connection_that_the_server_has_closed_is_made_anew(api: Api) -> None:
    api.answer = {"params": {}}
    reader = reader_of(api)
    api.hang_up_once = True
    assert reader.params() == {}
    assert reader.params() == {}


def test_an_api_that_is_not_there_is_said_with_its_address() -> None:
    with pytest.raises(ServerUnreachable, match=r"http://127\.0\.0\.1:9"):
        Transport("127.0.0.1:9").get("/v1/connect")
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        Transport("ftp://somewhere")


def test_the_handshake_gives_the_apis_topics_and_the_users_kafka(api: Api) -> None:
    api.answer = {
        "kafka": "inner:9092",
        "topics": {"metrics": {"topic": "mldash.metrics", "partitions": 8}},
        "content_type": "application/msgpack",
        "server_version": "1",
    }
    assert ask_connection(Transport(api.address), None).kafka == "inner:9092"
    connection = ask_connection(Transport(api.address), "mine:9092")
    assert connection.kafka == "mine:9092"
    assert connection.topics["metrics"].partitions == 8
    api.answer = {"hello": "world"}
    with pytest.raises(RequestRefused, match="No API"):
        ask_connection(Transport(api.address), None)


def test_a_table_that_breaks_off_is_read_by_pages_which_say_what_is_wrong(api: Api) -> None:
    reader = RemoteReader(Transport(api.address), "o/p/r", 1.0, list)
    api.file, api.status = b"the beginning", 500
    api.answer = {"type": "chunk-damaged", "title": "Chunk damaged", "detail": "0 … 9,999", "firstIndex": 0}
    assert reader.metric_table("m", 0, None, None) is None
    assert [path for path, _, _ in api.asked] == ["/v1/metrics/export"]
    with pytest.raises(RequestRefused, match="9,999"):
        next(reader.metric_pages("m", 0, fields=["loss"]))
    assert api.asked[-1][1]["fields"] == ["loss"]


def test_a_table_asks_for_arrow_and_for_these_fields_alone(api: Api) -> None:
    reader = RemoteReader(Transport(api.address), "o/p/r", 1.0, list)
    with pytest.raises(RequestRefused, match="answered with application/msgpack"):
        reader.metric_table("m", 5, 20_000, ["loss"])
    ((path, query, headers),) = api.asked
    assert (path, headers["Accept"]) == ("/v1/metrics/export", "application/vnd.apache.arrow.stream")
    assert query == {"prefix": ["o/p/r"], "name": ["m"], "start_index": ["5"], "limit": ["20000"], "fields": ["loss"]}
    assert reader.metric_table("m", 0, None, []) is None


def test_entries_of_any_number_come_in_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldash.remote.reader.PAGE_ENTRIES", 2)
    reader = RemoteReader(Transport(api.address), "o/p/r", 1.0, list)
    pages = iter([[1.0, 2.0], [3.0]])

    def answer(*_: object, **__: object) -> Any:
        entries = [{"timestamp": time} for time in next(pages)]
        return {"entries": entries, "count": len(entries)}

    monkeypatch.setattr(reader._transport, "get", answer)
    assert reader.track_entries("t") == {"entries": [{"timestamp": time} for time in (1.0, 2.0, 3.0)], "count": 3}
