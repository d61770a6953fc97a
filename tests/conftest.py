"""What holds for every test; each plugin says its own."""

import gc
from collections.abc import Generator

import pytest
import structlog
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.limits",
    "tests.order",
    "tests.strictness",
    "tests.again",
    "tests.run_servers",
    "tests.stack",
    "tests.world",
    "tests.components",
]

settings.register_profile("ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

# Plain tracebacks: those of structlog's default hold all local variables, and drawing them took a tenth of the tests.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end: half a million objects, which each full garbage collection of a
    test would look at again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
