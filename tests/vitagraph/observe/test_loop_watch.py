"""How long the event loop was blocked."""

from __future__ import annotations

import asyncio
import threading

from pipeline.clock import Clock
from pipeline.params import ms
from vitagraph.observe.loop_watch import LoopWatch


def test_loop_watch_counts_what_blocks_the_loop() -> None:
    """The time of one blocking call, within a period; nothing after `stop`."""

    async def main() -> tuple[float, float]:
        watch, clock = LoopWatch(), Clock(asyncio.get_running_loop())
        watch.start()
        await clock.sleep(ms(20))
        threading.Event().wait(0.4)
        await clock.sleep(ms(10))
        watch.stop()
        watch.stop()
        blocked = watch.blocked
        threading.Event().wait(0.2)
        await clock.sleep(ms(100))
        return blocked, watch.blocked

    blocked, later = asyncio.run(main())
    assert 0.3 < blocked < 2 and later == blocked
