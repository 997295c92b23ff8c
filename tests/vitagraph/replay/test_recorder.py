"""What is recorded of a session."""

from __future__ import annotations

import numpy as np

from nodes.packets import Audio, Transcript
from pipeline.packet import Packet, Stamp
from pipeline.params import ms
from pipeline.testing import root_stamp
from tests.pipeline.kit import Written, planned, run, sink, source
from vitagraph.replay.recorder import Recorder


def test_recorder_writes_a_packet_of_several_links_once() -> None:
    """A transcript that goes to the dialogue and to a file is recorded once."""
    recorder, heard = Recorder(), list[Packet]()
    words = Transcript(root_stamp(), "hello", whole=True)
    nodes: dict[str, Written] = {"asr": source([words]), "chat": sink(heard), "lines": sink(heard)}
    run(planned(nodes, "asr -> chat", "asr -> lines"), observe=recorder.observe)
    assert heard == [words, words]
    assert [spoken.transcript for spoken in recorder.transcripts] == [words]


def test_recorder_progress_follows_the_input_audio() -> None:
    """It never goes back, although a converter passes the same audio on later."""
    told: list[int] = []
    recorder = Recorder(told.append)
    for start in (0, 20, 0, 40):
        audio = Audio(Stamp(ms(start), ms(20), root_stamp().cause), np.zeros(320, np.int16), 16_000)
        recorder.observe("link", audio)
    assert told == [ms(20), ms(40), ms(60)]
    assert recorder.heard == ms(60)


def test_recorder_leaves_out_revoked_turns() -> None:
    recorder = Recorder()
    recorder.observe("link", Transcript(root_stamp(), "hello", whole=True))
    assert recorder.turns == []
