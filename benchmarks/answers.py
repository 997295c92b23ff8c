"""How many spoken questions the assistant answers rightly, with each of some language models.

    .venv/bin/python -m benchmarks.answers [--language en] [--brain qwen2.5-1.5b --brain smollm2-135m]

A voice speaks the questions of tests/data/questions/LANGUAGE.tsv; those of one conversation are in one recording,
with room for the answers. Each recording is replayed through graphs/assistant.yaml, or assistant-zh.yaml, in
virtual time and with `reproducible: true`, as `vitagraph replay --latency zero` does. So an answer depends on speech
recognition, the end of the turn, the history and the model, and is judged by what was played of it.

An answer is right if it contains one of the accepted texts as whole words, with numbers as digits; it is
cut if it has more than two words and does not end with a sentence. The language is judged by the script, and by the
commonest words of languages with Latin letters.

Not measured: whether the rest of a right answer is true, or kind; people's voices, noise and other microphones (one
synthetic voice asks); latency, and what is lost on a loaded machine (computing takes no time here); the sound
of the answers; interruptions; answers in other languages than these two; questions beyond the table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks._answers_judge import Question, Verdict, chats, judged, questions
from benchmarks._answers_speech import Recording, Speaker
from nodes.models import pull
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from vitagraph.download import fetch
from vitagraph.replay.clip import Clip
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints
from vitagraph.replay.result import Result
from vitagraph.replay.run import Replay

ROOT = Path(__file__).resolve().parent.parent
GRAPHS = {"en": ROOT / "graphs" / "assistant.yaml", "zh": ROOT / "graphs" / "assistant-zh.yaml"}
BRAINS = {"en": ("qwen2.5-1.5b", "smollm2-135m"), "zh": ("qwen2.5-1.5b", "qwen2.5-0.5b")}
VOICES = {"en": "af_heart", "zh": "zf_xiaoxiao"}
ROOM = 40.0
"""Seconds for an answer: those of 120 tokens. A longer one is interrupted by the next question, and cut."""


def answered(recording: Recording, result: Result, asked: list[Question], language: str) -> list[Verdict]:
    """The verdict on each question of a recording: what was heard and played before the next one began."""
    heard = [""] * len(asked)
    said = [""] * len(asked)
    for turn in result.recorder.turns:
        place = recording.place(turn.voice_end)
        heard[place] = f"{heard[place]} {turn.heard}".strip()
        said[place] = f"{said[place]} {turn.said}".strip()
    return [judged(*each, language) for each in zip(asked, heard, said, strict=True)]


def replayed(
    graph: Path, recordings: list[Recording], settings: dict[str, str], out: Path, *, quiet: bool
) -> list[Result]:
    """Replays recordings in sequence with one set of loaded models; prints where it is."""
    registry = FileRegistry()
    ends = find_file_endpoints(graph, registry, settings)
    jobs = []
    for recording in recordings:
        clip = Clip(recording.file, out / recording.file.stem)
        loaded = load(graph, registry=registry, settings=settings | ends.settings(clip.path, clip.folder))
        jobs.append((clip, plan(loaded, registry)))
    fetch(jobs[0][1].graph, quiet=True)
    seen: set[str] = set()

    def show(clip: Clip, _heard: int) -> None:
        if not quiet and clip.name not in seen:
            seen.add(clip.name)
            print(f"{len(seen):3} of {len(jobs)}: {clip.name}", flush=True)

    run = Replay(jobs, show)
    run.run("virtual", "zero")
    return run.results


def figures(verdicts: Iterable[Verdict]) -> dict[str, dict[str, float]]:
    """By kind and in total: questions, right answers, their share, and what was wrong."""
    rows: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        for name in (verdict.question.kind, "total"):
            rows.setdefault(name, []).append(verdict)
    total = rows.pop("total", [])
    return {
        kind: {
            "questions": len(each),
            "right": sum(verdict.right for verdict in each),
            "share": round(sum(verdict.right for verdict in each) / len(each), 3),
            "other_language": sum(verdict.foreign for verdict in each),
            "cut": sum(verdict.cut for verdict in each),
            "unanswered": sum(not verdict.answer for verdict in each),
            "misheard": sum(verdict.errors for verdict in each),
            "words": sum(verdict.words for verdict in each),
        }
        for kind, each in {**rows, "total": total}.items()
        if each
    }


def report(brain: str, verdicts: list[Verdict]) -> None:
    """Prints the figures, and every answer that is wrong, cut or in another language."""
    print(f"\n{brain}")
    print(f"{'':12}{'right':>12}{'language':>10}{'cut':>6}{'silent':>8}{'misheard words':>18}")
    for kind, row in figures(verdicts).items():
        right = f"{row['right']:.0f}/{row['questions']:.0f} {row['share']:4.0%}"
        misheard = f"{row['misheard']:.0f}/{row['words']:.0f}"
        print(f"{kind:12}{right:>12}{row['other_language']:>10}{row['cut']:>6}{row['unanswered']:>8}{misheard:>18}")
    for verdict in verdicts:
        faults = [name for name in ("foreign", "cut") if getattr(verdict, name)]
        if faults or not verdict.right:
            found = ", ".join([*([] if verdict.right else ["wrong"]), *faults])
            asked = verdict.question
            print(f"\n{found}: {asked.chat}, {asked.kind}\n  asked    {asked.text}\n  heard    {verdict.heard}")
            print(f"  answered {verdict.answer}\n  accepted {'|'.join(asked.accepted)}")


def run(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Asks every brain; returns the figures of each."""
    language = arguments.language
    graph = arguments.graph or GRAPHS[language]
    table = arguments.questions or ROOT / "tests" / "data" / "questions" / f"{language}.tsv"
    talks = chats(questions(table))[: arguments.chats]
    pull("piper-joe" if arguments.voice == "piper" else "kokoro-82m")
    speaker = Speaker(arguments.voice or VOICES[language], language)
    recordings = [
        speaker.record([question.text for question in talk], arguments.room, out / f"{talk[0].chat}.wav")
        for talk in talks
    ]
    found = {}
    for brain in arguments.brain or BRAINS[language]:
        settings = dict(each.split("=", 1) for each in arguments.set)
        settings = {"brain": brain, "reproducible": "true", **settings}
        results = replayed(graph, recordings, settings, out / brain, quiet=arguments.json)
        verdicts = [
            verdict
            for recording, result, talk in zip(recordings, results, talks, strict=True)
            for verdict in answered(recording, result, talk, language)
        ]
        found[brain] = figures(verdicts)
        if not arguments.json:
            report(brain, verdicts)
            for problem in sorted({problem for result in results for problem in (*result.problems, *result.warnings)}):
                print(f"\nproblem: {problem}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=(__doc__ or "")[(__doc__ or "").index("Not measured") :],
    )
    parser.add_argument("--language", choices=GRAPHS, default="en")
    parser.add_argument("--brain", action="append", help="a model of the catalogue; repeatable")
    parser.add_argument("--voice", help="piper (English), or a voice of tts.kokoro; by default one of Kokoro")
    parser.add_argument("--questions", type=Path, metavar="FILE", help="another table of the same form")
    parser.add_argument("--graph", type=Path, metavar="FILE", help="another graph with the parameter `brain`")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting; repeatable")
    parser.add_argument("--chats", type=int, metavar="N", help="only the first conversations")
    parser.add_argument("--room", type=float, default=ROOM, help="seconds for an answer (%(default)g)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep recordings and results here")
    parser.add_argument("--json", action="store_true", help="print only the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        found = run(arguments, out)
    if arguments.json:
        print(json.dumps(found))
    else:
        print(f"\n{(__doc__ or '')[(__doc__ or '').index('Not measured') :]}")


if __name__ == "__main__":
    main()
