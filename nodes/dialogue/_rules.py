"""Rules that answer: a pattern, and what is said where it fits."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.errors import Location, UserInputError

LONGEST = 300
"""Characters of a text that patterns see: what some patterns cost grows with its square or worse."""

_STOPS = " .!?,"
"""What a transcript ends with and an answer that repeats it goes on without."""

OTHERWISE = ("I heard you say: {text}.",)


def _several(say: Any) -> Any:
    if isinstance(say, str):
        return (say,)
    return tuple(say) if isinstance(say, list) else say  # strict as a graph is, a list would be none


Says = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
"""One answer, or several that take turns."""


class Rule(BaseModel):
    """What to say when a pattern is found in the text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    when: str
    """A regular expression; found anywhere, as whole words, whatever its capitals."""
    say: Says
    """The answer, or several that take turns. `{text}` is what was heard, `{name}` the group `(?P<name>…)`."""

    @field_validator("when")
    @classmethod
    def _compiles(cls, when: str) -> str:
        compiled(when)
        return when

    @model_validator(mode="after")
    def _fills(self) -> Rule:
        check_answers(self.say, set(compiled(self.when).groupindex))
        return self


class Answers(BaseModel):
    """A file of rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rules: tuple[Rule, ...]
    """Tried in this order."""
    otherwise: Says = OTHERWISE
    """What to say where no rule fits."""

    @field_validator("otherwise")
    @classmethod
    def _fills(cls, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        check_answers(otherwise, set())
        return otherwise


class Script:
    """Rules made ready."""

    def __init__(self, answers: Answers) -> None:
        self._rules = [(compiled(rule.when), rule.say) for rule in answers.rules]
        self._otherwise = answers.otherwise

    def find(self, text: str) -> tuple[int, tuple[str, ...]]:
        """The number of the first rule that fits, and its answers filled in; always finds something."""
        text = text.strip()[:LONGEST]
        heard = {"text": text.rstrip(_STOPS)}
        for number, (pattern, say) in enumerate(self._rules):
            if match := pattern.search(text):
                groups = {name: (value or "").rstrip(_STOPS) for name, value in match.groupdict().items()}
                return number, tuple(answer.format_map(heard | groups) for answer in say)
        return len(self._rules), tuple(answer.format_map(heard) for answer in self._otherwise)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as whole words; ValueError where it is wrong, or could take for ever."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern}` is not a regular expression: {error}") from error
    if _can_run_away(pattern):
        raise ValueError(f"`{pattern}` repeats what itself repeats: on some texts that takes for ever")
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def _can_run_away(pattern: str) -> bool:
    """Whether a group that repeats without an upper bound holds another such repeat."""
    flat = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern)
    flat = re.sub(r"\{\d+(,\d+)?\}", "", flat)
    while group := re.search(r"\(([^()]*)\)", flat):
        repeats = re.search(r"[*+{]", group[1]) is not None
        if repeats and flat[group.end() :].startswith(("*", "+", "{")):
            return True
        flat = flat[: group.start()] + ("x+" if repeats else "x") + flat[group.end() :]
    return False


def check_answers(answers: tuple[str, ...], groups: set[str]) -> None:
    """ValueError where an answer has a field that its pattern does not fill."""
    for answer in answers:
        for _, name, spec, conversion in Formatter().parse(answer):
            if name is not None and name not in groups | {"text"}:
                known = ", ".join(f"{{{each}}}" for each in sorted(groups | {"text"}))
                raise ValueError(f"nothing fills `{{{name}}}` in `{answer}`; there is {known}")
            if spec or conversion:
                raise ValueError(f"`{answer}`: between braces stands a name and nothing else")


def read_answers(file: Path) -> Answers:
    """The rules of a file; UserInputError names the line that is wrong."""
    try:
        content = YAML(typ="rt", pure=True).load(file.read_text(encoding="utf-8"))
        return Answers.model_validate(content)
    except ValidationError as error:
        worst = _worst(error)
        where = _locate(content, worst["loc"], str(file))
        raise UserInputError(f"{where}: {_message(worst)}", hint=_HINT) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = Location(str(file), mark.line + 1, mark.column + 1) if mark else Location(str(file))
        raise UserInputError(f"{where}: not YAML: {error.problem}", hint=_HINT) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserInputError(f"{file}: not YAML: {error}", hint=_HINT) from error
    except OSError as error:
        raise UserInputError(f"{file}: {(error.strerror or str(error)).lower()}", hint="correct `path`") from error


_HINT = "see nodes/dialogue/answers.yaml for how it is written"


def _worst(error: ValidationError) -> Any:
    """The first error; but a misspelt key before the one that it leaves missing."""
    errors = error.errors()
    return next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])


def _message(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"there is no `{error['loc'][-1]}` here; a file has `rules` and `otherwise`, a rule `when` and `say`"
    if not path:
        return "a file of rules has the keys `rules` and `otherwise`"
    return f"{path}: {error['msg'].removeprefix('Value error, ')}"


def _locate(content: Any, path: tuple[int | str, ...], file: str) -> Location:
    """The place of a value in a file, as near as the tree knows it."""
    line, column = getattr(getattr(content, "lc", None), "line", 0), 0
    for part in path:
        marks = getattr(content, "lc", None)
        if marks is None or part not in (range(len(content)) if isinstance(content, list) else content):
            break
        line, column = marks.item(part) if isinstance(content, list) else marks.key(part)
        content = content[part]
    return Location(file, (line or 0) + 1, (column or 0) + 1)
