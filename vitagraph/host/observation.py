"""What watches a host and its calls: metrics, timelines, quality, traces, recordings, the log of failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

from pipeline.errors import VitagraphError
from pipeline.graph.plan import Plan
from pipeline.runtime.runner import Runner
from vitagraph.alerts.actions import AlertActions
from vitagraph.alerts.alerts import Alerts
from vitagraph.alerts.file import builtin_rules
from vitagraph.alerts.spec import AlertRule, AlertRules
from vitagraph.alerts.webhook import AlertWebhooks
from vitagraph.host.call import Call
from vitagraph.host.metrics import HostMetrics
from vitagraph.host.monitoring import Monitoring
from vitagraph.host.quality import HostQuality
from vitagraph.host.settings import HostSettings
from vitagraph.observe.archive import SessionArchive
from vitagraph.observe.failure_log import FailureLog
from vitagraph.observe.session_timeline import SessionTimeline
from vitagraph.observe.timeline import AlertState, Side
from vitagraph.observe.tracing import Tracing
from vitagraph.observe.watcher import SessionWatcher, Watchers
from vitagraph.recording.reader import open_recording
from vitagraph.recording.recordings import Recordings
from vitagraph.recording.retention import find_recording


class HostObservation:
    """Watches from `open` and `begin` to `close`."""

    metrics: HostMetrics
    """Set by `begin`, as is `alerts`."""
    alerts: Alerts

    def __init__(self, settings: HostSettings) -> None:
        self.archive = SessionArchive(settings.timelines)
        self.quality = HostQuality(settings)
        self.recordings: Recordings | None = None
        """What records all calls, if that is wanted."""
        self._settings = settings
        self._rules = settings.alerts or AlertRules(())
        self._tracing: Tracing | None = None
        self._exit = AsyncExitStack()

    async def open(self) -> None:
        """Opens what it writes to; raises VitagraphError if that cannot be used."""
        settings = self._settings
        if settings.record is not None:
            self.recordings = Recordings(settings.record, settings.record_keep, nodes=settings.record_nodes)
            self._exit.push_async_callback(self.recordings.stop)
            self.recordings.start()
        if settings.alerts is None:
            self._rules = await asyncio.to_thread(builtin_rules)
        self._tracing = await asyncio.to_thread(Tracing.from_environment)
        if self._tracing is not None:
            self._exit.push_async_callback(asyncio.to_thread, self._tracing.close)
        self._exit.push_async_callback(self.quality.stop)
        self.quality.start()

    def begin(
        self, runner: Runner, monitoring: Monitoring, seats_free: Callable[[], int], ready: Callable[[], bool]
    ) -> None:
        """Watches the host itself from now on; `seats_free` and `ready` are as for HostMetrics."""
        self.metrics = HostMetrics(runner, monitoring.meter, seats_free, ready)
        self.metrics.on_refused = self.quality.refused
        self._exit.callback(self.metrics.stop)
        self._watch_alerts(monitoring)

    def _watch_alerts(self, monitoring: Monitoring) -> None:
        webhooks = AlertWebhooks(self._rules.webhook)
        self._exit.push_async_callback(webhooks.stop)
        self.alerts = Alerts(self._rules.evaluated, self.metrics.registry)
        self.alerts.listen(AlertActions(monitoring.admission.shed, monitoring.meter.memory_guard.collect))
        self.alerts.listen(webhooks)
        self.alerts.listen(self._note_alert)
        self._exit.callback(self.alerts.stop)
        self.alerts.start()

    def _note_alert(self, _: AlertRule, alert: AlertState) -> None:
        """Puts an alert into the timelines of the sessions that run."""
        kind = "alert" if alert.cleared is None else "alert_cleared"
        for timeline in self.archive:
            if timeline.end is None:
                timeline.note(kind, alert.labels.get("node", ""), message=f"{alert.name}: {alert.summary}")

    async def close(self) -> None:
        """Completes what it writes."""
        await self._exit.aclose()

    # --- calls

    def attend(self, call: Call, plan: Plan, instructions: str) -> None:
        """Watches a call that is about to run."""
        call.watchers = Watchers(tuple(self._watchers(call, plan, instructions)))

    def ended(self, call: Call) -> None:
        """A call is over: everything that watched it is told so."""
        call.tell_end()
        self.archive.ended(call.id)
        self.quality.ended(call)
        self.metrics.ended(call)

    def _watchers(self, call: Call, plan: Plan, instructions: str) -> Iterator[SessionWatcher]:
        if self._tracing is not None:  # first: it marks the causes that others read
            yield self._tracing.session(call.id, call.graph)
        metrics = self.metrics.attend(call, plan)
        yield metrics
        yield self.archive.begin(SessionTimeline(call.id, call.graph))
        yield FailureLog()
        yield from self.quality.attend(call, plan, metrics)
        if self.recordings is not None:
            yield self.recordings.attend(call.id, call.graph, plan, instructions)

    def alert_states(self) -> list[AlertState]:
        """The alerts that fire, and those that have cleared lately."""
        return [*self.alerts.active(), *self.alerts.recent()]

    # --- recorded sound

    def is_recorded(self, id: str) -> bool:
        """Whether the sound of a session in the archive is recorded."""
        return self.recordings is not None

    def recorded_sound(self, id: str, side: Side) -> bytes | None:
        """The recorded sound of a session as a WAV file; None without one. Reads the disk."""
        path = find_recording(self.recordings.folder, id) if self.recordings is not None else None
        try:
            return None if path is None else open_recording(path).wav(side)
        except VitagraphError:
            return None
