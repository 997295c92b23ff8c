"""The metrics of a host at /metrics: its registry, what feeds it, and who may read it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Request, Response
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException

from pipeline.errors import VitagraphError
from pipeline.graph.plan import Plan
from pipeline.runtime.runner import Runner
from vitagraph.host.admission import CallRefused
from vitagraph.host.auth import Auth
from vitagraph.host.call import Call
from vitagraph.host.errors import ApiError, api_error_of
from vitagraph.host.monitoring import ProcessMeter
from vitagraph.observe.call_metrics import CallMetrics
from vitagraph.observe.counted import CountedMetrics
from vitagraph.observe.loop_watch import LoopWatch
from vitagraph.observe.samples import EngineSamples, HostState, LiveCall, Sources

_OPENMETRICS = "application/openmetrics-text"
_FORWARDED = ("x-forwarded-for", "forwarded")


@dataclass(frozen=True, slots=True)
class _Snapshot(Collector):
    """Metrics that were read in the event loop, to be written in a thread."""

    metrics: tuple[Metric, ...]

    def collect(self) -> tuple[Metric, ...]:
        return self.metrics


class HostMetrics:
    """The metrics of a host, from its making to `stop`; for the event loop only.

    `seats_free` gives the calls that there is room for; `ready` says whether one would be taken.
    """

    def __init__(
        self, runner: Runner, meter: ProcessMeter, seats_free: Callable[[], int], ready: Callable[[], bool]
    ) -> None:
        self.registry = CollectorRegistry()
        """All metrics but those of the process, whose reading opens files."""
        self.counted = CountedMetrics(self.registry)
        self._meter, self._seats_free, self._ready = meter, seats_free, ready
        self._loop = LoopWatch()
        self._calls: dict[Call, CallMetrics] = {}
        sources = Sources(self._live, meter.pools, runner.resources.scheduler.statistics, self._state)
        self._samples = EngineSamples(sources, runner.policies)
        self.registry.register(self._samples)
        self._process = ProcessCollector(registry=None)
        meter.on_memory = lambda step: self.counted.memory_steps.labels(step).inc()
        self.on_refused: Callable[[str], None] = lambda reason: None
        """Called with the reason for which an offer was refused, as it counts."""
        self._loop.start()

    def stop(self) -> None:
        """Stops what it measures itself."""
        self._loop.stop()

    def watch(self, graph: str, plan: Plan) -> None:
        """Shows the nodes of a graph from now on."""
        self._samples.watch(graph, plan)
        self.counted.watch(plan.nodes, [node.name for node in plan.nodes.values() if node.limit is not None])

    def attend(self, call: Call, plan: Plan) -> CallMetrics:
        """What counts what happens in a call that is about to run."""
        metrics = CallMetrics(self.counted, plan.nodes, lambda: call.activity.voice_began)
        self._calls[call] = metrics
        self._samples.begin(plan)
        return metrics

    def ended(self, call: Call) -> None:
        """Keeps the totals of a call that has ended."""
        self._samples.ended(_live(call, self._calls.pop(call)))

    @contextmanager
    def counting_refusals(self) -> Iterator[None]:
        """Counts an offer whose handling raises what its client gets as a refusal."""
        try:
            yield
        except CallRefused as error:
            self._refused(error.kind)
            raise
        except (HTTPException, VitagraphError) as error:
            self._refused(api_error_of(error).code)
            raise

    async def answer(self, request: Request) -> Response:
        """The metrics as text: OpenMetrics for those who ask for it, else the format of Prometheus."""
        snapshot = _Snapshot((*self.registry.collect(), *self._process.collect()))
        # The client's own version and escaping are not believed: those of the library are.
        if _OPENMETRICS in request.headers.get("accept", ""):
            text = await asyncio.to_thread(openmetrics.generate_latest, snapshot)
            return Response(text, media_type=openmetrics.CONTENT_TYPE_LATEST)
        return Response(await asyncio.to_thread(generate_latest, snapshot), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _refused(self, reason: str) -> None:
        self.counted.refused(reason)
        self.on_refused(reason)

    def _live(self) -> list[LiveCall]:
        return [_live(call, metrics) for call, metrics in self._calls.items()]

    def _state(self) -> HostState:
        load = self._meter.load
        return HostState(
            self._seats_free(),
            self._ready(),
            load.lag_ms / 1000,
            self._loop.blocked,
            load.memory,
            load.cpu,
            self._meter.memory_guard.step,
            self._loop.stalls,
        )


def check_reader(request: Request, auth: Auth) -> None:
    """Raises an ApiError unless a request may read the metrics.

    On a host with a key it must have that key (401, 429); on one without, it must come from this
    machine (403), and not through a proxy, which might pass on anybody's.
    """
    if not auth.open:
        auth.check(request)
    elif not _is_local(request) or any(name in request.headers for name in _FORWARDED):
        raise ApiError(
            403,
            "local_only",
            "A host without a key gives its metrics only to this machine. VITAGRAPH_API_KEY sets a key.",
        )


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _live(call: Call, metrics: CallMetrics) -> LiveCall:
    return LiveCall(call.graph, call.session, call.transport, metrics.fallbacks)
