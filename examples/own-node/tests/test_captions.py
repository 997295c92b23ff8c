"""When the engine calls each hook of a service, in sessions of whole graphs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nodes.packets import Sentence
from own_node.captions import Captions
from pipeline import Cause, Packet, Plan, Registry, Runner, SessionReport, Stamp, load, plan, run_virtual
from pipeline.runtime.health import Health
from pipeline.testing import conformance, root_stamp

GRAPH = """
vitagraph: 1
description: Captions of a text.
nodes:
  story:
    use: media.text
    text: {text}
  sentences: text.sentences
  captions:
    use: own_node.captions:Captions
    {settings}
  lines:
    use: media.jsonl
    path: {path}
    kinds: [Caption]
links:
  - story -> sentences -> captions -> lines
"""
POCKET_FIRST = "book: pocket\n    fallback: own_node.captions:Captions"


def planned(folder: Path, text: str, settings: str) -> Plan:
    """A graph with this text and these settings of the node."""
    file = folder / "graph.yaml"
    made = GRAPH.format(text=json.dumps(text), settings=settings, path=folder / "captions.jsonl")
    file.write_text(made, encoding="utf-8")
    registry = Registry()
    return plan(load(file, registry=registry), registry)


def run(
    folder: Path, text: str, settings: str = "", then: Callable[[Runner], Awaitable[Any]] | None = None
) -> tuple[list[str], SessionReport]:
    """The captions of a text, and the report of the session."""

    async def main() -> SessionReport:
        async with Runner() as runner:
            report = await runner.session(planned(folder, text, settings)).run()
            if then is not None:
                await then(runner)
            return report

    report = run_virtual(main())
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines], report


def test_finish_gives_the_last_outputs(tmp_path: Path) -> None:
    captions, report = run(tmp_path, "Good evening, hello.")
    assert (captions, report.failures) == (["bonsoir", "bonjour", "(end)"], [])


def test_fallback_resumes_after_what_the_primary_made(tmp_path: Path) -> None:
    captions, report = run(tmp_path, "Good evening, hello, goodbye.", POCKET_FIRST)
    assert captions == [" ", "bonjour", "au revoir", "(end)"]
    assert [failure.answered_by for failure in report.failures] == ["own_node.captions:Captions"]


def test_output_that_does_not_count_is_replaced_by_the_fallback(tmp_path: Path) -> None:
    captions, report = run(tmp_path, "Good evening.", POCKET_FIRST)
    assert captions == ["bonsoir", "(end)"]
    assert "produced no usable output" in report.failures[0].message


def test_last_resort_is_given_after_the_last_member_failed(tmp_path: Path) -> None:
    captions, report = run(tmp_path, "Hello, farewell.", POCKET_FIRST)
    assert captions == ["bonjour", "[farewell]", "(end)"]
    assert [bool(failure.answered_by) for failure in report.failures] == [True, False]


def test_no_output_is_required_of_a_sentence_without_words() -> None:
    node, stamp = Captions(), root_stamp()
    assert [node.requires_output(Sentence(stamp, text)) for text in ("Hello.", "?!")] == [True, False]


def test_lane_is_normal_although_output_is_required() -> None:
    assert Captions().lane(Sentence(root_stamp(), "Hello.")) == "normal"


def test_cached_and_prefetched_captions_are_not_translated_again(tmp_path: Path) -> None:
    async def check(runner: Runner) -> None:
        (cache,) = runner.policies.caches()
        assert (cache.statistics.misses, cache.peek("Goodbye.") is not None) == (2, True)

    captions, _ = run(tmp_path, "Hello. Hello.", "cache: {prefetch: [Goodbye.]}", check)
    assert captions == ["bonjour", "bonjour", "(end)"]


def test_probe_shows_whether_a_member_is_healthy(tmp_path: Path) -> None:
    async def check(runner: Runner) -> None:
        health = Health(runner.resources, runner.policies)
        health.add(planned(tmp_path, "Hello.", POCKET_FIRST))
        await health.check()
        assert [member.state for member in health.report()] == ["healthy", "healthy"]
        await health.stop()

    run(tmp_path, "Hello.", POCKET_FIRST, check)


def test_captions_conforms() -> None:
    def feed(cause: Cause) -> list[Packet]:
        return [Sentence(Stamp(n * 1_000_000, 0, cause), "Good evening, hello.") for n in range(20)]

    conformance(Captions, feed)
