"""The log: one line a record, for a person or for a program, with the call and the turn that it is about."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
from structlog.contextvars import bind_contextvars, clear_contextvars

from pipeline.cause import Causes
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from vitagraph import logs

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The handlers of other tests."""
    root, ours = logging.getLogger(), logging.getLogger("vitagraph")
    before, level, own = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    ours.setLevel(own)
    clear_contextvars()


def test_log_for_programs_is_json_with_session_turn_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of one bad turn can be found by any of the three."""
    logs.set_up("json")
    cause = Causes().begin("turn")
    cause.trace = TRACE
    bind_contextvars(session="rtc_1")
    token = JOB_CONTEXT.set(JobContext(origin=cause))
    logging.getLogger("nodes.asr").warning("the model is %s", "slow")
    JOB_CONTEXT.reset(token)
    logging.getLogger("vitagraph.host.call").info("call ended")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["timestamp"].endswith("Z") and second.pop("timestamp")
    del first["timestamp"]
    assert first == {
        "event": "the model is slow",
        "level": "warning",
        "logger": "nodes.asr",
        "session": "rtc_1",
        "turn": 1,
        "trace_id": TRACE[3:35],
    }
    assert second == {"event": "call ended", "level": "info", "logger": "vitagraph.host.call", "session": "rtc_1"}


def test_log_for_persons_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And says only what is out of order."""
    logs.set_up("human")
    bind_contextvars(session="rtc_1")
    logging.getLogger("vitagraph.host.call").info("call ended")
    logging.getLogger("vitagraph.host.call").warning("the graph failed")
    assert capsys.readouterr().err == "WARNING vitagraph.host.call: the graph failed (session=rtc_1)\n"


@pytest.mark.parametrize("style", ["human", "json"])
@pytest.mark.parametrize("debug", ["", "1"])
def test_log_has_tracebacks_only_for_developers(
    style: logs.Format, debug: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never one at an operator, always one for who asks with --debug."""
    monkeypatch.setenv("VITAGRAPH_DEBUG", debug)
    logs.set_up(style)
    try:
        raise ValueError("oh")
    except ValueError:
        logging.getLogger("asyncio").error("a task failed", exc_info=sys.exc_info())
    said = capsys.readouterr().err
    assert "a task failed" in said and "ValueError: oh" in said
    assert ("test_logs.py" in said) is bool(debug)


def test_log_is_for_programs_where_no_person_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As in a container."""
    logs.set_up("auto")
    logging.getLogger("vitagraph").warning("memory is short")
    assert json.loads(capsys.readouterr().err)["event"] == "memory is short"
