"""What browser tests and the checks of scripts need from npm: pinned by hash, fetched once into the user's cache."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import brotli

from mldash_api.dashboard.npm import Package, archives_of

CHROMIUM: Final = Package(
    "@sparticuz/chromium",
    "153.0.0",
    "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
    {},
)
FONTS: Final = Package(
    "dejavu-fonts-ttf",
    "2.37.3",
    "f1hd7jJbeQa1VWcw+K2KrTXS50zTMaHpVC4XIKJpNcDeYR5ajMtj/iLlQDYNvLOKamUB3ARVVCf79lNwNVztSQ==",
    {},
)
AXE: Final = Package(
    "axe-core",
    "4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    {},
)
TYPESCRIPT: Final = Package(
    "typescript",
    "5.9.3",
    "jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
    {},
)

_FONTS: Final = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
_FONT_SETTINGS: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir>
<alias binding="same"><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias binding="same"><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias binding="same"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


def installed(package: Package) -> Path:
    """The folder of the whole package; of many processes that ask one fetches."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mldash" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / package.archive.removesuffix(".tgz")
    with (cache / f"{folder.name}.lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        if not folder.exists():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            with archives_of([package]) as archives, tarfile.open(archives[package.name]) as whole:
                whole.extractall(new, filter="data")
            if package is CHROMIUM:
                _unpack_chromium(new / "package")
            (new / "package").replace(folder)
            shutil.rmtree(new)
    return folder


def chromium() -> Path:
    """The program. Its libraries for WebGL lie beside it."""
    return installed(CHROMIUM) / "bin" / "chromium"


def font_settings() -> Path:
    """A file for FONTCONFIG_FILE: the browser brings no font, and without one all text is 0 pixels wide."""
    fonts = installed(FONTS)
    used = fonts / "used"
    used.mkdir(exist_ok=True)
    for name in _FONTS:
        shutil.copy(fonts / "ttf" / name, used)
    text = _FONT_SETTINGS.format(fonts=used, cache=fonts / "cache")
    path = fonts / f"fonts-{hashlib.sha256(text.encode()).hexdigest()[:8]}.conf"
    if not path.exists():
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(text)
        new.replace(path)
    return path


def _unpack_chromium(folder: Path) -> None:
    program = folder / "bin" / "chromium"
    for packed, target in (("chromium.br", program), ("swiftshader.tar.br", folder / "swiftshader.tar")):
        target.write_bytes(brotli.decompress((folder / "bin" / packed).read_bytes()))
    program.chmod(0o755)
    with tarfile.open(folder / "swiftshader.tar") as whole:
        whole.extractall(folder / "bin", filter="data")
    for one in (folder / "bin").glob("*.br"):
        one.unlink()
    subprocess.run([str(program), "--version"], check=True, capture_output=True, timeout=60)
