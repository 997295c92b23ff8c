"""Every built-in node passes the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.packets import (
    Audio,
    AvatarFrames,
    Pause,
    Phoneme,
    Samples,
    Sentence,
    Speech,
    SpeechEnd,
    SpeechStart,
    TextDelta,
    Transcript,
    Utterance,
    duration_of,
)
from pipeline.caps import Value
from pipeline.cause import Cause
from pipeline.graph.registry import Registry
from pipeline.packet import SECOND, Packet, Stamp
from pipeline.params import ms
from pipeline.testing import conformance
from pipeline.testing.harness import Feed
from tests.nodes.dialogue.endpoint import endpoint, says
from tests.nodes.media.files import sound_file, tone
from tests.nodes.vad.sounds import buzz, recorded, talk

RATE = 16_000
REGISTRY = Registry(installed=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """How to make and feed a node."""

    feed: Callable[[Cause], Feed] | None = None
    settings: Callable[[Path, str], Mapping[str, Any]] = lambda folder, url: {}
    """Its parameters; a folder of its own, and the address of a model endpoint."""
    caps: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)
    """Rules that do not apply, each with the reason."""
    real_model: bool = False
    slow: bool = False
    """Whether its model, which is loaded anew for each rule, takes too long for every run."""


# --- what they are fed


def sound(cause: Cause, samples: Samples, rate: int = RATE) -> list[Audio]:
    """Audio as on a live link: 20 ms per packet."""
    cuts = [*range(0, len(samples), rate // 50), len(samples)]
    return [Audio(_stamp(cause, a, b, rate), samples[a:b], rate) for a, b in pairwise(cuts)]


def _stamp(cause: Cause, begin: int, end: int, rate: int) -> Stamp:
    return Stamp(duration_of(begin, rate), duration_of(end - begin, rate), cause)


def talking(cause: Cause) -> list[Packet]:
    """Two spans of speech."""
    return [*sound(cause, talk(0.5, 0.7, 0.5, 0.6, 0.5))]


def turns(cause: Cause) -> list[Packet]:
    """The same with speech marks, as from a detector: two turns, the first with a pause."""
    marks = {25: SpeechStart, 75: SpeechEnd, 85: SpeechStart, 150: SpeechEnd, 250: SpeechStart, 300: SpeechEnd}
    items: list[Packet] = []
    for number, audio in enumerate(sound(cause, talk(0.5, 1.0, 0.2, 1.3, 2.0, 1.0, 1.5))):
        if number in marks:
            items.append(marks[number](Stamp(audio.at.pts, 0, cause)))
        items.append(audio)
    return items


def pauses(cause: Cause) -> list[Packet]:
    """The same turn at several pauses."""
    samples = buzz(1.0)
    return [Pause(_stamp(cause, 0, len(samples), RATE), samples, RATE) for _ in range(5)]


def utterances(samples: Samples, turns: int) -> Callable[[Cause], list[Packet]]:
    """Repeated utterances, the first also as a partial one."""
    length = len(samples)

    def feed(cause: Cause) -> list[Packet]:
        so_far = Utterance(_stamp(cause, 0, length // 2, RATE), samples[: length // 2], RATE, whole=False)
        stamps = [_stamp(cause, number * length, (number + 1) * length, RATE) for number in range(turns)]
        return [so_far, *(Utterance(at, samples, RATE, whole=True) for at in stamps)]

    return feed


def hello(cause: Cause) -> list[Packet]:
    """A recording of "hello"."""
    return utterances(_hello(), 2)(cause)


@cache
def _hello() -> Samples:
    return recorded("speech-audioeval", "en/hello_world.wav")


def questions(cause: Cause) -> list[Packet]:
    """A partial transcript and three whole ones; one has a prepared answer."""
    said = [("Hel", False, ""), ("Hello there.", True, ""), ("", True, "Once more, please."), ("What is it?", True, "")]
    return [
        Transcript(Stamp(number * SECOND, SECOND, cause), text, whole, answer=answer)
        for number, (text, whole, answer) in enumerate(said)
    ]


def answer(cause: Cause) -> list[Packet]:
    """Two answers, word by word; the second never ends."""
    words = "Well, it is 3.14 m long, as Dr. Who said. Is it? I see!|And so on. Then it"
    deltas: list[Packet] = []
    for text, end in zip(words.split("|"), (True, False), strict=True):
        deltas += [TextDelta(Stamp(len(deltas) * ms(50), 0, cause), word + " ") for word in text.split()]
        deltas += [TextDelta(Stamp(len(deltas) * ms(50), 0, cause), "", end=True)] if end else []
    return deltas


def sentences(cause: Cause) -> list[Packet]:
    """Four sentences; one without words."""
    texts = ("Hello there.", "How do you do?", "…", "Fine!")
    return [Sentence(Stamp(number * ms(100), 0, cause), text, last=number == 3) for number, text in enumerate(texts)]


def speeches(cause: Cause) -> list[Packet]:
    """Four spoken sentences, with and without phonemes."""
    samples, said = buzz(0.8), (Phoneme("m", 0, ms(200)), Phoneme("ɑ", ms(200), ms(700)))
    return [
        Speech(
            _stamp(cause, number * len(samples), (number + 1) * len(samples), RATE),
            samples,
            RATE,
            "Ma ma.",
            said if number % 2 else (),
            last=number == 3,
        )
        for number in range(4)
    ]


def played(cause: Cause) -> dict[str, list[Packet]]:
    """Speech, sound at another rate, and a face for the speech."""
    frames = np.zeros((30, 52), np.float32), np.zeros((30, 7), np.float32)
    spoken = speeches(cause)
    faces: list[Packet] = [AvatarFrames(Stamp(n * ms(500), ms(500), cause), *frames) for n in range(6)]
    return {"audio": [*spoken, *sound(cause, tone(0.2, 8_000), 8_000)], "avatar": faces}


def written(cause: Cause) -> list[Packet]:
    """Packets of several kinds, with all field types."""
    return [*questions(cause), *speeches(cause), *sentences(cause)]


def a_file(folder: Path) -> str:
    """Two seconds of sound."""
    return str(sound_file(folder / "a.flac", [tone(2, RATE)], RATE, codec="flac"))


# --- the table

REVOKED = "a sound over an answer is revoked, and what waits of it is dropped, however far the reader has got"

TABLE: Mapping[str, Entry] = {
    "asr.sorry": Entry(utterances(buzz(1.0), 5)),
    "asr.whisper": Entry(hello, lambda *_: {"threads": 1, "beam": 1}, real_model=True),
    "audio.clean": Entry(talking),
    "dialogue.echo": Entry(utterances(buzz(1.0), 5)),
    "dialogue.llama": Entry(questions, lambda *_: {"max_tokens": 64, "threads": 1}, real_model=True),
    "dialogue.openai": Entry(questions, lambda _, url: {"model": "m", "base_url": url}),
    "dialogue.script": Entry(questions),
    "face.visemes": Entry(speeches),
    "media.jsonl": Entry(written, lambda folder, _: {"path": str(folder / "a.jsonl"), "kinds": ("Speech", "Sentence")}),
    "media.resample": Entry(talking, caps={"resampled": {"rate": 48_000}}),
    "media.sink": Entry(played, lambda folder, _: {"path": str(folder)}),
    "media.source": Entry(None, lambda folder, _: {"path": a_file(folder)}),
    "media.text": Entry(None, lambda *_: {"text": "\n\n".join(["One and", "two, and", "three, and", "four."] * 4)}),
    "media.srt": Entry(questions, lambda folder, _: {"path": str(folder / "a.srt")}),
    "media.vtt": Entry(questions, lambda folder, _: {"path": str(folder / "a.vtt")}),
    "text.sentences": Entry(answer),
    "tts.espeak": Entry(sentences, real_model=True),
    "tts.hibari": Entry(sentences, real_model=True),
    "tts.kokoro": Entry(sentences, real_model=True, slow=True),
    "tts.piper": Entry(sentences, real_model=True),
    "turn.endpoint": Entry(turns, exempt={"backpressure": REVOKED, "state": REVOKED}),
    "turn.smart": Entry(pauses, real_model=True),
    "vad.energy": Entry(talking),
    "vad.silero": Entry(talking, real_model=True),
    "vad.webrtc": Entry(talking),
}  # fmt: skip


ELSEWHERE = {name: "webrtc/test_conformance.py" for name in ("webrtc.sink", "webrtc.source")}
"""Held to the contract in a test of their own, for they need a caller."""


@pytest.fixture
def url() -> Iterator[str]:
    """An endpoint that gives every request the same answer."""
    with endpoint(says("It ", "is ", "what ", "it ", "is.")) as served:
        yield served.url


def marked() -> list[Any]:
    """The names; those that load a model are marked."""

    def marks(entry: Entry) -> list[pytest.MarkDecorator]:
        slow = [pytest.mark.slow, pytest.mark.timeout(900)] if entry.slow else []
        return [pytest.mark.real_model, *slow] if entry.real_model else slow

    return [pytest.param(name, marks=marks(entry)) for name, entry in TABLE.items()]


@pytest.mark.parametrize("name", marked())
def test_builtin_node_passes_conformance(name: str, tmp_path: Path, url: str) -> None:
    entry, node = TABLE[name], REGISTRY.find(name)
    settings = entry.settings(tmp_path, url)
    conformance(lambda: node(**settings), entry.feed, caps=entry.caps, exempt=entry.exempt)


def test_conformance_table_has_every_builtin_node() -> None:
    assert sorted({*TABLE, *ELSEWHERE}) == sorted(REGISTRY.names())
    assert all((Path(__file__).parent / file).is_file() for file in ELSEWHERE.values())
