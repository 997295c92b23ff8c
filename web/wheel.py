"""A build hook of hatchling: a wheel or an sdist has the built page in it, or is not made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Looks for the page; an editable install does without, for bin/serve builds it there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Refuses to build what could not serve."""
        static = Path(self.root) / "vitagraph" / "static"
        pages = ("index.html", "console.html", "timeline/timeline.js")
        if version != "editable" and not all((static / page).is_file() for page in pages):
            raise FileNotFoundError("vitagraph/static has no page: build it with `npm ci && npm run build` in web/")
