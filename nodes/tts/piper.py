"""`tts.piper`: the Piper voices, with timed phonemes.

piper-tts is GPL-3.0; no other module imports it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nodes import models
from nodes.tts._onnx import expose, freeze_noise
from nodes.tts._phonemes import SILENCE, timed
from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import NOTHING, SynthesizedSpeech, finished
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError, UserInputError

if TYPE_CHECKING:
    from piper import PiperVoice

_LONGEST = 250
"""Maximum symbols per run of the model; its memory use grows with their square."""


class PiperParams(VoiceParams):
    """Parameters of a Piper voice."""

    voice: str = "piper-joe"
    """A voice in the model catalogue, or the path of an .onnx file with its .onnx.json beside it."""
    speaker: int | str | None = None
    """Number or name of a speaker, for voices with several; by default the voice's own."""
    noise_scale: float | None = Field(None, ge=0, le=2)
    """Variation of the sound, 0 to 2; by default the voice's own (mostly 0.667)."""
    noise_w_scale: float | None = Field(None, ge=0, le=2)
    """Variation of the rhythm, 0 to 2; by default the voice's own (mostly 0.8)."""
    seed: int = Field(0, ge=0)
    """Seed of the noise. The same seed and text give the same samples."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device to run on; auto uses a GPU if there is one."""
    threads: int = Field(1, ge=1, le=64)
    """CPU threads per sentence. All sessions share one voice, so more than 1 helps only an idle machine."""


class PiperEngine:
    """A loaded voice."""

    def __init__(self, voice: PiperVoice) -> None:
        self.voice = voice
        self.symbols = {ids[0]: symbol for symbol, ids in voice.config.phoneme_id_map.items() if len(ids) == 1}

    def speak(self, text: str, params: PiperParams, tail: int) -> SynthesizedSpeech:
        """Synthesises a text, with phonemes if the voice reports durations."""
        config = self._settings(params)
        sounds: list[NDArray[np.float32]] = []
        symbols: list[tuple[str, int]] = []
        # Piper reads `[[ ]]` as phonemes.
        for sentence in self.voice.phonemize(text.replace("[[", " ").replace("]]", " ")):
            for part in split_symbols(sentence):
                ids = self.voice.phonemes_to_ids(part)
                sound, lengths = self.voice.phoneme_ids_to_audio(ids, config, include_alignments=True)
                sounds.append(np.atleast_1d(sound))
                if lengths is not None:
                    symbols.extend(self.align(ids, lengths.tolist()))
        if not sounds:
            return NOTHING
        rate = self.voice.config.sample_rate
        return finished(np.concatenate(sounds), rate, timed(symbols, rate), loudness=params.loudness, tail=tail)

    def align(self, ids: list[int], lengths: list[int]) -> Iterator[tuple[str, int]]:
        """Yields each symbol with its samples; the pad before a phoneme belongs to it, as measured."""
        pad = self.voice.config.phoneme_id_map["_"][0]
        held = 0
        for number, length in zip(ids, lengths, strict=True):
            held += length
            if number != pad:
                symbol = self.symbols.get(number, SILENCE)
                yield (SILENCE if symbol in "^$" else symbol), held
                held = 0

    def _settings(self, params: PiperParams) -> Any:
        from piper import SynthesisConfig

        return SynthesisConfig(
            speaker_id=self.speaker_id(params.speaker),
            length_scale=self.voice.config.length_scale / params.speed,
            noise_scale=params.noise_scale,
            noise_w_scale=params.noise_w_scale,
            normalize_audio=False,
        )

    def speaker_id(self, speaker: int | str | None) -> int | None:
        """The number of a speaker; raises UserInputError if the voice does not have it."""
        if speaker is None:
            return None
        config = self.voice.config
        number = config.speaker_id_map.get(speaker) if isinstance(speaker, str) else speaker
        if number is None or not 0 <= number < config.num_speakers:
            names = ", ".join(sorted(config.speaker_id_map)[:20]) or "none by name"
            raise UserInputError(
                f"this Piper voice has no speaker {speaker!r}",
                hint=f"give a number from 0 to {config.num_speakers - 1}, or a name it has: {names}",
            )
        return int(number)


def split_symbols(symbols: list[str]) -> Iterator[list[str]]:
    """Pieces of at most `_LONGEST` symbols, split after a comma if there is one, else between words.

    A piece without letters, such as a lone full stop, is dropped: the voice would breathe it.
    """
    while len(symbols) > _LONGEST:
        marks = [at for at in range(_LONGEST // 2, _LONGEST) if symbols[at] in ",;:"]
        gaps = [at for at in range(_LONGEST // 2, _LONGEST) if symbols[at] == " "]
        cut = (marks or gaps or [_LONGEST - 1])[-1] + 1
        yield symbols[:cut]
        symbols = symbols[cut:]
    if any(symbol.isalpha() for symbol in symbols):
        yield symbols


def load_piper(params: PiperParams) -> PiperEngine:
    """Loads the voice and speaks a word, so that the first sentence is not slow.

    Raises DependencyError without the package or GPU, ResourceError if the files are missing or
    unusable, and UserInputError for an unknown speaker.
    """
    try:
        from piper import PiperConfig, PiperVoice
        from piper.config import PhonemeType
    except ImportError as error:
        raise DependencyError(
            "tts.piper needs the package piper-tts", hint="pip install piper-tts, or use tts.hibari"
        ) from error
    model = voice_file(params.voice)
    description = Path(f"{model}.json")
    if not description.is_file():
        raise ResourceError(
            f"the voice {model} has no {description.name} beside it", hint="a Piper voice consists of both files"
        )
    config = PiperConfig.from_dict(json.loads(description.read_text(encoding="utf-8")))
    if config.phoneme_type is PhonemeType.PINYIN:
        raise ResourceError(
            f"the voice {model.name} would download a dictionary from the network while it speaks",
            hint="use a Chinese voice with espeak phonemes",
        )
    engine = PiperEngine(PiperVoice(session=_session(model, params), config=config))
    engine.speaker_id(params.speaker)
    engine.speak("Hello.", params.model_copy(update={"speaker": None}), 0)
    return engine


def voice_file(voice: str) -> Path:
    """The .onnx file of a voice; raises ResourceError if there is not exactly one."""
    place = models.path(voice)
    files = sorted(place.glob("*.onnx")) if place.is_dir() else [place]
    if len(files) != 1:
        raise ResourceError(
            f"{voice} is not a single Piper voice: {len(files)} .onnx files in {place}",
            hint="give the path of one file",
        )
    return files[0]


def _session(model: Path, params: PiperParams) -> Any:
    import onnxruntime

    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if params.device == "cuda" and not has_gpu:
        raise DependencyError("onnxruntime finds no GPU", hint="install onnxruntime-gpu, or set device: cpu")
    on_gpu = has_gpu and params.device != "cpu"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = params.threads, 1
    # Voices without exactly one Ceil node report no durations; the face then follows the loudness.
    talking, _ = expose(model.read_bytes(), "Ceil")
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if on_gpu else ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(freeze_noise(talking, params.seed), options, providers=providers)


class Piper(TtsService[PiperParams]):
    """Speaks with a Piper voice, with timed phonemes.

    The same text always gives the same samples. A long text is synthesised in parts but sent as
    one speech. Needs the package piper-tts, which is GPL-3.0-or-later.
    """

    engine = Pooled(load_piper, key=lambda p: (p.voice, p.seed, p.device, p.threads), threads=lambda p: p.threads)

    async def speak(self, text: str) -> SynthesizedSpeech:
        """Synthesises a text."""
        params, tail = self.params, self.tail(text)
        return await self.engine.run(lambda voice: voice.speak(text, params, tail))
