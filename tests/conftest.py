"""What holds for every test; each plugin says its own."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.limits",
    "tests.order",
    "tests.strictness",
    "tests.shared",
    "tests.stack",
    "tests.world",
    "tests.components",
]

settings.register_profile("ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")
