"""The result of one clip: figures for the table, and files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.media.files import private, writing
from pipeline.errors import ResourceError
from pipeline.events import NodeFailed
from pipeline.packet import SECOND
from pipeline.runtime.report import SessionReport
from vitagraph import exits
from vitagraph.observe.session_timeline import SessionTimeline
from vitagraph.replay.clip import Clip
from vitagraph.replay.recorder import Recorder
from vitagraph.waterfall import voice_to_voice


@dataclass(slots=True)
class Result:
    """The replay of one clip, finished or not."""

    clip: Clip
    recorder: Recorder = field(default_factory=Recorder)
    report: SessionReport | None = None
    """None while it runs, or if it could not start."""
    error: Exception | None = None
    """Why it could not start or ended early; None if it did not."""
    timeline: SessionTimeline | None = None
    """What happened when, if that was wanted."""
    took: float = 0.0
    """Wall-clock seconds without loading models."""

    @property
    def speed(self) -> float | None:
        """Seconds of audio, in or out, per wall-clock second."""
        audio = max(self.recorder.heard, self.recorder.spoken)
        return audio / SECOND / self.took if audio and self.took else None

    @property
    def words(self) -> int:
        """Number of words transcribed."""
        return sum(len(turn.heard.split()) for turn in self.recorder.turns)

    @property
    def failures(self) -> list[NodeFailed]:
        """The failures that no fallback covered."""
        return [failure for failure in self.recorder.failures if not failure.answered_by]

    @property
    def problems(self) -> list[str]:
        """Everything that went wrong: errors, failures, nodes that did not stop."""
        error = [str(self.error)] if self.error else []
        failed = dict.fromkeys(_describe(failure) for failure in self.failures)
        stuck = [str(each) for each in self.report.stuck] if self.report else []
        late = ["it did not drain in time: a node is still waiting"] if self._ended == "drained late" else []
        return [*error, *failed, *stuck, *late]

    @property
    def warnings(self) -> list[str]:
        """Failures that were covered by a fallback, and damaged input."""
        lost = "parts of the file could not be decoded; the rest was used"
        told = [f"{each.parts} {lost}" for each in self.recorder.damages]
        if self.clip.recording is not None and self.clip.recording.damage:
            told.append(f"the recording is damaged; what is before that was used ({self.clip.recording.damage})")
        for failure in self.recorder.failures:
            if failure.answered_by:
                told.append(f"{_describe(failure)}\n{failure.answered_by} took over")
        return list(dict.fromkeys(told))

    @property
    def code(self) -> int:
        """The exit code for this clip."""
        if self.error is not None:
            return exits.of(self.error)
        if self.failures:
            return exits.of_category(self.failures[0].category)
        return exits.FAILED if self.problems else exits.OK

    @property
    def _ended(self) -> str:
        return self.report.ended if self.report else ""

    def as_json(self) -> dict[str, Any]:
        """The content of turns.json; times in milliseconds."""
        turns = self.recorder.turns
        return {
            "clip": self.clip.path.name,
            "unit": "ms",
            "duration": self.recorder.heard / 1e6,
            "spoken": self.recorder.spoken / 1e6,
            "ended": self._ended or "interrupted",
            "voice_to_voice": voice_to_voice(turns),
            "turns": [turn.as_json(number) for number, turn in enumerate(turns, 1)],
            "problems": self.problems,
            "warnings": self.warnings,
        }

    def write(self) -> None:
        """Writes transcript.jsonl and turns.json into the folder of the clip; notes an error if it cannot."""
        lines = (json.dumps(spoken.as_json(), ensure_ascii=False) for spoken in self.recorder.transcripts)
        try:
            write_lines(self.clip.folder / "transcript.jsonl", lines)
            write_lines(self.clip.folder / "turns.json", [json.dumps(self.as_json(), ensure_ascii=False, indent=2)])
        except ResourceError as error:
            self.error = self.error or error


def _describe(failure: NodeFailed) -> str:
    hint = f"\nhint: {failure.hint}" if failure.hint else ""
    trace = "".join(f"\n  {line}" for line in failure.trace) if exits.debugging() else ""
    return f"{failure.node}: {failure.message}{hint}{trace}"


def write_lines(file: Path, lines: Iterable[str]) -> None:
    """Writes a text file atomically, so that a full disk or a second Ctrl-C does not damage an earlier file."""
    partial = file.with_name(f".{file.name}.partial")
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(partial, "w", encoding="utf-8", errors="backslashreplace", opener=private) as out:
                out.writelines(f"{line}\n" for line in lines)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)


def code_of(results: Iterable[Result]) -> int:
    """The exit code of a replay: that of the first clip with a problem."""
    return next((result.code for result in results if result.code), exits.OK)
