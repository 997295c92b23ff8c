"""Word error rate and time of `asr.whisper`, compared with the defaults of faster-whisper in one run.

    .venv/bin/python -m benchmarks.asr [--model whisper-tiny.en] [--rounds 3]

The clips are the English recordings of the catalogue with their words: LibriVox sentences, card
calls, Beckett, and three spoken test sentences. All texts are normalised (lower case, no
punctuation, numbers as words) before they are compared. `asr.whisper` gets each clip as one
utterance, as from `turn.endpoint`, and uses its default of half the cores. The baseline is
`WhisperModel(...).transcribe(path)` with the same model: once with its defaults (float32 on a CPU,
all cores), once with the number type of `asr.whisper`.

Not measured: noise, accents, distant microphones, other languages, partial utterances, several
callers at once. With 125 words, one word is 0.8 percentage points.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from pathlib import Path
from typing import Any

import jiwer
from num2words import num2words

from nodes.asr._whisper import WhisperParams
from nodes.asr.whisper import load_whisper
from nodes.models import path, pull
from nodes.packets import Samples

OURS = "asr.whisper"
BECKETT = "ever tried ever failed no matter try again fail again fail better"


def clips() -> list[tuple[Path, str]]:
    """The recordings, each with its words."""
    found = [(path("speech-beckett") / "beckett.wav", BECKETT)]
    for sound in sorted((path("speech-audioeval") / "en").glob("*.wav")):
        found.append((sound, sound.with_suffix(".txt").read_text("utf-8")))
    for transcription in (path("speech-librivox") / "transcription", path("speech-cards") / "cards.transcription"):
        for line in transcription.read_text("utf-8").splitlines():
            if match := re.fullmatch(r"(?:<s>)?(.*?)(?:</s>)? \((.*)\)", line.strip()):
                sound = transcription.with_name(f"{match[2]}.wav")
                if sound.is_file():
                    found.append((sound, match[1]))
    return found


def normal(text: str) -> str:
    """Lower case, no punctuation, numbers as words."""
    text = re.sub(r"\d+", lambda number: f" {num2words(int(number[0]))} ", text.lower().replace("mr.", "mister"))
    return " ".join(re.sub(r"[^a-z' ]", " ", text.replace("’", "'")).split())


def samples_of(file: Path) -> Samples:
    """The clip at 16 kHz, as int16."""
    from faster_whisper import decode_audio

    sound: Any = decode_audio(str(file))
    samples: Samples = (sound * 32767).astype("int16")
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="whisper-tiny.en")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print only the figures")
    arguments = parser.parse_args()
    for name in (arguments.model, "speech-cards", "speech-beckett", "speech-audioeval", "speech-librivox"):
        pull(name)
    params = WhisperParams(model=arguments.model, language="en")
    ours = load_whisper(params)

    from faster_whisper import WhisperModel

    folder = str(path(arguments.model))
    defaults = {
        "defaults": WhisperModel(folder, device="cpu"),
        "defaults, int8": WhisperModel(folder, device="cpu", compute_type="int8"),
    }
    texts: dict[str, list[str]] = {"said": [], OURS: [], **{who: [] for who in defaults}}
    times: dict[str, list[float]] = {OURS: [], **{who: [] for who in defaults}}
    for file, words in clips():
        samples = samples_of(file)
        heard = {"said": words}
        for _ in range(arguments.rounds):
            began = time.perf_counter()
            mine = ours.transcribe(samples, params)
            times[OURS].append(time.perf_counter() - began)
            heard[OURS] = mine.text if mine else ""
            for who, model in defaults.items():
                began = time.perf_counter()
                heard[who] = " ".join(segment.text for segment in model.transcribe(str(file))[0])
                times[who].append(time.perf_counter() - began)
        for who, text in heard.items():
            texts[who].append(normal(text))
        if not arguments.json and texts[OURS][-1] != texts["said"][-1]:
            for who, those in texts.items():
                print(f"{file.stem[-12:]:12}  {who:14} {those[-1]}")
    figures = {
        who: {"word_error_rate": jiwer.wer(texts["said"], texts[who]), "median_ms": 1000 * statistics.median(taken)}
        for who, taken in times.items()
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{arguments.model}, {len(texts['said'])} clips, {sum(len(text.split()) for text in texts['said'])} words")
    for who, row in figures.items():
        print(f"  {who:14} word error rate {row['word_error_rate']:6.1%}   median {row['median_ms']:5.0f} ms a clip")


if __name__ == "__main__":
    main()
