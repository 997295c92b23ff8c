"""Two pages without scripts: the description of the HTTP interface, and a hint if the web page was not built."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-inline-size:52rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace}pre{overflow-x:auto}"
    "section{border-block-start:1px solid;padding-block:1rem}h2{font-size:1.1rem;margin:0}"
)
STYLE_HASH = f"sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}"
"""The hash of their style, for the Content-Security-Policy."""


def not_built() -> str:
    """The page for `/` if the web page was not built."""
    return _page(
        "Vitagraph",
        "<p>The host is running, but its page was not built.</p>"
        "<p>Stop it and start it with <code>bin/serve</code>, which builds the page; or build it by hand: "
        "<code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>.</p>"
        '<p>Calls can be made without it: see <a href="/docs">the interface</a>.</p>',
    )


def interface(openapi: dict[str, Any]) -> str:
    """The OpenAPI description as a page."""
    info = openapi["info"]
    operations = (
        _operation(method, path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )
    return _page(
        f"{info['title']} {info['version']}",
        f"<p>{escape(info.get('description', ''))}</p>"
        '<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>' + "".join(operations),
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}) {escape(each.get('description', ''))}</li>"
        for each in operation.get("parameters", ())
    )
    body = "".join(
        f"<p>Body, <code>{escape(kind)}</code></p><pre>{escape(json.dumps(content['schema'], indent=2))}</pre>"
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = ", ".join(f"{code} {escape(each['description'])}" for code, each in operation["responses"].items())
    return (
        f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"{f'<ul>{parameters}</ul>' if parameters else ''}{body}<p>Answers: {answers}</p></section>"
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="/icon.svg">'
        f"<style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
