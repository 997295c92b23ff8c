"""Opening a node: whatever goes wrong with it, what it had opened is closed, and nobody waits for that for ever."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.errors import ResourceError
from pipeline.node import Context, Service
from pipeline.runtime.opening import CLOSE_GRACE, open_node
from pipeline.runtime.supervised_task import CANCEL_GRACE
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import make_runner


class Half(Service[Any]):
    """Opens in two steps, of which the second fails or takes for ever; closes well, badly or never."""

    def __init__(self, *, opens: str = "never", closes: str = "well") -> None:
        super().__init__()
        self.opens, self.closes = opens, closes
        self.connected = False

    async def open(self) -> None:
        self.connected = True
        if self.opens == "badly":
            raise ResourceError("the second file is missing")
        await asyncio.sleep(1e6)

    async def close(self) -> None:
        while self.closes == "never":
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1e6)
        if self.closes == "badly":
            raise OSError("gone")
        await asyncio.sleep(0.1)
        self.connected = False


async def opening(node: Half) -> float:
    """Opens it; cancels what would take for ever after a second. Gives the seconds until it ended."""
    resources, loop = make_runner().resources, asyncio.get_running_loop()
    context = Context("node", Clock(loop), Causes(), lambda _: None, lambda _: None)
    began = loop.time()
    task = asyncio.ensure_future(open_node(node, context, resources, "half"))
    if node.opens == "never":
        await asyncio.sleep(1)
        task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled() == (node.opens == "never")
    if not task.cancelled():
        error = task.exception()
        assert isinstance(error, ResourceError)
        notes = getattr(error, "__notes__", [])
        assert notes == (["closing it failed too: OSError('gone')"] if node.closes == "badly" else [])
    return loop.time() - began


@pytest.mark.parametrize("opens", ["badly", "never"])
@pytest.mark.parametrize("closes", ["well", "badly"])
def test_node_that_is_half_open_is_closed(opens: str, closes: str) -> None:
    """Each failed attempt would leave a connection open, or a file."""
    node = Half(opens=opens, closes=closes)
    assert run_virtual(opening(node)) == pytest.approx((opens == "never") + (closes == "well") * 0.1)
    assert node.connected == (closes == "badly")


@pytest.mark.parametrize("opens", ["badly", "never"])
def test_opening_does_not_wait_for_a_close_that_hangs(opens: str) -> None:
    """A call would neither begin nor be refused."""

    async def main() -> float:
        node = Half(opens=opens, closes="never")
        took = await opening(node)
        node.closes = "well"
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # the close that was abandoned
        await asyncio.sleep(1)
        return took

    assert run_virtual(main()) == pytest.approx((opens == "never") + (CLOSE_GRACE + CANCEL_GRACE) / 1e9)
