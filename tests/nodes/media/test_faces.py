"""Frames are kept only while they may still be shown, and none is shown twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodes.media import _faces
from nodes.media._faces import FaceTrack
from nodes.packets import AvatarFrames
from nodes.playback_tracker import PlaybackTracker
from pipeline.cause import Cause, Causes
from pipeline.packet import MILLISECOND, SECOND, Stamp

ms = MILLISECOND


def turn() -> tuple[Causes, Cause]:
    """A turn, and the causes that can revoke it."""
    causes = Causes()
    return causes, causes.begin("turn")


def frames(cause: Cause, pts: int, count: int) -> AvatarFrames:
    """A batch at 50 frames a second; the first weight is the time in ms at which it was meant."""
    weights = np.zeros((count, 52), np.float32)
    weights[:, 0] = pts // ms + 20 * np.arange(count)
    return AvatarFrames(Stamp(pts, count * 20 * ms, cause), weights, np.zeros((count, 7), np.float32), 50)


def spoken(cause: Cause, pts: int, length: int, clock: int) -> PlaybackTracker:
    """A speech that was played to its end, from `clock` on."""
    return PlaybackTracker(Stamp(pts, length, cause), length, length, over=True, runs=[(0, clock)])


def shown(path: Path) -> list[tuple[int, int]]:
    """When (in ms), and which."""
    with np.load(path) as file:
        return [(round(t * 1000), int(w)) for t, w in zip(file["time"], file["weights"][:, 0], strict=True)]


def test_face_frames_are_split_between_two_sentences(tmp_path: Path) -> None:
    """Each frame goes with its own sentence, also with a pause in between."""
    _, cause = turn()
    track = FaceTrack(tmp_path / "avatar.npz")
    track.add(frames(cause, 0, 10))
    for tracker in (spoken(cause, 0, 100 * ms, 0), spoken(cause, 100 * ms, 100 * ms, 500 * ms)):
        track.expect(tracker)
        track.settle()
    track.close()
    assert shown(tmp_path / "avatar.npz") == [(20 * n if n < 5 else 400 + 20 * n, 20 * n) for n in range(10)]


def test_face_frames_of_cancelled_answers_are_dropped(tmp_path: Path) -> None:
    """Frames of revoked answers must not fill the memory."""
    causes, cause = turn()
    track = FaceTrack(tmp_path / "avatar.npz")
    track.add(frames(cause, 0, 10))
    assert track.unplaced == 1
    causes.revoke(cause, "turn")
    track.settle()
    assert track.unplaced == 0
    track.close()


def test_face_frames_after_the_last_word_are_dropped_at_the_next_answer(tmp_path: Path) -> None:
    """They are forgotten as soon as another answer is spoken."""
    _, old = turn()
    _, new = turn()
    track = FaceTrack(tmp_path / "avatar.npz")
    track.expect(spoken(old, 0, 100 * ms, 0))
    track.add(frames(old, 0, 10))
    assert track.unplaced == 1
    track.expect(spoken(new, SECOND, 100 * ms, SECOND))
    track.settle()
    assert track.unplaced == 0
    track.close()


def test_face_frames_of_a_long_session_are_written_block_by_block(tmp_path: Path) -> None:
    """All frames are in the file, in order, also over several blocks."""
    _, cause = turn()
    count = 2 * _faces.BLOCK + 17
    track = FaceTrack(tmp_path / "avatar.npz")
    track.expect(spoken(cause, 0, count * 20 * ms, 0))
    for start in range(0, count, 500):
        track.add(frames(cause, start * 20 * ms, min(500, count - start)))
        track.save()
    assert track.waiting == 0
    track.close()
    assert shown(tmp_path / "avatar.npz") == [(20 * n, 20 * n) for n in range(count)]
