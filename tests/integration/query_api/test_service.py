"""The service itself: what it refuses, what it says of itself, and what happens while servers are away."""

import asyncio
import socket
from typing import Any

import pytest
from msgspec.structs import replace

from mldash_api.app import Api
from mldash_api.errors import PortTaken, ServerAway
from mldash_deploy.prepare import prepare
from tests.world import PARTITIONS, World

from .conftest import Client, Running
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration


async def _connect(client: Client) -> Any:
    """A broker speaks of a new topic a moment after it was made."""
    async with asyncio.timeout(90):
        while (await client.raw("/v1/connect")).json().get("type") == "topics-missing":  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
    return await client.get("/v1/connect")


async def test_an_sdk_learns_where_to_publish(world: World, client: Client) -> None:
    await prepare(world.servers, PARTITIONS)
    answer = await _connect(client)
    assert answer["kafka"] == world.servers.kafka
    assert answer["topics"] == {
        kind: {"topic": f"{world.name}.{kind}", "partitions": count} for kind, count in PARTITIONS.items()
    }
    assert answer["content_type"] == "application/msgpack"
    assert answer["server_version"]


async def test_the_address_of_kafka_that_training_hosts_see_may_be_another(world: World) -> None:
    await prepare(world.servers, PARTITIONS)
    async with Running(world.api(public_kafka="kafka.example:9092", event_encoding="json")) as client:
        answer = await _connect(client)
    assert (answer["kafka"], answer["content_type"]) == ("kafka.example:9092", "application/json")


async def test_an_sdk_learns_for_how_long_it_may_gather_events(world: World) -> None:
    await prepare(world.servers, PARTITIONS)
    async with Running(world.api(linger_max_s=1.5)) as client:
        assert (await _connect(client))["linger_max_s"] == 1.5


async def test_topics_that_are_not_there_are_named(world: World) -> None:
    async with Running(replace(world.api(), topic_prefix="nobody")) as client:
        told = await client.problem("/v1/connect", 503)
    assert told["type"] == "topics-missing"
    assert "nobody.metrics" in told["detail"]


async def test_kafka_that_is_away_stops_connecting_and_no_read(world: World) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with Running(replace(world.api(), kafka=f"127.0.0.1:{nobody.getsockname()[1]}")) as client:
            told = await client.problem("/v1/connect", 503)
            assert (told["type"], "Kafka" in told["detail"]) == ("server-away", True)
            assert await client.get("/v1/params", prefix=PREFIX) == {"params": {}}


async def test_alive_and_ready_and_operator_metrics(world: World, client: Client) -> None:
    assert (await client.raw("/healthz")).text == "ok\n"
    assert (await client.raw("/readyz")).text == "ready\n"
    await client.get("/v1/params", prefix=PREFIX)
    told = (await client.raw("/metrics")).text
    assert 'mldash_api_request_seconds_count{route="/v1/params",status="200"}' in told


async def test_a_bucket_that_is_gone_is_told_and_takes_no_api_out_of_the_balancer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mldash_api.app.LOOK_EVERY_S", 0.1)
    async with Running(world.api()) as client:

        async def standing() -> dict[str, Any]:
            return {one["name"]: one for one in (await client.raw("/dependencies")).json()}

        async with asyncio.timeout(90):
            while not (await standing())["S3"]["ok"]:  # noqa: ASYNC110 - another process' doing
                await asyncio.sleep(0.05)
            await world.objects._client.delete_bucket(Bucket=world.name)
            while (s3 := (await standing())["S3"])["ok"]:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.05)
        assert "there is no bucket" in s3["why"] and s3["since"] > 1e9
        known = await standing()
        assert known["MongoDB"]["ok"] and "Kafka has no topic" in known["Kafka"]["why"]
        assert (await client.raw("/readyz")).text == "ready\n"
        assert 'mldash_api_dependency_ok{server="S3"} 0.0' in (await client.raw("/metrics")).text
        assert await client.get("/v1/params", prefix=PREFIX) == {"params": {}}


async def test_a_port_that_is_taken_is_one_clear_error(world: World) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"can't listen on 127.0.0.1:{port}: Address already in use"):
            await Api(world.api(port=port)).run(asyncio.Event())
    with pytest.raises(PortTaken, match=r"no\.such\.host"):
        await Api(world.api(host="no.such.host.invalid", auth="tokens")).run(asyncio.Event())


async def test_a_server_that_is_away_at_the_start_is_one_clear_error(world: World) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(ServerAway, match="no MongoDB primary answers at"):
            await Api(replace(world.api(), mongo=f"mongodb://127.0.0.1:{port}")).run(asyncio.Event())
        with pytest.raises(ServerAway, match=r"S3 at .* does not answer"):
            await Api(replace(world.api(), s3_endpoint=f"http://127.0.0.1:{port}")).run(asyncio.Event())


async def test_it_ends_the_requests_in_hand_before_it_stops(world: World) -> None:
    running = Running(world.api(stop_timeout_s=10))
    async with running as client:
        headers = {"Mldash-Written": "kZSkbG9nc6DEEDExMTExMTExMTExMTExMTEF", "Mldash-Wait": "0.5"}
        asked = asyncio.create_task(client.raw("/v1/logs/lines", headers, prefix=PREFIX))
        await asyncio.sleep(0.1)
        running._stop.set()
        assert (await asked).status_code == 504
        await running._task


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("/v1/params", {"prefix": PREFIX, "colour": "red"}, "colour", "there are nonfinite, prefix"),
    ("/v1/params", {"prefix": PREFIX, "stores": "1"}, "stores", "no such parameter"),
    ("/v1/connect", {"prefix": PREFIX}, "prefix", "no such parameter"),
    ("/v1/params", {}, "prefix", "required"),
    ("/v1/params", {"prefix": "alone"}, "prefix", "owner/project/name"),
    ("/v1/params", {"prefix": "a/../b"}, "prefix", "segment"),
    ("/v1/params", {"prefix": "a/" + "x" * 300}, "prefix", "at most 200"),
    ("/v1/params", {"prefix": PREFIX, "nonfinite": "nan"}, "nonfinite", "Invalid enum value"),
    ("/v1/metrics/points", {"prefix": PREFIX}, "name", "unnamed=true"),
    ("/v1/metrics/points", {"prefix": PREFIX, "name": "x", "unnamed": "true"}, "unnamed", "leave `name` out"),
    ("/v1/metrics/points", {"prefix": PREFIX, "name": "x", "start_index": -1}, "start_index", ">= 0"),
    ("/v1/metrics/points", {"prefix": PREFIX, "name": "x", "start_index": "two"}, "start_index", "int"),
    ("/v1/metrics/points", {"prefix": PREFIX, "name": "x", "limit": -1}, "limit", "between 0 and 100000"),
    ("/v1/metrics/points", {"prefix": PREFIX, "name": "x", "limit": 100_001}, "limit", "between 0 and 100000"),
    ("/v1/metrics/points", {"prefix": PREFIX, "name": "x" * 1_025}, "name", "at most 1024"),
    ("/v1/tracks/entries", {"prefix": PREFIX}, "topic", "required"),
    ("/v1/tracks/entries", {"prefix": PREFIX, "topic": "t", "start": "noon"}, "start", "float"),
    ("/v1/tracks/entries", {"prefix": PREFIX, "topic": "t", "end": "nan"}, "end", "NaN"),
    ("/v1/logs/lines", {"prefix": PREFIX, "start": "nan"}, "start", "NaN"),
    ("/v1/logs/lines", {"prefix": PREFIX, "search": "x" * 1_001}, "length of search", "between 0 and 1000"),
    ("/v1/experiments", {"project": "p"}, "project", "owner"),
    ("/v1/experiments", {"owner": "a/b"}, "owner", "one segment"),
    ("/v1/experiments", {"cursor": "é"}, "cursor", "page before"),
]


async def test_a_wrong_parameter_is_refused_by_name(client: Client) -> None:
    """One API for all of them: what is refused never comes to a server's data."""
    for path, query, parameter, allowed in REFUSED:
        told = await client.problem(path, 400, **query)
        assert (told["type"], told["parameter"]) == ("wrong-parameter", parameter), told
        assert allowed in told["detail"], told


async def test_another_route_or_method_is_a_problem_too(client: Client) -> None:
    assert (await client.problem("/v1/nothing", 404))["type"] == "no-such-route"
    answer = await client.http.post("/v1/params")
    assert (answer.status_code, answer.json()["type"]) == (405, "another-method")


async def test_the_routes_are_described_by_openapi(client: Client) -> None:
    described = (await client.raw("/v1/openapi.json")).json()
    assert {"/v1/connect", "/v1/metrics/points", "/v1/tracks/entries", "/v1/logs/lines"} <= described["paths"].keys()
    assert {"/v1/metrics/export", "/v1/metrics/views", "/v1/tracks/at", "/v1/tracks/resampled"} <= described[
        "paths"
    ].keys()
    asked = {one["name"]: one for one in described["paths"]["/v1/metrics/points"]["get"]["parameters"]}
    headers = {"Mldash-Written", "Mldash-Wait"}
    assert {"prefix", "name", "unnamed", "start_index", "limit", "fields", "nonfinite"} | headers == set(asked)
    assert described["components"]["schemas"].keys() >= {"MetricPage", "ExperimentAnswer"}
    for kind, formats in (("metrics", {"text/csv"}), ("tracks", {"application/octet-stream"})):
        content = described["paths"][f"/v1/{kind}/export"]["get"]["responses"]["200"]["content"]
        assert content.keys() >= {"application/x-ndjson", "application/msgpack"} | formats
    for path in ("/v1", "/v1/swagger", "/schema", "/v1/openapi.yaml"):
        assert (await client.raw(path)).status_code == 404


async def test_names_that_look_like_operators_are_data(world: World, client: Client) -> None:
    chain = await Chain(world, "tracks", "$where").begin()
    await chain.append([{"$cols": 1, "$$this.name": 2, "a.b": 3}], times=[1.0])
    answer = await client.get(
        "/v1/tracks/entries", prefix=PREFIX, topic="$where", columns=["$cols", "$$this.name", "$name"]
    )
    assert answer["entries"] == [{"timestamp": 1.0, "$cols": 1, "$$this.name": 2}]


async def test_no_answer_waits_between_its_head_and_its_body(world: World, client: Client) -> None:
    """They are two writes: without TCP_NODELAY the second waits 40 ms for the client's delayed acknowledgement."""
    accepted = list[int]()
    real = socket.socket.accept

    def accept(listener: socket.socket) -> tuple[socket.socket, Any]:
        made, address = real(listener)
        accepted.append(made.proto)
        return made, address

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "accept", accept)
        async with Running(world.api(stop_timeout_s=2.0)) as other:
            await other.get("/v1/metrics/view", prefix="nobody/ever", name="loss")
    # asyncio sets the option where the protocol is named, and nowhere else (asyncio.base_events._set_nodelay).
    assert set(accepted) == {socket.IPPROTO_TCP}
