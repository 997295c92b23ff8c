"""Two pages without a script."""

from __future__ import annotations

import base64
import hashlib
import re

from tests.vitagraph.host.fakes import Host
from vitagraph.host.pages import interface


def test_api_page_describes_every_route() -> None:
    """Whoever writes a client finds every route, what goes in, and what comes out."""
    host = Host()
    page, openapi = host.get("/docs").text, host.get("/openapi.json").json()
    paths = {f"{method.upper()} {path}" for path, methods in openapi["paths"].items() for method in methods}
    assert {"POST /v1/realtime/calls", "GET /graphs", "DELETE /v1/realtime/calls/{id}", "GET /readyz"} <= paths
    assert [path for path in paths if path not in page] == []
    assert "application/sdp" in page


def test_api_page_complies_with_the_content_security_policy() -> None:
    """Its only style is the one that the policy names; there is no script, and nothing from elsewhere."""
    answer = Host().get("/docs")
    styles = re.findall(r"<style>(.*?)</style>", answer.text, re.S)
    digests = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in styles]
    assert len(digests) == 1 and f"'sha256-{digests[0]}'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text and "style=" not in answer.text
    assert re.findall(r'(?:src|href)="(?!/)', answer.text) == []


def test_api_page_escapes_descriptions() -> None:
    """Nothing of it becomes markup."""
    openapi = {
        "info": {"title": "<b>", "version": "1", "description": "<i>"},
        "paths": {"/<p>": {"get": {"description": "<u>", "responses": {"200": {"description": "<s>"}}}}},
    }
    assert not {"<b>", "<i>", "<u>", "<s>", "/<p>"} & set(re.findall(r"/?<[^>]+>", interface(openapi)))
