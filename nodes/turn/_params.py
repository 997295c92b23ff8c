"""The parameters of `turn.endpoint`."""

from __future__ import annotations

from pydantic import Field

from pipeline.params import Duration, Params, ms, seconds


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
    """Duration of voice that ends an answer in a graph without speech recognition; with it, words decide."""
    lead: Duration = ms(300)
    """Audio kept from before the voice was detected."""
    partials: Duration = ms(1500)
    """Interval of partial utterances while the person speaks, except over an answer; 0s for none."""
    longest: Duration = seconds(28)
    """Maximum duration of a turn, after which it is cut, at its last quiet moment; Whisper handles at most 30 s."""
    patience: Duration = seconds(2)
    """How long to wait for the words of a sound over an answer before it is ignored."""
    greeting: str = Field("", max_length=1000)
    """The first words of the assistant, said when a call is up; it needs a link from `typed` to the dialogue."""
    adapt: float = Field(0.3, ge=0, le=1)
    """How fast the hangover adapts to the pauses of a person: 0 never, 1 to the last pause alone."""
    reprompt_after: Duration = 0
    """Silence of the caller, from the end of an answer, after which they are asked once whether they are there; 0s for
    never. For this and the goodbye the port `typed` must be linked."""
    reprompt: str = ""
    """What they are asked; by default "Are you still there?" in the language of the turn."""
    goodbye_after: Duration = seconds(20)
    """Further silence, from the end of that question, after which they are told goodbye; 0s for never."""
    goodbye: str = ""
    """The goodbye, by default "I'll let you go, then. Goodbye, and talk to you soon." in the language of the turn. The
    call stays open, and goes on when they speak."""
