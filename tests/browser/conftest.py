"""A Chromium, a host, and a page in it. Without a Chromium these tests are skipped; under CI=true they fail."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Route, sync_playwright

from tests.browser.bundles import Bundles, bundle
from tests.browser.calls import CallPage
from tests.browser.host import ROOT, Host, serving

OpenPage = Callable[..., CallPage]


@pytest.fixture(autouse=True)
def strict(no_leaks: None) -> None:
    """Without `no_blocking`: Playwright runs a loop below the test's own code, which may block it."""


def missing(what: str, hint: str) -> None:
    """Skips; under CI=true nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; {hint}", pytrace=False)
    pytest.skip(f"{what}; {hint}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    if not found:
        missing("there is no chromium", "install the package chromium to run the browser tests")
    return found


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """What is put into a page."""
    if shutil.which("npm") is None:
        missing("there is no npm", "install the package npm to run the browser tests")
    return bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def page_built() -> None:
    """The page is there to be served."""
    if not (ROOT / "vitagraph" / "static" / "index.html").exists():
        missing("the call page has not been built", "run `npm ci && npm run build` in web/")


@pytest.fixture(scope="module")
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, chromium: str, page_built: None
) -> Iterator[Host]:
    """The host of a module: it serves the module's GRAPHS, the first one by default.

    OPTIONS and ENVIRONMENT of the module, if there are any, are more options and environment variables.
    """
    folder = tmp_path_factory.mktemp("graphs")
    graphs: dict[str, str] = request.module.GRAPHS
    for name, text in graphs.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    options: Sequence[str] = getattr(request.module, "OPTIONS", ())
    environment: dict[str, str] = getattr(request.module, "ENVIRONMENT", {})
    with serving(folder, next(iter(graphs)), *options, **environment) as running:
        yield running


@pytest.fixture
def artefacts(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures and sounds of a test are kept: below $VITAGRAPH_ARTEFACTS, or pytest's own folder."""
    kept = Path(os.environ.get("VITAGRAPH_ARTEFACTS") or tmp_path)
    folder = kept / re.sub(r"\W+", "-", request.node.name).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, chromium: str, bundles: Bundles, host: Host, artefacts: Path
) -> Iterator[OpenPage]:
    """Opens the page: `open_page(microphone=WAV, refused=…, path="/?…", **options of the browser's context)`."""
    pages: list[CallPage] = []
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())

        def open_it(
            *, microphone: Path | None = None, refused: bool = False, path: str = "/?quality=low", **options: Any
        ) -> CallPage:
            browser = playwright.chromium.launch(executable_path=chromium, args=_arguments(microphone, refused))
            stack.callback(browser.close)
            options.setdefault("viewport", {"width": 1000, "height": 640})
            context = browser.new_context(**options)
            page = context.new_page()
            call = CallPage(page, host.url, artefacts)
            pages.append(call)
            page.on("console", lambda message: _complains(message, call.errors))
            page.on("pageerror", lambda error: call.errors.append(str(error)))
            page.add_init_script(path=bundles.probe)
            page.route("**/tap.js", lambda route: _send(route, bundles.tap))
            if path:
                call.go(path)
            return call

        yield open_it
        _report(request, host, pages)
    assert [error for call in pages for error in call.errors] == []


def _arguments(microphone: Path | None, refused: bool) -> list[str]:
    arguments = [
        "--no-sandbox",  # Chromium refuses to run as root with one, as in a container
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream" + ("=deny" if refused else ""),
        "--autoplay-policy=no-user-gesture-required",
    ]
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    return arguments


def _complains(message: ConsoleMessage, errors: list[str]) -> None:
    if message.type == "error":
        errors.append(f"{message.text} ({message.location.get('url', '')})")


def _send(route: Route, file: Path) -> None:
    route.fulfill(body=file.read_bytes(), content_type="text/javascript")


def _report(request: pytest.FixtureRequest, host: Host, pages: list[CallPage]) -> None:
    """Of a test that has failed: what the page looked like, and what the host said."""
    report = getattr(request.node, "report", None)
    if report is None or not report.failed:
        return
    for number, call in enumerate(pages):
        call.shot(f"failed-{number}")
    print(f"--- the host's log\n{host.tail()}")  # noqa: T201 (pytest shows it with the failure)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """Remembers the outcome, for fixtures that come down after it."""
    report = yield
    if report.when == "call":
        item.report = report  # type: ignore[attr-defined]
    return report
