"""A real Prometheus reads a running host during calls, and evaluates the alert rules."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND
from tests.nodes.webrtc.transport.test_peer import tone
from tests.programs import program
from tests.vitagraph.alerts.redis_server import EmptyRedis
from tests.vitagraph.host.dialling import ROOMY, SCRIPTED, Caller, dial, gone, hosting, scripted
from tests.vitagraph.host.fakes import SDP, bearer
from vitagraph.host.app import make_app
from vitagraph.host.call_manager import CallManager
from vitagraph.host.server import HttpServer
from vitagraph.host.settings import HostSettings

RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "vitagraph.rules.yml"
KEY = "the-key-of-it"
CONFIG = """
global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: vitagraph
    authorization: {{credentials: {key}}}
    static_configs: [{{targets: ["{target}"]}}]
"""
PAGE = (RULES.parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"^\| `(vitagraph_\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
WITHOUT_A_MODEL = {"vitagraph_tokens_total"}
CALLS = 5
WHOLE = SCRIPTED.replace(
    "{use: dialogue.script, otherwise: It is nine o'clock.}",
    "{use: dialogue.script, otherwise: It is nine o'clock., fallback: dialogue.script, limit: {concurrent: 50}}",
).replace(
    "tests.vitagraph.host.dialling_nodes:Beeper",
    "{use: tts.espeak, cache: {size: 1MB, shared: 'redis://127.0.0.1:PORT'}}",
)
"""With all that has a metric."""
_QUIET = np.zeros(24_000, np.int16)


class Prometheus:
    """The API of a server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._clock = Clock(asyncio.get_running_loop())

    async def get(self, path: str, **params: str) -> Any:
        """The data of an answer; None while there is none."""
        try:
            answer = await self._http.get(f"/api/v1/{path}", params=params)
        except httpx.TransportError:
            return None
        return answer.json().get("data")

    async def value(self, expression: str) -> float | None:
        """The value of an expression that gives at most one sample; None without one."""
        found = await self.get("query", query=expression)
        return float(found["result"][0]["value"][1]) if found and found["result"] else None

    async def wait_for(self, expression: str, value: float) -> None:
        """Returns when the expression has this value."""
        seen: float | None = None
        try:
            async with asyncio.timeout(20):
                while (seen := await self.value(expression)) != value:
                    await self._clock.sleep(100 * MILLISECOND)
        except TimeoutError:
            raise AssertionError(f"{expression} is {seen}, not {value}") from None


@asynccontextmanager
async def serving(manager: CallManager) -> AsyncIterator[str]:
    """The host over HTTP, with a key; gives its address."""
    settings = HostSettings(port=0, avatar=Path("/nowhere.glb"), key=KEY, thresholds=ROOMY)
    server = HttpServer(make_app(settings, manager, Path("/nowhere")), settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(server.serve([listening]))
        await server.ready.wait()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[Prometheus]:
    """A server that scrapes a host, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=RULES, key=KEY, target=target), encoding="utf-8")
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program("prometheus", "prometheus"),
        *options,
        stdout=nowhere,
        stderr=nowhere,
        env={**os.environ, "GOMAXPROCS": "1"},
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=5) as http:
            yield Prometheus(http)
    finally:
        process.kill()
        await process.wait()


async def talk(caller: Caller) -> None:
    """A spoken turn and a typed one, whose answer is stopped by typing, and a last one stopped by the client."""
    await caller.speak(np.concatenate([_QUIET, tone(0.6, 48_000), _QUIET, _QUIET]))
    await caller.wait_for("response.done")
    for number in (2, 3):
        caller.type("What time is it?")
        await caller.wait_for("output_audio_buffer.started", number)
    caller.tell(type="response.cancel")
    await caller.wait_for("response.done", 3)


def test_prometheus_reads_a_host_during_calls(tmp_path: Path) -> None:
    """With the key of the host; what it stores is what happened, and each documented metric is there."""
    redis = EmptyRedis()

    async def scene(manager: CallManager) -> None:
        await redis.start()
        async with serving(manager) as address, prometheus(tmp_path, address) as server:
            callers = [await dial(manager) for _ in range(CALLS)]
            await server.wait_for('up{job="vitagraph"}', 1)
            await server.wait_for('vitagraph_sessions{graph="scripted"}', CALLS)
            await server.wait_for("vitagraph_seats_free", 100 - CALLS)
            await server.wait_for("vitagraph_redis_up", 1)
            await asyncio.gather(*map(talk, callers))
            for name, kind in DOCUMENTED:
                sample = name + {"histogram": "_count", "summary": "_count"}.get(kind, "")
                assert await server.value(f"count({sample})") or name in WITHOUT_A_MODEL, name
            async with httpx.AsyncClient(headers=bearer(KEY)) as http:
                await http.post(f"http://{address}/v1/realtime/calls?graph=none", content="v=0", headers=SDP)
            for caller in callers:
                await caller.close()
            await gone(manager)
            await _check(server)
        await redis.stop()

    hosting(scene, scripted(tmp_path, text=WHOLE.replace("PORT", str(redis.port))))


async def _check(server: Prometheus) -> None:
    """What Prometheus knows of five calls of three turns each."""
    await server.wait_for('vitagraph_calls_total{outcome="completed"}', CALLS)
    for expression, value in {
        'vitagraph_turns_total{outcome="answered"}': CALLS,
        'vitagraph_turns_total{outcome="interrupted"}': 2 * CALLS,
        'vitagraph_turn_silence_seconds_count{outcome="answered"}': CALLS,
        'vitagraph_interruptions_total{source="text",verdict="command"}': CALLS,
        'vitagraph_interruptions_total{source="client",verdict="command"}': CALLS,
        'vitagraph_calls_refused_total{reason="unknown_graph"}': 1,
        "sum(vitagraph_node_errors_total)": 0,
        'vitagraph_breaker_state{node="chat"}': 0,
        "vitagraph_ready": 1,
        "vitagraph_seats_free": 100,
    }.items():
        assert await server.value(expression) == value, expression
    for expression, least, most in (
        (f'vitagraph_turn_silence_seconds_sum{{outcome="answered"}} / {CALLS}', 0.1, 5),
        ('vitagraph_audio_seconds_total{direction="out"}', 4, 50),
        ('vitagraph_audio_seconds_total{direction="in"}', 5, 100),
        ("vitagraph_characters_spoken_total", CALLS * len("That was heard."), 500),
        ("vitagraph_rtp_packets_received_total", 300, 2_000),
        ('vitagraph_rtp_jitter_seconds{statistic="max"}', 0, 0.2),
        ('vitagraph_node_first_output_seconds_sum{node="chat",member="dialogue.script"}', 0.00001, 5),
        ("vitagraph_audio_gap_seconds_total", 0, 5),
        ("vitagraph_memory_step", 0, 0),
        ("vitagraph_memory_used_ratio", 0.0001, 1),
        ("process_resident_memory_bytes", 3e7, 1e10),
    ):
        found = await server.value(expression)
        assert found is not None and least <= found <= most, (expression, found)
    parts = await server.value("sum(vitagraph_turn_part_seconds_sum) / sum(vitagraph_turn_silence_seconds_sum)")
    assert parts is not None and abs(parts - 1) < 0.001
    groups = (await server.get("rules"))["groups"]
    health = {rule["name"]: (rule["health"], rule.get("lastError", "")) for group in groups for rule in group["rules"]}
    assert {name: found for name, found in health.items() if found != ("ok", "")} == {}
    assert len(health) >= 10
