"""Write kafka_jars.txt anew: for maintainers, when Kafka's version changes.

    python -m mldash_deploy.stack.lock_jars

jgo's resolver works out which jars Kafka's server and its command-line tools need (it fetches their POMs), each jar is
fetched once and hashed, and the list is written with a line a jar: SHA-256, bytes, coordinate. What users fetch is
this list and nothing else: no POM is read and nothing is resolved on their machines (jars.py).
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .jars import LIST, Jar, write_list

_KAFKA_VERSION = "4.3.1"

# The slf4j binding: Kafka brings the API without one. slf4j-simple writes lines to stderr and starts in no time.
_ROOTS = (
    f"org.apache.kafka:kafka_2.13:{_KAFKA_VERSION}",
    f"org.apache.kafka:kafka-tools:{_KAFKA_VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",
)


def resolve(repo_cache: Path) -> list[Jar]:
    """Every jar of _ROOTS and of what they need at run time, hashed."""
    # Imported here: jgo is a thing of the `stack` extra, and reading this module's _ROOTS should not need it.
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repo_cache, timeout=60)
    inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in _ROOTS])
    artifacts = {
        f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}": artifact
        for artifact in (dependency.artifact for dependency in [*inputs, *transitive])
        if artifact.packaging == "jar" and not artifact.classifier
    }
    with ThreadPoolExecutor(16) as pool:
        paths = dict(zip(artifacts, pool.map(lambda artifact: artifact.resolve(), artifacts.values()), strict=True))
    jars = []
    for coordinate in sorted(paths):
        content = paths[coordinate].read_bytes()
        jars.append(Jar(coordinate, hashlib.sha256(content).hexdigest(), len(content)))
    return jars


def main() -> int:
    """Resolve and write the list; the exit code is 0 only when it was written."""
    with tempfile.TemporaryDirectory(prefix="mldash-lock-jars-") as folder:
        jars = resolve(Path(folder))
    write_list(jars)
    print(f"{LIST}: {len(jars)} jars, {sum(jar.byte_count for jar in jars) / 1e6:.1f} MB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
