"""What is said when something failed, in the language of the turn."""

from __future__ import annotations

from typing import NamedTuple


class Apologies(NamedTuple):
    """The prepared sentences of one language."""

    not_heard: str
    """The answer to an utterance that could not be transcribed."""
    no_answer: str
    """If nobody could answer."""
    lost: str
    """If an answer broke off and nobody could continue it."""


_ALL = {
    "en": Apologies(
        "Sorry, I didn't catch that. Could you say it again?",
        "Sorry, I can't answer that just now. Please ask me again in a moment.",
        " ... Sorry, I lost my thread there. Please ask me again.",
    ),
    "zh": Apologies(
        "抱歉，我没听清楚。请再说一遍好吗？",
        "抱歉，我现在回答不了。请过一会儿再问我。",
        "……抱歉，我刚才说乱了。请再问我一次。",
    ),
    "de": Apologies(
        "Entschuldigung, das habe ich nicht verstanden. Kannst du es noch einmal sagen?",
        "Entschuldigung, das kann ich gerade nicht beantworten. Frag mich bitte gleich noch einmal.",
        " ... Entschuldigung, ich habe den Faden verloren. Frag mich bitte noch einmal.",
    ),
    "fr": Apologies(
        "Désolé, je n'ai pas compris. Pouvez-vous répéter ?",
        "Désolé, je ne peux pas répondre pour l'instant. Reposez-moi la question dans un moment.",
        " ... Désolé, j'ai perdu le fil. Reposez-moi la question.",
    ),
    "es": Apologies(
        "Perdona, no te he entendido. ¿Puedes repetirlo?",
        "Perdona, ahora no puedo responder a eso. Pregúntame otra vez en un momento.",
        " ... Perdona, he perdido el hilo. Pregúntame otra vez.",
    ),
    "it": Apologies(
        "Scusa, non ho capito. Puoi ripetere?",
        "Scusa, adesso non so rispondere. Chiedimelo di nuovo tra un momento.",
        " ... Scusa, ho perso il filo. Chiedimelo di nuovo.",
    ),
    "pt": Apologies(
        "Desculpe, não entendi. Pode repetir?",
        "Desculpe, não consigo responder agora. Pergunte de novo daqui a pouco.",
        " ... Desculpe, perdi o fio da meada. Pergunte de novo.",
    ),
}


def apologies(language: str = "") -> Apologies:
    """The sentences of a BCP 47 language; the English ones for a language that has none."""
    return _ALL.get(language.split("-")[0].lower(), _ALL["en"])
