"""`tts.espeak`: the espeak-ng program; robotic, but with a hundred languages and without a model."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Sentence
from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import SynthesizedSpeech, finished
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError, UserInputError
from pipeline.packet import Packet

_MANDARIN = "cmn"
"""What espeak-ng calls Chinese."""
_WORDS_A_MINUTE = 165
"""Words per minute at speed 1."""
TIMEOUT = 30.0
"""Seconds that the program may take for one text."""


class EspeakParams(VoiceParams):
    """Parameters of espeak-ng."""

    voice: str = "en-us"
    """A language or voice; `espeak-ng --voices` lists them. A sentence in another language is spoken in that one."""

    def voice_for(self, language: str) -> str:
        """The voice of a BCP 47 language: `voice` if that speaks it, or if the language is unknown."""
        base = language.split("-")[0].lower()
        base = _MANDARIN if base == "zh" else base
        return self.voice if not base or self.voice.split("-")[0] == base else base


@dataclass(frozen=True, slots=True)
class EspeakEngine:
    """The installed program."""

    program: str

    def speak(self, text: str, params: EspeakParams, tail: int) -> SynthesizedSpeech:
        """Runs the program for one text.

        Raises UserInputError for an unknown voice, ResourceError if the program fails or does
        not finish within `TIMEOUT`, and DependencyError if it cannot be started.
        """
        words = round(_WORDS_A_MINUTE * params.speed)
        # The text goes to stdin: as an argument it could be taken for an option.
        command = [self.program, "-b", "1", "-v", params.voice, "-s", str(words), "--stdin", "--stdout"]
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired as error:
            raise ResourceError(
                f"espeak-ng did not finish within {TIMEOUT:g} s", hint="is this machine overloaded?"
            ) from error
        except OSError as error:
            raise DependencyError(f"espeak-ng cannot be started: {error.strerror}", hint="install it again") from error
        if done.returncode != 0:
            raise _complaint(done.stderr.decode(errors="replace").strip(), params.voice)
        samples, rate = _wave(done.stdout)
        return finished(samples, rate, (), loudness=params.loudness, tail=tail)


def _complaint(words: str, voice: str) -> UserInputError | ResourceError:
    if "voice" in words.lower():
        return UserInputError(f"espeak-ng has no voice {voice!r}", hint="`espeak-ng --voices` lists what it has")
    return ResourceError(f"espeak-ng failed: {words or 'it said nothing'}", hint="run it in a terminal to see why")


def _wave(file: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of a WAV stream; written to a pipe, its header has no lengths."""
    start = file.find(b"data") + 8
    rate = int.from_bytes(file[24:28], "little")
    sound = file[start : len(file) - (len(file) - start) % 2]
    return np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(32768), rate


def load_espeak(params: EspeakParams) -> EspeakEngine:
    """Finds the program and speaks a word, so that an unknown voice is reported at the start."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise DependencyError(
            "tts.espeak needs the program espeak-ng",
            hint="apt install espeak-ng, dnf install espeak-ng or brew install espeak-ng",
        )
    engine = EspeakEngine(program)
    engine.speak("Hello.", params, 0)
    return engine


class Espeak(TtsService[EspeakParams]):
    """Speaks with the espeak-ng program; the last fallback when no other voice works.

    The language of each sentence chooses the voice. Reports no phoneme times, so the face follows
    the loudness. Needs espeak-ng on the PATH.
    """

    engine = Pooled(load_espeak, key=lambda p: p.voice)

    def cache_key(self, packet: Packet) -> str | None:
        """Equal text in one voice gives equal sound."""
        return f"{self.params.voice_for(packet.language)} {packet.text}" if isinstance(packet, Sentence) else None

    async def speak(self, text: str) -> SynthesizedSpeech:
        """Synthesises a text with the voice of the parameters."""
        return await self._speak(text, "")

    async def speak_sentence(self, sentence: Sentence) -> SynthesizedSpeech:
        """Synthesises a sentence in its own language."""
        return await self._speak(sentence.text, sentence.language)

    async def _speak(self, text: str, language: str) -> SynthesizedSpeech:
        tail = self.tail(text)
        params = self.params.model_copy(update={"voice": self.params.voice_for(language)})
        return await self.engine.run(lambda program: program.speak(text, params, tail))
