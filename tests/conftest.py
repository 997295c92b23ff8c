"""What every test here is held to: no leaks, and nothing that blocks the event loop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockingError, blockbuster

pytest_plugins = ["pytester"]

os.environ["VITAGRAPH_QUALITY"] = "off"  # calls of tests are none of the user's
os.environ.setdefault("VITAGRAPH_BRAIN", "smollm2-135m")  # of the assistant, also in the processes that tests start

TESTS = Path(__file__).parent
ALONE = ("browser", "hostile", "vitagraph/observe/test_waterfall_measured.py")
"""Tests that measure real time and need both cores: bin/test runs them while nothing else uses the machine."""
LIVE = (
    "nodes/webrtc", "vitagraph/host", "vitagraph/commands", "vitagraph/observe/test_loop_watch.py",
    "vitagraph/observe/test_tracing.py", "vitagraph/observe/test_session_timeline.py", "vitagraph/recording",
    "nodes/asr/test_whisper.py", "test_interrupt.py",
)  # fmt: skip
"""Tests in which real time passes, like those with Redis: they need a core of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that are alone or live."""
    for item in items:
        if any(item.path.is_relative_to(TESTS / part) for part in ALONE):
            item.add_marker("alone")
            continue
        with_redis = "redis_server" in getattr(item, "fixturenames", ())
        if with_redis or any(item.path.is_relative_to(TESTS / part) for part in LIVE):
            item.add_marker("live")


@pytest.fixture(autouse=True)
def strict(no_leaks: None, no_blocking: None) -> None:
    """Holds every test to both."""


@pytest.fixture
def no_blocking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test in which pipeline/ or nodes/ blocks the event loop."""
    found: list[str] = []

    class Blocking(BlockingError):
        """Remembered as well as raised, for the engine may catch it and go on."""

        def __init__(self, func: str) -> None:
            super().__init__(func)
            found.append(func)

    monkeypatch.setattr(blockbuster, "BlockingError", Blocking)
    # A frame of these two is below every test that runs in virtual time: that alone makes it nobody's fault.
    excluded = ["pipeline.runtime.virtual", "pipeline.testing"]
    with blockbuster.blockbuster_ctx(["pipeline", "nodes"], excluded_modules=excluded) as watched:
        # aiortc joins the thread of its decoder, which has nothing left to do: well under a millisecond.
        locks = watched.functions["threading.Lock.acquire"]
        locks.can_block_in("aiortc/rtcrtpreceiver.py", "__stop_decoder")
        locks.can_block_in("coverage/collector.py", "lock_data")  # of what measures, not of what is measured
        yield
    if found:
        pytest.fail(f"the event loop was blocked by {', '.join(found)}", pytrace=False)
