"""Word error rate and time of `asr.whisper` beside faster-whisper's own defaults, in one run.

    .venv/bin/python -m benchmarks.asr [--model whisper-tiny.en] [--rounds 3]

The clips are the recorded English ones of the catalogue with their written words: LibriVox
sentences, card calls, Beckett, and three spoken test sentences. Both texts are normalised alike
(lower case, no punctuation, numbers as words) before they are compared. Ours is given each
clip as one utterance, as `turn.endpoint` would; the defaults are
`WhisperModel(...).transcribe(path)` with the same model and number type.

Not measured: noise, accents, far microphones, other languages, partial utterances, several
callers at once. Some 150 words: a difference of one word is 0.7 points.
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

from nodes.asr._whisper import Settings
from nodes.asr.whisper import WhisperAsr, WhisperParams, load_whisper
from nodes.models import path, pull
from nodes.packets import Samples

BECKETT = "ever tried ever failed no matter try again fail again fail better"


def clips() -> list[tuple[Path, str]]:
    """Each recording with its words."""
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
    parser.add_argument("--json", action="store_true", help="print the figures alone")
    arguments = parser.parse_args()
    for name in (arguments.model, "speech-cards", "speech-beckett", "speech-audioeval", "speech-librivox"):
        pull(name)
    params = WhisperParams(model=arguments.model, language="en")
    ours = load_whisper(params)
    settings: Settings = WhisperAsr(params).settings(whole=True)

    from faster_whisper import WhisperModel

    theirs = WhisperModel(str(path(arguments.model)), device="cpu", compute_type="int8")
    texts: dict[str, list[str]] = {"said": [], "asr.whisper": [], "defaults": []}
    times: dict[str, list[float]] = {"asr.whisper": [], "defaults": []}
    for file, words in clips():
        samples = samples_of(file)
        for round_ in range(arguments.rounds):
            began = time.perf_counter()
            mine = ours.transcribe(samples, settings)
            between = time.perf_counter()
            default = " ".join(segment.text for segment in theirs.transcribe(str(file))[0])
            times["asr.whisper"].append(between - began)
            times["defaults"].append(time.perf_counter() - between)
            if not round_:
                for key, text in (("said", words), ("asr.whisper", mine.text if mine else ""), ("defaults", default)):
                    texts[key].append(normal(text))
        if not arguments.json and texts["asr.whisper"][-1] != texts["said"][-1]:
            print(f"{file.stem}: said      {texts['said'][-1]}")
            print(f"{'':{len(file.stem)}}  ours      {texts['asr.whisper'][-1]}")
            print(f"{'':{len(file.stem)}}  defaults  {texts['defaults'][-1]}")
    figures = {
        who: {
            "word_error_rate": jiwer.wer(texts["said"], texts[who]),
            "median_ms": 1000 * statistics.median(times[who]),
        }
        for who in ("asr.whisper", "defaults")
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{arguments.model}, {len(texts['said'])} clips, {sum(len(t.split()) for t in texts['said'])} words")
    for who, row in figures.items():
        print(f"  {who:12} word error rate {row['word_error_rate']:6.1%}   median {row['median_ms']:5.0f} ms a clip")


if __name__ == "__main__":
    main()
