"""What is written down while a session runs."""

from __future__ import annotations

import numpy as np

from nodes.packets import Audio, Played, Speech, Transcript, TurnChanged
from pipeline.cause import Causes
from pipeline.packet import Stamp
from pipeline.params import ms
from pipeline.testing import root_stamp
from vitagraph.replay.recorder import AUDIBLE, Recorder, quiet_lead


def test_the_quiet_beginning_of_a_speech_is_part_of_the_silence() -> None:
    """A voice that begins with 200 ms of nothing is 200 ms slower."""
    samples = np.concatenate([np.full(3200, AUDIBLE, np.int16), np.full(10, -32768, np.int16)])
    assert quiet_lead(samples, 16_000) == ms(200)


def test_a_silent_speech_is_quiet_to_its_end() -> None:
    """Also one without samples."""
    assert quiet_lead(np.zeros(1600, np.int16), 16_000) == ms(100)
    assert quiet_lead(np.zeros(0, np.int16), 16_000) == 0


def test_a_packet_that_passes_several_links_is_written_once() -> None:
    """From the ASR to the dialogue, and on to a file."""
    recorder = Recorder()
    words = Transcript(root_stamp(), "hello", whole=True)
    for link in ("asr -> chat", "asr -> lines"):
        recorder.observe(link, words)
    assert [spoken.transcript for spoken in recorder.transcripts] == [words]


def test_progress_follows_the_audio_that_came_in() -> None:
    """And never goes back, though a converter passes the same audio on later."""
    told: list[int] = []
    recorder = Recorder(told.append)
    for start in (0, 20, 0, 40):
        audio = Audio(Stamp(ms(start), ms(20), root_stamp().cause), np.zeros(320, np.int16), 16_000)
        recorder.observe("link", audio)
    assert told == [ms(20), ms(40), ms(60)]
    assert recorder.heard == ms(60)


def test_a_guess_that_was_called_off_is_no_turn() -> None:
    """Only what was committed counts."""
    recorder = Recorder()
    recorder.observe("link", Transcript(root_stamp(), "hello", whole=True))
    assert recorder.turns == []


def test_an_answer_that_was_cut_off_while_quiet_was_not_heard() -> None:
    """Else an interruption in the first moment would count as a quick answer."""
    recorder = Recorder()
    now = ms(0)
    recorder._now = lambda: now
    cause = Causes().begin("turn")
    quiet = np.concatenate([np.zeros(1600, np.int16), np.full(1600, 9000, np.int16)])
    for _ in ("first", "second"):
        recorder.observe("link", speech := Speech(Stamp(0, ms(200), cause), quiet, 16_000, "hello"))
        recorder.observe("another link", speech)
    recorder._played(Played(cause, "", 0, ended=False, last=False))
    now = ms(50)
    recorder._played(Played(cause, "", ms(50), ended=True, last=False))
    recorder._turn_changed(TurnChanged(now, cause, "committed"))
    [turn] = recorder.turns
    assert turn.silence is None
    recorder._played(Played(cause, "", 0, ended=False, last=False))
    assert turn.silence == ms(150)
