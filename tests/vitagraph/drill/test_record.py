"""A record keeps each piece of an answer once."""

from __future__ import annotations

import asyncio

from nodes.packets import PlaybackProgress, Sentence, TextDelta
from pipeline.cause import Cause
from pipeline.clock import Clock
from pipeline.packet import Stamp
from pipeline.params import seconds
from pipeline.runtime.virtual import run_virtual
from vitagraph.drill.record import Record
from vitagraph.waterfall import TurnRecord


def test_drill_record_keeps_an_answer_as_made_and_as_heard() -> None:
    cause = Cause(3, "turn", committed=True)
    record = Record()

    async def main() -> None:
        record.now = lambda: round(asyncio.get_running_loop().time() * 1e9)
        for packet in (TextDelta(Stamp(0, 0, cause), "One. "), Sentence(Stamp(0, 0, cause), "one", shown="1.")):
            record.observe("chat", packet)
        record.played(PlaybackProgress(cause, "", 0, ended=False, last=False))
        await Clock(asyncio.get_running_loop()).sleep(seconds(2))
        record.played(PlaybackProgress(cause, "1.", 2, ended=True, last=True))
        record.played(PlaybackProgress(cause, "shown", 0, ended=True, last=False))

    run_virtual(main())
    answer = record.answer(TurnRecord(3, 0))
    assert (answer.written, answer.cut) == (["One. "], ["1."])
    assert answer.played == [(0, 2_000_000_000, "1."), (2_000_000_000, 2_000_000_000, "shown")] and answer.ends == 1
