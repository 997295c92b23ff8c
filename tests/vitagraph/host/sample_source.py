"""The source of a console over the sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.vitagraph.observe import sample
from vitagraph.observe.timeline import Console, Side, Timeline


@dataclass
class SampleSource:
    """What the console shows of the sample; a test may change it."""

    console: Console = field(default_factory=sample.console)
    session: Timeline = field(default_factory=sample.timeline)

    def state(self) -> Console:
        """The sample."""
        return self.console

    def timeline(self, id: str) -> Timeline | None:
        """The sample, by its own id only."""
        return self.session if id == self.session.id else None

    def sound(self, id: str, side: Side) -> bytes | None:
        """A hum for each sentence."""
        return sample.sound(side) if id == self.session.id else None
