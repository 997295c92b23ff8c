"""The timeline as one file, and the documents in TypeScript."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import msgspec
import pytest

from pipeline.errors import ResourceError
from tests.vitagraph.observe import sample
from vitagraph.observe._typescript import typescript
from vitagraph.observe.timeline import Timeline, TurnEntry
from vitagraph.observe.timeline_page import DOCUMENT, page

DOCUMENTS = Path(__file__).resolve().parents[3] / "web" / "src" / "console" / "documents.ts"
SCRIPT = 'const hint = "</script><!-- <script>";'
STYLE = "p { color: red }"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A built page, as small as can be."""
    (tmp_path / "timeline").mkdir()
    (tmp_path / "timeline" / "timeline.js").write_text(SCRIPT)
    (tmp_path / "timeline" / "timeline.css").write_text(STYLE)
    return tmp_path


def scripts(html: str) -> list[tuple[str, str]]:
    """The attributes and the text of each script, as a browser divides them."""
    return re.findall(r"<script([^>]*)>(.*?)</script>", html, re.S)


def test_timeline_page_contains_the_document(static: Path) -> None:
    """What the page shows is what the session was."""
    timeline = sample.timeline(sound=True)
    (attributes, document), _ = scripts(page(timeline, static))
    assert attributes == f' type="application/json" id="{DOCUMENT}"'
    assert msgspec.json.decode(document, type=Timeline) == timeline


def test_timeline_page_escapes_words_and_scripts(static: Path) -> None:
    """What somebody says or a node writes cannot become part of the page."""
    timeline = sample.timeline()
    timeline.id = "</title><img src=x>"
    timeline.turns = [TurnEntry(1, 1, 0, 1, False, None, heard="</script><script>alert(1)</script><!--")]
    html = page(timeline, static)
    (_, document), (_, script) = scripts(html)
    assert msgspec.json.decode(document, type=Timeline) == timeline
    assert script == r'const hint = "\x3c/script>\x3c!-- <script>";'
    assert "<img" not in html


def test_timeline_page_policy_allows_its_own_script_and_style_only(static: Path) -> None:
    """Opened anywhere, the file loads nothing and tells nobody."""
    html = page(sample.timeline(), static)
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert found
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in found[1] and "default-src 'none'" in found[1]
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []


def test_timeline_page_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    """A replay with `--html` ends with what to do."""
    with pytest.raises(ResourceError, match="was not built") as caught:
        page(sample.timeline(), tmp_path)
    assert "npm run build" in (caught.value.hint or "")


def test_documents_typescript_file_is_up_to_date() -> None:
    """The page and the host mean the same by a document."""
    if not DOCUMENTS.exists():
        pytest.skip("there is no page in this tree")
    assert DOCUMENTS.read_text() == typescript(), (
        "python -m vitagraph.observe._typescript > web/src/console/documents.ts"
    )


def test_documents_typescript_has_every_kind_of_field() -> None:
    """Lists, optional values, choices and documents in documents."""
    text = typescript()
    assert "turns: TurnEntry[];" in text and "jaw: number[];" in text and "typed: boolean;" in text
    assert 'sound: Partial<Record<"assistant" | "caller", string>>;' in text
    assert "end: number | null;" in text and "host: ProcessState;" in text
