"""`audio.clean`: WebRTC's echo canceller, noise suppression and gain control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nodes.audio._reference import RATE, STEP, EchoReference
from nodes.packets import Audio, Samples, SoundPlayed
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError
from pipeline.node import Transform
from pipeline.params import Params, ms, seconds
from pipeline.port import Input, Output, Receives

EARLY = ms(150)
"""How much before its echo the canceller gets what was played: it finds echoes 0 to 480 ms later."""
MOVED = ms(60)
"""A change of the delay after which the canceller begins anew."""
COMPARE = ms(250)
"""How often an echo is looked for."""
WARM_UP, SETTLE = ms(2500), ms(1000)
"""Playing in a call, and after a change of the delay, in which detectors hear nothing: by then an echo has been found,
and the canceller has adapted to it. So the beginning of the first answer cannot be interrupted."""
REMEMBERED = seconds(3)
"""After that much silence of ours nothing of it can come back."""


class CleanParams(Params):
    """What is removed."""

    echo: bool = True
    """Whether our own voice is removed, and silenced where it is certainly nothing else."""
    noise: bool = True
    """Whether steady noise is reduced."""
    gain: bool = False
    """Whether quiet voices are amplified."""


def load_processor(_: CleanParams) -> Any:
    """Returns the processor's class; raises DependencyError without the package."""
    try:
        from pywebrtc_audio import AudioProcessor
    except ImportError as error:
        raise DependencyError(
            "audio.clean needs the package pywebrtc-audio",
            hint="pip install 'vitagraph[echo]', or remove the node: browsers cancel their echo themselves",
        ) from error
    return AudioProcessor


class Clean(Transform[CleanParams]):
    """Removes our echo and noise from what a caller says, for telephones and devices that do not do so themselves.

    What was played comes upstream from the sink. Detectors hear the cleaned sound; `Audio.raw` keeps what
    the microphone heard, for speech recognition, which understands people better over an echo than
    what a canceller leaves of them. Takes 7 ms of a core a second.
    """

    make = Pooled(load_processor, key=lambda _: "pywebrtc_audio")
    audio = Input(Audio, rate=RATE, channels=1)
    cleaned = Output(Audio, rate=RATE, channels=1)
    played = Receives(SoundPlayed)

    @dataclass(slots=True)
    class State:
        """The processor of this call and what was played."""

        processor: Any
        reference: EchoReference = field(default_factory=EchoReference)
        delay: int = 0
        """The delay that the canceller works with, nanoseconds."""
        compared: int = 0
        deaf: int = WARM_UP
        """Nanoseconds of playing that detectors do not hear from now on."""

    state: State

    def new_state(self) -> State:
        """A fresh state."""
        return self.State(self._processor())

    @audio.each
    def clean(self, heard: Audio) -> Iterable[Audio]:
        """Returns the packet with cleaned samples."""
        if heard.samples.size % STEP:
            return (heard,)  # the processor takes whole steps of 10 ms
        state = self.state
        end = heard.at.pts + heard.at.duration
        far = state.reference.played(heard.at.pts - max(0, state.delay - EARLY), heard.samples.size)
        samples = state.processor.process(heard.samples, far)
        if self.params.echo:
            self._follow(heard, samples, end)
        if self.params.echo and state.deaf > 0 and state.reference.silent_since(end) < REMEMBERED:
            state.deaf -= heard.at.duration
            samples = np.zeros_like(samples)
        elif state.reference.is_echo:
            samples = np.zeros_like(samples)
        return (Audio(heard.at, samples, RATE, heard.absent, raw=heard.samples),)

    @played.each
    def play(self, event: SoundPlayed) -> tuple[()]:
        """Takes what is played now."""
        self.state.reference.play(event.pts, event.samples, event.rate)
        return ()

    def _follow(self, heard: Audio, left: Samples, end: int) -> None:
        """Finds the delay of the echo, and whether anything of it is left."""
        state, reference = self.state, self.state.reference
        reference.hear(heard.at.pts, heard.samples)
        reference.leave(heard.at.pts, left)
        if end - state.compared < COMPARE:
            return
        state.compared = end
        if reference.silent_since(end) > REMEMBERED:
            reference.is_echo = False
            return
        reference.compare(end)
        if reference.delay is not None and abs(reference.delay - state.delay) > MOVED:
            state.delay, state.processor = reference.delay, self._processor()
            state.deaf = max(state.deaf, SETTLE)

    def _processor(self) -> Any:
        params = self.params
        return self.make.member(
            sample_rate=RATE,
            echo_cancellation=params.echo,
            noise_suppression=params.noise,
            auto_gain_control=params.gain,
        )
