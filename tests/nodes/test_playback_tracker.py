"""What was played when: the face, the recording and the dialogue's history all rely on it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.packets import Audio, Speech
from nodes.playback_tracker import PlaybackTracker, playback_ended, playback_started, sample_at
from pipeline.cause import Causes
from pipeline.packet import MILLISECOND, SECOND, Stamp

ms = MILLISECOND
ROOT = Causes().root


def tracker_of(duration: int) -> PlaybackTracker:
    return PlaybackTracker(Stamp(0, duration, ROOT), duration)


@dataclass(frozen=True)
class Part:
    """A part of a sound, and when it was played."""

    begin: int
    end: int
    time: int


@dataclass(frozen=True)
class Played:
    """A tracker, and what was played in the order of time."""

    tracker: PlaybackTracker
    parts: list[Part]
    indices: list[tuple[int, int]]
    """Where each part goes on a timeline at 16 kHz, and how many samples it has."""
    pauses: int


durations = st.integers(0, 30_000 * ms)
steps = st.lists(st.tuples(st.one_of(st.just(0), st.integers(0, 10_000 * ms)), st.integers(0, 100 * ms)), max_size=40)


def play(duration: int, start: int, script: list[tuple[int, int]]) -> Played:
    """Plays a sound from `start` on; each step is a pause, then an amount; the times are in nanoseconds."""
    played = Played(tracker_of(duration), [], [], sum(pause > 0 for pause, _ in script))
    now = start
    for pause, amount in script:
        now += pause
        begin = played.tracker.position
        played.tracker.play(now)
        played.tracker.advance(begin + amount)
        end = played.tracker.position
        played.parts.append(Part(begin, end, now))
        index = played.tracker.sample_index(begin, 16_000)
        played.indices.append((index, sample_at(end, 16_000) - sample_at(begin, 16_000)))
        now += end - begin
    return played


@given(durations, st.integers(0, 10**15), steps)
def test_playback_tracker_knows_when_each_position_was_played(
    duration: int, start: int, script: list[tuple[int, int]]
) -> None:
    played = play(duration, start, script)
    tracker = played.tracker
    assert tracker.position == min(duration, sum(amount for _, amount in script))
    assert tracker.complete == (tracker.position == duration)
    parts = [part for part in played.parts if part.begin < part.end]
    expected = {at: part.time + at - part.begin for part in parts for at in (part.begin, part.end - 1)}
    asked = np.array([-1, *sorted(expected), tracker.position, duration + 1], np.int64)
    heard, times = tracker.times_of(asked)
    assert asked[heard].tolist() == sorted(expected)
    assert times.tolist() == [expected[at] for at in sorted(expected)]
    assert all(a < b for a, b in pairwise(times.tolist()))


@given(durations, st.integers(0, 10**15), steps)
def test_playback_tracker_has_one_run_more_than_pauses(
    duration: int, start: int, script: list[tuple[int, int]]
) -> None:
    """An hour of one sound does not fill the memory."""
    played = play(duration, start, script)
    assert len(played.tracker.runs) <= played.pauses + 1


@given(durations, st.integers(0, 10**15), steps)
def test_playback_tracker_samples_neither_overlap_nor_leave_gaps_within_a_run(
    duration: int, start: int, script: list[tuple[int, int]]
) -> None:
    """A click would be heard, in a recording, between two frames of 20 ms."""
    played = play(duration, start, script)
    for (before, (index, count)), (part, (following, _)) in pairwise(zip(played.parts, played.indices, strict=True)):
        continues = part.time == before.time + before.end - before.begin
        assert following == index + count if continues else following >= index + count - 1


@given(durations, st.integers(0, 10**15), st.integers(0, 40_000 * ms))
def test_playback_tracker_time_and_position_are_inverse(duration: int, start: int, position: int) -> None:
    tracker = tracker_of(duration)
    tracker.play(start)
    assert tracker.start == start
    position = min(position, duration)
    assert tracker.position_at(tracker.time_at(position)) == position
    assert tracker.position_at(start - 1) == 0
    assert tracker.position_at(start + duration + 1) == duration


def test_playback_tracker_pause_moves_its_start() -> None:
    """What is sent ahead for the rest of the sound has other times then."""
    tracker = tracker_of(400 * ms)
    tracker.play(1_000 * ms)
    tracker.advance(100 * ms)
    tracker.play(1_100 * ms)
    assert tracker.start == 1_000 * ms and len(tracker.runs) == 1
    tracker.play(1_350 * ms)
    assert tracker.start == 1_250 * ms and tracker.time_at(100 * ms) == 1_350 * ms


def test_playback_tracker_never_goes_back_nor_beyond_the_end() -> None:
    tracker = tracker_of(50 * ms)
    tracker.advance(20 * ms)
    tracker.advance(10 * ms)
    assert tracker.position == 20 * ms
    tracker.advance(SECOND)
    assert tracker.position == 50 * ms and tracker.complete


def test_playback_tracker_that_never_played_has_no_times() -> None:
    heard, times = tracker_of(SECOND).times_of(np.arange(3, dtype=np.int64))
    assert not heard.any() and times.size == 0


@pytest.mark.parametrize(("samples", "duration"), [(0, 0), (1, 62_500), (320, 20 * ms)])
def test_playback_tracker_takes_its_duration_from_the_samples(samples: int, duration: int) -> None:
    """The stamp may be rounded, or of another rate."""
    sound = Audio(Stamp(0, 7, ROOT), np.zeros(samples, np.int16), 16_000)
    assert PlaybackTracker.of(sound).duration == duration


def test_playback_progress_tells_what_was_heard() -> None:
    """The dialogue keeps only that; the last sentence counts as the last only when it was played to its end."""
    speech = Speech(Stamp(0, SECOND, ROOT), np.zeros(16_000, np.int16), 16_000, "one two", last=True)
    tracker = PlaybackTracker.of(speech)
    tracker.play(0)
    begun = playback_started(speech)
    assert (begun.text, begun.position, begun.ended, begun.last) == ("", 0, False, False)
    tracker.advance(600 * ms)
    cut = playback_ended(speech, tracker)
    assert (cut.text, cut.position, cut.ended, cut.last) == ("one", 600 * ms, True, False)
    tracker.advance(SECOND)
    whole = playback_ended(speech, tracker)
    assert (whole.text, whole.position, whole.ended, whole.last) == ("one two", SECOND, True, True)
