"""What is kept of turns that a prompt no longer has: a summary, and facts in the caller's own words.

A summary of a small model is fluent and loses names, dates and numbers. So the caller's sentences that
hold such facts are kept as they were said, the most telling ones if there is no room for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nodes.dialogue._pieces import sentences, whole_sentences

MAX_FACTS = 12
"""Sentences that are kept as they were said."""
MAX_FACT = 200
"""Bytes of the longest one; of a longer sentence its clauses are kept."""
MAX_BYTES = 600
"""Bytes of all facts, and of the summary."""
MAX_SHARE = 6
"""The part of the conversation's budget that each of the two may take, at most: a sixth."""

_PERSONAL = re.compile(
    r"""\b(?:my\ (?:full\ |first\ |last\ )?name|name\ is|call\ me|i(?:'|\ a)m\ (?:called|from|allergic)
    |i\ (?:live|work|was\ born)
    |my\ (?:birthday|address|phone|number|e-?mail|wife|husband|partner|son|daughter|mother|father|sister|brother
    |boss|doctor|dog|cat)|mein\ name|ich\ (?:hei(?:ß|ss)e|wohne)|je\ m'appelle|j'habite|mon\ nom|me\ llamo
    |mi\ nombre|vivo\ en|mi\ chiamo|abito\ a|meu\ nome|me\ chamo)\b
    |我(?:叫|姓|的名字|是|住|来自|在.{0,12}工作)|我的?(?:妻子|太太|老婆|丈夫|老公|儿子|女儿|妈妈|爸爸|哥哥|姐姐|弟弟|妹妹)
    |名字|生日|地址|电话|手机号|号码|邮箱|微信|过敏""",
    re.IGNORECASE | re.VERBOSE,
)
"""What callers say of themselves."""
_NUMBER = re.compile(
    r"""\d|@|\b(?:at\ \w{1,40}\ dot|dot\ (?:com|org|net)|o'clock|half\ past|noon|midnight|tomorrow|two|three|four|five
    |six|seven|eight|nine|ten|eleven|twelve|\w{2,6}teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred
    |thousand|million|first|third|fourth|fifth|\w{1,8}th\ of|january|february|april|june|july|august|september|october
    |november|december|(?:in|of|on)\ (?:march|may)|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b
    |[零〇一二两三四五六七八九十百千万]{1,20}(?:年|月|日|号|点|岁|块|元|个|位|公里|米|分|天|周)
    |[零〇一二两三四五六七八九十百千万]{3}|星期|礼拜|周[一二三四五六日末]|明天|后天""",
    re.IGNORECASE | re.VERBOSE,
)
"""Numbers, dates, times and addresses."""
_NAME = re.compile(r"(?<=[a-zß-ÿ,;] )[A-ZÀ-Þ][a-zß-ÿ]")
"""A capital within a sentence."""
_QUESTION = re.compile(
    r"\s*(?:tell|explain|(?:who|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|would|will|should)"
    r"\b(?!.{0,400}[.。]$))\b",
    re.IGNORECASE,
)
"""The beginning of a question, as it is typed without its mark."""
_ASKS = re.compile(r"[?？]\W{0,3}$|[吗呢][。？]?$")
_CLAUSE = re.compile(r"(?<=[,;:，；、])")

_REQUEST = {
    "en": "Sum up all that was said so far, earlier parts included, in two or three plain sentences, at most sixty "
    "words, in the language that we speak. Write of me as the person and of yourself as the assistant: what the person "
    "told of themselves, asked for, and was answered. Write nothing else.",
    "zh": "请用中文把到目前为止谈过的全部内容(包括更早的部分)总结成两三句话，不超过八十个字。"
    "把我称为对方，把你称为助手，写明对方说过的关于自己的事、对方的问题和助手的回答。不要写别的。",
}
_SUMMARY = {"en": "Earlier in this conversation: {}", "zh": "此前的谈话：{}"}
_FACTS = {"en": "The person said: {}", "zh": "对方说过：{}"}


def request(language: str) -> str:
    """How the model is asked for a summary of the conversation."""
    return _REQUEST[_known(language)]


def _known(language: str) -> str:
    base = language.split("-")[0].lower()
    return base if base in _REQUEST else "en"


@dataclass(frozen=True, slots=True)
class Recap:
    """A summary of the turns before those of the prompt, and the facts of these turns."""

    summary: str = ""
    """At most 600 bytes of whole sentences."""
    facts: tuple[str, ...] = ()
    """The caller's own sentences, the newest last; at most 12, and 600 bytes in all."""

    def __bool__(self) -> bool:
        return bool(self.summary or self.facts)

    def with_facts(self, questions: Iterable[str], budget: int) -> Recap:
        """The same with the facts of questions that leave the prompt; `budget` is that of the conversation in bytes."""
        found = dict.fromkeys(self.facts)
        for question in questions:
            for fact in facts_of(question):
                found.pop(fact, None)  # said again, it is the newest
                found[fact] = None
        facts, most = list(found), room(budget)
        while len(facts) > MAX_FACTS or sum(map(size, facts)) > most:
            facts.remove(min(facts, key=weight))  # of equal ones the oldest
        return replace(self, facts=tuple(facts))

    def text(self, language: str) -> str:
        """The part of the system message that tells it; empty if there is nothing to tell."""
        known = _known(language)
        lines = []
        if self.summary:
            lines.append(_SUMMARY[known].format(self.summary))
        if self.facts:
            lines.append(_FACTS[known].format(" ".join(f'"{fact}"' for fact in self.facts)))
        return "\n".join(lines)


def room(budget: int) -> int:
    """Bytes of a summary, or of all facts, in a conversation of this budget."""
    return min(MAX_BYTES, budget // MAX_SHARE)


def summary_of(text: str, most: int) -> str:
    """A model's summary in one line: whole sentences, at most `most` bytes; empty if there is none."""
    line = " ".join(text.split()).replace('"', "'")
    line = line.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
    return line[: whole_sentences(line)]


def facts_of(question: str) -> list[str]:
    """The sentences of a question that hold facts, as they were said; of very long ones the clauses."""
    found = []
    for sentence in sentences(question):
        parts = [sentence] if size(sentence) <= MAX_FACT else _CLAUSE.split(sentence)
        cleaned = (" ".join(part.replace('"', "'").split()) for part in parts)
        found += [part for part in cleaned if part and size(part) <= MAX_FACT and weight(part)]
    return found


def weight(sentence: str) -> int:
    """How telling a sentence is, 0 to 3: 3 if the caller speaks of themselves, 2 with numbers or dates, 1 with names.

    A question is none, unless it tells something of the caller, as "Can you call me Ada?" does.
    """
    personal = bool(_PERSONAL.search(sentence))
    if _QUESTION.match(sentence) or _ASKS.search(sentence):
        return int(personal)
    if personal:
        return 3
    return 2 if _NUMBER.search(sentence) else int(bool(_NAME.search(sentence)))


def size(text: str) -> int:
    """The bytes of a text in UTF-8, which tell more of its tokens than its characters: a Chinese one is three bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
