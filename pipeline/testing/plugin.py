"""The pytest plugin, active wherever Vitagraph is installed.

@pytest.mark.usefixtures("no_leaks")
def test_my_node() -> None: ...
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes that a test has failed, because its leaks are then only a consequence."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves tasks, threads or open files behind."""
    from pipeline.testing import leaks  # imported here to keep the start of pytest fast

    left = ""
    try:
        with leaks.no_leaks():
            yield
    except leaks.Leak as leak:
        left = str(leak)
    if left and not request.node.stash.get(_failed, False):
        pytest.fail(left, pytrace=False)
