"""How a benchmark that has targets says whether it met them, and ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Mapping
from typing import Any
from unittest import mock

import aioice.ice

from benchmarks._density_callers import _loopback


def met(targets: Mapping[str, bool]) -> bool:
    """Prints whether each target was met; returns whether all were."""
    for what, holds in targets.items():
        print(f"  {'met   ' if holds else 'MISSED'} {what}")
    return all(targets.values())


def conclude(measured: Coroutine[Any, Any, bool]) -> None:
    """Runs a measurement over loopback only; exits with 1 if it missed a target. SIGTERM cancels it."""
    with mock.patch.object(aioice.ice, "get_host_addresses", _loopback):
        if not asyncio.run(_until_terminated(measured)):
            sys.exit(1)


async def _until_terminated(measured: Coroutine[Any, Any, bool]) -> bool:
    if (task := asyncio.current_task()) is not None:  # otherwise the host would outlive this program
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await measured
