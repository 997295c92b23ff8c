"""`tts.espeak`: the last fallback of voices."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.packets import Sentence, Speech
from nodes.tts import espeak
from nodes.tts.espeak import Espeak, EspeakEngine, EspeakParams, load_espeak
from pipeline.errors import DependencyError, ResourceError, UserInputError, classify
from pipeline.testing import root_stamp, run_node
from tests.nodes.tts.listen import heard, say

installed = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@installed
@pytest.mark.real_model
def test_espeak_speech_is_intelligible() -> None:
    (speech,) = say(Espeak(), "What time is it? I think we should leave now.")
    assert {"time", "think", "leave"} <= set(heard(speech))
    assert speech.phonemes == ()


@installed
def test_espeak_text_cannot_become_an_option() -> None:
    """Text of a model must not reach the command line."""
    engine = load_espeak(EspeakParams())
    assert len(engine.speak("--version", EspeakParams(), 0).samples) > 5000
    assert len(engine.speak("...", EspeakParams(), 0).samples) == 0
    one, two = (engine.speak("The same, twice.", EspeakParams(), 0) for _ in range(2))
    assert np.array_equal(one.samples, two.samples)


@installed
def test_espeak_speed_and_language_parameters_work() -> None:
    engine = load_espeak(EspeakParams())
    slow, fast = (len(engine.speak("Good morning.", EspeakParams(speed=s), 0).samples) for s in (0.8, 1.6))
    assert fast < slow * 0.75
    assert len(load_espeak(EspeakParams(voice="de")).speak("Schöne Grüße", EspeakParams(voice="de"), 0).samples) > 5000


@installed
def test_espeak_sentence_chooses_its_voice() -> None:
    """The fallback of a voice of several languages does not read French as if it were English."""
    params = EspeakParams()
    assert [params.voice_for(each) for each in ("", "en-GB", "fr-CA", "zh-CN")] == ["en-us", "en-us", "fr", "cmn"]
    node = Espeak()
    sentences = [Sentence(root_stamp(), "Paris", language=each) for each in ("", "en", "fr", "zh")]
    assert len({node.cache_key(sentence) for sentence in sentences}) == 3
    first, same, french, _ = run_node(node, sentences).of(Speech)
    assert np.array_equal(first.samples, same.samples) and not np.array_equal(first.samples, french.samples)


@installed
def test_espeak_unknown_voice_is_reported_at_start() -> None:
    """Not in the first answer."""
    with pytest.raises(UserInputError, match="no voice 'klingonian'"):
        load_espeak(EspeakParams(voice="klingonian"))


def test_espeak_missing_program_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(DependencyError) as caught:
        load_espeak(EspeakParams())
    assert "apt install espeak-ng" in caught.value.hint


def test_espeak_program_failure_is_a_resource_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message contains its output."""

    def fails(*_: Any, **__: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], 1, b"", b"cannot allocate")

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(ResourceError, match="cannot allocate"):
        EspeakEngine("espeak-ng").speak("Hello", EspeakParams(), 0)


def test_espeak_time_out_is_a_resource_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry would wait as long again: only remote parties are worth a second attempt."""
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(espeak, "TIMEOUT", 0.1)
    with pytest.raises(ResourceError, match=r"espeak-ng did not finish within 0.1 s") as caught:
        EspeakEngine(str(program)).speak("Hello", EspeakParams(), 0)
    assert classify(caught.value) == "resource" and not caught.value.retryable


def test_espeak_program_removed_while_running_is_a_dependency_error(tmp_path: Path) -> None:
    """The user's input is not at fault."""
    with pytest.raises(DependencyError, match="espeak-ng cannot be started"):
        EspeakEngine(str(tmp_path / "gone")).speak("Hello", EspeakParams(), 0)
