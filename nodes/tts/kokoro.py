"""`tts.kokoro`: the Kokoro voices, in seven languages, with timed phonemes."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nodes import models
from nodes.packets import Sentence
from nodes.tts._g2p import g2p
from nodes.tts._onnx import expose
from nodes.tts._phonemes import IPA, SILENCE, timed
from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import NOTHING, SynthesizedSpeech, finished, joined
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, ResourceError, UserInputError
from pipeline.packet import Packet

RATE = 24_000
FRAME = 600
"""Samples of one frame of the phoneme durations."""
LONGEST = 510
"""Symbols that the model can take at once, without the two pads."""
PIECE = 340
"""Symbols of one piece of a longer text: about 80 Chinese characters, or 25 s of English."""
_LATE = 0.05
"""Seconds by which the durations lag behind the sound (measured: 30 to 90 ms)."""
_INNER_PAUSE = 60_000_000
"""Nanoseconds between two pieces that do not end a clause."""
_CLAUSE_PAUSE = 160_000_000
"""Nanoseconds between two pieces where a clause ends."""

VOICES = {
    "en": "af_heart",
    "zh": "zf_xiaoxiao",
    "es": "ef_dora",
    "fr": "ff_siwis",
    "hi": "hf_alpha",
    "it": "if_sara",
    "pt": "pf_dora",
}
"""The voice of each language, unless the graph names another."""
_LANGUAGE_OF = {"a": "en", "b": "en", "z": "zh", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt"}
"""The language of a voice, by the first letter of its name."""

SYMBOLS: dict[str, int] = json.loads(files("nodes.tts").joinpath("kokoro_symbols.json").read_text(encoding="utf-8"))
"""The number of each symbol of the model."""
_NAMES = {number: symbol for symbol, number in SYMBOLS.items()}

_LATIN = re.compile(r"[A-Za-z][A-Za-z'’.& -]*[A-Za-z]|[A-Za-z]")
_BREAKS = tuple(map(re.compile, (r"[.!?…]\s+", r"[;:—]\s+", r"[,]\s+", r"\s+")))
"""Where a long text is cut, best first."""

Floats = NDArray[np.float32]


class Piece(NamedTuple):
    """Phonemes that one voice speaks in one run of the model."""

    voice: str
    phonemes: str


class KokoroParams(VoiceParams):
    """Parameters of the Kokoro voices."""

    voice: str = Field("af_heart", pattern="^[abzefhip][fm]_[a-z]+$")
    """The voice of its own language, such as af_heart, am_michael or bf_emma (English), zf_xiaoxiao,
    zf_xiaoyi or zm_yunxi (Chinese); docs/languages.md lists them. Its language is that of text of
    unknown language."""
    others: tuple[str, ...] = ()
    """Voices for other languages, instead of the voice that each has by default."""
    model: str = "kokoro-82m"
    """A name in the model catalogue, or the path of a folder with onnx/model_quantized.onnx and voices/."""
    threads: int = Field(1, ge=1, le=64)
    """CPU threads per sentence: two give a third less waiting for a fifth more work."""

    def language(self) -> str:
        """The language of the main voice."""
        return _LANGUAGE_OF[self.voice[0]]

    def voice_for(self, language: str) -> str:
        """The voice of a BCP 47 language; raises UserInputError if there is none."""
        base = language.split("-")[0].lower() or self.language()
        for voice in (self.voice, *self.others):
            if _LANGUAGE_OF.get(voice[0]) == base:
                return voice
        if base not in VOICES:
            raise UserInputError(
                f"no Kokoro voice speaks {language!r}", hint=f"there are voices for {', '.join(VOICES)}"
            )
        return VOICES[base]


class KokoroEngine:
    """The loaded model; its voices are read when they are first used."""

    def __init__(self, session: Any, durations: str, folder: Path) -> None:
        self.session = session
        self.durations = durations
        self.folder = folder
        self.inputs = [each.name for each in session.get_inputs()]
        self.sound = next(each.name for each in session.get_outputs() if each.name != durations)
        self.styles: dict[str, Floats] = {}

    def speak(self, text: str, language: str, params: KokoroParams, tail: int) -> SynthesizedSpeech:
        """Synthesises a text in a language; raises UserInputError if no voice speaks that."""
        pieces = list(pieces_of(text, language, params))
        spoken = []
        for number, piece in enumerate(pieces, 1):
            ended = piece.phonemes.rstrip().endswith(tuple(".,;:!?…—"))
            pause = tail if number == len(pieces) else _CLAUSE_PAUSE if ended else _INNER_PAUSE
            raw, symbols = self._run(piece, params.speed)
            spoken.append(finished(raw, RATE, timed(symbols, RATE), loudness=params.loudness, tail=pause))
        return joined(spoken) if spoken else NOTHING

    def _run(self, piece: Piece, speed: float) -> tuple[Floats, list[tuple[str, int]]]:
        """The samples of a piece, and its symbols with their samples."""
        numbers = [SYMBOLS[symbol] for symbol in piece.phonemes]
        style = self._style(piece.voice)[min(len(numbers), LONGEST) - 1]
        feed = dict(
            zip(
                self.inputs,
                (np.array([[0, *numbers, 0]], np.int64), style[None], np.array([speed], np.float32)),
                strict=True,
            )
        )
        outputs = [self.sound, self.durations] if self.durations else [self.sound]
        sound, *frames = self.session.run(outputs, feed)
        samples: Floats = sound.reshape(-1)
        if not frames:
            return samples, []
        ends = np.cumsum(frames[0].reshape(-1)) * FRAME - _LATE * RATE
        ends = np.maximum(np.round(ends), 0).astype(int)
        ends[-1] = len(samples)
        return samples, without_gaps([SILENCE, *piece.phonemes, SILENCE], np.diff(ends, prepend=0).tolist())

    def _style(self, voice: str) -> Floats:
        """Shape (510, 256): a row for each number of symbols."""
        if voice not in self.styles:
            file = self.folder / "voices" / f"{voice}.bin"
            if not file.is_file():
                known = ", ".join(sorted(each.stem for each in file.parent.glob("*.bin")))
                raise UserInputError(f"Kokoro has no voice {voice!r}", hint=f"it has {known}")
            self.styles[voice] = np.fromfile(file, np.float32).reshape(LONGEST, 256)
        return self.styles[voice]


def pieces_of(text: str, language: str, params: KokoroParams) -> Iterator[Piece]:
    """The phonemes of a text in pieces that the model can take, each with the voice that speaks it.

    Words in Latin letters within Chinese are spoken by the English voice: the Chinese voices garble them.
    """
    for voice, part in _by_voice(text, language, params):
        spoken = _LANGUAGE_OF[voice[0]]
        phonemes = g2p(spoken, british=voice[0] == "b")(part)
        known = re.sub(r" +", " ", "".join(symbol for symbol in phonemes if symbol in SYMBOLS)).strip()
        for piece in split_phonemes(known):
            if any(map(str.isalpha, piece)):  # of punctuation alone the model makes a noise
                yield Piece(voice, piece)


def _by_voice(text: str, language: str, params: KokoroParams) -> Iterator[tuple[str, str]]:
    voice = params.voice_for(language)
    if _LANGUAGE_OF[voice[0]] != "zh":
        yield voice, text
        return
    at = 0
    for found in _LATIN.finditer(text):
        yield voice, text[at : found.start()]
        yield params.voice_for("en"), found[0]
        at = found.end()
    yield voice, text[at:]


def split_phonemes(phonemes: str) -> Iterator[str]:
    """Pieces of at most 340 symbols, cut after punctuation or else between words."""
    while len(phonemes) > PIECE:
        cuts = ([found.end() for found in each.finditer(phonemes, PIECE // 3, PIECE)] for each in _BREAKS)
        cut = next((found[-1] for found in cuts if found), PIECE)
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:]
    yield phonemes.strip()


def without_gaps(symbols: list[str], lengths: list[int]) -> list[tuple[str, int]]:
    """Symbols as IPA; the space between two words, during which the voice goes on, belongs to its neighbours."""
    out: list[tuple[str, int]] = []
    owed = 0
    for at, (symbol, length) in enumerate(zip(symbols, lengths, strict=True)):
        inside = 0 < at < len(symbols) - 1
        if symbol == SILENCE and inside and out and symbols[at - 1] not in _PUNCTUATION:
            before, samples = out[-1]
            out[-1] = (before, samples + length // 2)
            owed = length - length // 2
            continue
        out.append((IPA.get(symbol, SILENCE if symbol in _PUNCTUATION else symbol), length + owed))
        owed = 0
    return out


_PUNCTUATION = frozenset(';:,.!?—…"()“” ')


def load_kokoro(params: KokoroParams) -> KokoroEngine:
    """Loads the model, and speaks a word, so that the first sentence is not slow.

    Raises ResourceError if its files are missing or damaged, UserInputError for an unknown voice, and
    DependencyError if the main voice's language needs something that is not installed.
    """
    import onnxruntime as ort

    folder = models.path(params.model)
    file = folder / "onnx" / "model_quantized.onnx"
    if not file.is_file():
        raise ResourceError(f"{folder} has no onnx/model_quantized.onnx", hint=f"vitagraph models pull {params.model}")
    model, durations = expose(file.read_bytes(), "Clip")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = params.threads, 1
    # Threads that spin while they wait cost half as much again.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    engine = KokoroEngine(session, durations, folder)
    for voice in (params.voice, *params.others):
        if voice[:1] not in _LANGUAGE_OF:
            raise UserInputError(
                f"no language is known for the voice {voice!r}", hint="Japanese voices are not supported"
            )
    engine.speak(_GREETINGS[params.language()], params.language(), params, 0)
    for voice in params.others:  # the first sentence of the others is not slow either
        with suppress(DependencyError):
            deque(pieces_of(_GREETINGS[_LANGUAGE_OF[voice[0]]], _LANGUAGE_OF[voice[0]], params), maxlen=0)
    return engine


_GREETINGS = {
    "en": "Hello.",
    "zh": "你好。",
    "es": "Hola.",
    "fr": "Bonjour.",
    "hi": "नमस्ते।",
    "it": "Ciao.",
    "pt": "Olá.",
}


class Kokoro(TtsService[KokoroParams]):
    """Speaks English, Chinese, Spanish, French, Italian, Portuguese and Hindi, with timed phonemes.

    The language of each sentence chooses the voice; a sentence in a language without a voice goes to
    the fallback. Chinese needs the packages of `vitagraph[zh]`; Spanish, French, Italian, Portuguese
    and Hindi need the program espeak-ng. About 0.3 s of one core a second of speech. The same text
    always gives the same samples.
    """

    engine = Pooled(load_kokoro, key=lambda p: (p.model, p.threads), threads=lambda p: p.threads)

    async def speak(self, text: str) -> SynthesizedSpeech:
        """Synthesises a text in the language of the main voice."""
        return await self._speak(text, self.params.language())

    async def speak_sentence(self, sentence: Sentence) -> SynthesizedSpeech:
        """Synthesises a sentence in its own language."""
        return await self._speak(sentence.text, sentence.language)

    async def probe(self) -> None:
        """Speaks one word; raises ResourceError if that gives no sound."""
        if not len((await self.speak(_GREETINGS[self.params.language()])).samples):
            raise ResourceError("the voice produced no sound", hint="its model may be damaged: vitagraph models verify")

    def cache_key(self, packet: Packet) -> str | None:
        """Equal text in an equal voice gives equal sound."""
        if not isinstance(packet, Sentence):
            return None
        return f"{packet.language.split('-')[0].lower() or self.params.language()} {packet.text}"

    async def _speak(self, text: str, language: str) -> SynthesizedSpeech:
        params, tail = self.params, self.tail(text)
        return await self.engine.run(lambda engine: engine.speak(text, language, params, tail))
