"""`tts.hibari`: the Hibari voices, small, fast and English; the default voice needs no download."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from nodes.tts._onnx import expose
from nodes.tts._phonemes import IPA, SILENCE, timed
from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import NOTHING, SynthesizedSpeech, finished
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError, UserInputError

if TYPE_CHECKING:
    from hibari import Hibari as Model

_LATE = 0.05
"""Seconds by which the durations lag behind the sound, at any speed (measured on vowels and hisses)."""


class HibariParams(VoiceParams):
    """Parameters of a Hibari voice."""

    voice: str = "heart"
    """heart (American, in the package); emma or fable (British), fenrir or kore (American) if installed."""
    seed: int = Field(0, ge=0)
    """Seed of the breath noise. The same seed and text give the same samples."""
    threads: int = Field(1, ge=1, le=64)
    """CPU threads per sentence."""


class HibariEngine:
    """A loaded voice."""

    def __init__(self, model: Model, durations: str) -> None:
        self.model = model
        self.durations = durations
        """Name of the output with the symbol durations; empty if this version has none."""
        self.letters = {number: letter for letter, number in model.vocab.items()}
        self.sounds = [output.name for output in model.sess.get_outputs() if output.name != durations]

    def speak(self, text: str, params: HibariParams, tail: int) -> SynthesizedSpeech:
        """Synthesises a text, with phonemes if the model reports durations."""
        noise = np.random.default_rng(params.seed)
        sounds: list[Any] = []
        symbols: list[tuple[str, int]] = []
        for part in self.model.phonemize(text):
            ids = self.model.ids(part)
            if not any(letter.isalpha() for letter in part):
                continue  # punctuation only: the voice would breathe it
            samples, lengths = self._run(ids, params.speed, noise)
            sounds.append(samples)
            symbols.extend(zip(self._spelled(ids), lengths, strict=False))
        if not sounds:
            return NOTHING
        rate = self.model.sample_rate
        return finished(np.concatenate(sounds), rate, timed(symbols, rate), loudness=params.loudness, tail=tail)

    def _run(self, ids: list[int], speed: float, noise: np.random.Generator) -> tuple[Any, list[int]]:
        """Returns the samples and the number of samples of each id."""
        from hibari import dsp

        outputs = [*self.sounds, self.durations] if self.durations else self.sounds
        feed = {"ids": np.asarray([ids], np.int64), "speed": np.asarray([speed], np.float32)}
        spectrum = self.model.sess.run(outputs, feed)
        samples = dsp.synth(*(part[0] for part in spectrum[: len(self.sounds)]), noise)
        if not self.durations:
            return samples, []
        ends = np.cumsum(spectrum[-1]) * (len(samples) / spectrum[-1].sum()) - _LATE * self.model.sample_rate
        ends = np.maximum(np.round(ends), 0).astype(int)
        ends[-1] = len(samples)
        return samples, np.diff(ends, prepend=0).tolist()

    def _spelled(self, ids: Iterable[int]) -> list[str]:
        letters = [self.letters.get(number, SILENCE) for number in ids]
        return [IPA.get(letter, letter) for letter in letters]


def load_hibari(params: HibariParams) -> HibariEngine:
    """Loads the voice and speaks a word, so that the first sentence is not slow.

    Raises DependencyError without the package, UserInputError for an unknown voice and
    ResourceError if the file of the voice is missing.
    """
    try:
        from hibari import Hibari as Model
        from hibari.voices import VOICES, voice_path
    except ImportError as error:
        raise DependencyError("tts.hibari needs the package hibari-tts", hint="pip install hibari-tts") from error
    if params.voice not in VOICES:
        raise UserInputError(f"Hibari has no voice {params.voice!r}", hint=f"it has {', '.join(VOICES)}")
    try:
        file = Path(voice_path(params.voice, download_missing=False))
    except FileNotFoundError as error:
        raise ResourceError(
            f"the Hibari voice {params.voice} is missing, and nothing is downloaded while a session runs",
            hint=f"run `hibari --voice {params.voice} Hello` once, or copy its file to {error.args[0]}",
        ) from error
    model, durations = expose(file.read_bytes(), "Round")
    # The package accepts bytes as a path, as onnxruntime does.
    engine = HibariEngine(Model(params.voice, model, params.threads), durations)
    engine.speak("Hello.", params, 0)
    return engine


class Hibari(TtsService[HibariParams]):
    """Speaks English with a Hibari voice, in about ten milliseconds per sentence, with timed phonemes.

    The same text always gives the same samples.
    """

    engine = Pooled(load_hibari, key=lambda p: (p.voice, p.threads), threads=lambda p: p.threads)

    async def speak(self, text: str) -> SynthesizedSpeech:
        """Synthesises a text."""
        params, tail = self.params, self.tail(text)
        return await self.engine.run(lambda voice: voice.speak(text, params, tail))
