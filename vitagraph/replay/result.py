"""What came of one clip: the figures for the table, and the files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.media.files import writing
from pipeline.errors import ResourceError
from pipeline.events import NodeFailed
from pipeline.packet import SECOND
from pipeline.runtime.report import SessionReport
from vitagraph import exits
from vitagraph.replay.clip import Clip
from vitagraph.replay.recorder import Recorder
from vitagraph.waterfall import voice_to_voice


@dataclass(slots=True)
class Result:
    """One clip's replay, finished or not."""

    clip: Clip
    recorder: Recorder = field(default_factory=Recorder)
    report: SessionReport | None = None
    """None while it runs, and where it could not begin."""
    error: Exception | None = None
    """Why it could not begin, or ended early."""
    took: float = 0.0
    """Real seconds, without loading models."""

    @property
    def speed(self) -> float | None:
        """Seconds of audio, in or out, a real second."""
        audio = max(self.recorder.heard, self.recorder.spoken)
        return audio / SECOND / self.took if audio and self.took else None

    @property
    def words(self) -> int:
        """How many words were understood."""
        return sum(len(turn.heard.split()) for turn in self.recorder.turns)

    @property
    def failures(self) -> list[NodeFailed]:
        """The failures that no fallback took over."""
        return [failure for failure in self.recorder.failures if not failure.answered_by]

    @property
    def problems(self) -> list[str]:
        """In words: why it could not begin or ended early, what failed, what did not stop."""
        error = [str(self.error)] if self.error else []
        failed = dict.fromkeys(_describe(failure) for failure in self.failures)
        stuck = [str(each) for each in self.report.stuck] if self.report else []
        late = ["it did not drain: a node waits for something"] if self._ended == "drained late" else []
        return [*error, *failed, *stuck, *late]

    @property
    def warnings(self) -> list[str]:
        """In words: what went wrong but was made good."""
        lost = "parts of the file could not be decoded; the rest was used"
        told = [f"{each.parts} {lost}" for each in self.recorder.damages]
        for failure in self.recorder.failures:
            if failure.answered_by:
                told.append(f"{_describe(failure)}\n{failure.answered_by} took over")
        return list(dict.fromkeys(told))

    @property
    def code(self) -> int:
        """The exit code that this clip asks for."""
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
        """Writes transcript.jsonl and turns.json beside what the graph's sinks wrote; that it cannot is an error."""
        lines = (json.dumps(spoken.as_json(), ensure_ascii=False) for spoken in self.recorder.transcripts)
        try:
            _write(self.clip.folder / "transcript.jsonl", lines)
            _write(self.clip.folder / "turns.json", [json.dumps(self.as_json(), ensure_ascii=False, indent=2)])
        except ResourceError as error:
            self.error = self.error or error


def _describe(failure: NodeFailed) -> str:
    hint = f"\nhint: {failure.hint}" if failure.hint else ""
    return f"{failure.node}: {failure.message}{hint}"


def _write(file: Path, lines: Iterable[str]) -> None:
    """All of it or nothing: a full disk or a second Ctrl-C does not spoil what was there before."""
    partial = file.with_name(f".{file.name}.partial")
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)


def code_of(results: Iterable[Result]) -> int:
    """The exit code of a replay: that of the first clip that went wrong."""
    return next((result.code for result in results if result.code), exits.OK)
