"""`turn.endpoint`: decides when a person has finished a turn, and when they interrupt.

After a short pause a turn is *tentative*: the whole utterance is sent under a cause of its
own, and its answer may already be generated, behind the gate. If the person goes on, that
cause is revoked, and the next tentative turn holds everything said since the turn began. If
the silence lasts for the hangover, the cause is *committed*. The hangover lies between a floor
and a ceiling: short if the words so far look like a complete sentence, long if they do not,
and otherwise as long as the usual pauses of this person.

Speech over an answer *holds* the answer at once. The answer is revoked if the speech lasts
long enough or contains relevant words; after a noise or a backchannel such as "mm-hm" it
continues.

Typed text is a turn at once: its words are known, so it bypasses speech recognition through
the port `typed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from nodes.packets import (
    Audio,
    CancelResponse,
    PlaybackProgress,
    SpeechEnd,
    SpeechStart,
    TextInput,
    Transcript,
    TranscriptUpdate,
    TurnChanged,
    Utterance,
)
from nodes.turn._buffer import TurnBuffer
from nodes.words import completeness, is_backchannel
from pipeline.caps import same
from pipeline.cause import Cause
from pipeline.node import Transform
from pipeline.packet import Stamp
from pipeline.params import Duration, Params, ms, seconds
from pipeline.port import Input, Output, Receives

Phase = Literal["idle", "speaking", "pausing", "answered"]
Out = Iterable[Utterance]


class EndpointParams(Params):
    """When a turn ends, and what interrupts an answer."""

    pause: Duration = ms(200)
    """Silence after which a turn is tentative and its answer is started; a shorter pause costs nothing."""
    floor: Duration = ms(200)
    """Silence that ends a turn whose words look like a complete sentence."""
    ceiling: Duration = ms(900)
    """Silence that ends any turn."""
    least: Duration = ms(100)
    """Minimum duration of voice in a turn; shorter is noise."""
    interrupt_after: Duration = ms(500)
    """Duration of voice that ends an answer; a shorter one only holds it until its words are known."""
    lead: Duration = ms(300)
    """Audio kept from before the voice was detected."""
    partials: Duration = ms(1500)
    """Interval of partial utterances while the person speaks; 0s for none."""
    longest: Duration = seconds(28)
    """Maximum duration of a turn, after which it is cut, at its last quiet moment; Whisper handles at most 30 s."""
    patience: Duration = seconds(2)
    """How long a held answer waits for the words that decide whether it continues."""
    adapt: float = Field(0.3, ge=0, le=1)
    """How fast the hangover adapts to the pauses of a person: 0 never, 1 to the last pause alone."""


class Endpoint(Transform[EndpointParams]):
    """Decides when a person has finished their turn, and when they interrupt an answer."""

    interrupts = True

    speech = Input(Audio, SpeechStart, SpeechEnd, channels=1)
    utterance = Output(Utterance, rate=same("speech"), channels=1)
    typed = Output(Transcript)
    heard = Receives(TranscriptUpdate)
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
        pause: int = 0
        """Typical pause of this person within a turn, nanoseconds."""

    state: State

    def latency(self) -> int:
        """A turn never ends before `floor`."""
        return self.params.floor

    @speech.of(Audio)
    def listen(self, audio: Audio) -> Out:
        """Buffers the audio and checks how long the voice or silence has lasted."""
        state = self.state
        state.buffer.add(audio)
        if state.phase == "idle":
            state.buffer.keep_last(self.params.lead)
            return ()
        now = audio.at.pts + audio.at.duration
        if state.phase == "speaking":
            return self._while_speaking(now)
        if state.phase == "pausing":
            return self._while_pausing(now)
        if now - state.voice_end > self.params.ceiling + self.params.patience:
            state.phase = "idle"  # too late to continue that turn
        return ()

    @speech.of(SpeechStart)
    def begin(self, start: SpeechStart) -> Out:
        """Starts a new turn, or resumes a tentative one."""
        state = self.state
        if state.phase == "speaking":
            return ()  # a fallback detector that took over mid-speech starts again
        if state.phase == "pausing":
            self._learn(start.at.pts - state.voice_end)
            if not state.guessed:
                state.phase, state.voice_start = "speaking", start.at.pts
                return ()
            self._call_off("resumed")
        else:
            state.voiced = 0
            state.continues = state.phase == "answered"
        if state.phase == "idle":
            # The lead-in has nothing of the turn before: a transcript has each word once.
            state.buffer.start_at(max(state.last_end, start.at.pts - self.params.lead))
        if state.answer is not None and state.answer.live:
            self.causes.hold(state.answer)
            self._post("held", state.answer)
        state.phase = "speaking"
        state.voice_start = state.last_partial = start.at.pts
        state.guess = self.causes.begin("turn")
        state.text = None
        return ()

    @speech.of(SpeechEnd)
    def pause(self, end: SpeechEnd) -> Out:
        """Speech has paused; the turn may be over."""
        state = self.state
        if state.phase != "speaking":
            return ()
        state.voice_end = end.at.pts
        state.voiced += max(0, end.at.pts - state.voice_start)
        if state.voiced < self.params.least:
            self._drop("too short")
            return ()
        state.phase = "pausing"
        state.guessed = False
        return self._while_pausing(end.at.pts)

    @heard.each
    def words(self, event: TranscriptUpdate) -> Out:
        """Uses the words so far to decide about a held answer and the hangover."""
        state = self.state
        if event.cause is not state.guess or not event.cause.live:
            return ()
        if event.whole:
            state.text = event.text
        if state.phase == "pausing" and event.whole and not event.text.strip():
            self._drop("no words")
        elif self._held and event.text.strip():
            if not is_backchannel(event.text):
                self._interrupt("words")
            elif state.phase == "pausing":
                self._drop("backchannel")
        return ()

    @played.each
    def hearing(self, event: PlaybackProgress) -> Out:
        """Once the answer is heard, further speech is a new turn."""
        state = self.state
        if event.cause is state.answer:
            if state.phase == "answered":
                state.phase = "idle"
            if event.last:
                state.answer = None
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
        if now - state.voice_start >= self.params.interrupt_after:
            self._interrupt("voice")
        if state.buffer.duration >= self.params.longest:
            return self._cut(now)
        if self.params.partials and now - state.last_partial >= self.params.partials:
            state.last_partial = now
            return (self._utterance(whole=False),)
        return ()

    def _while_pausing(self, now: int) -> Out:
        silence = now - self.state.voice_end
        if not self.state.guessed:
            return self._whole() if silence >= self.params.pause else ()
        if self._held and self.state.text is None:
            if silence >= self.params.patience:
                self._drop("no transcript")
        elif silence >= self._hangover():
            self._commit("silence")
        return ()

    def _hangover(self) -> int:
        """Nanoseconds of silence that end this turn, depending on its words."""
        floor, ceiling = self.params.floor, self.params.ceiling
        if self.state.text is None:
            return ceiling
        usual = min(ceiling, max(floor, self.state.pause or (floor + ceiling) // 2))
        looks = completeness(self.state.text)
        return floor if looks == 1 else usual if looks else ceiling

    def _learn(self, pause: int) -> None:
        """Adapts the typical pause to one within a turn, with a margin of a quarter."""
        before = self.state.pause or (self.params.floor + self.params.ceiling) // 2
        self.state.pause = round(before + self.params.adapt * (pause * 1.25 - before))

    # --- decisions

    @property
    def _answered(self) -> bool:
        """Whether something below plays answers."""
        feedback = self.context.feedback
        return feedback is None or PlaybackProgress in feedback

    @property
    def _held(self) -> bool:
        answer = self.state.answer
        return answer is not None and answer.live and not answer.open

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
        answer = state.answer
        if answer is None:
            return
        state.answer = None
        if answer.live:
            self._post("interrupted", answer, reason)
            self.causes.revoke(answer, self.context.name)

    def _drop(self, reason: str) -> None:
        """Discards a turn and releases a held answer."""
        state = self.state
        self._call_off(reason)
        if self._held and state.answer is not None:
            self.causes.release(state.answer)
            self._post("released", state.answer, reason)
        state.phase = "answered" if state.continues else "idle"

    def _call_off(self, reason: str) -> None:
        guess, self.state.guess = self.state.guess, None
        if guess is not None and guess.live:
            self._post("revoked" if reason != "resumed" else "resumed", guess, reason)
            self.causes.revoke(guess, self.context.name)

    def _post(self, what: str, cause: Cause | None, reason: str = "") -> None:
        if cause is not None:
            self.post(TurnChanged(self.clock.now(), cause, what, self.state.voice_end, reason))
