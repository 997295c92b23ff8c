"""The quality of a host's sessions: measured in each call, and kept in a file."""

from __future__ import annotations

import asyncio

from nodes.webrtc.transport.peer import Peer, PeerStatistics
from pipeline.graph.plan import Plan
from vitagraph.host.call import Call
from vitagraph.host.settings import HostSettings
from vitagraph.observe.call_metrics import CallMetrics
from vitagraph.observe.timeline import QualityPoint
from vitagraph.quality.session_quality import SessionQuality
from vitagraph.quality.store import Quality

OUR_REFUSALS = frozenset({"full", "crowd", "busy", "burst", "unhealthy", "shutdown", "internal_error"})
"""Reasons of refusals that lie with the host, and not in what a client sent."""


class HostQuality:
    """Keeps the records of all calls if the settings name a file. `start` and `stop` it with the host."""

    def __init__(self, settings: HostSettings) -> None:
        path = settings.quality
        self._running: dict[str, SessionQuality] = {}
        self._kept = None if path is None else Quality(path, settings.quality_keep)

    def start(self) -> None:
        """Opens the file."""
        if self._kept is not None:
            self._kept.start()

    async def stop(self) -> None:
        """Writes what is left."""
        if self._kept is not None:
            await asyncio.to_thread(self._kept.close)

    def attend(self, call: Call, plan: Plan, metrics: CallMetrics) -> list[SessionQuality]:
        """What measures a call that is about to run; nothing where nothing is kept."""
        if self._kept is None:
            return []
        measured = SessionQuality(
            call.id,
            call.graph,
            self._kept.put,
            network=lambda: _statistics(call),
            now=asyncio.get_running_loop().time,
        )
        metrics.on_interrupted = measured.interrupted
        self._running[call.id] = measured
        return [measured]

    def ended(self, call: Call) -> None:
        """Forgets a call that is over."""
        self._running.pop(call.id, None)

    def mos(self, call: Call) -> float | None:
        """The estimated quality of a running call's sound, 1 to 4.5; None where nothing is known or kept."""
        measured = self._running.get(call.id)
        return None if measured is None else measured.network.measured().get("mos")

    def refused(self, reason: str) -> None:
        """Counts an offer that was refused, if the reason lies with the host."""
        if self._kept is not None and reason in OUR_REFUSALS:
            self._kept.refused(reason)

    def trend(self, hours: int) -> list[QualityPoint]:
        """The quality of the last hours, for the console; costs nothing. Empty where nothing is kept."""
        return [] if self._kept is None else self._kept.trend(hours)


def _statistics(call: Call) -> PeerStatistics | None:
    return call.transport.statistics() if isinstance(call.transport, Peer) else None
