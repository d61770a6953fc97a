"""The image, built by podman over a base that mmdebstrap makes, and run as by Kubernetes: `make check-deploy`.

As root on Debian with podman, buildah, runc and mmdebstrap; minutes, and 2 GB of disk.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.installing import ROOT, build_requires, python
from tests.stack import StackAddresses

_TOOLS: Final = ("podman", "buildah", "runc", "mmdebstrap")
_MOST_MB: Final = 380
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_CONTAINERS: Final = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=1024:1024"]
netns = "host"
cgroups = "enabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"""

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0 or not all(map(shutil.which, _TOOLS)), reason="needs root and podman"),
    pytest.mark.integration,
    pytest.mark.time_limit(3600),
]


class Podman:
    """With storage and settings of its own: nothing of this host's containers is touched."""

    def __init__(self, folder: Path) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        (folder / "containers.conf").write_text(_CONTAINERS.format(files=files))
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
        (folder / "storage.conf").write_text(storage)
        self._environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def __call__(self, *words: str, cwd: Path | None = None) -> str:
        command = ["podman", *words]
        done = subprocess.run(command, cwd=cwd, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout.strip()


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """With localhost/base and localhost/mldash."""
    folder = tmp_path_factory.mktemp("podman")
    own, context = Podman(folder), folder / "context"
    own("import", str(_make_base(folder / "base.tar")), "localhost/base")
    (context / "deploy").mkdir(parents=True)
    shutil.copytree(ROOT / "deploy" / "image", context / "deploy" / "image")
    _make_wheel(folder, context / "dist")
    words = [
        "build",
        "--format",
        "docker",
        "--isolation=chroot",
        "--network=host",
        "--build-arg",
        "BASE=localhost/base",
    ]
    words += [
        "--secret",
        f"id=ca,src={_AUTHORITIES}",
        "-f",
        "deploy/image/Containerfile",
        "-t",
        "localhost/mldash",
        ".",
    ]
    own(*words, cwd=context)
    yield own
    own("system", "reset", "--force")


def _make_base(path: Path) -> Path:
    packages = "--include=python3,python3-venv,ca-certificates"
    subprocess.run(
        ["mmdebstrap", "--variant=minbase", packages, "bookworm", str(path)], check=True, capture_output=True
    )
    return path


def _make_wheel(folder: Path, dist: Path) -> None:
    backend = str(folder / "backend")
    python("-m", "pip", "install", "--quiet", "--target", backend, *build_requires())
    python("-c", f"from hatchling.build import build_wheel; build_wheel({str(dist)!r})", PYTHONPATH=backend)


def test_it_is_as_small_as_is_said(podman: Podman) -> None:
    sizes = {name: json.loads(podman("inspect", f"localhost/{name}"))[0]["Size"] for name in ("base", "mldash")}
    assert (sizes["mldash"] - sizes["base"]) / 1e6 <= _MOST_MB


@pytest.fixture(scope="module")
def variables(podman: Podman, stack: StackAddresses) -> dict[str, str]:
    """Of the stack's servers, with topics, a database and a bucket that `mldash prepare` of the image has made."""
    own = f"image-{os.urandom(4).hex()}"
    found = {
        "MLDASH_KAFKA": stack.kafka,
        "MLDASH_TOPIC_PREFIX": own,
        "MLDASH_WORKER_GROUP": own,
        "MLDASH_MONGO": stack.mongo,
        "MLDASH_MONGO_DATABASE": own,
        "MLDASH_S3_ENDPOINT": stack.s3_endpoint,
        "MLDASH_S3_BUCKET": own,
        "MLDASH_S3_ACCESS_KEY": stack.s3_access_key,
        "MLDASH_S3_SECRET_KEY": stack.s3_secret_key,
    }
    podman("run", "--rm", *_confined(found), "localhost/mldash", "prepare")
    return found


@pytest.mark.parametrize("component", ["worker", "compactor", "api"])
def test_a_component_runs_read_only_as_somebody_and_ends_in_time(
    podman: Podman, variables: dict[str, str], component: str
) -> None:
    """Its probes answer, and SIGTERM ends it with 0."""
    port = _free_port()
    own = variables | {f"MLDASH_{component.upper()}_HEALTH_PORT": str(port), "MLDASH_API_PORT": "0"}
    container = podman("run", "--detach", *_confined(own), "localhost/mldash", component)
    try:
        for path in ("healthz", "readyz"):
            _until_answered(f"http://127.0.0.1:{port}/{path}", container, podman)
        podman("stop", "--time", "35", container)
        assert json.loads(podman("inspect", container))[0]["State"]["ExitCode"] == 0, podman("logs", container)
    finally:
        podman("rm", "--force", container)


def _confined(variables: dict[str, str]) -> list[str]:
    """Options of a container in which nothing can be written but /tmp, whose user has no rights."""
    words = ["--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:size=64m,mode=1777", "--user", "10001:10001"]
    words += ["--cap-drop", "all", "--security-opt", "no-new-privileges"]
    return words + [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _until_answered(address: str, container: str, podman: Podman) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, OSError) as error:
            assert time.monotonic() < deadline, (address, error, podman("logs", container))
            time.sleep(0.5)
