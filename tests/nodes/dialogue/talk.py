"""Runs a dialogue node on its own, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from nodes.packets import InstructionsChanged, PlaybackProgress, TextDelta, Transcript
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock, give_way
from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pool
from pipeline.compute.resources import Resources
from pipeline.node import Context, Service
from pipeline.packet import SECOND, Stamp
from pipeline.runtime.virtual import run_virtual

Step = Transcript | PlaybackProgress | InstructionsChanged | Callable[[], None]


def heard(text: str, cause: Cause | None = None, *, whole: bool = True, answer: str = "") -> Transcript:
    """The transcript of an utterance."""
    return Transcript(Stamp(0, 0, cause or Causes().root), text, whole, answer=answer)


def talk(
    node: Service[Any],
    *steps: Step,
    pools: dict[str, Any] | None = None,
    provide: Sequence[object] = (),
    patient: bool = False,
) -> list[list[TextDelta]]:
    """The deltas that answer each transcript; other steps are done in between.

    With `patient`, each step waits until nothing is done in the background.
    `pools` are its resources; without them, those that its class declares are loaded, and closed.
    """

    async def main() -> list[list[TextDelta]]:
        executor = Executor(1)
        resources = Resources(executor)
        try:
            start(node, await _pools(node, resources, pools), provide)
            await node.open()
            try:
                answers = []
                for step in steps:
                    answers.append(await _do(node, step))
                    while patient and not node.memory.background.is_free:
                        await node.clock.sleep(SECOND)
                return [answer for answer in answers if answer is not None]
            finally:
                await node.close()
                await settle()
        finally:
            await resources.close()
            executor.shutdown()

    return run_virtual(main())


async def _pools(node: Service[Any], resources: Resources, given: dict[str, Any] | None) -> dict[str, Any]:
    if given is not None:
        return {name: Pool(member, resources.scheduler) for name, member in given.items()}
    return {name: await resources.get(pooled, node.params) for name, pooled in node.resources.items()}


def start(
    node: Service[Any], pools: dict[str, Any] | None = None, provide: Sequence[object] = (), memory: Any = None
) -> None:
    """Starts a node as a session would."""
    clock = Clock(asyncio.get_running_loop())
    context = Context("chat", clock, Causes(), lambda _: None, lambda _: None, pools=pools or {}, provided=provide)
    node.start(context, memory)


async def settle() -> None:
    """Lets generators end that a library has left to the garbage collector."""
    for _ in range(10):
        await give_way()


async def _do(node: Any, step: Step) -> list[TextDelta] | None:
    if isinstance(step, Transcript):
        return [delta async for delta in node.reply(step)]
    if isinstance(step, PlaybackProgress):
        node.note(step)
    elif isinstance(step, InstructionsChanged):
        node.follow(step)
    else:
        step()
    return None


def said(deltas: list[TextDelta]) -> str:
    """The text of an answer."""
    return "".join(delta.text for delta in deltas)
