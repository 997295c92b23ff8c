"""`vitagraph health`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nodes.packets import Sentence, Speech
from pipeline.errors import ResourceError
from pipeline.node import Service
from pipeline.params import Params
from pipeline.port import Input, Output
from tests.vitagraph.conftest import Run
from vitagraph import exits

GRAPH = """
vitagraph: 1
nodes:
  text: media.text
  sentences: text.sentences
  tts:
    use: tests.vitagraph.commands.test_health:Voice
    mute: {primary}
    fallback:
      - {{use: "tests.vitagraph.commands.test_health:Voice", mute: {spare}}}
  out: media.sink
links:
  - text -> sentences -> tts -> out.audio
"""


class VoiceParams(Params):
    """Its state."""

    mute: bool = False


class Voice(Service[VoiceParams]):
    """A voice whose probe can fail."""

    text = Input(Sentence)
    speech = Output(Speech, rate=16_000, channels=1)

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """Yields nothing."""
        return
        yield

    async def probe(self) -> None:
        """Raises if it is mute."""
        if self.params.mute:
            raise ResourceError("it is mute [/x]", hint="give it a voice")


@pytest.mark.parametrize(
    ("primary", "spare", "code"),
    [
        (False, False, exits.OK),
        (True, False, exits.FAILED),
        (False, True, exits.FAILED),
        (True, True, exits.UNAVAILABLE),
    ],
)
def test_health_command_exit_code_tells_the_severity(
    primary: bool, spare: bool, code: int, run: Run, tmp_path: Path
) -> None:
    """A monitoring script can tell a fallback from an outage."""
    file = tmp_path / "graph.yaml"
    file.write_text(GRAPH.format(primary=str(primary).lower(), spare=str(spare).lower()), encoding="utf-8")
    ran = run("health", file)
    assert (ran.code, ran.err) == (code, "")
    rows = [line.split() for line in ran.out.splitlines() if line.startswith("tts")]
    assert [row[2] for row in rows] == ["unhealthy" if ill else "healthy" for ill in (primary, spare)]
    assert ran.out.count("give it a voice") == primary + spare == ran.out.count("it is mute [/x]")


def test_health_command_prints_json(run: Run, tmp_path: Path) -> None:
    """With the same exit code."""
    file = tmp_path / "graph.yaml"
    file.write_text(GRAPH.format(primary="true", spare="false"), encoding="utf-8")
    ran = run("health", file, "--json")
    assert ran.code == exits.FAILED
    told = {(each["node"], each["state"]): each for each in json.loads(ran.out) if each["node"] == "tts"}
    assert set(told) == {("tts", "unhealthy"), ("tts", "healthy")}
    assert (told["tts", "unhealthy"]["message"], told["tts", "unhealthy"]["hint"]) == (
        "it is mute [/x]",
        "give it a voice",
    )
    assert told["tts", "healthy"]["took_ms"] >= 0


def test_health_command_reports_an_invalid_graph(run: Run, tmp_path: Path) -> None:
    """With the position."""
    (tmp_path / "graph.yaml").write_text("vitagraph: 1\nnodes: {a: no.such}\n", encoding="utf-8")
    ran = run("health", "graph.yaml")
    assert ran.code == exits.GRAPH and "graph.yaml:2" in ran.err
