"""`dialogue.script`: answers by rules, without a model; it always has an answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import model_validator

from nodes.dialogue._rules import OTHERWISE, Answers, Rule, Says, Script, read_answers
from nodes.dialogue._service import DialogueService, Pieces, word_by_word
from nodes.packets import Transcript
from pipeline.compute.pool import Pooled
from pipeline.params import Params

DEFAULT = Path(__file__).with_name("answers.yaml")


class ScriptParams(Params):
    """Where the rules are."""

    path: str = ""
    """A YAML file of rules; without it, a few that come with the node."""
    rules: tuple[Rule, ...] = ()
    """Rules written here, in place of a file."""
    otherwise: Says | None = None
    """What to say where none of the rules written here fits; alone, what it always says."""

    @model_validator(mode="after")
    def _one_place(self) -> ScriptParams:
        if self.path and self.inline:
            raise ValueError("give `path`, or `rules` and `otherwise`, but not both")
        return self

    @property
    def inline(self) -> bool:
        """Whether the rules are written here."""
        return bool(self.rules) or self.otherwise is not None


def load_script(params: ScriptParams) -> Script:
    """The rules, checked."""
    if params.inline:
        return Script(Answers(rules=params.rules, otherwise=params.otherwise or OTHERWISE))
    return Script(read_answers(Path(params.path).expanduser() if params.path else DEFAULT))


class ScriptedDialogue(DialogueService[ScriptParams]):
    """Answers by rules: the first pattern that is found in the text says what to say.

    Without a model and without a network, so it is a good last fallback. Of several
    answers to a pattern each has its turn.
    """

    file = Pooled(load_script)
    _script: Script

    Memory = Counter
    memory: Counter[int]

    async def open(self) -> None:
        """Takes the rules: once a session runs, nothing can keep it from answering."""
        self._script = await self.file.run(lambda script: script)

    async def generate_reply(self, heard: Transcript) -> Pieces:
        """The next answer of the first rule that fits, word by word."""
        rule, answers = self._script.find(heard.text)
        turn = self.memory[rule]
        self.memory[rule] += 1
        async for word in word_by_word(answers[turn % len(answers)]):
            yield word
