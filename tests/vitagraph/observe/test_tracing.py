"""OpenTelemetry: a trace of each turn at a collector, with the names that the field uses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import openai  # noqa: F401 - loaded before the calls: it takes seconds, in which a fallback would answer
import pytest

from pipeline.errors import DependencyError
from tests.nodes.dialogue.endpoint import Reply, endpoint
from tests.vitagraph.host.dialling import SCRIPTED, dial, gone, hosting, scripted
from tests.vitagraph.observe.collector import attributes, collecting
from vitagraph.host.call_manager import CallManager
from vitagraph.observe.tracing import Tracing, is_wanted

REMOTE = SCRIPTED.replace(
    "{use: dialogue.script, otherwise: It is nine o'clock.}",
    "{use: dialogue.openai, model: small, base_url: '{URL}', fallback: dialogue.script}",
)


def tokens(reply: Reply) -> None:
    """An answer, and what it cost."""
    reply.begin()
    reply.send("It is nine.")
    reply.raw('{"choices": [], "usage": {"prompt_tokens": 31, "completion_tokens": 4}}')
    reply.raw("[DONE]")


async def talk(manager: CallManager) -> str:
    """A call of one typed turn; the id of its session."""
    caller = await dial(manager)
    caller.type("What time is it?")
    await caller.wait_for("response.done")
    await caller.close()
    await gone(manager)
    return caller.call_.id


def test_tracing_sends_a_trace_of_each_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a child for each node, the model by the conventions for generative models, and a link to the call."""
    with collecting() as collected, endpoint(tokens) as served:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        session = hosting(talk, scripted(tmp_path, text=REMOTE.replace("{URL}", served.url)))
        parent = served.traces[0]
    (call,), (turn,), (chat,) = (collected.named(name) for name in ("call", "turn", "chat small"))
    assert collected.services == {"vitagraph"}
    assert attributes(call)["vitagraph.call.outcome"] == "completed"
    assert [link.span_id for link in turn.links] == [call.span_id] and turn.trace_id != call.trace_id
    assert attributes(turn)["vitagraph.turn.outcome"] == "answered"
    assert {"committed", "playback begins", "playback ends"} <= {event.name for event in turn.events}
    assert attributes(chat) == {
        "vitagraph.node": "chat",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "small",
        "gen_ai.conversation.id": session,
        "gen_ai.usage.input_tokens": 31,
        "gen_ai.usage.output_tokens": 4,
    }
    children = {span.name for span in collected.spans if span.parent_span_id == turn.span_id}
    assert (
        {"node turn", "node sentences", "node tts", "node face", "chat small"}
        >= children
        >= {"node sentences", "chat small"}
    )
    for span in (chat, *collected.named("node tts")):
        assert turn.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    assert parent is not None and parent.startswith(f"00-{turn.trace_id.hex()}-{turn.span_id.hex()}-0")


def test_tracing_marks_a_fallback_and_metrics_name_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a slow bucket of a histogram one gets to the trace of such a turn."""

    def broken(reply: Reply) -> None:
        reply.error(503)

    async def scene(manager: CallManager) -> tuple[Any, ...]:
        caller = await dial(manager)
        caller.type("What time is it?")
        await caller.wait_for("response.done")
        timeline = manager.observation.archive.find(caller.call_.id)
        assert timeline is not None
        return tuple(turn.trace for turn in timeline.document().turns)

    with collecting() as collected, endpoint(broken) as served:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collected.url}/v1/traces")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "desk")
        (trace,) = hosting(scene, scripted(tmp_path, text=REMOTE.replace("{URL}", served.url)))
    (turn,) = collected.named("turn")
    assert turn.trace_id.hex() == trace and collected.services == {"desk"}
    fallback = next(event for event in turn.events if event.name == "fallback")
    assert attributes(fallback) == {
        "vitagraph.node": "chat",
        "vitagraph.member": "dialogue.openai",
        "vitagraph.category": "network",
        "vitagraph.reason": "fault",
        "vitagraph.answered_by": "dialogue.script",
    }


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "True"}, False),
    ],
)
def test_tracing_is_on_where_the_standard_variables_say_so(environment: dict[str, str], wanted: bool) -> None:
    """As operators know it from other programs."""
    assert is_wanted(environment) is wanted


def test_tracing_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who asked for traces gets none, and must know why."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(DependencyError, match=r"pip install 'vitagraph\[otel\]'"):
        Tracing.from_environment()
