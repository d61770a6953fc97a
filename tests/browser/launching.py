"""How Chromium is started, by tests and by benchmarks: without a screen, system packages, root or network."""

from typing import Any, Final

from playwright.sync_api import Browser, Playwright

from . import packages

FLAGS: Final = (
    "--headless=shell",
    "--no-sandbox",
    "--no-zygote",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-accelerated-2d-canvas",
    "--accept-lang=en-US",
)
_START_MS: Final = 60_000


def launch(playwright: Playwright, *flags: str) -> Browser:
    """A browser with the project's own fonts, in UTC."""
    program = packages.chromium()
    environment: dict[str, Any] = {
        "FONTCONFIG_FILE": str(packages.font_settings()),
        "LD_LIBRARY_PATH": str(program.parent),
        "TZ": "UTC",
    }
    return playwright.chromium.launch(
        executable_path=str(program), args=[*FLAGS, *flags], env=environment, headless=True, timeout=_START_MS
    )
