"""The page as one HTML file. Its script and its style are inlined, for browsers load neither modules nor data from a
disk, and named by their hashes in its policy; what users logged is JSON, which no browser runs, and which page.js makes
into text, never into markup."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from mldash.pictures.svg import DARK, LIGHT

from .gathered import Page

_HERE: Final = Path(__file__).parent


def page_html(page: Page) -> str:
    """The same page of the same data."""
    script, style = (_HERE / "page.js").read_text(), _palette() + (_HERE / "page.css").read_text()
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
    data = msgspec.json.encode(page).decode().replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>ML-Dash snapshot</title>
<style>{style}</style>
</head>
<body>
<noscript>The runs are in this file; its script, which draws them, is not allowed to run here.</noscript>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def _palette() -> str:
    light, dark = ("".join(f"--{name}:{value};" for name, value in of.items()) for of in (LIGHT, DARK))
    return f":root{{color-scheme:light dark;{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
