"""Metrics at /metrics: who may read them, in which format, and that a real Prometheus can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from pipeline.errors import GraphError, UserInputError
from tests.nodes.webrtc.transport.test_peer import tone
from tests.vitagraph.host.dialling import dial, gone, hosting, scripted
from tests.vitagraph.host.fakes import Host, bearer, code
from tests.vitagraph.observe.reading import labels_of, value
from vitagraph.host.admission import CallRefused, Refusal
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.errors import ApiError
from vitagraph.host.seats import TooManyFromAddress

KEY = "the-key-of-it"


def request(accept: str = "") -> Request:
    """A scrape."""
    headers = [(b"accept", accept.encode())]
    return Request({"type": "http", "method": "GET", "path": "/metrics", "query_string": b"", "headers": headers})


def test_metrics_are_for_this_machine_where_there_is_no_key() -> None:
    """Nobody else learns how many calls there are, not through a proxy on this machine either."""
    host = Host()
    assert host.get("/metrics", client="127.0.0.1").text == "up 1\n"
    assert host.get("/metrics", client="::1").status_code == 200
    stranger = host.get("/metrics")
    assert (stranger.status_code, code(stranger)) == (403, "local_only")
    for header in ("X-Forwarded-For", "Forwarded"):
        assert host.get("/metrics", client="127.0.0.1", headers={header: "192.0.2.7"}).status_code == 403
    assert host.get("/metrics", client="testclient").status_code == 403


def test_metrics_require_the_key_where_there_is_one() -> None:
    """Its own, and no client secret; from this machine as well, where a proxy may run."""
    host = Host(key=KEY)
    assert host.get("/metrics", headers=bearer(KEY)).status_code == 200
    secret = host.secret(headers=bearer(KEY))
    for headers in ({}, bearer("another-key"), bearer(secret)):
        answer = host.get("/metrics", client="127.0.0.1", headers=headers)
        assert (answer.status_code, code(answer)) == (401, "wrong_key")


def test_metrics_come_in_both_formats() -> None:
    """OpenMetrics only for those who ask for it; an odd `Accept` is no error."""

    async def scene(manager: CallManager) -> None:
        text = await manager.metrics.answer(request("text/plain;version=abc,*/*"))
        assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        names = {each.name for each in text_string_to_metric_families(bytes(text.body).decode())}
        assert {"vitagraph_turns", "vitagraph_loop_lag_seconds", "process_resident_memory_bytes"} <= names
        asked = await manager.metrics.answer(request("application/openmetrics-text;version=x;q=0.9,text/plain"))
        assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        read = openmetrics_families(bytes(asked.body).decode())  # type: ignore[no-untyped-call]
        assert {each.name for each in read} == names

    hosting(scene)


def test_metrics_count_refused_offers_by_reason(tmp_path: Path) -> None:
    """An operator sees a full host, and a client that has the wrong graph."""

    async def scene(manager: CallManager) -> dict[str, float]:
        for error in (
            CallRefused(Refusal("all 1 lines are busy", "", 1, "full")),
            TooManyFromAddress("Others are there already.", retry_after=1),
            UserInputError("that is no offer"),
            GraphError("it has a mistake"),
            ApiError(401, "secret_used", "It was used."),
            ApiError(400, "a code of tomorrow", "It is new."),
        ):
            with pytest.raises(type(error)), manager.metrics.counting_refusals():
                raise error
        reasons = ("full", "too_many_calls", "unusable_input", "internal_error", "secret_used", "other")
        return {each: value(manager.metrics.registry, "calls_refused_total", reason=each) for each in reasons}

    assert set(hosting(scene).values()) == {1}


def test_metrics_have_no_label_of_a_caller(tmp_path: Path) -> None:
    """Else anyone could fill the memory of the host, and of the Prometheus that reads it."""

    async def scene(manager: CallManager) -> None:
        for number in range(20):
            with pytest.raises(UserInputError), manager.metrics.counting_refusals():
                await manager.answer(Offer("v=0", f'odd"name\n{number}'))
        registry = manager.metrics.registry
        assert value(registry, "calls_refused_total", reason="unknown_graph") == 20
        caller = await dial(manager, instructions="odd-instructions")
        caller.type("odd-text")
        await caller.wait_for("response.done")
        caller.tell(type="odd-type", event_id="odd-id")
        text = bytes((await manager.metrics.answer(request())).body).decode()
        await caller.close()
        await gone(manager)
        assert "odd" not in text
        assert labels_of(registry, "sessions", "graph") == {"scripted"}
        assert value(registry, "calls_total", outcome="completed") == 1

    hosting(scene, scripted(tmp_path))


def test_metrics_count_a_turn_that_the_end_of_the_call_cut_short(tmp_path: Path) -> None:
    """The last turn of each call counts as well."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        await caller.wait_for("session.created")
        caller.type("What time is it?")
        await caller.wait_for("output_audio_buffer.started")
        await caller.close()
        await gone(manager)
        assert value(manager.metrics.registry, "turns_total", outcome="answered") == 1

    hosting(scene, scripted(tmp_path))


def test_metrics_measure_how_soon_an_answer_is_silent_for_a_voice() -> None:
    """By the voice that the detector hears, in a graph that says back what it heard."""

    async def scene(manager: CallManager) -> None:
        registry, caller = manager.metrics.registry, await dial(manager)
        quiet = np.zeros(24_000, np.int16)
        await caller.speak(np.concatenate([quiet, tone(2.0, 48_000), quiet, quiet]))
        await caller.wait_for("output_audio_buffer.started")
        await caller.speak(np.concatenate([tone(1.0, 48_000), quiet, quiet]))
        assert value(registry, "interruptions_total", source="voice", verdict="voice") == 1
        assert value(registry, "barge_in_silence_seconds_count") == 1
        assert 0 < value(registry, "barge_in_silence_seconds_sum") < 0.6
        assert value(registry, "cut_off_turns_total") == 1
        await caller.close()
        await gone(manager)

    hosting(scene)
