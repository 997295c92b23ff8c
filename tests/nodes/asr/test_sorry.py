"""`asr.sorry`: the person is asked to repeat, instead of getting no answer."""

from __future__ import annotations

import numpy as np

from nodes.asr.sorry import Sorry
from nodes.packets import Transcript, Utterance
from pipeline.testing import root_stamp, run_node


def test_asr_last_resort_rotates_sentences_for_whole_utterances_only() -> None:
    sound = np.zeros(160, np.int16)
    feed = [Utterance(root_stamp(n), sound, 16_000, whole=n != 1) for n in range(4)]
    asked = run_node(Sorry(sentences=("Again?", "Once more?")), feed).of(Transcript)
    assert [(each.text, each.answer) for each in asked] == [("", "Again?"), ("", "Once more?"), ("", "Again?")]


def test_asr_last_resort_asks_again_when_no_member_works() -> None:
    """A whole utterance never goes unanswered."""
    node, sound = Sorry(), np.zeros(160, np.int16)
    whole, partial = (Utterance(root_stamp(), sound, 16_000, whole=each) for each in (True, False))
    assert node.requires_output(whole) and not node.requires_output(partial)
    (apology,) = node.last_resort(whole, ())
    assert isinstance(apology, Transcript) and apology.whole and "say it again" in apology.answer
