"""What is said to a caller who is silent: one question, and later a goodbye."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.turn._params import EndpointParams

PROMPTS = {
    "en": ("Are you still there?", "I'll let you go, then. Goodbye, and talk to you soon."),
    "zh": ("您还在吗？", "那我先不打扰了。再见，下次聊。"),
    "de": ("Bist du noch da?", "Dann will ich nicht länger stören. Tschüss und bis bald."),
    "fr": ("Vous êtes toujours là ?", "Alors je vous laisse. Au revoir et à bientôt."),
    "es": ("¿Sigues ahí?", "Entonces te dejo. Adiós y hasta pronto."),
    "it": ("Ci sei ancora?", "Allora ti lascio. Ciao e a presto."),
    "pt": ("Você ainda está aí?", "Então vou deixar você à vontade. Tchau e até logo."),
}
"""By language: the question and the goodbye."""


@dataclass(slots=True)
class CallerSilence:
    """How long nobody has spoken since an answer was played to its end."""

    since: int | None = None
    """When that was, nanoseconds; None while an answer is awaited or played, or before the first one."""
    said: int = 0
    """1 once the caller was asked, 2 once they were told goodbye."""

    def turn(self) -> None:
        """The caller has said something."""
        self.since, self.said = None, 0

    def prompt(self, now: int, params: EndpointParams, language: str) -> str:
        """What is to be said now in a BCP 47 language, which then counts as said; empty for nothing."""
        steps = ((params.reprompt_after, params.reprompt), (params.goodbye_after, params.goodbye))
        if self.since is None or self.said >= len(steps):
            return ""
        wait, text = steps[self.said]
        if not wait or now - self.since < wait:
            return ""
        usual = PROMPTS.get(language.split("-")[0].lower(), PROMPTS["en"])[self.said]
        self.since, self.said = None, self.said + 1
        return text or usual
