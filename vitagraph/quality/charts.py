"""Charts of a report as inline SVG: drawn with classes, so that the page gives the colours of light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import groupby

from vitagraph.quality.report import DAY, Point

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 24
TICKS = 4
LABELS = 4
"""Labels of the time axis, at most."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Places values of an axis on the drawing."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.begin + share * (self.end - self.begin), 1)


def nice_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose two values."""
    if high - low <= 1e-6 * max(1, abs(low)):
        high = low + (abs(low) if abs(low) > 1e-6 else 1)
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(each * step, 10) for each in range(first, last + 1)]


def time_series(points: Sequence[Point], width: float, label: str, *, most: float | None = None) -> str:
    """A line of the values with a band from `low` to `high`; `most` is the highest value that there can be."""
    seen = [each for point in points for each in (point.value, point.low, point.high) if each is not None]
    if not seen:
        return empty()
    ticks = nice_ticks(min(seen), max(seen))
    if most is not None:
        ticks = [tick for tick in ticks if tick <= most] or [most]
        ticks = ticks if len(ticks) > 1 else [min(seen), most]
    x, y = _time_scale(points, width), Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [_grid(y, ticks), _time_axis(x, points)]
    middle = width / 2
    for known, run in groupby(points, lambda point: point.value is not None):
        if known:
            parts.append(_run(list(run), x, y, middle))
    return _svg("".join(parts), label)


def bars(points: Sequence[Point], width: float, label: str) -> str:
    """A bar for each stretch of time."""
    if not points:
        return empty()
    ticks = [tick for tick in nice_ticks(0, max(point.value or 0 for point in points)) if tick == int(tick)]
    x, y = _time_scale(points, width), Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    drawn = [
        _bar(
            x(point.at), x(point.at + width), y(point.value or 0), f"{moment(point.at, width)}: {point.value or 0:.0f}"
        )
        for point in points
    ]
    return _svg(_grid(y, ticks) + _time_axis(x, points) + "".join(drawn), label)


def histogram(counts: Sequence[int], step: float, label: str, marks: Sequence[tuple[float, str]]) -> str:
    """Counts of values in steps, the last of all beyond; `marks` are values with a name."""
    if not any(counts):
        return empty()
    last = max(at for at, count in enumerate(counts) if count) + 1
    shown = counts[: max(10, last)]
    ticks = [tick for tick in nice_ticks(0, max(shown)) if tick == int(tick)]
    x = Scale(0, len(shown) * step, LEFT, WIDTH - RIGHT)
    y = Scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP + 16)  # the names of the marks are above
    drawn = [
        _bar(x(at * step), x((at + 1) * step), y(count), f"{at * step:.0f} to {(at + 1) * step:.0f} ms: {count}")
        for at, count in enumerate(shown)
    ]
    axis = [
        _text(x(tick), HEIGHT - 7, f"{tick:,.0f}", "middle")
        for tick in nice_ticks(0, len(shown) * step)
        if tick <= len(shown) * step
    ]
    lines = [_mark(x(min(value, len(shown) * step)), name) for value, name in marks]
    return _svg(_grid(y, ticks) + "".join(axis + drawn + lines), label)


def empty() -> str:
    """In place of a chart without values."""
    return '<p class="none">Nothing was measured.</p>'


def moment(at: float, width: float) -> str:
    """The time of a stretch, as exact as it needs to be; local time."""
    when = datetime.fromtimestamp(at)
    return f"{when:%d %b}" if width >= DAY else f"{when:%d %b %H:%M}"


def _run(run: Sequence[Point], x: Scale, y: Scale, middle: float) -> str:
    """Neighbouring stretches that have values."""
    places = [(x(point.at + middle), point) for point in run]
    upper = [f"{at},{y(point.high)}" for at, point in places if point.high is not None]
    lower = [f"{at},{y(point.low)}" for at, point in places if point.low is not None]
    line = " ".join(f"{at},{y(point.value or 0)}" for at, point in places)
    band = f'<polygon class="band" points="{" ".join(upper + lower[::-1])}"/>' if len(upper) > 1 else ""
    alone = f'<circle class="dot" cx="{places[0][0]}" cy="{y(run[0].value or 0)}" r="2.5"/>' if len(run) == 1 else ""
    return f'{band}<polyline class="line" points="{line}"/>{alone}'


def _time_scale(points: Sequence[Point], width: float) -> Scale:
    return Scale(points[0].at, points[-1].at + width, LEFT, WIDTH - RIGHT)


def _time_axis(x: Scale, points: Sequence[Point]) -> str:
    """Labels at some of the points: days, or hours within two days."""
    hourly = x.high - x.low <= 2 * DAY
    starts = [point.at for point in points if hourly or datetime.fromtimestamp(point.at).hour == 0]
    every = max(1, math.ceil(len(starts) / LABELS))
    return "".join(
        _text(
            max(LEFT + 12, min(WIDTH - RIGHT - 16, x(at))),
            HEIGHT - 7,
            f"{datetime.fromtimestamp(at):{'%H:%M' if hourly else '%d %b'}}",
            "middle",
        )
        for at in starts[::every]
    )


def _grid(y: Scale, ticks: Sequence[float]) -> str:
    digits = max((len(f"{tick:.10g}".partition(".")[2]) for tick in ticks), default=0)
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>'
        + _text(LEFT - 6, y(tick) + 4, f"{tick:,.{min(3, digits)}f}", "end")
        for tick in ticks
    )


def _bar(begin: float, end: float, top: float, told: str) -> str:
    height = round(HEIGHT - BOTTOM - top, 1)
    if height <= 0:
        return ""
    wide = round(max(0.8, (end - begin) * 0.86), 1)
    return (
        f'<rect class="bar" x="{begin}" y="{top}" width="{wide}" height="{height}"><title>{escape(told)}</title></rect>'
    )


def _mark(at: float, name: str) -> str:
    side = "end" if at > WIDTH * 0.75 else "start"
    shift = -4 if side == "end" else 4
    return (
        f'<line class="mark" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="name" x="{at + shift}" y="{TOP + 10}" text-anchor="{side}">{escape(name)}</text>'
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(drawn: str, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{drawn}</svg>'
