"""A session's timeline as one HTML file: it works offline and makes no request."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from pathlib import Path

import msgspec

from pipeline.errors import ResourceError
from vitagraph.observe.timeline import Timeline

DOCUMENT = "document"
"""The id of the element that has the document as JSON."""
_CLOSES = re.compile(r"<(?=/script|!--)", re.IGNORECASE)


def page(timeline: Timeline, static: Path) -> str:
    """The file, with the script and the style that `npm run build` makes in `static`/timeline.

    Raises ResourceError if they were not built.
    """
    script, style = _CLOSES.sub(r"\\x3c", _read(static, "js")), _read(static, "css")
    # Without a `<` nothing that a person said can end the element.
    document = msgspec.json.encode(timeline).decode().replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">'
        f'<title>{escape(timeline.id)} · Vitagraph</title><link rel="icon" href="data:,">'
        f"<style>{style}</style></head>"
        f'<body><div id="page"></div><script type="application/json" id="{DOCUMENT}">{document}</script>'
        f"<script>{script}</script></body></html>\n"
    )


def _read(static: Path, kind: str) -> str:
    file = static / "timeline" / f"timeline.{kind}"
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ResourceError(
            f"the page of a timeline was not built: {file} cannot be read ({error.strerror})",
            hint="bin/serve builds it; by hand: `npm ci && npm run build` in web/",
        ) from error


def _policy(script: str, style: str) -> str:
    """Only this script and this style run, and nothing is loaded."""
    return f"default-src 'none'; img-src data:; script-src '{_hash(script)}'; style-src '{_hash(style)}'"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
