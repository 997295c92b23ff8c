"""Runs clips through a graph in sequence; one runner, so that models are loaded once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Literal

from nodes.media.files import writing
from pipeline.errors import Stuck, VitagraphError
from pipeline.graph.plan import Plan
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import Latency, run_virtual
from vitagraph.observe.session_timeline import SessionTimeline
from vitagraph.observe.watcher import CallEnd
from vitagraph.replay.clip import Clip
from vitagraph.replay.recorded_call import RecordedCall
from vitagraph.replay.recorder import Recorder
from vitagraph.replay.result import Result

ClockName = Literal["real", "virtual"]
Progress = Callable[[Clip, int], None]
"""Called with the current clip and the nanoseconds of it heard so far."""


class Replay:
    """Runs clips, each with the plan that reads it, and collects their results."""

    def __init__(self, jobs: Sequence[tuple[Clip, Plan]], progress: Progress, *, timelines: bool = False) -> None:
        """With `timelines` each result has the timeline of its session."""
        self.results: list[Result] = []
        self.stopped = False
        self._jobs = jobs
        self._progress = progress
        self._timelines = timelines
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, clock: ClockName, latency: Latency) -> None:
        """Runs all clips; an unusable clip does not prevent the others."""
        if clock == "real":
            import uvloop

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run())
            return
        try:
            run_virtual(self._run(), latency)
        except Stuck as error:
            # Raised by the loop outside the session; it concerns the current clip.
            self.results[-1].error = error

    def stop(self) -> None:
        """Ends the current clip and starts no other; callable from any thread or a signal handler."""
        self.stopped = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_session)

    def write(self) -> None:
        """Writes the results so far of every clip that was started."""
        for result in self.results:
            result.write()

    def _stop_session(self) -> None:
        if self._session is not None:
            self._session.stop()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with Runner() as runner:
            for clip, plan in self._jobs:
                if not self.stopped:
                    await self._one(runner, clip, plan)
        self._loop = None

    async def _one(self, runner: Runner, clip: Clip, plan: Plan) -> None:
        timeline = SessionTimeline(clip.name, plan.graph.path.stem, "replay") if self._timelines else None
        recorder = Recorder(lambda heard: self._progress(clip, heard), [timeline] if timeline is not None else [])
        result = Result(clip, recorder, timeline=timeline)
        self.results.append(result)
        with writing(clip.folder):
            clip.folder.mkdir(parents=True, exist_ok=True)
        self._session = runner.session(plan, recorder.observe, provide=_provided(clip), name=clip.name)
        recorder.listen(self._session)
        try:
            result.report = await self._session.run()
            result.error = result.report.error
        except VitagraphError as error:
            result.error = error
        finally:
            self._session = None
            failed = "" if result.error is None else str(result.error)
            recorder.ended(CallEnd("failed" if failed else "completed", failed or "the clip was over"))
            result.took = perf_counter() - recorder.began if recorder.began else 0.0
            result.write()


def _provided(clip: Clip) -> list[object]:
    return [] if clip.recording is None else RecordedCall(clip.recording, clip.until).provided()
