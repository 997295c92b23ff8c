"""Each line is on disk as soon as its packet was written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.media.jsonl import MediaJsonl
from nodes.packets import Audio, Phoneme, Sentence, Speech, SpeechStart, Transcript, Word
from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.errors import ResourceError, UserInputError
from pipeline.graph.loader import loads
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import MILLISECOND, SECOND, Packet, Stamp
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness, RunResult, no_leaks, root_stamp, run_node


def written(path: Path, packets: list[Packet], **params: Any) -> list[dict[str, Any]]:
    """The lines of the file after the run."""
    out = run_node(MediaJsonl(path=str(path), **params), packets)
    assert not out.errors
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def said(text: str, *, whole: bool = True) -> Transcript:
    """A transcript of one and a half seconds of speech."""
    words = (Word("Grüß", 0, 500 * MILLISECOND), Word("Gott", 500 * MILLISECOND, SECOND))
    return Transcript(root_stamp(2 * SECOND, 1_500 * MILLISECOND), text, whole, "de", 0.9, words)


def test_jsonl_transcript_is_one_line_with_times_in_seconds(tmp_path: Path) -> None:
    """Any tool can read it: times in seconds, letters as they are."""
    assert written(tmp_path / "a.jsonl", [said("Grüß Gott")]) == [
        {
            "kind": "Transcript",
            "pts": 2.0,
            "duration": 1.5,
            "cause": 0,
            "text": "Grüß Gott",
            "whole": True,
            "language": "de",
            "confidence": 0.9,
            "words": [{"text": "Grüß", "start": 0.0, "end": 0.5}, {"text": "Gott", "start": 0.5, "end": 1.0}],
            "answer": "",
        }
    ]
    assert "Grüß" in (tmp_path / "a.jsonl").read_text(encoding="utf-8")


def test_jsonl_partials_are_left_out_unless_requested(tmp_path: Path) -> None:
    """Partial transcripts are left out."""
    partial = Transcript(root_stamp(SECOND, 500 * MILLISECOND), "Grü", whole=False)
    packets: list[Packet] = [partial, said("Grüß Gott")]
    assert [line["text"] for line in written(tmp_path / "a.jsonl", packets)] == ["Grüß Gott"]
    assert len(written(tmp_path / "b.jsonl", packets, whole_only=False)) == 2


def test_jsonl_writes_only_the_requested_kinds(tmp_path: Path) -> None:
    """Audio in the same stream does not fill the disk; of its samples only the shape is written."""
    speech = Speech(root_stamp(), np.zeros(160, np.int16), 16_000, "Hi", (Phoneme("h", 0, SECOND // 2),))
    packets: list[Packet] = [said("a"), Sentence(root_stamp(), "b"), SpeechStart(root_stamp()), speech]
    assert [line["kind"] for line in written(tmp_path / "a.jsonl", packets)] == ["Transcript"]
    lines = written(tmp_path / "b.jsonl", packets, kinds=("SpeechStart", "Speech"))
    assert [line["kind"] for line in lines] == ["SpeechStart", "Speech"]
    assert lines[1]["samples"] == {"shape": [160]}
    assert lines[1]["phonemes"] == [{"symbol": "h", "start": 0.0, "end": 0.5}]


def test_jsonl_leaves_out_revoked_turns(tmp_path: Path) -> None:
    """A revoked guess is not in the transcript."""
    causes = Causes()
    guess, turn = causes.begin("guess"), causes.begin("turn")
    causes.revoke(guess, "turn")
    causes.commit(turn)
    packets: list[Packet] = [Sentence(Stamp(0, 0, guess), "No."), Sentence(Stamp(0, 0, turn), "Yes.")]
    lines = written(tmp_path / "a.jsonl", packets, kinds=("Sentence",))
    assert [(line["text"], line["cause"]) for line in lines] == [("Yes.", turn.id)]


def test_jsonl_flushes_each_line_to_disk(tmp_path: Path) -> None:
    """A run that is killed keeps what it has found."""
    path = tmp_path / "a.jsonl"
    packets = [Transcript(root_stamp(number * SECOND), f"{number}", True, "en") for number in (1, 2, 3)]

    async def main() -> list[int]:
        clock, seen = Clock(asyncio.get_running_loop()), list[int]()
        async with Runner() as runner:
            run = asyncio.ensure_future(Harness(MediaJsonl(path=str(path)), packets).run(runner))
            for number in range(3):
                await clock.sleep_until(number * SECOND + SECOND // 2)
                seen.append(len((await asyncio.to_thread(path.read_text, "utf-8")).splitlines()))
            await run
        return seen

    assert run_virtual(main()) == [0, 1, 2]


def test_jsonl_misspelt_kind_is_reported_before_the_run() -> None:
    """An hour's run must not end with an empty file."""
    with pytest.raises(UserInputError) as caught:
        run_node(MediaJsonl(path="a.jsonl", kinds=("Transkript",)), [])
    assert "no kind of packet named Transkript" in caught.value.message
    assert "Transcript" in caught.value.hint


def test_jsonl_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """The error says what is wrong and gives an example."""
    with pytest.raises(UserInputError, match="is a folder"):
        run_node(MediaJsonl(path=str(tmp_path)), [])


def test_jsonl_path_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    """The error comes before the run, not after it."""
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot write"):
        run_node(MediaJsonl(path=str(tmp_path / "file" / "a.jsonl")), [])


def test_jsonl_full_disk_is_reported() -> None:
    """The user learns why lines are missing, and that the rest is kept."""
    out: RunResult = run_node(MediaJsonl(path="/dev/full"), [said("a")])
    assert out.errors[0].category == "resource"
    assert "No space left" in out.errors[0].message
    assert "the disk is full" in out.errors[0].hint


def test_jsonl_can_list_audio(tmp_path: Path) -> None:
    """Audio can be listed too, to find gaps in a stream."""
    packets: list[Packet] = [Audio(root_stamp(0, 20 * MILLISECOND), np.zeros(320, np.int16), 16_000)]
    (line,) = written(tmp_path / "deep" / "a.jsonl", packets, kinds=("Audio",))
    assert (line["rate"], line["duration"]) == (16_000, 0.02)


def test_jsonl_fallback_of_the_same_class_closes_its_own_file(tmp_path: Path) -> None:
    """Members of one class share their Memory, where one handle would replace the other and leave it open."""
    registry = Registry()
    graph = f"""
    vitagraph: 1
    nodes:
      text: {{use: media.text, text: Hello.}}
      lines:
        use: media.jsonl
        path: {tmp_path}/a.jsonl
        kinds: [TextDelta]
        fallback: {{use: media.jsonl, path: {tmp_path}/b.jsonl, kinds: [TextDelta]}}
    links: [text -> lines]
    """

    planned = plan(loads(graph, registry=registry), registry)

    async def main() -> None:
        async with Runner() as runner:
            await runner.session(planned).run()

    with no_leaks():
        run_virtual(main())
    assert (tmp_path / "a.jsonl").read_text() and not (tmp_path / "b.jsonl").read_text()
