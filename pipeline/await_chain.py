"""Where something waits: the await chain of a task, the stack of a thread.

`Task.get_stack()` of a suspended task has one frame only; what names the culprit is the
whole chain, down to the coroutine that really waits.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from types import AsyncGeneratorType, CodeType, CoroutineType, GeneratorType
from typing import Any

_DEPTH = 40
_WAITS = (CoroutineType, AsyncGeneratorType, GeneratorType, asyncio.Future)


def await_chain(task: asyncio.Task[Any]) -> tuple[str, ...]:
    """The coroutines that a task is in, the outermost first; a task it waits for is followed."""
    lines: list[str] = []
    ahead: list[Any] = [task.get_coro()]
    while ahead and len(lines) < _DEPTH:
        at = ahead.pop()
        if isinstance(at, asyncio.Task):
            lines.append(f"task {at.get_name()}")
            ahead.append(at.get_coro())
        elif isinstance(at, asyncio.Future):
            # gather() alone knows its children; of other futures nobody knows who will set them.
            ahead.extend(child for child in reversed(getattr(at, "_children", ())) if not child.done())
        else:
            lines.extend(_line_of(at))
            ahead.extend(_awaited_by(at))
    return tuple(lines)


def thread_stack(ident: int) -> tuple[str, ...]:
    """The calls that a thread is in, the innermost first; empty when it has ended."""
    lines: list[str] = []
    frame = sys._current_frames().get(ident)
    while frame is not None and len(lines) < _DEPTH:
        lines.append(_place(frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return tuple(lines)


def _line_of(at: Any) -> list[str]:
    for name in ("cr_frame", "ag_frame", "gi_frame"):
        if (frame := getattr(at, name, None)) is not None:
            return [_place(frame.f_code, frame.f_lineno)]
    return []


def _awaited_by(at: Any) -> list[Any]:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(at, name):
            return [inner] if (inner := getattr(at, name)) is not None else []
    # The C helpers between (of `async for`, of a future) have no such attribute; the collector sees through.
    return [inner for inner in gc.get_referents(at) if isinstance(inner, _WAITS)][:1]


def _place(code: CodeType, line: int) -> str:
    return f"{code.co_qualname} ({os.path.basename(code.co_filename)}:{line})"
