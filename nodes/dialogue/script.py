"""`dialogue.script`: answers by rules, without a model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import model_validator

from nodes.dialogue._pieces import Pieces, word_by_word
from nodes.dialogue._rules import OTHERWISE, Answers, Rule, Says, Script, read_answers
from nodes.dialogue._service import DialogueService
from nodes.packets import Transcript
from pipeline.compute.pool import Pooled
from pipeline.params import Params

DEFAULT = Path(__file__).with_name("answers.yaml")


class ScriptParams(Params):
    """Where the rules come from."""

    path: str = ""
    """A YAML file of rules; by default, a few rules that come with the node."""
    rules: tuple[Rule, ...] = ()
    """Inline rules, instead of a file."""
    language: str = "en"
    """BCP 47 code of the answers; empty for the language of the question."""
    otherwise: Says | None = None
    """What to say if no inline rule matches; without rules, what to say always."""

    @model_validator(mode="after")
    def _one_place(self) -> ScriptParams:
        if self.path and self.inline:
            raise ValueError("give `path`, or `rules` and `otherwise`, but not both")
        return self

    @property
    def inline(self) -> bool:
        """Whether the rules are inline."""
        return bool(self.rules) or self.otherwise is not None


def load_script(params: ScriptParams) -> Script:
    """Reads and compiles the rules; raises UserInputError if the file is wrong."""
    if params.inline:
        return Script(Answers(rules=params.rules, otherwise=params.otherwise or OTHERWISE))
    return Script(read_answers(Path(params.path).expanduser() if params.path else DEFAULT))


class ScriptedDialogue(DialogueService[ScriptParams]):
    """Answers by rules: the first pattern that matches the text decides.

    Needs no model and no network, so it is a good last fallback. Several answers to one
    pattern are used in turn.
    """

    file = Pooled(load_script)
    _script: Script

    Memory = Counter
    memory: Counter[int]

    async def open(self) -> None:
        """Takes the rules from the pool, so that answering depends on nothing else."""
        self._script = await self.file.run(lambda script: script)

    def answer_language(self, heard: Transcript) -> str:
        """That of the rules; of a prepared answer, its own."""
        return (self.params.language if heard.text.strip() else "") or heard.language

    async def generate_reply(self, heard: Transcript) -> Pieces:
        """Streams the next answer of the first matching rule, word by word."""
        rule, answers = self._script.find(heard.text)
        turn = self.memory[rule]
        self.memory[rule] += 1
        async for word in word_by_word(answers[turn % len(answers)]):
            yield word
