"""How long the silence at the end of a turn must be, from what is known of the turn.

With an end-of-turn model, words and sound are joined. The model is asked twice, at the first 200 ms of a
pause, and the lower probability counts for good: the more silence the model hears, the more it says that
the turn is over. benchmarks/turns.py compares the rule with others. Times are for a floor of 0.3 s and
a ceiling of 1.5 s, and move with these:

    ending      p > 0.97    p > 0.3     else
    answer      0.3         0.3         1.0
    question    0.3         0.3         1.5
    complete    0.3         1.0         1.5
    unclear     0.6         1.5         1.5
    list, open  1.5         1.5         1.5
"""

from __future__ import annotations

from dataclasses import dataclass

from nodes.turn._ending import Ending, ending_of
from nodes.turn._params import EndpointParams
from nodes.words import completeness
from pipeline.params import ms

ABSENT = ms(600)
"""The longest hangover once a client has stopped to send: who lets go of a button has finished."""
LIKELY, SURE = 0.3, 0.97
"""Probabilities of the end-of-turn model."""
UNKNOWN = 0.5
"""Its probability while it has not answered."""
LIST = ms(1500)
"""The hangover after digits and letters, if the ceiling is lower: people pause longest between groups."""

_SHARES: dict[Ending, tuple[float, float, float]] = {
    "answer": (0, 0, 7 / 12),
    "question": (0, 0, 1),
    "complete": (0, 7 / 12, 1),
    "unclear": (1 / 4, 1, 1),
    "list": (1, 1, 1),
    "open": (1, 1, 1),
}
"""Where between floor and ceiling the hangover lies: for a sure, a likely and an unlikely end."""


@dataclass(slots=True)
class Hangover:
    """The hangover of one person, which without a model adapts to their pauses."""

    pause: int = 0
    """Typical pause within a turn, nanoseconds; 0 until there was one."""

    def learn(self, pause: int, params: EndpointParams) -> None:
        """Adapts the typical pause to one within a turn, with a margin of a quarter."""
        before = self.pause or (params.floor + params.ceiling) // 2
        self.pause = round(before + params.adapt * (pause * 1.25 - before))

    def of(self, text: str | None, params: EndpointParams) -> int:
        """Nanoseconds of silence that end a turn with these words, by the words alone; None while they are unknown."""
        floor, ceiling = params.floor, params.ceiling
        if text is None:
            return ceiling
        if ending_of(text) == "list":
            return max(ceiling, LIST)
        usual = min(ceiling, max(floor, self.pause or (floor + ceiling) // 2))
        looks = completeness(text)
        return floor if looks == 1 else usual if looks else ceiling


def joint_hangover(text: str | None, probability: float | None, params: EndpointParams) -> int:
    """Nanoseconds of silence that end a turn, by its words and the probability of its sound; None: not known yet."""
    probability = UNKNOWN if probability is None else probability
    ending: Ending = "open" if text is None else ending_of(text)
    sure, likely, unlikely = _SHARES[ending]
    share = sure if probability > SURE else likely if probability > LIKELY else unlikely
    ceiling = max(params.ceiling, LIST) if ending == "list" else params.ceiling
    return round(params.floor + share * (ceiling - params.floor))
