"""Scripted answers: a rule maps a pattern to what is said if it matches."""

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
"""Number of characters that patterns are matched against: some patterns take quadratic time or worse."""
LENGTHS = {3: 100, 4: 60, 5: 40}
"""The same for patterns with so many repetitions, each of which may multiply the time by the length."""
SHORTEST = 20
"""The same for patterns with more repetitions than these."""
LONGEST_PATTERN = 2000
"""Characters of a pattern."""

_STOPS = " .!?,"
"""Characters removed from the end of a transcript before it is repeated in an answer."""

OTHERWISE = ("I heard you say: {text}.",)


def _several(say: Any) -> Any:
    if isinstance(say, str):
        return (say,)
    return tuple(say) if isinstance(say, list) else say  # strict validation accepts no list for a tuple


Says = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
"""One answer, or several that are used in turn."""


class Rule(BaseModel):
    """What to say if a pattern matches."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    when: str
    """A regular expression; matches whole words anywhere in the text, ignoring case."""
    say: Says
    """The answer, or several that are used in turn. `{text}` is the transcript, `{name}` the group `(?P<name>…)`."""

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
    """What to say if no rule matches."""

    @field_validator("otherwise")
    @classmethod
    def _fills(cls, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        check_answers(otherwise, set())
        return otherwise


class Script:
    """Compiled rules."""

    def __init__(self, answers: Answers) -> None:
        self._rules = [(compiled(rule.when), _length(rule.when), rule.say) for rule in answers.rules]
        self._otherwise = answers.otherwise

    def find(self, text: str) -> tuple[int, tuple[str, ...]]:
        """The index of the first matching rule and its answers, filled in; one past the last rule if none matches."""
        text = text.strip()[:LONGEST]
        heard = {"text": text.rstrip(_STOPS)}
        for number, (pattern, length, say) in enumerate(self._rules):
            if match := pattern.search(text[:length]):
                groups = {name: (value or "").rstrip(_STOPS) for name, value in match.groupdict().items()}
                return number, tuple(answer.format_map(heard | groups) for answer in say)
        return len(self._rules), tuple(answer.format_map(heard) for answer in self._otherwise)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, for whole words; raises ValueError if it is invalid or may backtrack without bound."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern has more than {LONGEST_PATTERN} characters")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern}` is not a regular expression: {error}") from error
    if _can_run_away(pattern):
        raise ValueError(f"`{pattern}` nests one unbounded repetition in another: matching could take forever")
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def _can_run_away(pattern: str) -> bool:
    """Whether a repetition contains another one."""
    flat = _flat(pattern)
    while group := re.search(r"\(([^()]*)\)", flat):
        repeats = re.search(r"[*+{]", group[1]) is not None
        if repeats and flat[group.end() :].startswith(("*", "+", "{")):
            return True
        flat = flat[: group.start()] + ("x+" if repeats else "x") + flat[group.end() :]
    return False


def _flat(pattern: str) -> str:
    """The pattern with `x` for each escaped character and each set, and without exact numbers of repetitions."""
    flat = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*(?:\]|\Z)", "x", pattern)
    return re.sub(r"\{\d+\}", "", flat)


def _length(pattern: str) -> int:
    """Number of characters that a pattern is matched against."""
    repetitions = len(re.findall(r"[*+{]", _flat(pattern)))
    return LONGEST if repetitions < min(LENGTHS) else LENGTHS.get(repetitions, SHORTEST)


def check_answers(answers: tuple[str, ...], groups: set[str]) -> None:
    """Raises ValueError if an answer has a field that its pattern does not fill."""
    for answer in answers:
        for _, name, spec, conversion in Formatter().parse(answer):
            if name is not None and name not in groups | {"text"}:
                known = ", ".join(f"{{{each}}}" for each in sorted(groups | {"text"}))
                raise ValueError(f"nothing fills `{{{name}}}` in `{answer}`; there is {known}")
            if spec or conversion:
                raise ValueError(f"`{answer}`: only a name may stand between braces")


def read_answers(file: Path) -> Answers:
    """Reads a file of rules; raises UserInputError with the line that is wrong."""
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


_HINT = "see nodes/dialogue/answers.yaml for an example"


def _worst(error: ValidationError) -> Any:
    """The first error, but a misspelt key before the key that is missing because of it."""
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
    """The position of a value in its file, or of the nearest parent whose position is known."""
    line, column = getattr(getattr(content, "lc", None), "line", 0), 0
    for part in path:
        marks = getattr(content, "lc", None)
        if marks is None or part not in (range(len(content)) if isinstance(content, list) else content):
            break
        line, column = marks.item(part) if isinstance(content, list) else marks.key(part)
        content = content[part]
    return Location(file, (line or 0) + 1, (column or 0) + 1)
