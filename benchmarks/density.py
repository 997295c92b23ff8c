"""The media path of many calls on one core, beside plain aiortc in the same run.

    .venv/bin/python -m benchmarks.density [--only ours stock link words] [--windows 3 --seconds 20]

- *ours*: 100 connected calls in a server process on a core of its own; each has a `Peer` and a
  session of a graph (webrtc.source -> vad.webrtc -> a scripted bot -> webrtc.sink), an open
  channel for events, and a caller who talks all the time: recorded speech, 50 packets of
  Opus a second. One bot in ten speaks. No model is loaded.
- *stock*: the same callers and the same share of speaking bots with aiortc's own tracks, a
  resampler and the same voice detector, at 25 and 40 calls.
- *link*: what the graph hears over a clean link, with 2 % random loss, and with 1 % loss in bursts
  of 5 on average; through our source and through aiortc's receiver. *words*: what Whisper makes
  of it.

How it is measured. CPU is the server process's (all its threads) over the wall, the median of the
windows. A frame is late by the kernel's time of arrival at the caller's socket minus the grid of
RTP time, which lies on that call's best packet; it is missing where a number or, while the voice
sounds, RTP time has a hole. Delay is from the caller's `sendto` to delivery below the voice
detector, so it holds the kernel and the event loop's load too: more than the source alone adds.
Delay is back with the first frame from after a loss that is within 20 ms of the clean median.

Losses are injected at the seam of the transport: a packet that is lost is not given to `sendto`.
For the server that is the same as netem, which not every kernel has. The same packets are lost in
front of both servers. Both servers freeze the garbage collector's heap before the first call and
switch threads every 0.5 ms, as a host should; plain aiortc would not do so by itself.

Not measured: jitter and reordering on a real network, TURN, video, face frames, browsers (whose
encoder the callers' packets imitate), the HTTP host, models, runs of hours. Callers and server
share one machine, and whatever else runs on it spoils the figures, though the server has a core
of its own: how much of that core others took is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
from collections.abc import Iterable, Sequence

from benchmarks._density_link import CLEAN, LINKS, Call, Delays, calls, delays, word_errors
from benchmarks._density_load import Load, measure

CPU, MEMORY, BAD = 0.40, 250.0, 0.001
ADDS, BACK, WORDS = 5.0, 2_000.0, 1.5
"""What must hold: part of a core, MB, part of the frames; ms, ms, times the clean error rate."""
NOISE = 0.05
"""Part of the server's core that others may take before figures are called spoilt."""


def row(what: str, figure: str, target: str = "", met: bool | None = None) -> None:
    """One line of the table."""
    verdict = "" if met is None else "met" if met else "MISSED"
    print(f"  {what:42} {figure:>28}   {target:12} {verdict}".rstrip())


def show_load(load: Load, *, targets: bool) -> None:
    """The figures of one number of calls; only ours has targets."""
    frames, p = load.frames + load.missing, load.lateness
    print(f"\n{load.which}, {load.calls} calls, everybody talks, 1 bot in 10 speaks")
    row("CPU of the server's core", f"{load.cpu:.1%}", *(("<= 40 %", load.cpu <= CPU) if targets else ()))
    memory = ("<= 250 MB", load.memory <= MEMORY) if targets else ()
    row("memory, no models", f"{load.memory:.0f} MB", *memory)
    row("frames sent / missing", f"{frames} / {load.missing}")
    row("late by over 20 ms", f"{load.late:.3%}")
    row("late or missing", f"{load.bad:.3%}", *(("<= 0.1 %", load.bad <= BAD) if targets else ()))
    row("lateness 99 / 99.9 % / most", f"{p[0]:.1f} / {p[1]:.1f} / {p[2]:.1f} ms")
    row("caller to graph, median / 99 %", f"{load.delay[0]:.1f} / {load.delay[1]:.1f} ms")
    row("of the callers' frames unheard", f"{load.unheard} of {load.said}")
    row("the core's other work meanwhile", f"{load.others:.1%}" + (" SPOILT" if load.others > NOISE else ""))


def show_delays(found: dict[str, list[Call]]) -> None:
    """Delay by link, ours and aiortc's."""
    print("\ndelay from the caller to the graph, by link: median / 99 %; back after a loss: 99 % / slowest")
    for link in LINKS:
        for which, those in found.items():
            seen = delays(those, link)
            row(f"{link}, {which}", f"{seen.median:.1f} / {seen.most:.1f} ms", *added(which, link, seen))
            if link != CLEAN:
                met = ("<= 2 s", seen.slowest <= BACK) if which == "ours" else ()
                row(f"    back ({seen.losses} losses)", f"{took(seen.back)} / {took(seen.slowest)}", *met)
            row("    unheard", f"{seen.unheard:.2%}")


def took(time: float) -> str:
    """Milliseconds, if it ever happened."""
    return f"{time:.0f} ms" if math.isfinite(time) else "never"


def added(which: str, link: str, seen: Delays) -> tuple[str, bool] | tuple[()]:
    """The target for what a clean link costs."""
    return ("<= 5 ms", seen.most <= ADDS) if which == "ours" and link == CLEAN else ()


def show_words(found: dict[str, list[Call]], model: str) -> None:
    """Word error rates by link."""
    print(f"\nword error rate, {model}")
    for which, those in found.items():
        rates = word_errors(those, model)
        clean = rates[CLEAN][0]
        for link in LINKS:
            rate, words = rates[link]
            met = ("<= 1.5 clean", rate <= WORDS * clean) if which == "ours" and link != CLEAN else ()
            row(f"{link}, {which} ({words} words)", f"{rate:.1%}", *met)


async def link_calls(arguments: argparse.Namespace) -> dict[str, list[Call]]:
    """The calls over all links, through both servers."""
    found: dict[str, list[Call]] = {}
    for which in ("ours", "stock"):
        found[which] = await calls(which, seeds=arguments.seeds, core=arguments.core, part=arguments.part)
    return found


async def loads(arguments: argparse.Namespace, parts: Sequence[str]) -> None:
    """The calls at once, printed one by one."""
    wanted = [("ours", arguments.calls)] if "ours" in parts else []
    wanted += [("stock", number) for number in arguments.stock] if "stock" in parts else []
    for which, number in wanted:
        load = await measure(which, number, core=arguments.core, windows=arguments.windows, seconds=arguments.seconds)
        show_load(load, targets=which == "ours")


def on_core(core: int) -> Iterable[int]:
    """Puts this process on one core; returns those on which it was."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    return before


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    every = ["ours", "stock", "link", "words"]
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    parser.add_argument("--calls", type=int, default=100, help="of ours")
    parser.add_argument("--stock", type=int, nargs="+", default=[25, 40], help="of plain aiortc")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of a window")
    parser.add_argument("--seeds", type=int, default=4, help="calls over each bad link")
    parser.add_argument("--part", type=int, default=1, help="say one sentence in so many")
    parser.add_argument("--model", default="whisper-base", help="that writes down the words")
    parser.add_argument("--core", type=int, default=1, help="the server's")
    parser.add_argument("--callers-core", type=int, default=0)
    arguments = parser.parse_args()
    missing = {arguments.core, arguments.callers_core} - os.sched_getaffinity(0)
    if missing:
        parser.error(f"this process may not use core {min(missing)}: choose others with --core and --callers-core")
    return arguments


def main() -> None:
    arguments = parsed()
    before = on_core(arguments.callers_core)
    asyncio.run(loads(arguments, arguments.only))
    if not {"link", "words"} & {*arguments.only}:
        return
    found = asyncio.run(link_calls(arguments))
    os.sched_setaffinity(0, before)
    if "link" in arguments.only:
        show_delays(found)
    if "words" in arguments.only:
        show_words(found, arguments.model)


if __name__ == "__main__":
    main()
