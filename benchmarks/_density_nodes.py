"""The scripted end of the benchmark's graph: notes what it hears, and speaks when it is its turn."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from nodes.packets import Audio, Samples, Speech, SpeechEnd, SpeechStart, duration_of
from pipeline.node import Transform
from pipeline.packet import SECOND, Stamp
from pipeline.params import Params
from pipeline.port import Input, Output

TURNS = 10
"""One in so many speaks."""
TURN = 3 * SECOND
VOICE = 22_050
"""Hz, as most voices of Piper have it: the sink resamples."""


@dataclass(slots=True)
class Log:
    """What one call has heard."""

    times: array[int] = field(default_factory=lambda: array("q"))
    """When each frame was delivered, nanoseconds of the machine's monotonic clock."""
    numbers: array[int] = field(default_factory=lambda: array("q"))
    samples: list[Samples] = field(default_factory=list)
    keep: bool = False
    """Whether the sound is kept too."""

    def add(self, number: int, samples: Samples) -> None:
        """One more frame."""
        self.times.append(time.monotonic_ns())
        self.numbers.append(number)
        if self.keep:
            self.samples.append(samples)


@dataclass(slots=True)
class Script:
    """What the whole process plays."""

    speech: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    """A turn's worth, at `VOICE` Hz; empty: nobody speaks."""
    logs: dict[str, Log] = field(default_factory=dict)

    def turn(self, index: int) -> int | None:
        """The number of the turn that a voice has now; None where it is another's."""
        turn = time.monotonic_ns() // TURN
        return turn if self.speech.size and turn % TURNS == index % TURNS else None


SCRIPT = Script()


class BotParams(Params):
    """Which call it serves."""

    call: str = ""
    """The name of the call, which ends with its number."""


class Bot(Transform[BotParams]):
    """Speaks for one turn in ten, whatever it hears."""

    sound = Input(Audio, SpeechStart, SpeechEnd, rate=16_000, channels=1)
    speech = Output(Speech)

    @dataclass(slots=True)
    class State:
        """The turn in which it spoke last."""

        spoke: int | None = None
        heard: int = 0

    state: State

    async def open(self) -> None:
        """Takes its place in the script."""
        self.index = int(self.params.call.rpartition("-")[2])
        self.log = SCRIPT.logs[self.params.call]

    @sound.of(Audio)
    def listen(self, heard: Audio) -> Iterable[Speech]:
        """Notes the time, and begins to speak where its turn has come."""
        state = self.state
        self.log.add(state.heard, heard.samples)
        state.heard += 1
        turn = SCRIPT.turn(self.index)
        if turn is None or turn == state.spoke:
            return ()
        state.spoke = turn
        at = Stamp(heard.at.pts, duration_of(SCRIPT.speech.size, VOICE), self.causes.root)
        return (Speech(at, SCRIPT.speech, VOICE, "as loud as it is long", last=True),)

    @sound.each
    def mark(self, _: Audio | SpeechStart | SpeechEnd) -> Iterable[Speech]:
        """That somebody began or ended does not matter here."""
        return ()
