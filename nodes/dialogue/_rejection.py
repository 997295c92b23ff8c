"""Why an endpoint rejects a request, as far as the request can be changed so that it is accepted.

Endpoints say this in words of their own, which are compared here and never shown: many repeat
the prompt or the key in their errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 4000
"""Characters of an error that are searched."""
TOO_LONG_CODES = frozenset(("context_length_exceeded", "exceed_context_size_error", "string_above_max_length"))

_TOO_LONG = re.compile(
    r"""context[\s_-]{0,3}(?:length|size|window|limit|overflow)|(?:exceed|larger|longer|more|greater)\w{0,6}\s[^.]{0,60}context
    |(?:prompt|input|messages?|request|conversation)\s[^.]{0,40}\btoo\ (?:long|large|many)
    |too\ (?:many|much)\s[^.]{0,20}tokens|reduce\ the\ length|(?:input|prompt)\ length
    |(?:maximum|max|limit)\s[^.]{0,40}tokens|tokens\s[^.]{0,80}(?:exceed|limit|maximum|must\ be\ <=)
    |exceed\w{0,3}\s[^.]{0,60}tokens
    |max_seq_len|max_model_len|n_ctx|n_keep|超长|超过.{0,20}(?:长度|限制|上下文|token)|(?:长度|上下文|token).{0,20}(?:超过|超出|超长|过长)""",
    re.IGNORECASE | re.VERBOSE,
)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|does(?: not|n't) support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed"
    r"|invalid|extra (?:inputs|fields)|deprecated|forbidden|only the default|instead",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[a-z_]+")
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""The two names of the maximum of tokens, each with the other: newer models of OpenAI know only the second."""
_OPTIONAL = (*_LIMITS, "temperature", "stream_options")


def says_too_long(text: str) -> bool:
    """Whether an error says that the prompt does not fit into the model's context."""
    return bool(_TOO_LONG.search(text[:MAX_TEXT]))


def refused_field(request: Mapping[str, Any], error: object) -> str | None:
    """The field of a request that the endpoint does not accept, if it can do without; `error` is the response's body.

    It is one of the names of the maximum of tokens, the temperature, of which some models accept only the default, or
    the wish to be told the tokens.
    """
    text = (error if isinstance(error, str) else json.dumps(error, default=str))[:MAX_TEXT]
    if not _UNSUPPORTED.search(text):
        return None
    named = set(_FIELD.findall(text))
    return next((name for name in _OPTIONAL if name in named and name in request), None)


def without(request: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The request without a field; a maximum of tokens gets its other name."""
    kept = {name: value for name, value in request.items() if name != field}
    if field in request and (other := _LIMITS.get(field)) is not None:
        kept[other] = request[field]
    return kept
