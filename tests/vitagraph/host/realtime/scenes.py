"""What happens in calls, each written down in tests/data/wire/realtime for the page's tests as well.

`python -m tests.vitagraph.host.realtime.scenes` writes the files anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nodes.packets import GREETING
from tests.vitagraph.host.realtime.call import Call

FOLDER = Path(__file__).parents[3] / "data/wire/realtime"


def answered(call: Call) -> None:
    """A question, and an answer of two sentences that is heard to its end."""
    cause = call.speak()
    call.hear(cause, "What is the capital", whole=False)
    call.hear(cause, "What is the capital of France?")
    call.stream(cause, "Paris.", " It lies")
    call.sentence(cause, "Paris.")
    call.change("committed", cause, "silence")
    call.stream(cause, " on the Seine.")
    call.sentence(cause, "It lies on the Seine.")
    call.play(cause)
    call.played(cause, "Paris.", 700)
    call.play(cause)
    call.played(cause, "It lies on the Seine.", 1500, last=True)


def greeted(call: Call) -> None:
    """The assistant speaks first; then a question is asked over the end of its greeting."""
    greeting = call.causes.begin(GREETING)
    call.causes.commit(greeting)
    call.hear(greeting, "", answer="Hello! What is your name?")
    call.stream(greeting, "Hello! ", "What is your name?")
    call.play(greeting)
    call.played(greeting, "Hello!", 400)
    call.play(greeting)
    call.begin(1000)
    cause = call.causes.begin("turn")
    call.change("held", greeting)
    call.change("interrupted", greeting, "voice")
    call.played(greeting, "What is", 300)
    call.silence(2000)
    call.change("tentative", cause)
    call.hear(cause, "It is Ada.")
    call.change("committed", cause, "silence")
    call.answer(cause, "Hello, Ada.")


def resumed(call: Call) -> None:
    """The first guess was too early: the person goes on, and only the second is answered."""
    guess = call.speak(1000, 2000)
    call.hear(guess, "What is the capital?")
    call.stream(guess, "Of which country?")
    call.begin(2400)
    call.change("resumed", guess)
    cause = call.causes.begin("turn")
    call.silence(3000)
    call.change("tentative", cause)
    call.hear(cause, "What is the capital of France?")
    call.change("committed", cause, "silence")
    call.answer(cause, "Paris.")


def interrupted(call: Call) -> None:
    """The person speaks over the second sentence, and is answered instead."""
    cause = call.speak()
    call.hear(cause, "Tell me of Paris.")
    call.change("committed", cause, "silence")
    call.stream(cause, "Paris is old. ", "It lies on the Seine. ", "It has many bridges.")
    call.play(cause)
    call.played(cause, "Paris is old.", 900)
    call.play(cause)
    call.begin(5000)
    following = call.causes.begin("turn")
    call.change("held", cause)
    call.change("interrupted", cause, "voice")
    call.played(cause, "It lies", 420)
    call.silence(6000)
    call.change("tentative", following)
    call.hear(following, "And Rome?")
    call.change("committed", following, "silence")
    call.answer(following, "Older still.")


def went_on(call: Call) -> None:
    """The person goes on after the turn was committed, before anything of the answer is heard."""
    cause = call.speak()
    call.hear(cause, "Tell me of Paris.")
    call.change("committed", cause, "silence")
    call.stream(cause, "Paris is old.")
    call.begin(2500)
    following = call.causes.begin("turn")
    call.change("held", cause)
    call.change("interrupted", cause, "voice")
    call.silence(3500)
    call.change("tentative", following)
    call.hear(following, "Tell me of Paris and Rome.")
    call.change("committed", following, "silence")
    call.answer(following, "Both are old.")


def typed(call: Call) -> None:
    """The person types over an answer."""
    cause = call.speak()
    call.hear(cause, "Tell me of Paris.")
    call.change("committed", cause, "silence")
    call.stream(cause, "Paris is old. It lies on the Seine.")
    call.play(cause)
    call.type_text("And Rome?")
    call.send("response.create")
    following = call.causes.begin("typed")
    call.change("interrupted", cause, "typed")
    call.change("committed", following, "typed")
    call.hear(following, "And Rome?")
    call.played(cause, "Paris is", 500)
    call.answer(following, "Older still.")


def cancelled(call: Call) -> None:
    """The client stops the answer."""
    cause = call.speak()
    call.hear(cause, "Tell me of Paris.")
    call.change("committed", cause, "silence")
    call.stream(cause, "Paris is old. It lies on the Seine.")
    call.play(cause)
    call.send("response.cancel")
    call.change("interrupted", cause, "cancelled")
    call.played(cause, "Paris is old.", 1000)
    call.send("output_audio_buffer.clear")


def backchannel(call: Call) -> None:
    """The person says mm-hm, and the answer goes on."""
    cause = call.speak()
    call.hear(cause, "Tell me of Paris.")
    call.change("committed", cause, "silence")
    call.stream(cause, "Paris is old. It lies on the Seine.")
    call.play(cause)
    call.begin(3000)
    guess = call.causes.begin("turn")
    call.change("held", cause)
    call.silence(3300)
    call.change("tentative", guess)
    call.hear(guess, "Mm-hm.")
    call.change("revoked", guess, "backchannel")
    call.change("released", cause, "backchannel")
    call.played(cause, "Paris is old. It lies on the Seine.", 2400, last=True)


def failed(call: Call) -> None:
    """A node has a stand-in; then another has none, no answer is made, and the person asks again."""
    cause = call.speak()
    call.fail("asr", by="asr.sorry")
    call.hear(cause, "Tell me of Paris.")
    call.change("committed", cause, "silence")
    call.fail("tts", category="resource")
    call.fail("tts", category="resource")
    following = call.speak(9000, 9600)
    call.change("interrupted", cause, "voice")
    call.hear(following, "Hello?")
    call.change("committed", following, "silence")
    call.answer(following, "Hello!")


SCENES: dict[str, Callable[[Call], None]] = {
    scene.__name__: scene
    for scene in (answered, greeted, resumed, interrupted, went_on, typed, cancelled, backchannel, failed)
}


def played(name: str) -> Call:
    """The call of a scene."""
    call = Call()
    SCENES[name](call)
    return call


def written(name: str) -> str:
    """What a client gets in a scene: an event a line."""
    return "".join(f"{text}\n" for text in played(name).sent)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in SCENES:
        (FOLDER / f"{each}.jsonl").write_text(written(each), encoding="utf-8")
