"""What a file says about time holds: a pause in its timestamps is a pause in what is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.packets import Samples
from tests.nodes.media.files import sound_file, timed_file, tone
from tests.nodes.media.test_source import played, sound

RATE = 48_000
OUT = 16_000


def loud(samples: Samples) -> list[tuple[float, float]]:
    """Where a sound begins and ends, in seconds, to 20 ms."""
    power = np.abs(samples[: samples.size // 320 * 320].reshape(-1, 320).astype(int)).max(axis=1) > 1000
    edges = np.flatnonzero(np.diff(np.concatenate(([False], power, [False])).astype(int))) * 0.02
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def spans(*expected: tuple[float, float]) -> Any:
    """These spans in seconds, give or take what codecs add at the ends."""
    return [(pytest.approx(begin, abs=0.1), pytest.approx(end, abs=0.1)) for begin, end in expected]


@pytest.mark.parametrize(
    ("name", "codec", "late"),
    [("a.webm", "libopus", 3.0), ("a.mkv", "flac", 3.0), ("a.m4a", "aac", 3.0), ("a.ts", "aac", 0.0)],
)
def test_media_source_keeps_gaps_and_late_starts(name: str, codec: str, late: float, tmp_path: Path) -> None:
    """Two utterances with six seconds between them must not become one, and captions must be on time.

    The beginning of a transport stream is that of its first stream: its clock has no zero.
    """
    spoken = tone(1.0, RATE)
    path = timed_file(tmp_path / name, [(3.0, spoken), (10.0, spoken)], RATE, codec=codec)
    heard = loud(sound(played(path, tail=0)))
    assert heard == spans((late, late + 1), (late + 7, late + 8))


def test_media_source_ignores_timestamps_that_are_slightly_off(tmp_path: Path) -> None:
    """Rounded timestamps must not cut a sound into pieces."""
    spoken, step = tone(2.0, RATE), 0.02
    parts = [(n * step + (0.015 if n % 2 else 0.0), spoken[n * 960 : (n + 1) * 960]) for n in range(100)]
    heard = loud(sound(played(timed_file(tmp_path / "a.mkv", parts, RATE, codec="pcm_s16le"), tail=0)))
    assert heard == spans((0.0, 2.0))


def test_media_source_goes_on_after_timestamps_far_ahead(tmp_path: Path) -> None:
    """A clock that was set while it recorded: hours of silence must not be added."""
    spoken = tone(1.0, RATE)
    path = timed_file(tmp_path / "a.mkv", [(2.0, spoken), (2 * 3600.0, spoken)], RATE, codec="pcm_s16le")
    assert loud(sound(played(path, tail=0))) == spans((2.0, 4.0))


def test_media_source_goes_on_after_timestamps_that_begin_again(tmp_path: Path) -> None:
    """Recordings of two calls in one file: nothing is lost."""
    parts = [(0.0, tone(1.0, RATE)), (3.0, tone(1.0, RATE))]
    one = timed_file(tmp_path / "one.ts", parts, RATE, codec="aac").read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    heard = loud(sound(played(tmp_path / "two.ts", tail=0)))
    assert heard == spans((0.0, 1.0), (3.0, 5.0), (7.0, 8.0))


def test_media_source_reads_stereo_in_antiphase(tmp_path: Path) -> None:
    """A badly wired microphone must not be silence: one channel is taken."""
    spoken = tone(1.0, OUT)
    heard = sound(played(sound_file(tmp_path / "a.wav", [spoken, -spoken], OUT), tail=0))
    np.testing.assert_array_equal(heard, spoken)


@pytest.mark.parametrize("share", [0.9, -0.9, 0.5, 0.1, 0.0, -0.1])
def test_media_source_hears_either_channel_at_any_balance(share: float, tmp_path: Path) -> None:
    """Whatever the balance and the polarity of two channels, the voice is no more than 12 dB quieter."""
    spoken = tone(1.0, OUT)
    channels = [np.asarray(share * spoken, np.int16), spoken]
    heard = sound(played(sound_file(tmp_path / "a.wav", channels, OUT), tail=0))
    assert heard.std() > spoken.std() / 4
