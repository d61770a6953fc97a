"""Access that goes away in a run is told of within thirty seconds, by the SDK and by the worker, and costs neither a
record nor a restart when it comes back."""

import asyncio
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash_deploy.prepare import prepare
from tests.secret_scan import write_secret
from tests.world import PARTITIONS, World, servers_of

from .components import Component, running, variables
from .servers import USER, SecuredServers

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

TOLD_S = 30.0
BACK_S = 60.0


class Line:
    """A worker and an API as processes, and a training run in this one, with users of their own."""

    def __init__(self, secured: SecuredServers, folder: Path) -> None:
        self.secured, self._folder = secured, folder
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.trainer, self.storer = f"{self.name}-trainer", f"{self.name}-storer"
        self.trainers_password, self.storers_password = secured.secret(self.trainer), secured.secret(self.storer)
        grants = secured.grants
        secured.change(
            grants.set_password(self.trainer, self.trainers_password),
            grants.set_password(self.storer, self.storers_password),
            grants.give(self.trainer, "topic", f"{self.name}*", "write"),
            grants.give(self.storer, "topic", f"{self.name}*", "read", "write"),
            grants.give(self.storer, "group", self.name, "read"),
            grants.let_in([USER], self.name),
        )
        self.errors, self._told = list[str](), threading.Event()
        self.delivered = threading.Event()
        self.worker: Component
        self.api: Component

    def environ(self, user: str, password: str) -> dict[str, str]:
        security = self.secured.security(kafka_username=user, kafka_password=password)
        folder = self._folder / user
        folder.mkdir()
        servers = servers_of(self.secured.addresses(), self.name, **security)
        return variables(servers, folder) | {"MLDASH_WORKER_GROUP": self.name}

    def prepare(self) -> None:
        async def make() -> None:
            made = World(self.secured.addresses(), self.name, **self.secured.security())
            await prepare(made.servers, PARTITIONS)
            await made.mongo.close()

        asyncio.run(make())

    def experiment(self, **other: Any) -> Experiment:
        own = {
            "kafka_ca_file": str(self.secured.authority.pem),
            "kafka_username": self.trainer,
            "kafka_password": self.trainers_password,
        }
        journal = str(self._folder / "journal")
        made = Experiment("o/p/r", remote=self.api.address, journal=journal, echo=False, **{**own, **other})
        made.events.on("network_error", self._on_error)
        made.events.on("delivered", self.delivered.set)
        return made

    def until_told(self, words: str) -> None:
        until(lambda: any(words in one for one in self.errors), TOLD_S, lambda: self.errors[-3:])

    def _on_error(self, error: Exception, attempts: int) -> None:
        self.errors.append(str(error))
        self.secured.assert_kept(str(error), repr(error))


def until(holds: Callable[[], bool], limit_s: float, told: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {told()}"
        time.sleep(0.1)


class Training(threading.Thread):
    """Logs all the time, until it is told to stop; `count` points then."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(name="training")
        self._metric, self._enough = experiment.metrics("train"), threading.Event()
        self.count = 0

    def run(self) -> None:
        for step in itertools.count():
            if self._enough.wait(0.01):
                return
            self._metric.log(step=step)
            self.count = step + 1

    def stop(self) -> None:
        self._enough.set()
        self.join()


@pytest.fixture
def line(secured: SecuredServers, tmp_path: Path) -> Iterator[Line]:
    made = Line(secured, tmp_path)
    made.prepare()
    of_worker = made.environ(made.storer, made.storers_password)
    of_api = made.environ(USER, secured.password)
    with (
        running(secured, "worker", tmp_path, of_worker) as made.worker,
        running(secured, "api", tmp_path, of_api) as made.api,
    ):
        made.worker.until_ready()
        made.api.until_ready()
        yield made
        assert made.worker.is_running, "it goes on without a restart"


def run_through(line: Line, trouble: Callable[[], None], back: Callable[[], None], **other: Any) -> None:
    """A training run, with access that goes away and comes back in its middle; every point is stored, once."""
    experiment = line.experiment(**other)
    with experiment:
        training = Training(experiment)
        training.start()
        try:
            until(lambda: training.count > 50, BACK_S)
            experiment.flush(timeout=BACK_S)
            trouble()
            back()
            until(lambda: line.worker.ready()[0], BACK_S, lambda: (line.worker.ready(), line.worker.output[-2_000:]))
        finally:
            training.stop()
        experiment.flush(timeout=BACK_S)
        found = list[int]()
        while len(found) < training.count:
            page = experiment.metrics("train").read(len(found), 1_000, wait=BACK_S)
            assert page["data"], f"{len(found)} of {training.count}"
            found += [one["data"]["step"] for one in page["data"]]
        assert found == list(range(training.count))


@pytest.mark.time_limit(240)
def test_a_right_to_write_that_is_taken_and_given_back(line: Line) -> None:
    grants, secured = line.secured.grants, line.secured

    def take() -> None:
        secured.change(grants.take(line.trainer, "topic", f"{line.name}*", "write"))
        line.until_told(f"WRITE on topic {line.name}.")

    def give() -> None:
        line.delivered.clear()
        secured.change(grants.give(line.trainer, "topic", f"{line.name}*", "write"))
        assert line.delivered.wait(BACK_S)

    run_through(line, take, give)


@pytest.mark.time_limit(240)
@pytest.mark.parametrize("kind", ["topic", "group"])
def test_a_right_to_read_that_is_taken_and_given_back(line: Line, kind: str) -> None:
    grants, secured = line.secured.grants, line.secured
    name = f"{line.name}*" if kind == "topic" else line.name
    words = f"READ on topic {line.name}." if kind == "topic" else f"READ on group {line.name}"

    def take() -> None:
        secured.change(grants.take(line.storer, kind, name, "read"))
        until(lambda: words in line.worker.ready()[1], TOLD_S, lambda: line.worker.ready())
        assert words in line.worker.output

    run_through(line, take, lambda: secured.change(grants.give(line.storer, kind, name, "read")))


@pytest.mark.time_limit(300)
def test_passwords_that_are_changed_and_changed_back(line: Line) -> None:
    """Open connections live on; those that were cut are refused when they come again."""
    grants, secured = line.secured.grants, line.secured

    def change() -> None:
        secured.change(
            grants.set_password(line.trainer, secured.secret("another")),
            grants.set_password(line.storer, secured.secret("yet another")),
        )
        secured.gate.shut()
        secured.gate.open()
        line.until_told("user or password are wrong")
        until(lambda: "user or password are wrong" in line.worker.ready()[1], TOLD_S, lambda: line.worker.ready())

    def change_back() -> None:
        secured.change(
            grants.set_password(line.trainer, line.trainers_password),
            grants.set_password(line.storer, line.storers_password),
        )

    run_through(line, change, change_back)


@pytest.mark.time_limit(240)
def test_tokens_that_are_refused_for_ten_seconds(line: Line, tmp_path: Path) -> None:
    """A token lives for five seconds; then others of a wrong audience come, and then good ones again."""
    secured, file = line.secured, tmp_path / "token"
    audience = ["kafka"]
    ending = threading.Event()

    def renew() -> None:
        while True:
            new = tmp_path / "token.new"
            write_secret(new, secured.issuer.token(line.trainer, 5.0, aud=audience[0]))
            new.replace(file)
            if ending.wait(1.0):
                return

    renewing = threading.Thread(target=renew, name="renewing")
    renewing.start()

    def refuse() -> None:
        audience[0] = "another"
        line.until_told("the broker refuses the token")
        time.sleep(5.0)  # what is tested is how long it lasts

    def take_again() -> None:
        audience[0] = "kafka"

    bearer = {
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "OAUTHBEARER",
        "kafka_token_file": str(file),
        "kafka_username": None,
        "kafka_password": None,
    }
    try:
        until(file.exists, 5.0)
        run_through(line, refuse, take_again, **bearer)
    finally:
        ending.set()
        renewing.join()


@pytest.mark.time_limit(240)
def test_mongodbs_right_that_is_taken_and_given_back(line: Line) -> None:
    secured = line.secured
    roles = [{"role": "readWriteAnyDatabase", "db": "admin"}]

    def take() -> None:
        with secured.mongo_admin() as admin:
            admin.admin.command("revokeRolesFromUser", USER, roles=roles)
        words = "this user lacks the right to read and write the database"
        until(lambda: words in line.worker.ready()[1], TOLD_S, lambda: line.worker.ready())

    def give() -> None:
        with secured.mongo_admin() as admin:
            admin.admin.command("grantRolesToUser", USER, roles=roles)

    run_through(line, take, give)
