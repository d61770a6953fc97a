"""The SDK's locks (process/locks.py) bear a handler, a finaliser, an exception and a fork in their middle."""

import ast
from pathlib import Path

PRODUCER = Path(__file__).parents[2] / "producer" / "mldash"

ALLOWED = {
    "process/locks.py": {"Lock", "RLock"},
    "delivery/delivery.py": {"Lock"},  # only ever tried
    "remote/listened.py": {"Lock"},  # only ever tried
    "local/state/lock.py": {"Lock"},  # of delivery threads, with a time limit
    "local/sink.py": {"Lock"},  # of one delivery thread
}
KINDS = {"Lock", "RLock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier", "WeakSet"}


def test_the_sdk_makes_no_lock_event_or_weak_set_but_those_that_bear_interruption() -> None:
    found = {}
    for path in PRODUCER.rglob("*.py"):
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("threading", "weakref")
            and node.func.attr in KINDS
        }
        name = path.relative_to(PRODUCER).as_posix()
        if calls - ALLOWED.get(name, set()):
            found[name] = calls
    assert not found, "see docs/decisions/0020-what-may-interrupt-a-call.md"
