"""The espeak-ng program: robotic, but a hundred languages, no model, and it always answers."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import SynthesizedSpeech, finished
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError, UserInputError

_WORDS_A_MINUTE = 165
"""Its pace at speed 1."""
TIMEOUT = 30.0
"""Seconds that the program may take for one text."""


class EspeakParams(VoiceParams):
    """What can be set of espeak-ng."""

    voice: str = "en-us"
    """A language or voice that `espeak-ng --voices` lists."""


@dataclass(frozen=True, slots=True)
class EspeakEngine:
    """The installed program."""

    program: str

    def speak(self, text: str, params: EspeakParams, tail: int) -> SynthesizedSpeech:
        """Runs the program once for a text."""
        words = round(_WORDS_A_MINUTE * params.speed)
        # The text goes in by a pipe: as an argument it could look like an option.
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
    return ResourceError(f"espeak-ng failed: {words or 'it said nothing'}", hint="try it by hand in a terminal")


def _wave(file: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of a WAV file that was written to a pipe, whose lengths are therefore unknown."""
    start = file.find(b"data") + 8
    rate = int.from_bytes(file[24:28], "little")
    sound = file[start : len(file) - (len(file) - start) % 2]
    return np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(32768), rate


def load_espeak(params: EspeakParams) -> EspeakEngine:
    """Finds the program and lets it say a word in the voice, so that a wrong one is known at the start."""
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
    """Speaks with the espeak-ng program, as the voice that is left when no other works.

    It tells no phoneme times, so the face follows the loudness. Needs espeak-ng on the PATH.
    """

    engine = Pooled(load_espeak, key=lambda p: p.voice)

    async def speak(self, text: str) -> SynthesizedSpeech:
        """What the program makes of a text."""
        params, tail = self.params, self.tail(text)
        return await self.engine.run(lambda program: program.speak(text, params, tail))
