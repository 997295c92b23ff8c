"""`turn.endpoint`: decides when a person has finished a turn, and when they interrupt an answer.

After a short pause a turn is *tentative*: the whole utterance is sent under a cause of its
own, and its answer may already be generated, behind the gate. If the person goes on, that
cause is revoked, and the next tentative turn holds everything said since the turn began. If
the silence lasts for the hangover (`_hangover.py`), the cause is *committed*.

A sound over an answer (`_overlap.py`) *holds* the answer at once. The answer ends if the sound has
words that are no backchannel and no echo of what we say (`_spoken.py`); otherwise it continues. A
"yes" over the end of our question is an answer. In a graph without speech recognition the duration
of the voice decides.

Typed text is a turn at once: its words are known, so it bypasses speech recognition through
the port `typed`. So does the greeting, with which a session begins: an answer to nobody, that
speech interrupts like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Literal

from nodes.packets import (
    GREETING,
    Audio,
    CancelResponse,
    Pause,
    PlaybackProgress,
    SpeechEnd,
    SpeechStart,
    TextInput,
    Transcript,
    TranscriptUpdate,
    TurnChanged,
    TurnCompletion,
    Utterance,
)
from nodes.turn._buffer import TurnBuffer
from nodes.turn._hangover import ABSENT, Hangover, joint_hangover
from nodes.turn._opinion import CERTAIN, VoiceOpinion, load_opinion
from nodes.turn._overlap import Overlap, partial_verdict, whole_verdict
from nodes.turn._params import EndpointParams
from nodes.turn._silence import CallerSilence
from nodes.turn._spoken import Spoken
from nodes.words import is_backchannel, words_of
from pipeline.caps import same
from pipeline.cause import Cause
from pipeline.compute.pool import Pooled
from pipeline.errors import GraphError, Location
from pipeline.node import Transform
from pipeline.packet import Stamp
from pipeline.params import ms, seconds
from pipeline.port import Input, Output, Receives

Phase = Literal["idle", "speaking", "ignoring", "pausing", "answered"]
"""`ignoring`: a detector marks a voice that is known to be noise, a backchannel or an echo."""
Out = Iterable[Utterance | Pause | Transcript]

MODEL_HEARS = seconds(8)
"""Audio that an end-of-turn model gets."""
MODEL_ASKED_AGAIN = ms(200)
"""Silence at which the model is asked for the second and last time; the first is when the detector marks the pause."""


class Endpoint(Transform[EndpointParams]):
    """Decides when a person has finished their turn, and when they interrupt an answer."""

    interrupts = True

    opinion = Pooled(load_opinion, key=lambda _: "silero_vad_v6")
    speech = Input(Audio, SpeechStart, SpeechEnd, channels=1)
    utterance = Output(Utterance, rate=same("speech"), channels=1)
    typed = Output(Transcript)
    pauses = Output(Pause, rate=same("speech"), channels=1)
    heard = Receives(TranscriptUpdate)
    sounds = Receives(TurnCompletion)
    played = Receives(PlaybackProgress)
    written = Receives(TextInput)
    hushed = Receives(CancelResponse)

    @dataclass(slots=True)
    class State:
        """The current turn."""

        phase: Phase = "idle"
        buffer: TurnBuffer = field(default_factory=TurnBuffer)
        guess: Cause | None = None
        """The cause of the turn being spoken."""
        answer: Cause | None = None
        """The cause of the last committed turn, whose answer may be pending or playing."""
        voice_start: int = 0
        voice_end: int = 0
        last_end: int = 0
        """The end of the voice of the last committed turn."""
        voiced: int = 0
        """Nanoseconds of voice since the turn began or resumed."""
        continues: bool = False
        """Whether the turn continues a committed one whose answer has not been heard yet."""
        last_partial: int = 0
        guessed: bool = False
        """Whether the whole utterance has been sent since the last voice."""
        text: str | None = None
        """The transcript of the whole utterance; None until it is known."""
        asked: int = 0
        """How often the end-of-turn model was asked in this pause."""
        complete: float | None = None
        """The lowest probability that the model gave for this pause; None until it has answered."""
        said: str = ""
        """The transcript of the last committed turn, which the buffered audio begins with if the turn continues it."""
        absent: bool = False
        """Whether the client has stopped to send since the voice ended."""
        overlap: Overlap | None = None
        """The present sound, if it began over an answer and is not known to interrupt it."""
        hangover: Hangover = field(default_factory=Hangover)
        spoken: Spoken = field(default_factory=Spoken)
        silence: CallerSilence = field(default_factory=CallerSilence)
        language: str = ""
        """That of the last words."""

    state: State

    def latency(self) -> int:
        """A turn never ends before `floor`."""
        return self.params.floor

    def check_links(self, linked: Set[str], where: Location) -> None:
        """A greeting goes to the dialogue."""
        if self.params.greeting.strip() and "typed" not in linked:
            raise GraphError(
                "`greeting` is said by nobody: nothing is linked to the output `typed`",
                where=where,
                expected="a link from it to the dialogue",
                hint="add `- turn.typed -> chat` to links, with the names of your nodes, or remove `greeting`",
            )

    def at_start(self) -> Iterable[Transcript]:
        """Gives the greeting, so that it is ready when the call is up; only then a sink plays."""
        greeting = self.params.greeting.strip()
        if not greeting:
            return ()
        cause = self.causes.begin(GREETING)
        self.causes.commit(cause)
        if self._answered:
            self.state.answer = cause
        return (Transcript(Stamp(self.clock.now(), 0, cause), "", whole=True, answer=greeting),)

    @speech.of(Audio)
    def listen(self, audio: Audio) -> Out:
        """Buffers the audio and checks how long the voice or silence has lasted."""
        state = self.state
        state.buffer.add(audio)
        if state.phase == "idle":
            state.buffer.keep_last(self.params.lead)
            return self._prompt(audio.at.pts + audio.at.duration) if state.silence.since is not None else ()
        if state.overlap is not None and state.phase in ("speaking", "ignoring"):
            state.overlap.opinion.listen(audio.samples)
        now = audio.at.pts + audio.at.duration
        if state.phase == "speaking":
            return self._while_speaking(now)
        if state.phase == "pausing":
            state.absent = state.absent or audio.absent
            return self._while_pausing(now)
        self._while_waiting(now)
        return ()

    @speech.of(SpeechStart)
    def begin(self, start: SpeechStart) -> Out:
        """Starts a new turn, or resumes a tentative one."""
        state = self.state
        if state.phase in ("speaking", "ignoring"):
            return ()  # a fallback detector that took over mid-speech starts again
        if state.phase == "pausing":
            state.hangover.learn(start.at.pts - state.voice_end, self.params)
            if not state.guessed:
                state.phase, state.voice_start = "speaking", start.at.pts
                return ()
            self._call_off("resumed")
        else:
            state.overlap = None
            state.voiced = 0
            state.continues = state.phase == "answered"
        self._speak(start.at.pts)
        return ()

    @speech.of(SpeechEnd)
    def pause(self, end: SpeechEnd) -> Out:
        """Speech has paused; the turn may be over."""
        state = self.state
        if state.phase == "ignoring":
            self._rest()
        if state.phase != "speaking":
            return ()
        state.voice_end = end.at.pts
        state.voiced += max(0, end.at.pts - state.voice_start)
        overlap = state.overlap if self._words_decide else None
        if state.voiced < self.params.least:
            self._drop("too short")
            return ()
        if overlap is not None and not overlap.opinion.voice:
            self._drop("noise")
            return ()
        state.phase = "pausing"
        state.guessed = state.absent = False
        state.asked, state.complete = 0, None
        if overlap is not None:
            return (*self._whole(), *self._ask_model(end.at.pts))
        return self._while_pausing(end.at.pts)

    @heard.each
    def words(self, event: TranscriptUpdate) -> Out:
        """Uses the words so far to decide about the answer that is being given, and the hangover."""
        state = self.state
        if event.cause is not state.guess or not event.cause.live:
            return ()
        if event.whole:
            state.text, state.language = event.text, event.language
        if state.overlap is not None:
            self._judge(state.overlap, event)
        elif state.phase == "pausing" and event.whole:
            if not event.text.strip():
                self._drop("no words")
            elif state.spoken.echoes(event.text, state.voice_start, state.buffer.end):
                self._drop("echo")
        return ()

    @sounds.each
    def sound(self, event: TurnCompletion) -> Out:
        """Uses what the end-of-turn model says of this pause."""
        state = self.state
        if event.cause is state.guess and state.phase == "pausing":
            state.complete = min(event.probability, 1.0 if state.complete is None else state.complete)
        return ()

    @played.each
    def hearing(self, event: PlaybackProgress) -> Out:
        """Once the answer is heard, further speech is a new turn."""
        state = self.state
        state.spoken.played(event, self.clock.now())
        if event.cause is state.answer:
            if state.phase == "answered":
                state.phase = "idle"
            if state.overlap is not None:
                state.overlap.pending = False
            if event.last:
                state.answer, state.silence.since = None, self.clock.now()
        return ()

    @written.each
    def read(self, event: TextInput) -> Iterable[Transcript]:
        """Commits typed text as a turn, which interrupts the answer."""
        if not event.text.strip():
            return ()
        now = self.clock.now()
        cause = self.causes.begin("typed")
        self._interrupt("typed")
        self.causes.commit(cause)
        self.post(TurnChanged(now, cause, "committed", now, "typed"))
        self.state.answer = cause
        self.state.silence.turn()
        return (Transcript(Stamp(now, 0, cause), event.text.strip(), whole=True, confidence=1.0),)

    @hushed.each
    def cancel(self, event: CancelResponse) -> Out:
        """Ends the answer, but not the turn being spoken."""
        self._interrupt("cancelled")
        return ()

    def finish(self) -> Out:
        """At the end of the stream, commits what was said so far."""
        state = self.state
        out: Out = ()
        if state.phase == "speaking":
            state.voice_end, state.guessed = state.buffer.end, False
            state.phase = "pausing"
        if state.phase == "pausing":
            out = () if state.guessed else self._whole()
            self._commit("the end")
        return out

    # --- while the phase lasts

    def _while_speaking(self, now: int) -> Out:
        state = self.state
        overlap = state.overlap
        if overlap is not None and not self._words_decide:
            if now - state.voice_start >= self.params.interrupt_after:
                self._interrupt("voice")
        elif overlap is not None:
            if overlap.is_noise(now):
                self._drop("noise", phase="ignoring")
                overlap.opinion.forget()
                state.overlap = overlap  # it may turn out to be a voice after all
                return ()
            self._hold_or_release(overlap, now)
            if overlap.is_long(now):
                self._call_off(overlap.verdict)
                state.buffer.start_at(now - self.params.lead)
                overlap.start, state.voiced = now, 0
                self._begin_turn(now)
            return (self._utterance(whole=False),) if overlap.ask(now) else ()
        if state.buffer.duration >= self.params.longest:
            return self._cut(now)
        if self.params.partials and now - state.last_partial >= self.params.partials:
            state.last_partial = now
            return (self._utterance(whole=False),)
        return ()

    def _while_pausing(self, now: int) -> Out:
        state = self.state
        silence = now - state.voice_end
        asked = self._ask_model(now)
        if not state.guessed:
            return (*self._whole(), *asked) if silence >= self.params.pause else asked
        if state.overlap is not None and self._words_decide:
            self._hold_or_release(state.overlap, now)
            if silence >= self.params.patience:
                self._drop("no transcript")
        elif silence >= self._hangover():
            self._commit("silence")
        return asked

    def _hangover(self) -> int:
        """Nanoseconds of silence that end this turn."""
        state, params = self.state, self.params
        if self._has_model:
            wait = joint_hangover(state.text, state.complete, params)
        else:
            wait = state.hangover.of(state.text, params)
        return min(wait, ABSENT) if state.absent else wait

    def _prompt(self, now: int) -> Out:
        """Says something to a caller who has been silent for long enough."""
        state = self.state
        if "typed" not in (self.context.connected or ()):
            return ()
        text = state.silence.prompt(now, self.params, state.language)
        if not text:
            return ()
        cause = self.causes.begin("prompt")
        self.causes.commit(cause)
        self.post(TurnChanged(now, cause, "committed", now, "prompt"))
        state.answer = cause
        at = Stamp(now, 0, cause)
        return (Transcript(at, "", whole=True, language=state.language, confidence=1.0, answer=text),)

    def _ask_model(self, now: int) -> tuple[Pause, ...]:
        """Asks the end-of-turn model, at the beginning of a pause and once more."""
        state = self.state
        due = state.asked == 0 or (state.asked == 1 and now - state.voice_end >= MODEL_ASKED_AGAIN)
        if not due or state.guess is None or not self._has_model:
            return ()
        state.asked += 1
        start = max(state.buffer.pts, state.buffer.end - MODEL_HEARS)
        at = Stamp(start, state.buffer.end - start, state.guess)
        return (Pause(at, state.buffer.since(start).copy(), state.buffer.rate),)

    def _while_waiting(self, now: int) -> None:
        """A turn has been answered, or a sound is ignored."""
        state = self.state
        overlap = state.overlap
        if state.phase == "ignoring" and overlap is not None and overlap.opinion.last >= CERTAIN:
            state.overlap = None
            state.voiced = 0
            self._speak(max(overlap.start, now - self.params.lead))
        elif now - state.voice_end > self.params.ceiling + self.params.patience:
            state.continues = False  # too late to continue that turn
            if state.phase == "answered":
                state.phase = "idle"
            else:
                state.buffer.keep_last(self.params.lead)

    # --- decisions

    @property
    def _answered(self) -> bool:
        """Whether something below plays answers."""
        connected = self.context.connected
        return connected is None or "played" in connected

    @property
    def _words_decide(self) -> bool:
        """Whether speech recognition tells what is said."""
        return "heard" in (self.context.connected or ())

    @property
    def _has_model(self) -> bool:
        """Whether an end-of-turn model tells how turns sound."""
        return "sounds" in (self.context.connected or ())

    def _speak(self, since: int) -> None:
        """A voice has begun."""
        state = self.state
        if state.phase in ("idle", "ignoring") and not state.continues:
            # The lead-in has nothing of the turn before: a transcript has each word once.
            state.buffer.start_at(max(state.last_end, since - self.params.lead))
        state.phase = "speaking"
        self._begin_turn(since)
        if state.answer is not None and state.answer.live:
            now = state.buffer.end
            if state.overlap is None:
                opinion = VoiceOpinion(self.opinion.member, state.buffer.rate)
                opinion.listen(state.buffer.since(since))
                pending = not state.spoken.began(state.answer)
                state.overlap = Overlap(since, opinion, pending, state.spoken.asks(since), held=now)
            elif state.overlap.verdict == "nothing":
                state.overlap.verdict, state.overlap.held = "unknown", now
            self._hold_or_release(state.overlap, now)

    def _begin_turn(self, since: int) -> None:
        state = self.state
        state.voice_start = state.last_partial = since
        state.guess = self.causes.begin("turn")
        state.text = None

    def _rest(self) -> None:
        """No turn is being spoken."""
        self.state.phase = "answered" if self.state.continues else "idle"

    def _hold_or_release(self, overlap: Overlap, now: int) -> None:
        answer = self.state.answer
        if answer is None or not answer.live:
            return
        holds = not self._words_decide or overlap.holds(now, ended=self.state.phase == "pausing")
        if holds and answer.open:
            self.causes.hold(answer)
            self._post("held", answer)
        elif not holds:
            self._release(overlap.verdict)

    def _release(self, reason: str) -> None:
        answer = self.state.answer
        if answer is not None and answer.live and not answer.open:
            self.causes.release(answer)
            self._post("released", answer, reason)

    def _judge(self, overlap: Overlap, event: TranscriptUpdate) -> None:
        """Uses the words of a sound over an answer."""
        state = self.state
        text = _following(state.said, event.text) if state.continues else event.text
        echo = state.spoken.echoes(text, overlap.start, state.buffer.end)
        if not event.whole:
            verdict = "nothing" if echo else partial_verdict(text, event.confidence)
            overlap.judge(verdict, text)
            if overlap.interrupts:
                self._interrupt("words")
            else:
                self._hold_or_release(overlap, state.buffer.end)
        elif state.phase == "pausing":
            if echo:
                self._drop("echo")
            elif overlap.tail and not state.spoken.goes_on and is_backchannel(text):
                state.overlap = None  # an answer to our question, the end of which may still be heard
                self._release("answer")
            elif whole_verdict(text, event.confidence, state.voiced, overlap.verdict) == "nothing":
                self._drop("backchannel" if text.strip() else "no words")
            else:
                self._interrupt("words")

    def _whole(self) -> Out:
        self.state.guessed = True
        self._post("tentative", self.state.guess)
        return (self._utterance(whole=True),)

    def _utterance(self, *, whole: bool) -> Utterance:
        state = self.state
        assert state.guess is not None
        at = Stamp(state.buffer.pts, state.buffer.duration, state.guess)
        return Utterance(at, state.buffer.snapshot(), state.buffer.rate, whole)

    def _commit(self, reason: str) -> None:
        state = self.state
        guess = state.guess
        if guess is None:
            return
        if state.answer is not None:
            self._interrupt("a new turn")
        self.causes.commit(guess)
        self._post("committed", guess, reason)
        state.guess, state.last_end = None, state.voice_end
        state.silence.turn()
        state.said, state.overlap = state.text or "", None
        # Where no answer is played, as in a transcription, there is none that speech could continue or interrupt.
        state.answer, state.phase = (guess, "answered") if self._answered else (None, "idle")

    def _cut(self, now: int) -> Out:
        """Commits a turn of maximum length, up to its last quiet moment, and starts the next one."""
        state = self.state
        state.voice_end = now
        rest = state.buffer.split_quietly(self.params.longest // 4)
        out = self._whole()
        self._commit("longest")
        state.buffer = rest
        state.phase = "speaking"
        state.voice_start = state.last_partial = now
        state.guess = self.causes.begin("turn")
        return out

    def _interrupt(self, reason: str) -> None:
        """Revokes the answer."""
        state = self.state
        answer, state.overlap = state.answer, None
        if answer is None:
            return
        state.answer = None
        if answer.live:
            self._post("interrupted", answer, reason)
            self.causes.revoke(answer, self.context.name)

    def _drop(self, reason: str, phase: Phase | None = None) -> None:
        """Discards a turn and lets the answer go on."""
        self._call_off(reason)
        self._release(reason)
        self.state.overlap = None
        if phase is None:
            self._rest()
        else:
            self.state.phase = phase

    def _call_off(self, reason: str) -> None:
        guess, self.state.guess = self.state.guess, None
        if guess is not None and guess.live:
            self._post("revoked" if reason != "resumed" else "resumed", guess, reason)
            self.causes.revoke(guess, self.context.name)

    def _post(self, what: str, cause: Cause | None, reason: str = "") -> None:
        if cause is not None:
            self.post(TurnChanged(self.clock.now(), cause, what, self.state.voice_end, reason))


def _following(before: str, text: str) -> str:
    """The text without the words that it begins with, if it begins with those of `before`."""
    known, words = words_of(before), words_of(text)
    if words[: len(known)] != known:
        return text
    return " ".join(words[len(known) :])
