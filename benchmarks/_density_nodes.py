"""The scripted bot of the benchmark's graph: logs what it receives, and speaks in its turn."""

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
"""One bot in so many speaks at a time."""
TURN = 3 * SECOND
VOICE = 22_050
"""Hz, the rate of most Piper voices, so that the sink has to resample."""


@dataclass(slots=True)
class Log:
    """The frames that one call has received."""

    times: array[int] = field(default_factory=lambda: array("q"))
    """When each frame was delivered, in nanoseconds of the monotonic clock."""
    numbers: array[int] = field(default_factory=lambda: array("q"))
    samples: list[Samples] = field(default_factory=list)
    keep: bool = False
    """Whether the samples are kept too."""

    def add(self, number: int, samples: Samples) -> None:
        """Adds a frame."""
        self.times.append(time.monotonic_ns())
        self.numbers.append(number)
        if self.keep:
            self.samples.append(samples)


@dataclass(slots=True)
class Script:
    """What the bots of the process say, and the logs of the calls."""

    speech: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    """The audio of one turn, at `VOICE` Hz; empty: no bot speaks."""
    logs: dict[str, Log] = field(default_factory=dict)

    def turn(self, index: int) -> int | None:
        """The number of the current turn if it belongs to this bot, else None."""
        turn = time.monotonic_ns() // TURN
        return turn if self.speech.size and turn % TURNS == index % TURNS else None


SCRIPT = Script()


class BotParams(Params):
    """The call that it serves."""

    call: str = ""
    """The name of the call, which ends with its number."""


class Bot(Transform[BotParams]):
    """Speaks in one turn of ten, regardless of its input."""

    sound = Input(Audio, SpeechStart, SpeechEnd, rate=16_000, channels=1)
    speech = Output(Speech)

    @dataclass(slots=True)
    class State:
        """The turn in which it last spoke, and the number of frames so far."""

        spoke: int | None = None
        heard: int = 0

    state: State

    async def open(self) -> None:
        """Looks up its turn and its log."""
        self.index = int(self.params.call.rpartition("-")[2])
        self.log = SCRIPT.logs[self.params.call]

    @sound.of(Audio)
    def listen(self, heard: Audio) -> Iterable[Speech]:
        """Logs the frame, and speaks when its turn begins."""
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
        """Ignores the marks of the voice detector."""
        return ()
