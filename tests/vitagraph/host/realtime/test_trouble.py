"""What a person is told of failures."""

from __future__ import annotations

from typing import get_args

import pytest

from pipeline.errors import Category
from pipeline.events import NodeRecovered
from tests.vitagraph.host.realtime.call import Call


@pytest.mark.parametrize("category", get_args(Category))
@pytest.mark.parametrize("by", ["", "tts.other"])
def test_degradation_notice_is_a_sentence_for_every_category(category: Category, by: str) -> None:
    """The page shows it as it is."""
    call = Call()
    call.fail("tts", by, category)
    message = call.one("vitagraph.degraded")["message"]
    assert message[0].isupper() and message.endswith(".")
    assert "tts" not in message


def test_degradation_of_a_repeatedly_failing_node_is_sent_once() -> None:
    """Fifty notices a second would hide the conversation; a change for the worse is news again."""
    call = Call()
    for _ in range(50):
        call.fail("tts", "tts.other")
    call.fail("tts")
    assert [each["member"] for each in call.all("vitagraph.degraded")] == ["tts.other", ""]


def test_degradation_recovery_is_sent_once() -> None:
    """The notice goes away by itself; and what is news afterwards is told again."""
    call = Call()
    call.bus.post(NodeRecovered(0, "tts", "tts.first"))
    assert call.all("vitagraph.recovered") == [], "it was never known to be ill"
    call.fail("tts", "tts.other")
    for _ in range(2):
        call.bus.post(NodeRecovered(0, "tts", "tts.first"))
    assert [each["node"] for each in call.all("vitagraph.recovered")] == ["tts"]
    call.fail("tts", "tts.other")
    assert len(call.all("vitagraph.degraded")) == 2
