"""What the accessibility checker axe finds on a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page


def found(page: Page, script: Path) -> Iterator[tuple[bool, str]]:
    """Each violation with the elements that it is about, and whether it is serious or critical."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(script.read_text(encoding="utf-8"))
    report: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    for violation in report["violations"]:
        where = ", ".join(node["html"][:80] for node in violation["nodes"])
        line = f"{violation['id']} ({violation['impact']}): {violation['help']}: {where}"
        yield violation["impact"] in ("serious", "critical"), line
