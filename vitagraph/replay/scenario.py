"""Scenarios: expectations for a graph and real recordings, in a file beside the graph.

clips:
  - clip: speech-beckett/beckett.wav     # in the catalogue, or a path relative to this file
    hears: Ever tried. Ever failed.
    answers: 1
    within: 1500ms
    absent: [thank you]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nodes import models
from pipeline.errors import GraphError, Location, UserInputError
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.params import Duration, show_duration
from vitagraph.replay.clip import Clip
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints
from vitagraph.replay.result import Result
from vitagraph.replay.run import Replay

_HAN = "[\u3400-\u9fff]"
Text = Annotated[str, BeforeValidator(str)]


class Expectation(BaseModel):
    """One clip and the expected result."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    clip: str
    """`NAME/FILE` in the catalogue, or a path relative to the scenario."""
    settings: dict[str, Text] = Field(default_factory=dict)
    """Settings, as with --set."""
    hears: str = ""
    """The words spoken in the clip."""
    errors: float = Field(0.2, ge=0)
    """Maximum word error rate of the transcript."""
    answers: int | None = Field(None, ge=0)
    """Number of answered turns."""
    says: str = ""
    """A regular expression that must match in the answers."""
    within: Duration | None = None
    """Maximum voice-to-voice latency of every answered turn, in virtual time with measured compute."""
    absent: list[str] = Field(default_factory=list)
    """Texts that must occur neither in transcripts nor in answers."""
    fails: bool = False
    """Whether failures without a fallback are allowed."""


class Scenario(BaseModel):
    """All expectations for one graph."""

    model_config = ConfigDict(extra="forbid")

    clips: list[Expectation]


def scenario_of(graph: Path) -> Path:
    """`assistant.scenario.yaml` beside `assistant.yaml`."""
    return graph.with_name(f"{graph.stem}.scenario.yaml")


def read_scenario(file: Path) -> Scenario:
    """Reads a scenario; raises UserInputError if there is none, GraphError if it is invalid."""
    from ruamel.yaml import YAML

    try:
        return Scenario.model_validate(YAML(typ="safe").load(file.read_text("utf-8")))
    except FileNotFoundError:
        raise UserInputError(f"{file}: no such file", hint="the scenario of a graph is a file beside it") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise GraphError(f"{place}: {first['msg']}", where=Location(str(file))) from None


def run_scenario(graph: Path, out: Path) -> Iterator[tuple[Expectation, Result, list[str]]]:
    """Replays each clip; yields the expectation, the result and the deviations."""
    file = scenario_of(graph)
    for expectation in read_scenario(file).clips:
        clip = _clip(expectation, file, out)
        registry = FileRegistry()
        ends = find_file_endpoints(graph, registry, expectation.settings)
        settings = {**expectation.settings, **ends.settings(clip.path, clip.folder)}
        run = Replay(
            [(clip, plan(load(graph, registry=registry, settings=settings), registry))], lambda _clip, _heard: None
        )
        run.run("virtual", "measured")
        yield expectation, run.results[0], list(_misses(expectation, run.results[0]))


def _clip(expectation: Expectation, file: Path, out: Path) -> Clip:
    name, _, rest = expectation.clip.partition("/")
    path = models.path(name) / rest if name in models.catalogue() else file.parent / expectation.clip
    return Clip(path, out / path.stem)


def _misses(expected: Expectation, result: Result) -> Iterator[str]:
    turns = result.recorder.turns
    # A turn that continued before its answer started is contained in the next.
    heard = " ".join(turn.heard for turn in turns if turn.outcome != "interrupted" or "audible" in turn.reached)
    said = result.recorder.said
    if result.problems and not expected.fails:
        yield f"problems: {'; '.join(result.problems)}"
    if expected.hears and (rate := word_error_rate(expected.hears, heard)) > expected.errors:
        yield f"heard {heard!r}: {rate:.0%} of the words are wrong, {expected.errors:.0%} are allowed"
    answered = sum("audible" in turn.reached for turn in turns)
    if expected.answers is not None and answered != expected.answers:
        yield f"answered {answered} turns, not {expected.answers}"
    if expected.says and not re.search(expected.says, said, re.IGNORECASE):
        yield f"said {said!r}, which does not match {expected.says!r}"
    for silence in (turn.silence for turn in turns if turn.silence is not None):
        if expected.within is not None and silence > expected.within:
            yield f"answered after {show_duration(silence)}, not within {show_duration(expected.within)}"
    yield from _unwanted(expected.absent, {"heard": heard, "said": said})


def _unwanted(absent: list[str], texts: dict[str, Any]) -> Iterator[str]:
    for words in absent:
        for how, text in texts.items():
            if words.lower() in text.lower():
                yield f"{how} {words!r}, which must be absent: {text!r}"


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; each Chinese character is one."""
    return re.findall(rf"{_HAN}|(?:(?!{_HAN})[\w'])+", text.lower().replace("’", "'"))


def word_error_rate(said: str, heard: str) -> float:
    """Word error rate: substitutions, deletions and insertions per word of `said`."""
    expected, found = words(said), words(heard)
    row = list(range(len(found) + 1))
    for i, wanted in enumerate(expected, 1):
        before, row[0] = row[0], i
        for j, got in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (wanted != got))
    return row[-1] / max(1, len(expected))
