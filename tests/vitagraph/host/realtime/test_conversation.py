"""What a client is told: the order of the events is the API's, and each is valid by its types."""

from __future__ import annotations

import gc
import json
import tracemalloc
import weakref
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from nodes.packets import Audio, Speech, TextDelta, Transcript, Utterance
from pipeline.errors import Category
from pipeline.events import NodeFailed, NodeRecovered
from tests.vitagraph.host.realtime.call import Call, Event
from tests.vitagraph.host.realtime.scenes import FOLDER, SCENES, played, written
from vitagraph.host.realtime.conversation import CAUSES, NOTICES, Degradation
from vitagraph.host.realtime.event_writer import MOST_QUEUED
from vitagraph.host.realtime.input_audio import NOT_UNDERSTOOD
from vitagraph.host.realtime.response import NO_RESPONSE

HEARD = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
TURN = [
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.completed",
]
BEGUN = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
]
PARTS_DONE = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]
ANSWER = ["response.created", *BEGUN, "output_audio_buffer.started", *PARTS_DONE, "output_audio_buffer.stopped"]
CUT = ["output_audio_buffer.cleared", "conversation.item.truncated", *PARTS_DONE]


def resources(call: Call) -> list[Event]:
    """What each `response.done` says."""
    return [event["response"] for event in call.all("response.done")]


def transcripts(call: Call) -> list[str]:
    """What each answer says was heard."""
    return [each["output"][0]["content"][0]["transcript"] for each in resources(call)]


@pytest.mark.parametrize("name", SCENES)
def test_realtime_scene_files_match_those_the_page_is_tested_with(name: str) -> None:
    """The page's tests read these files: were they stale, the page could misread a real call."""
    assert played(name).events
    assert (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8") == written(name)


@pytest.mark.parametrize("name", SCENES)
def test_realtime_items_are_added_changed_and_done_in_order(name: str) -> None:
    """A client would drop what is said of an item that it does not know, or that is done."""
    call = played(name)
    for id in {event["item"]["id"] for event in call.all("conversation.item.added")}:
        types = [
            event["type"]
            for event in call.events
            if event.get("item_id") == id or event.get("item", {}).get("id") == id
        ]
        deltas = [at for at, type in enumerate(types) if type == "response.output_audio_transcript.delta"]
        assert types.count("conversation.item.added") == types.count("conversation.item.done") == 1
        added, done = types.index("conversation.item.added"), types.index("conversation.item.done")
        assert added < done
        assert all(added < at < done for at in deltas)


@pytest.mark.parametrize("name", SCENES)
def test_realtime_responses_do_not_overlap(name: str) -> None:
    """An SDK that saw a second answer begin before the first was done would lose track of both."""
    going: list[str] = []
    for event in played(name).events:
        if event["type"] == "response.created":
            going.append(event["response"]["id"])
        elif event["type"] == "response.done":
            going.remove(event["response"]["id"])
        assert len(going) <= 1


@pytest.mark.parametrize("name", SCENES)
def test_realtime_text_deltas_add_up_to_the_whole(name: str) -> None:
    """Captions that are put together from the pieces must not miss a word."""
    call = played(name)
    for done in call.all("response.output_audio_transcript.done"):
        pieces = call.all("response.output_audio_transcript.delta")
        assert done["transcript"] == "".join(each["delta"] for each in pieces if each["item_id"] == done["item_id"])


def test_realtime_turn_is_transcribed_and_answered() -> None:
    """The whole of an ordinary exchange, in the API's order."""
    call = played("answered")
    assert call.types == [*HEARD, *TURN, "response.created", *BEGUN, BEGUN[-1], *ANSWER[5:]]
    started, committed = call.one(HEARD[0]), call.one("input_audio_buffer.committed")
    assert started["item_id"] == committed["item_id"] and started["audio_start_ms"] == 1000
    (response,) = resources(call)
    assert response["status"] == "completed"
    assert transcripts(call) == ["Paris. It lies on the Seine."]


def test_realtime_transcripts_tell_their_language_where_it_is_known() -> None:
    """A screen reader reads Chinese captions in Chinese."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.pass_on(Transcript(call.stamp(cause, 1000), "你好", whole=False, language="zh"))
    call.pass_on(Transcript(call.stamp(cause, 1000), "你好吗？", whole=True, language="zh"))
    call.pass_on(TextDelta(call.stamp(cause), "很好。", language="zh"))
    call.play(cause)
    call.played(cause, "很好。", last=True)
    said = "conversation.item.input_audio_transcription"
    answered = "response.output_audio_transcript"
    told = [
        event for kind in (said, answered) for event in (*call.all(f"{kind}.delta"), *call.all(f"{kind}.completed"))
    ]
    assert [event["language"] for event in told] == ["zh"] * 4
    assert call.one(f"{answered}.done")["language"] == "zh"


def test_realtime_notices_are_all_known_to_the_translation_of_the_page() -> None:
    """A Chinese page would show what is new in English."""
    chinese = (Path(__file__).parents[4] / "web/src/core/chinese.ts").read_text(encoding="utf-8")
    sentences = {*NOTICES.values(), NO_RESPONSE["message"], NOT_UNDERSTOOD["message"]}
    for by in ("asr.sorry", ""):
        notice = Degradation().failed(NodeFailed(0, "asr", "asr.first", "network", "", "", by, rung=1))
        assert notice is not None
        sentences.add(notice.message.removeprefix(CAUSES["network"]))
    assert [each for each in (*sentences, *CAUSES.values()) if f'"{each}"' not in chinese] == []


def test_realtime_revoked_turn_leaves_no_trace() -> None:
    """Half a question, and an answer to it that nobody heard, would appear in the conversation."""
    call = played("resumed")
    assert call.types == [*HEARD, *HEARD, *TURN, *ANSWER]
    assert len({event["item_id"] for event in call.events if event["type"] in {*HEARD, TURN[0]}}) == 1
    assert transcripts(call) == ["Paris."]
    assert call.conversation.response_of(1) is None


def test_realtime_interrupted_response_ends_with_what_was_heard() -> None:
    """Else the captions, and a client's history, hold words that were never spoken."""
    call = played("interrupted")
    first, second = resources(call)
    assert (first["status"], first["status_details"]["reason"]) == ("cancelled", "turn_detected")
    assert (first["output"][0]["status"], second["status"]) == ("incomplete", "completed")
    assert transcripts(call) == ["Paris is old. It lies", "Older still."]
    assert call.one("conversation.item.truncated")["audio_end_ms"] == 900 + 420
    cleared = call.types.index("output_audio_buffer.cleared")
    assert call.types[cleared : cleared + len(CUT)] == CUT


def test_realtime_last_words_may_precede_the_interruption() -> None:
    """A sink that stops first must not leave the answer open for ever."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.stream(cause, "One two three.")
    call.play(cause)
    call.played(cause, "One two", 300)
    assert not resources(call)
    call.change("interrupted", cause, "voice")
    assert transcripts(call) == ["One two"]


def test_realtime_unheard_response_ends_empty() -> None:
    """The person went on: what was prepared must be struck out as a whole."""
    call = played("went_on")
    first = resources(call)[0]
    assert first["status"] == "cancelled"
    assert transcripts(call) == ["", "Both are old."]
    assert "output_audio_buffer.cleared" not in call.types
    assert call.one("conversation.item.truncated")["audio_end_ms"] == 0


def test_realtime_typed_text_is_answered_without_input_audio() -> None:
    """A typed question appears once, and interrupts."""
    call = played("typed")
    assert call.asked.said == ["And Rome?"]
    assert len(call.all("input_audio_buffer.committed")) == 1
    typed = call.all("conversation.item.added")[2]["item"]
    assert typed["content"] == [{"type": "input_text", "text": "And Rome?"}]
    assert [each["status_details"].get("reason") for each in resources(call)] == ["client_cancelled", None]
    assert transcripts(call) == ["Paris is", "Older still."]


def test_realtime_client_can_cancel_the_response() -> None:
    """`response.cancel` and `output_audio_buffer.clear`, as SDKs send them, one after the other."""
    call = played("cancelled")
    assert call.asked.cancelled == 1
    assert "error" not in call.types
    assert call.types[-len(CUT) :] == CUT
    assert resources(call)[0]["status_details"]["reason"] == "client_cancelled"


def test_realtime_backchannel_makes_no_turn_and_the_response_goes_on() -> None:
    """An mm-hm must neither appear as a message nor end what is being said."""
    call = played("backchannel")
    assert len(call.all("input_audio_buffer.committed")) == 1
    assert "input_audio_buffer.cleared" not in call.types
    assert len(call.all("output_audio_buffer.started")) == 2  # and again, when it goes on
    assert transcripts(call) == ["Paris is old. It lies on the Seine."]


def test_realtime_noise_is_retracted_and_its_item_reused() -> None:
    """A client that waits for the turn of a cough would wait for ever."""
    call = Call()
    noise = call.speak(1000, 1080)
    call.change("revoked", noise, "too short")
    cause = call.speak(3000, 4000)
    call.change("committed", cause)
    assert call.types[:3] == [*HEARD, "input_audio_buffer.cleared"]
    assert len({event["item_id"] for event in call.events if "item_id" in event}) == 1


def test_realtime_failure_notice_hides_the_details() -> None:
    """An operator's message with addresses and keys in it must not reach a page."""
    call = played("failed")
    make_placeholder, nothing = call.all("vitagraph.degraded")
    assert (make_placeholder["node"], make_placeholder["member"]) == ("asr", "asr.sorry")
    assert (nothing["node"], nothing["member"]) == ("tts", "")
    assert all(each["message"].endswith(".") for each in (make_placeholder, nothing))
    for secret in ("10.1.2.3", "sk-123", "/srv", "Paris"):
        assert secret not in json.dumps([make_placeholder, nothing])
    first, second = resources(call)
    assert (first["status"], first["status_details"]["error"]["code"]) == ("failed", "no_answer")
    assert second["status"] == "completed"


def test_realtime_spoken_response_does_not_fail_with_the_face() -> None:
    """A face that cannot be moved is no reason to say that there was no answer."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.fail("face")
    call.speech(cause, "One.")
    call.change("interrupted", cause, "voice")
    assert [each["status"] for each in resources(call)] == ["cancelled"]


def test_realtime_missing_response_ends_when_the_next_turn_is_committed() -> None:
    """Else the client would believe that both are under way."""
    call = Call()
    first = call.speak(1000, 2000)
    call.change("committed", first)
    second = call.speak(8000, 9000)
    call.change("committed", second)
    assert [each["status"] for each in resources(call)] == ["cancelled"]
    assert resources(call)[0]["output"] == []


def test_realtime_empty_transcript_ends_the_response_empty() -> None:
    """A page would show `thinking` for an answer that cannot come."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.hear(cause, "  ")
    assert call.types[-1] == "response.done"
    assert resources(call)[0]["output"] == []


def test_realtime_unintelligible_speech_is_marked_and_apologised_for() -> None:
    """The message says that it was not understood, rather than that nothing was said; the apology is the answer."""
    call = Call()
    cause = call.speak()
    call.hear(cause, "", answer="Please say it again.")
    call.change("committed", cause)
    call.answer(cause, "Please say it again.")
    assert call.one("conversation.item.input_audio_transcription.failed")["error"]["message"]
    assert transcripts(call) == ["Please say it again."]


def test_realtime_late_transcript_grows_and_is_completed() -> None:
    """Captions appear as the words are known, though the turn was committed before them and is over."""
    call = Call()
    cause = call.speak()
    call.hear(cause, "What is", whole=False)
    call.change("committed", cause)
    call.hear(cause, "What if", whole=False)  # no continuation: not told
    call.change("interrupted", cause, "voice")
    call.hear(cause, "What is it?")
    call.hear(cause, "Something else?")
    item = call.one("input_audio_buffer.committed")["item_id"]
    deltas = call.all("conversation.item.input_audio_transcription.delta")
    assert [each["delta"] for each in deltas] == ["What is", " it?"]
    completed = call.one("conversation.item.input_audio_transcription.completed")
    assert (completed["transcript"], completed["item_id"]) == ("What is it?", item)


@pytest.mark.parametrize(
    ("source", "pieces"),
    [("stream", ["Paris is old. It lies on the Seine."]), ("sentence", ["Paris is old.", " It lies on the Seine."])],
)
def test_realtime_captions_use_the_first_source_of_the_text(source: str, pieces: list[str]) -> None:
    """Sentences repeat what the dialogue streamed, and speech repeats both: captions would show it three times."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    if source == "stream":
        call.stream(cause, "Paris is old. It lies on the Seine.")
    for text in ("Paris is old.", "It lies on the Seine."):
        call.sentence(cause, text.upper(), shown=text)
        call.speech(cause, text)
    assert [each["delta"] for each in call.all("response.output_audio_transcript.delta")] == pieces


def test_realtime_captions_come_from_speech_in_a_graph_without_text() -> None:
    """A voice that comes ready-made has captions too."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.speech(cause, "One.")
    call.speech(cause, "Two.")
    assert [each["delta"] for each in call.all("response.output_audio_transcript.delta")] == ["One.", " Two."]


def test_realtime_greeting_without_a_question_is_a_response() -> None:
    """Whatever is heard has captions, and can be cancelled; so has what follows it under the same cause."""
    call = Call()
    root = call.causes.root
    for text in ("Welcome!", "Are you there?"):
        call.speech(root, text)
        call.play(root)
        call.played(root, text, last=True)
    assert call.types == [*ANSWER, *ANSWER]
    assert transcripts(call) == ["Welcome!", "Are you there?"]


def test_realtime_events_before_the_channel_opens_are_kept() -> None:
    """The person may speak before the data channel is there; the session is told of first all the same."""
    call = Call(opened=False)
    cause = call.speak()
    call.change("committed", cause)
    assert call.sent == []
    call.conversation.open()
    call.conversation.open()
    assert [event["type"] for event in call.events][:4] == ["session.created", "conversation.created", *HEARD]
    session = call.one("session.created")["session"]
    assert (session["model"], session["instructions"], session["audio"]["output"]["voice"]) == (
        "assistant",
        "Be kind.",
        "joe",
    )


def test_realtime_events_for_a_channel_that_never_opens_are_bounded() -> None:
    """A client without a data channel must not fill the host's memory."""
    call = Call(opened=False)
    for number in range(MOST_QUEUED):
        call.speak(number * 1000, number * 1000 + 500)
    call.conversation.open()
    assert len(call.sent) == MOST_QUEUED + 2


def test_realtime_end_of_the_call_ends_the_response() -> None:
    """A client that is told of the end knows what was heard; nothing is sent into a closed channel."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.stream(cause, "One two.")
    call.play(cause)
    call.conversation.end()
    count = len(call.sent)
    assert resources(call)[0]["status"] == "cancelled"
    call.played(cause, "One", 100)
    call.send("response.create")
    call.speak()
    assert len(call.sent) == count


def test_realtime_internal_error_ends_the_call_with_an_event() -> None:
    """A call that ends by a fault must not end without a word."""
    call = Call()
    call.conversation.fail("The call cannot go on.")
    assert (call.error()["type"], call.error()["message"]) == ("server_error", "The call cannot go on.")


def test_realtime_packets_without_news_send_no_event() -> None:
    """Audio passes here fifty times a second on every link."""
    call = Call()
    stamp = call.stamp(call.causes.root)
    call.pass_on(Audio(stamp, np.zeros(320, np.int16), 16_000))
    call.pass_on(Utterance(stamp, np.zeros(320, np.int16), 16_000, whole=True))
    assert call.types == []


def test_realtime_conversation_keeps_no_audio() -> None:
    """A hundred calls would each hold minutes of speech that nobody will hear again."""
    call = Call()
    samples = np.zeros(24_000, np.int16)
    kept = weakref.ref(samples)
    call.pass_on(Speech(call.stamp(call.causes.root), samples, 24_000, "One."))
    del samples
    gc.collect()
    assert kept() is None


def test_realtime_split_surrogate_pair_is_sent_intact() -> None:
    """A model may stream an emoji in two halves: neither the session nor the captions may break."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.stream(cause, "Hi \ud83d", "\ude00!")
    deltas = "".join(each["delta"] for each in call.all("response.output_audio_transcript.delta"))
    assert deltas.encode("utf-16", "surrogatepass").decode("utf-16") == "Hi 😀!"


def test_realtime_memory_of_a_long_call_is_bounded() -> None:
    """10,000 turns with guesses, interruptions and typed text: memory must not grow with them."""
    call = Call()
    sent: list[Any] = call.sent

    def turns(count: int) -> None:
        for number in range(count):
            guess = call.speak()
            call.stream(guess, "Too early.")
            call.change("resumed", guess)
            cause = call.speak()
            call.hear(cause, f"Question {number}?")
            call.change("committed", cause)
            call.stream(cause, "One two three.")
            call.play(cause)
            if number % 2:
                call.change("interrupted", cause, "voice")
            call.played(cause, "One", last=not number % 2)
            call.type_text("And?")
            call.send("response.create")
            call.asked.said.clear()
            sent.clear()

    turns(1000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        turns(9000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # What is replaced counts as new for the tracer: as much as is kept, and not a hundred times that.
    assert grown < 500_000


# --- degradation


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


def test_degradation_is_not_told_of_a_stand_in_that_is_not_needed() -> None:
    """The person would read of simpler answers while the first member gives them."""
    call = Call()
    call.bus.post(NodeFailed(0, "chat", "dialogue.script", "resource", "", "", "dialogue.llama"))
    assert call.all("vitagraph.degraded") == []


def test_degradation_while_a_model_is_loaded_is_no_alarm() -> None:
    """The first caller of a host that has just started would read that something went wrong."""
    call = Call()
    opening = NodeFailed(0, "chat", "dialogue.llama", "resource", "", "", "dialogue.script", 2, "opening")
    call.bus.post(opening)
    notice = call.one("vitagraph.degraded")
    assert (notice["rung"], notice["message"]) == (2, NOTICES["opening"])
    call.bus.post(NodeRecovered(0, "chat", "dialogue.llama"))
    assert [each["node"] for each in call.all("vitagraph.recovered")] == ["chat"]


def test_degradation_by_many_callers_says_so_and_names_the_rung() -> None:
    """The person sees why the answers are short, and that it is nobody's fault."""
    known = Degradation()
    reached = NodeFailed(0, "chat", "dialogue.llama", "resource", "", "", "dialogue.llama", 1, "limit")
    notice = known.failed(reached)
    assert notice is not None
    assert (notice.member, notice.rung, notice.message) == ("dialogue.llama", 1, NOTICES["limit"])
    assert known.failed(reached) is None
    lower = NodeFailed(0, "chat", "dialogue.llama", "resource", "", "", "dialogue.script", 2)
    notice = known.failed(lower)
    assert notice is not None and notice.rung == 2 and "stand-in" in notice.message
    assert known.recovered(NodeRecovered(0, "chat", "dialogue.llama")) is not None
