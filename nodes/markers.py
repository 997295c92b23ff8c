"""Takes out of a streamed answer what is not meant for the person.

Language models and their servers leave in the text what only programs should see:

| kind            | examples                                                                      |
|-----------------|-------------------------------------------------------------------------------|
| reasoning       | `<think>…</think>`, `[THINK]…[/THINK]`, `◁think▷…◁/think▷`; or its end alone   |
| control tokens  | `<|im_end|>`, `<end_of_turn>`, `</s>`, `<｜end▁of▁sentence｜>`                  |
| channels        | `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final…`   |
| tool calls      | `<tool_call>…</tool_call>`, `[TOOL_CALLS]…`, `{"name": …, "arguments": …}`    |
| roles           | `Assistant: …`, and a `User:` that the model adds after its answer            |

Text is passed on as it comes. Held are only what may be the beginning of a marker (at most some
80 characters), a tool call in JSON, and what looks like reasoning without an opening mark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal

MAX_HELD = 20_000
"""Characters of a tool call in JSON, or of reasoning without an opening mark, that are held."""
MAX_MARKER = 80
"""Characters of a marker that ends something."""
_DECIDED = 28
"""Characters of an answer that tell whether it begins with reasoning."""

_TAGS = (
    r"think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad|seed:think|antthinking|"
    r"tool_calls?|tool_code|tool_use|tool_response|tool_results?|function_calls?|function_results?|toolcall|"
    r"antml:function_calls|(?:antml:)?invoke|function=[\w.-]{1,60}"
)
_MARKER = re.compile(
    r"""[<\[◁{`](?:(?<=<)(?:"""
    rf"""(?P<close>/)?(?P<tag>{_TAGS})(?:\s[^<>]{{0,60}})?>"""
    r"""|[|｜](?P<token>[\w▁:./-]{1,48})[|｜]?>"""
    r"""|(?P<special>/?s|eos|bos|pad|unk|EOT|end_of_turn|start_of_turn|end_of_utterance|end_of_text)>)"""
    r"""|(?<=\[)(?P<square_close>/)?(?P<square>THINK|INST|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT)\]"""
    r"""|(?<=◁)(?P<triangle_close>/)?(?P<triangle>think)▷"""
    r"""|(?P<call>(?:(?<=`)``\w{0,10}\s{0,4}\[?\s{0,4}\{|(?<=\[)\s{0,4}\{|(?<=\{))"""
    r"""\s{0,4}"(?:name|function|tool|tool_name|tool_calls|tool_uses|action|recipient_name|type)"\s{0,4}:))""",
    re.IGNORECASE,
)
_MAYBE = re.compile(
    r"""[<\[◁{`](?:(?<=<)[a-z/|｜][^<>]{0,64}|(?<=<)|(?<=\[)/?[a-z_]{0,16}|(?<=◁)[^▷]{0,8}"""
    r"""|(?:(?<=`)``\w{0,10}\s{0,4}\[?\s{0,4}\{|(?<=\[)\s{0,4}\{|(?<=\{))\s{0,4}(?:"\w{0,16}"?\s{0,4})?"""
    r"""|(?<=`)`{0,2}|(?<=`)``\w{0,10}\s{0,4}\[?\s{0,4}|(?<=\[)\s{0,4})\Z""",
    re.IGNORECASE,
)
"""The end of a text that may be the beginning of a marker."""

_ROLE = re.compile(
    r"\s{0,8}(?:\*\*)?(?:assistant|answer|response|chatbot|bot|ai|model)(?:\*\*)?:(?:\*\*)?\s{0,8}", re.I
)
_NEXT_ROLE = re.compile(r"\n[ ]{0,3}(?:#{1,4} ?|\*\*)?(?:user|human|assistant|system|instruction)(?:\*\*)?\s?:", re.I)
_MAYBE_NEXT_ROLE = re.compile(r"\n[ ]{0,3}(?:#{1,4} ?|\*{0,2})[a-z]{0,11}\*{0,2}\s?\Z", re.I)
_BARE = re.compile(r"\s{0,8}(?:assistant)?(?:(analysis|commentary)|final)(?=[A-Z])")
"""A channel whose control tokens the server has removed."""
_BEGINNINGS = ("assistant:", "answer:", "response:", "chatbot:", "bot:", "ai:", "model:", "assistantfinal", "analysis")

_FILLERS = ("okay", "ok", "alright", "all right", "hmm", "so", "well", "right", "now", "first", "wait", "got it")
_ALOUD = re.compile(
    rf"\s*(?:(?:{'|'.join(_FILLERS)})\b\W{{0,4}}){{0,3}}(?:(?:the )?user(?:'s)?\b"
    r"|we (?:need|should|must|have to|are asked)\b|i (?:need to|should|have to|must|recall)\b"
    r"|let me (?:think|see|recall|start|analy[sz]e|break)|let's (?:think|see|analy[sz]e|break)"
    r"|they(?:'re| are| want| ask)\b|this is a (?:simple|straightforward|question)|thinking\b|analy[sz]ing\b"
    r"|the (?:question|prompt|query|request)\b)",
    re.IGNORECASE,
)
"""How reasoning begins whose opening mark was in the prompt."""
_ALOUD_BEGINS = (*_FILLERS, "the", "user", "we", "i", "let", "they", "this", "thinking", "analy")
_MAYBE_ALOUD = re.compile(
    rf"(?:(?:{'|'.join(_FILLERS)})\b\W{{0,4}}){{0,3}}(?:[a-z']{{0,4}}|the(?: [uqpr]\w{{0,7}})?"
    r"|(?:we|i)(?: [nshmar]\w{0,5}){0,2}|let(?:'s| me)(?: [tsrab]\w{0,6})?|they(?:'re| [aw]\w{0,3})?"
    r"|this(?: is(?: a(?: [sq]\w{0,14})?)?)?) ?\Z",
    re.IGNORECASE,
)

_HEADERS = frozenset(("start", "channel", "im_start", "start_header_id", "start_of_role"))
_OTHER_ROLES = frozenset(("user", "system", "human", "observation"))
_HIDING = {
    "begin_of_thought": "end_of_thought",
    "start_thinking": "end_thinking",
    "start_action": "end_action",
    "tool_calls_section_begin": "tool_calls_section_end",
    "tool_call_begin": "tool_call_end",
    "tool▁calls▁begin": "tool▁calls▁end",
    "tool▁call▁begin": "tool▁call▁end",
    "tool_call": "/tool_call",
    "python_tag": "",
}
"""Tokens that begin a hidden part, and those that end it; empty: it has no end."""
_ENDS = frozenset(
    "im_end end return call eot eot_id eom_id end_of_text endoftext end▁of▁sentence end_of_turn_token"
    " end_of_turn eos /s".split()
)
_CALL_KEYS = frozenset("arguments parameters args input action_input tool_calls tool_uses function".split())
_FENCE = re.compile(r"```\w{0,10}\s{0,8}")
_FENCE_END = re.compile(r"\s{0,8}`{0,3}")
_TOKEN = re.compile(r"<[|｜](?:end|start|channel|return|call)[|｜]>")
_HEADER_END = re.compile(r"<[|｜](?:message|end_header_id|end_of_role)[|｜]>|\n")

_CLOSING = re.compile(r"</(?:think|thinking|thoughts?|reasoning|analysis|seed:think)>|\[/THINK\]|◁/think▷", re.I)

Mode = Literal["begin", "text", "hidden", "channel", "header", "call", "aloud", "ended"]


class MarkerFilter:
    """Filters one answer: `feed` it piece by piece, then `finish` it; both return what may be said.

    `reply` is whether the text is a model's own answer, in which roles and reasoning without an
    opening mark are looked for as well. `thinks` is whether that model is known to begin with
    such reasoning; None if it is to be found out.
    """

    def __init__(self, *, reply: bool = True, thinks: bool | None = None) -> None:
        self.thinks = thinks
        """What is known after this answer."""
        self._reply = reply
        self._mode: Mode = "text" if not reply else "aloud" if thinks else "begin"
        self._text = ""
        """What has not been decided."""
        self._close: tuple[str, ...] = ()
        """What ends a hidden part, one of these; empty for nothing."""
        self._seen = 0
        """Characters of the text in which what the mode waits for is not."""
        self._said = False
        """Whether any words were passed on."""
        self._removed = False
        """Whether something was removed at this place: the spaces after it go as well."""

    def feed(self, piece: str) -> str:
        """The text that this piece completes."""
        if self._mode == "text" and not self._text and not self._removed and piece.isalnum():
            self._said = True
            return piece  # the usual case: a word
        self._text += piece
        return self._run(ended=False)

    def finish(self) -> str:
        """The rest of the answer."""
        said = self._run(ended=True)
        if self._reply and self._said and not self.thinks:
            self.thinks = False
        return said

    def _run(self, *, ended: bool) -> str:
        said = ""
        while True:
            before = (self._mode, len(self._text))
            said += _STEPS[self._mode](self, ended)
            if (self._mode, len(self._text)) == before:
                return said

    def _say(self, length: int) -> str:
        """Passes on so much of the text."""
        said, self._text = self._text[:length], self._text[length:]
        if self._removed and said:
            said = said.lstrip() if not self._said else said
            self._removed = not said
        self._said = self._said or bool(said.strip())
        return said

    def _remove(self, length: int) -> None:
        self._text = self._text[length:]
        self._removed = True

    # --- a step of each mode: returns what may be said, and takes what it has decided from the text

    def _begin(self, ended: bool) -> str:
        text = self._text
        start = text.lstrip(" \n\t*")
        if not ended and (not start or any(each.startswith(start.lower()) for each in _BEGINNINGS)):
            return ""
        if bare := _BARE.match(text):
            self._remove(bare.end())
            self._hide("assistantfinal") if bare[1] else self._go("text")
            return ""
        if role := _ROLE.match(text):
            if ended or text[role.end() :].strip(" *"):
                self._remove(role.end())
            return ""
        if self.thinks is None:
            if not ended and len(start) < _DECIDED and _maybe_aloud(start):
                return ""
            if _ALOUD.match(text):
                self._go("aloud")
                return ""
        self._go("text")
        return ""

    def _plain(self, ended: bool) -> str:
        marker = _MARKER.search(self._text)
        if self._reply and (role := _NEXT_ROLE.search(self._text, 0, marker.start() if marker else len(self._text))):
            said = self._say(role.start())
            if self._said:
                self._go("ended")
            else:
                self._remove(role.end() - role.start())
            return said
        if marker is None:
            return self._say(len(self._text) if ended else self._decided())
        said = self._say(marker.start())
        self._meet(marker)
        return said

    def _decided(self) -> int:
        """The length of the text without what may be the beginning of a marker."""
        ends = [len(self._text)]
        for maybe in (_MAYBE, _MAYBE_NEXT_ROLE) if self._reply else (_MAYBE,):
            if found := maybe.search(self._text, max(0, len(self._text) - 300)):
                ends.append(found.start())
        return min(ends)

    def _meet(self, marker: re.Match[str]) -> None:
        """A marker is at the start of the text."""
        if marker["call"]:
            self._go("call")
            return
        length = marker.end() - marker.start()
        if marker["token"] or marker["special"]:
            self._control((marker["token"] or marker["special"]).lower(), length)
            return
        self._remove(length)
        tag = marker["tag"] or marker["square"] or marker["triangle"]
        if marker["close"] or marker["square_close"] or marker["triangle_close"]:
            return
        if marker["square"]:
            name = tag.upper()
            if name != "INST":
                self._hide(*([f"[/{tag}]"] if name != "TOOL_CALLS" else []))
        elif marker["triangle"]:
            self._hide("◁/think▷")
        else:
            name = tag.partition("=")[0]
            self._hide(f"</{name}>", f"</{name.lower()}>")

    def _control(self, token: str, length: int) -> None:
        if token in _HEADERS or token == "start_of_turn":
            if self._said and token != "channel":
                self._go("ended")
            else:
                self._remove(length)
                self._go("header")
        elif (token in _ENDS or token in _OTHER_ROLES) and self._said:
            self._go("ended")
        else:
            self._remove(length)
            if (end := _HIDING.get(token)) is not None:
                self._hide(*(f"<{bar}{case(end)}{bar}>" for bar in "|｜" for case in (str.lower, str.upper) if end))

    def _hidden(self, ended: bool) -> str:
        closed = min((at + len(each) for each in self._close if (at := self._text.find(each)) >= 0), default=0)
        if not closed:
            self._remove(max(0, len(self._text) - MAX_MARKER))  # the mark at its end may be incomplete
            return ""
        self._remove(closed)
        self._go("text")
        return ""

    def _channel(self, ended: bool) -> str:
        """A message that is not for the person: its end, or the next one, is a control token."""
        token = _TOKEN.search(self._text)
        self._remove(token.start() if token else max(0, len(self._text) - MAX_MARKER))
        if token:
            self._go("text")
        return ""

    def _header(self, ended: bool) -> str:
        """The role, and the channel that a message goes to."""
        found = _HEADER_END.search(self._text)
        if found is None:
            self._remove(max(0, len(self._text) - 200))
            return ""
        header = self._text[: found.start()]
        channel = header.rpartition("channel|>")[2].split() if "channel|>" in header else header.split()
        self._remove(found.end())
        hides = bool(channel) and channel[0].lower() in ("analysis", "commentary", "thinking", *_OTHER_ROLES)
        if hides:
            self._go("channel")
        else:
            self._go("text")
        return ""

    def _call(self, ended: bool) -> str:
        start = _FENCE.match(self._text)
        begin = start.end() if start else 0
        seen, self._seen = self._seen, len(self._text)
        try:
            if not (ended or self._text.find("}", seen) >= 0 or self._text.find("]", seen) >= 0):
                raise ValueError("it cannot be complete")
            value, end = json.JSONDecoder().raw_decode(self._text, begin)
        except (ValueError, RecursionError):
            if ended or len(self._text) > MAX_HELD:
                self._remove(len(self._text))
            return ""
        if not _is_call(value):
            self._go("text")
            return self._say(end)
        if start:
            closing = _FENCE_END.match(self._text, end)
            if not ended and (closing is None or closing.end() == len(self._text)):
                self._seen = 0
                return ""
            end = closing.end() if closing else end
        self._remove(end)
        self._go("text")
        return ""

    def _aloud(self, ended: bool) -> str:
        seen, self._seen = self._seen, len(self._text)
        if closed := _CLOSING.search(self._text, max(0, seen - 20)):
            self.thinks = True
            self._remove(closed.end())
            self._go("text")
        elif ended or len(self._text) > MAX_HELD:
            self._go("text")  # it was the answer
        return ""

    def _ended(self, ended: bool) -> str:
        self._remove(len(self._text))
        return ""

    def _go(self, mode: Mode) -> None:
        self._mode, self._seen = mode, 0

    def _hide(self, *close: str) -> None:
        self._close = close
        self._mode = "hidden"


_STEPS: dict[Mode, Callable[[MarkerFilter, bool], str]] = {
    "begin": MarkerFilter._begin,
    "text": MarkerFilter._plain,
    "hidden": MarkerFilter._hidden,
    "channel": MarkerFilter._channel,
    "header": MarkerFilter._header,
    "call": MarkerFilter._call,
    "aloud": MarkerFilter._aloud,
    "ended": MarkerFilter._ended,
}


def _maybe_aloud(start: str) -> bool:
    """Whether what has come of an answer may be the beginning of reasoning."""
    word = start.lower().rstrip(" ,.!:")
    if " " in word or word != start.lower():
        return _MAYBE_ALOUD.match(start) is not None
    return any(each.startswith(word) for each in _ALOUD_BEGINS)


def _is_call(value: Any) -> bool:
    """Whether a JSON value is a call of a tool, or a list of them."""
    if isinstance(value, list):
        return bool(value) and all(map(_is_call, value))
    return isinstance(value, dict) and not _CALL_KEYS.isdisjoint(value)
