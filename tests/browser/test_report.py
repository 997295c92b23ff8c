"""The page of `vitagraph report`, as a browser shows it: without a network, to everybody."""

from __future__ import annotations

import time  # noqa: TID251 - a report is about the time before now
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser.conftest import missing
from tests.browser.host import ROOT
from tests.vitagraph.quality.synthetic import DAY, calls
from vitagraph.quality import page
from vitagraph.quality.archive import Period
from vitagraph.quality.report import make_report

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENS = {"screen": ViewportSize(width=1280, height=900), "phone": ViewportSize(width=390, height=844)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two weeks, with a trend."""
    end = time.time()
    both = Period(end - 28 * DAY, end, list(calls(end, 28, 40, slower=12)), [(end - 2 * DAY, 14)])
    report = make_report(both.part(end - 14 * DAY, end), both.part(end - 28 * DAY, end - 14 * DAY))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page.render(report, "1.0"), encoding="utf-8")
    return file


@pytest.fixture
def opened(chromium: str, written: Path) -> Iterator[Page]:
    """The page in a browser that has no network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(offline=True)
        shown = context.new_page()
        shown.goto(written.as_uri())
        yield shown
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The script that finds what is not accessible."""
    script = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        missing("axe-core is not installed", "run `npm ci` in web/")
    return script.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("screen", SCREENS)
def test_report_has_no_serious_axe_violations(
    opened: Page, axe: str, artefacts: Path, scheme: Literal["light", "dark"], screen: str
) -> None:
    """In both schemes, on both screens, with all tables open."""
    opened.emulate_media(color_scheme=scheme)
    opened.set_viewport_size(SCREENS[screen])
    opened.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    opened.screenshot(path=artefacts / "report.png", full_page=True)
    opened.evaluate(axe)
    found: dict[str, Any] = opened.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:100] for node in each["nodes"]]) for each in serious] == []


@pytest.mark.parametrize("screen", SCREENS)
def test_report_fits_the_screen(opened: Page, screen: str) -> None:
    """Only its tables scroll sideways."""
    opened.set_viewport_size(SCREENS[screen])
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_report_tables_can_be_scrolled_with_keys(opened: Page) -> None:
    """Who has no mouse reaches the columns at the side."""
    opened.set_viewport_size(SCREENS["phone"])
    table = opened.get_by_role("region", name="All measures")
    table.focus()
    opened.keyboard.press("ArrowRight")
    opened.wait_for_function("document.querySelector('.wide').scrollLeft > 0")


def test_report_prints_on_paper(opened: Page) -> None:
    """Black on white whatever the scheme, nothing cut off at the side, in a few pages."""
    opened.emulate_media(media="print", color_scheme="dark")
    opened.set_viewport_size(ViewportSize(width=760, height=1000))
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.evaluate("document.querySelector('.wide').scrollWidth <= document.body.clientWidth")
    printed = opened.pdf(format="A4")
    opened.emulate_media(media="screen")
    assert printed.count(b"/Type /Page\n") <= 5
