"""Logs: for a person on a terminal, as JSON lines for programs. Never words or sound of a call.

A line of a call has its `session`; one that a node writes while it works on a turn has the `turn`, and with
tracing the `trace_id`.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

from pipeline.compute.job_context import JOB_CONTEXT
from vitagraph import exits

Format = Literal["auto", "human", "json"]


def set_up(style: Format = "human") -> None:
    """Sends the records of all packages to stderr: warnings, and in JSON also what is worth knowing of our own.

    `auto` is `human` on a terminal and `json` elsewhere.
    """
    json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if json else _human())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("vitagraph").setLevel(logging.INFO if json else logging.NOTSET)


def _json() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_context(),
        ],
        processors=[_short_exception, structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer()],
    )


def _renderer() -> Any:
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _human() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, *_context()],
        processors=[_short_exception, structlog.stdlib.ProcessorFormatter.remove_processors_meta, _one_line],
    )


def _context() -> list[Any]:
    return [structlog.contextvars.merge_contextvars, _add_turn]


def _add_turn(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Adds the turn and the trace that the code works on which logs."""
    origin = JOB_CONTEXT.get().origin
    if origin is not None and origin.id:
        event["turn"] = origin.id
        if origin.trace:
            event["trace_id"] = origin.trace[3:35]
    return event


def _short_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception in one line, and with `--debug` as a traceback."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if found and found[1] is not None:
        event["error"] = f"{found[0].__name__}: {found[1]}"
        if exits.debugging():
            event["traceback"] = structlog.processors.ExceptionRenderer()(None, "", {"exc_info": found})["exception"]
    return event


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    """`WARNING vitagraph.host.call: what happened (session=rtc_…)`, as one reads it."""
    level, name = str(event.pop("level")).upper(), event.pop("logger")
    said, error, trace = event.pop("event"), event.pop("error", ""), event.pop("traceback", "")
    event.pop("timestamp", None)
    known = " ".join(f"{key}={value}" for key, value in event.items() if not key.startswith("_"))
    lines = [f"{level} {name}: {said}{f' ({known})' if known else ''}", trace or error]
    return "\n".join(line for line in lines if line)
