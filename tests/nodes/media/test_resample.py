"""Resampled audio is complete, and keeps its pitch and its time."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.media.resample import Resample
from nodes.packets import Audio, Samples, SpeechEnd, SpeechStart, duration_of
from pipeline.cause import Causes
from pipeline.graph.loader import loads
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import MILLISECOND, SECOND, Packet, Stamp
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import RunResult, root_stamp, run_node
from tests.nodes.media.files import pitch, sound_file, tone


def packets(samples: Samples, rate: int, *, size: int = 0, start: int = 0) -> list[Audio]:
    """A stream of audio, 20 ms a packet unless said otherwise."""
    size = size or rate // 50
    cuts = [*range(0, len(samples), size), len(samples)]
    times = [start + duration_of(cut, rate) for cut in cuts]
    return [
        Audio(root_stamp(time, until - time), samples[begin:end], rate)
        for (begin, end), (time, until) in zip(pairwise(cuts), pairwise(times), strict=True)
    ]


def resampled(feed: list[Packet] | list[Audio], rate: int) -> RunResult:
    """What the node makes of it."""
    return run_node(Resample(), feed, caps={"resampled": {"rate": rate}})


def sound(outcome: RunResult) -> Samples:
    """All its samples in a row."""
    return np.concatenate([packet.samples for packet in outcome.of(Audio)])


RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000]


@settings(deadline=None, max_examples=40)
@given(
    given_rate=st.sampled_from(RATES),
    wanted=st.sampled_from(RATES),
    count=st.integers(100, 20_000),
    size=st.integers(40, 4_000),
)
def test_resample_keeps_the_length_of_the_stream(given_rate: int, wanted: int, count: int, size: int) -> None:
    """The stream keeps its length, so that words stay in sync with the clock."""
    out = resampled(packets(tone(1.0, count), given_rate, size=size, start=SECOND), wanted)
    stamps = [packet.at for packet in out.packets]
    assert not out.errors
    assert {packet.rate for packet in out.of(Audio)} == {wanted}
    assert stamps[0].pts == SECOND
    assert all(a.pts + a.duration == b.pts for a, b in pairwise(stamps))
    assert stamps[-1].pts + stamps[-1].duration - SECOND == pytest.approx(
        count * SECOND / given_rate, abs=SECOND / wanted + 1
    )


@pytest.mark.parametrize(("given_rate", "wanted"), [(48_000, 16_000), (8_000, 16_000), (44_100, 16_000)])
def test_resample_keeps_pitch_and_position_of_a_tone(given_rate: int, wanted: int) -> None:
    """Pitch, loudness and position are kept."""
    out = sound(resampled(packets(tone(1.0, given_rate), given_rate), wanted))
    expected = tone(1.0, wanted)
    assert pitch(out, wanted) == pytest.approx(440, abs=0.5)
    middle = slice(wanted // 10, -wanted // 10)
    error = out[middle].astype(float) - expected[middle]
    assert 20 * np.log10(expected.std() / error.std()) > 60


def test_resample_does_not_alias_high_frequencies() -> None:
    """Hiss above 8 kHz must not fold down into the voice."""
    out = sound(resampled(packets(tone(1.0, 48_000, hertz=11_000), 48_000), 16_000))
    assert out[1_000:-1_000].std() < tone(1.0, 48_000, hertz=11_000).std() / 1000


def test_resample_adds_at_most_20_ms_of_latency() -> None:
    """The resampler is on the audio path: its delay adds to every latency."""
    out = resampled(packets(tone(2.0, 48_000), 48_000), 16_000)
    ends = [packet.at.pts + packet.at.duration for packet in out.packets]
    late = [time - end for time, end in zip(out.times, ends, strict=True)][:-1]
    assert max(late) <= 20 * MILLISECOND
    assert sum(late) / len(late) <= Resample().latency() + MILLISECOND


def test_resample_passes_matching_rate_through_untouched() -> None:
    """No filter where none is needed."""
    feed = packets(tone(0.1, 16_000), 16_000)
    assert resampled(feed, 16_000).packets == feed


def test_resample_passes_marks_through() -> None:
    """Where speech begins and ends is not lost on the way."""
    first, *rest = packets(tone(0.1, 48_000), 48_000)
    out = resampled([first, SpeechStart(root_stamp()), *rest, SpeechEnd(root_stamp())], 16_000)
    assert [kind for kind in out.kinds() if kind is not Audio] == [SpeechStart, SpeechEnd]


def test_resample_corrects_time_after_a_gap() -> None:
    """Where a full queue has dropped audio, all that follows would be too early for ever."""
    feed = packets(tone(1.0, 48_000), 48_000)
    out = resampled(feed[:10] + feed[20:], 16_000)
    stamps = [packet.at for packet in out.packets]
    assert sound(out).size == 40 * 320
    assert [b.pts for a, b in pairwise(stamps) if a.pts + a.duration != b.pts] == [400 * MILLISECOND]
    assert stamps[-1].pts + stamps[-1].duration == SECOND


def test_resample_handles_change_of_rate_within_a_stream() -> None:
    """A change of microphone changes the rate within a stream."""
    feed = packets(tone(0.5, 48_000), 48_000)
    feed += packets(tone(0.5, 8_000), 8_000, start=SECOND // 2)
    feed += packets(tone(0.5, 16_000), 16_000, start=SECOND)
    out = resampled(feed, 16_000)
    stamps = [packet.at for packet in out.packets]
    assert not out.errors
    assert all(a.pts + a.duration == b.pts for a, b in pairwise(stamps))
    assert pitch(sound(out), 16_000) == pytest.approx(440, abs=1)


def test_resample_does_not_mix_cancelled_audio_into_the_next() -> None:
    """The end of what was called off must not sound at the beginning of what follows."""
    causes = Causes()
    old, new = causes.begin("old"), causes.begin("new")
    first = [Audio(Stamp(p.at.pts, p.at.duration, old), p.samples, p.rate) for p in packets(tone(0.1, 48_000), 48_000)]
    silence = np.zeros(4_800, np.int16)
    second = [
        Audio(Stamp(p.at.pts, p.at.duration, new), p.samples, p.rate)
        for p in packets(silence, 48_000, start=SECOND // 10)
    ]
    out = resampled(first + second, 16_000)
    after = np.concatenate([p.samples for p in out.of(Audio) if p.at.cause is new])
    assert after.size and not after.any()
    assert sum(p.samples.size for p in out.of(Audio) if p.at.cause is old) == 1_600


GRAPH = """
vitagraph: 1
nodes:
  mic: {{use: media.source, path: {folder}/voice.wav, rate: 44100, tail: 0s}}
  vad: vad.energy
  log: {{use: media.jsonl, path: {folder}/log.jsonl, kinds: [Audio, SpeechStart]}}
links:
  - mic -> vad -> log
"""


def test_resample_is_inserted_by_planner_where_rates_differ(tmp_path: Path) -> None:
    """A graph of nodes that need different rates runs without a resampler of its own."""
    sound_file(tmp_path / "voice.wav", [np.pad(tone(0.5, 44_100), (22_050, 0))], 44_100)
    registry = Registry()
    planned = plan(loads(GRAPH.format(folder=tmp_path), registry=registry), registry)

    async def main() -> SessionReport:
        async with Runner() as runner:
            return await runner.session(planned).run()

    assert run_virtual(main()).failures == []
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {line["rate"] for line in lines if line["kind"] == "Audio"} == {16_000}
    assert sum(line["samples"]["shape"][0] for line in lines if line["kind"] == "Audio") == 16_000
    assert sum(line["kind"] == "SpeechStart" for line in lines) == 1
