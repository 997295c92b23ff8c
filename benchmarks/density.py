"""The media path of many calls on one core, compared with plain aiortc in the same run.

    .venv/bin/python -m benchmarks.density [--only ours stock link words] [--windows 3 --seconds 20]

- *ours*: 100 connected calls in a server process on a core of its own. Each has a `Peer`, a session
  of a graph (webrtc.source -> vad.webrtc -> a scripted bot -> webrtc.sink), an open data
  channel, and a caller who talks all the time: recorded speech, 50 Opus packets a second. One
  bot in ten speaks. No model is loaded.
- *stock*: the same callers and the same fraction of speaking bots with aiortc's tracks, a
  resampler and the same voice detector, at 25 and 40 calls.
- *link*: the audio that the graph receives over a clean link, with 2 % random loss, and with 1 %
  loss in bursts of 5 on average; through our source and through aiortc's receiver. *words*: the
  word error rate of Whisper on that audio.

Method. CPU is the CPU time of the server process (all threads) over wall time, the median of the
windows. The lateness of a frame is its kernel time of arrival at the caller's socket minus its RTP
time, aligned to the earliest packet of the call. A frame is missing where there is a gap in the
sequence numbers or, during speech, in RTP time. Delay is measured from the caller's `sendto` to
delivery after the voice detector, so it includes the kernel and the load of the event loop: more
than the source alone adds. The delay has recovered with the first frame after a loss that is
within 20 ms of the clean median.

Losses are injected at the transport: a lost packet is not passed to `sendto`. For the server this
is equivalent to netem, which some kernels lack. Both servers lose the same packets. Both servers
freeze the garbage collector's heap before the first call and use a thread switch interval of
0.5 ms, as a host should; plain aiortc does not do so by itself.

Not measured: jitter and reordering of a real network, TURN, video, face frames, browsers (the
callers' packets imitate their encoder), the HTTP host, models, runs of several hours. Callers and
server share one machine, and other load on it distorts the figures although the server has a core
of its own; the program prints how much of that core other processes used.
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
"""The targets: fraction of a core, MB, fraction of the frames, ms, ms, multiple of the clean error rate."""
NOISE = 0.05
"""Fraction of the server's core that other processes may use before the figures are unreliable."""


def row(what: str, figure: str, target: str = "", met: bool | None = None) -> None:
    """Prints a line of the table."""
    verdict = "" if met is None else "met" if met else "MISSED"
    print(f"  {what:42} {figure:>28}   {target:12} {verdict}".rstrip())


def show_load(load: Load, *, targets: bool) -> None:
    """Prints the figures of a number of calls; only ours has targets."""
    frames, p = load.frames + load.missing, load.lateness
    print(f"\n{load.which}, {load.calls} calls, all callers talk, 1 bot in 10 speaks")
    row("CPU of the server's core", f"{load.cpu:.1%}", *(("<= 40 %", load.cpu <= CPU) if targets else ()))
    memory = ("<= 250 MB", load.memory <= MEMORY) if targets else ()
    row("memory, no models", f"{load.memory:.0f} MB", *memory)
    row("frames sent / missing", f"{frames} / {load.missing}")
    row("late by over 20 ms", f"{load.late:.3%}")
    row("late or missing", f"{load.bad:.3%}", *(("<= 0.1 %", load.bad <= BAD) if targets else ()))
    row("lateness 99 / 99.9 % / maximum", f"{p[0]:.1f} / {p[1]:.1f} / {p[2]:.1f} ms")
    row("caller to graph, median / 99 %", f"{load.delay[0]:.1f} / {load.delay[1]:.1f} ms")
    row("frames of callers not received", f"{load.unheard} of {load.said}")
    row("other load on the core", f"{load.others:.1%}" + (" SPOILT" if load.others > NOISE else ""))


def show_delays(found: dict[str, list[Call]]) -> None:
    """Prints the delay by link, ours and aiortc's."""
    print("\ndelay from caller to graph, by link: median / 99 %; recovery after a loss: 99 % / maximum")
    for link in LINKS:
        for which, those in found.items():
            seen = delays(those, link)
            row(f"{link}, {which}", f"{seen.median:.1f} / {seen.most:.1f} ms", *added(which, link, seen))
            if link != CLEAN:
                met = ("<= 2 s", seen.slowest <= BACK) if which == "ours" else ()
                row(f"    recovery ({seen.losses} losses)", f"{took(seen.back)} / {took(seen.slowest)}", *met)
            row("    not received", f"{seen.unheard:.2%}")


def took(time: float) -> str:
    """A time in milliseconds, or `never`."""
    return f"{time:.0f} ms" if math.isfinite(time) else "never"


def added(which: str, link: str, seen: Delays) -> tuple[str, bool] | tuple[()]:
    """The target relative to a clean link."""
    return ("<= 5 ms", seen.most <= ADDS) if which == "ours" and link == CLEAN else ()


def show_words(found: dict[str, list[Call]], model: str) -> None:
    """Prints the word error rates by link."""
    print(f"\nword error rate, {model}")
    for which, those in found.items():
        rates = word_errors(those, model)
        clean = rates[CLEAN][0]
        for link in LINKS:
            rate, words = rates[link]
            met = ("<= 1.5 clean", rate <= WORDS * clean) if which == "ours" and link != CLEAN else ()
            row(f"{link}, {which} ({words} words)", f"{rate:.1%}", *met)


async def link_calls(arguments: argparse.Namespace) -> dict[str, list[Call]]:
    """Makes the calls over all links, through both servers."""
    found: dict[str, list[Call]] = {}
    for which in ("ours", "stock"):
        found[which] = await calls(which, seeds=arguments.seeds, core=arguments.core, part=arguments.part)
    return found


async def loads(arguments: argparse.Namespace, parts: Sequence[str]) -> None:
    """Measures each number of calls, and prints its figures."""
    wanted = [("ours", arguments.calls)] if "ours" in parts else []
    wanted += [("stock", number) for number in arguments.stock] if "stock" in parts else []
    for which, number in wanted:
        load = await measure(which, number, core=arguments.core, windows=arguments.windows, seconds=arguments.seconds)
        show_load(load, targets=which == "ours")


def on_core(core: int) -> Iterable[int]:
    """Pins this process to one core; returns the cores it had before."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    return before


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    every = ["ours", "stock", "link", "words"]
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    parser.add_argument("--calls", type=int, default=100, help="number of calls for ours")
    parser.add_argument("--stock", type=int, nargs="+", default=[25, 40], help="numbers of calls for plain aiortc")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a window")
    parser.add_argument("--seeds", type=int, default=4, help="number of calls over each lossy link")
    parser.add_argument("--part", type=int, default=1, help="callers say one sentence in so many")
    parser.add_argument("--model", default="whisper-base", help="the speech recognition model")
    parser.add_argument("--core", type=int, default=1, help="core of the server")
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
