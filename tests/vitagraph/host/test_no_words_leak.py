"""No word, sound, key or token of a call gets into logs, metrics, traces or alerts."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import openai  # noqa: F401 - loaded before the calls: it takes seconds, in which a fallback would answer
import pytest
from fastapi import Request

from nodes.packets import Samples, Sentence, Speech
from pipeline.errors import NodeError
from pipeline.node import Service
from pipeline.params import NoParams
from pipeline.port import Input, Output
from tests.browser.sounds import clip
from tests.nodes.dialogue.endpoint import Reply, endpoint
from tests.vitagraph.host.dialling import Caller, dial, gone, hosting, scripted
from tests.vitagraph.observe.collector import collecting
from vitagraph import logs
from vitagraph.host.call_manager import CallManager

SPOKEN = "speech-audioeval/en/quick_brown_fox.wav"
WORDS = ("quick brown", "brown fox", "lazy dog")
"""What the recording says."""
ANSWER, TYPED, INSTRUCTED = "xylophone quokkas", "sesame marzipan", "obey the kumquat"
HOST_KEY, ENDPOINT_KEY, TURN_KEY = "hostkey-7Qz9", "endpointkey-4Rt8", "turnkey-2Lm5"
SECRETS = (*WORDS, ANSWER, TYPED, INSTRUCTED, HOST_KEY, ENDPOINT_KEY, TURN_KEY)


class Blurts(Service[NoParams]):
    """A voice that fails with what it should say in its message, as careless code does."""

    text = Input(Sentence)
    speech = Output(Speech, rate=24_000, channels=1)

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """Raises."""
        if sentence.text:
            raise KeyError(sentence.text)
        yield Speech(sentence.at, np.zeros(0, np.int16), 24_000, "")


class Quotes(Blurts):
    """The same, with an error of ours."""

    @Blurts.text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """Raises."""
        if sentence.text:
            raise NodeError(f"it cannot say {sentence.text}")
        yield Speech(sentence.at, np.zeros(0, np.int16), 24_000, "")


HERE = "tests.vitagraph.host.test_no_words_leak"
GRAPH = f"""
vitagraph: 1
nodes:
  caller: webrtc.source
  vad: vad.energy
  turn: {{use: turn.endpoint, floor: 200ms, ceiling: 300ms}}
  asr: {{use: asr.whisper, model: whisper-tiny.en}}
  chat: {{use: dialogue.openai, model: small, base_url: 'URL', api_key_env: ENDPOINT_KEY, fallback: dialogue.script}}
  sentences: text.sentences
  tts:
    use: "{HERE}:Blurts"
    fallback: ["{HERE}:Quotes", "tests.vitagraph.host.dialling_nodes:Beeper"]
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
  - turn.typed -> chat
"""


@pytest.fixture
def everything() -> Iterator[io.StringIO]:
    """The JSON log: as a host writes it, and of our own packages from the lowest level on."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    logs.set_up("json")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    ours = [logging.getLogger(name) for name in ("vitagraph", "pipeline", "nodes")]
    for each in ours:
        each.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    for each in ours:
        each.setLevel(logging.NOTSET)


def recording() -> Samples:
    """The sentence at 48 kHz between silences."""
    quiet = np.zeros(24_000, np.int16)
    return np.concatenate([quiet, clip(SPOKEN), quiet, quiet])


def answers(reply: Reply) -> None:
    """First an answer, then an error that repeats the question, as endpoints do."""
    if len(reply.endpoint.bodies) % 2:
        reply.begin()
        reply.send(f"The {ANSWER}.")
        reply.raw("[DONE]")
    else:
        reply.error(400, f"cannot answer {json.dumps(reply.body)} with {ENDPOINT_KEY}")


async def _talk(manager: CallManager, sound: Samples) -> Caller:
    caller = await dial(manager, instructions=INSTRUCTED)
    await caller.speak(sound)
    await caller.wait_for("response.done")
    caller.type(TYPED)
    await caller.wait_for("response.done", 2)
    caller.tell(type="vitagraph.rating", response=TYPED, value=7)  # refused, with an error
    await caller.wait_for("error")
    return caller


@pytest.mark.real_model
def test_no_word_or_key_gets_into_logs_metrics_or_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everything: io.StringIO
) -> None:
    """An operator may keep them for ever and send them anywhere."""
    monkeypatch.setenv("ENDPOINT_KEY", ENDPOINT_KEY)
    monkeypatch.setenv("VITAGRAPH_DEBUG", "1")
    sound = recording()

    async def scene(manager: CallManager) -> tuple[str, str]:
        caller = await _talk(manager, sound)
        timeline = manager.observation.archive.find(caller.call_.id)
        await caller.close()
        await gone(manager)
        request = Request({"type": "http", "headers": [(b"accept", b"application/openmetrics-text")]})
        text = bytes((await manager.metrics.answer(request)).body).decode()
        assert timeline is not None
        return text, " ".join(turn.heard.lower() for turn in timeline.document().turns)

    with collecting() as collected, endpoint(answers) as served:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        graph = scripted(tmp_path, text=GRAPH.replace("URL", served.url))
        metrics, heard = hosting(scene, graph, key=HOST_KEY, turn_secret=TURN_KEY)
    said = everything.getvalue()
    assert "lazy dog" in heard and TYPED in heard, "the call was no test"
    assert len(served.bodies) == 2 and "failed, category" in said and collected.spans and "vitagraph_turns" in metrics
    for place, text in (
        ("log", said.lower()),
        ("metrics", metrics.lower()),
        ("traces", b"\n".join(collected.bodies).decode("latin-1").lower()),
    ):
        assert [each for each in SECRETS if each.lower() in text] == [], place
