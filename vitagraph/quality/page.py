"""A report as one HTML page that needs no network: style and charts are in it, and no script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from vitagraph.quality import charts
from vitagraph.quality.measures import BY_KEY
from vitagraph.quality.report import STEP_MS, MeasureSummary, Point, Report, significant, trend_text, verdict
from vitagraph.quality.terminal import counts, headline, no_trend, tail

_STYLE = Path(__file__).with_name("page.css")
TILES = ("availability", "success", "satisfaction", "silence_ms", "mos", "snr_db")
CHARTS = ("success", "satisfaction", "mos", "snr_db", "loss", "barge_in_ms")
_NOTES = (
    "All: a share of n, or the median of n values (the mean for turns and interruptions a call). Tail: 5 % of the "
    "values are worse. Before: the period of the same length before this one. In the charts the line is the value of "
    "each stretch of time, and the shade holds nine of ten of its values.",
    "Trends are those of the values over the stretches of time: the test of Mann and Kendall with p below 0.01, and "
    "the slope of Theil and Sen. The MOS is an estimate from loss and delay by the E-model of ITU-T G.107. How each "
    "number is measured, and its limits: docs/quality.md.",
)


def render(report: Report, version: str) -> str:
    """The page."""
    title = f"Session quality, {escape(headline(report))}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f"<header><h1>Session quality</h1><p>{escape(headline(report))}</p><p>{escape(counts(report))}</p></header>\n"
        f"<main>\n{''.join(_sections(report))}</main>\n"
        f"<footer>{''.join(f'<p>{escape(note)}</p>' for note in _NOTES)}"
        f"<p>Vitagraph {escape(version)}, {datetime.now():%d %b %Y %H:%M}.</p></footer>\n</body>\n</html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    yield '<h2>At a glance</h2>\n<div class="cards tiles">\n'
    yield from (_tile(report.measure(key)) for key in TILES)
    yield f'</div>\n{_trends(report)}<h2>Over time</h2>\n<div class="cards">\n'
    yield _chart(report, report.measure("silence_ms"))
    yield _silences(report)
    yield _calls(report)
    yield from (_chart(report, report.measure(key)) for key in CHARTS)
    yield "</div>\n<h2>All measures</h2>\n"
    yield _table(report)


def _tile(summary: MeasureSummary) -> str:
    measure = BY_KEY[summary.key]
    number, _, unit = measure.text(summary.value).partition(" ")
    return (
        f'<div class="card"><h3>{escape(summary.title)}</h3><p class="value">{number}'
        f"{f' <small>{escape(unit)}</small>' if unit else ''}</p>{_tail(summary)}{_before(summary)}</div>\n"
    )


def _tail(summary: MeasureSummary) -> str:
    if summary.key not in ("silence_ms", "mos", "snr_db") or summary.value is None:
        return ""
    side = "below" if summary.better == "more" else "above"
    return f"<p>5 % {side} {_text(summary, tail(summary))}</p>"


def _before(summary: MeasureSummary) -> str:
    """The period before. Whether a difference is more than chance is for the trend to say."""
    if summary.value is None:
        return "<p>not measured</p>"
    return f"<p>before: {'not measured' if summary.before is None else _text(summary, summary.before)}</p>"


def _text(summary: MeasureSummary, value: float | None) -> str:
    """A value that is not torn from its unit at the end of a line."""
    return escape(BY_KEY[summary.key].text(value)).replace(" ", "&nbsp;")


def _trends(report: Report) -> str:
    found = significant(report)
    lines = [f"<li>{escape(each.title)}: {_trend(each)}</li>" for each in found]
    if not lines:
        return f'<p class="trends">{no_trend(report)}</p>\n'
    return f'<p class="trends">Significant trends:</p>\n<ul class="trends">{"".join(lines)}</ul>\n'


def _trend(summary: MeasureSummary) -> str:
    """In words, as colour alone would not tell everybody."""
    side, told = (
        verdict(summary),
        escape(re.sub(r"(?<=p) (.) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", trend_text(summary))),
    )
    return f'<span class="{side}">{side}</span>, {told}' if side else told


def _chart(report: Report, summary: MeasureSummary) -> str:
    measure = BY_KEY[summary.key]
    drawn = charts.time_series(summary.points, report.width, _in_words(summary), most=measure.most)
    unit = f", {summary.unit}" if summary.unit else ""
    rows = [
        (charts.moment(each.at, report.width), *(measure.text(value) for value in (each.value, each.low, each.high)))
        for each in summary.points
        if each.value is not None
    ]
    numbers = _numbers(summary.title, ("from", "value", "p5", "p95"), rows)
    return _card(f"{summary.title}{unit}", _trend(summary), drawn + numbers)


def _in_words(summary: MeasureSummary) -> str:
    """What a chart shows, for those who do not see it."""
    measure = BY_KEY[summary.key]
    return (
        f"{summary.title} over time: {measure.text(summary.value)} in all, from {measure.text(_least(summary.points))} "
        f"to {measure.text(_most(summary.points))}; {trend_text(summary)}"
    )


def _least(points: list[Point]) -> float | None:
    return min((each.value for each in points if each.value is not None), default=None)


def _most(points: list[Point]) -> float | None:
    return max((each.value for each in points if each.value is not None), default=None)


def _calls(report: Report) -> str:
    label = f"Sessions over time: {report.sessions} in all, at most {_most(report.calls) or 0:.0f} in a stretch"
    rows = [(charts.moment(each.at, report.width), f"{each.value or 0:.0f}") for each in report.calls]
    numbers = _numbers("Sessions", ("from", "sessions"), rows)
    return _card("Sessions", f"{report.sessions:,} in all", charts.bars(report.calls, report.width, label) + numbers)


def _silences(report: Report) -> str:
    summary = report.measure("silence_ms")
    marks = [(value, name) for value, name in ((summary.p50, "p50"), (summary.p95, "p95")) if value is not None]
    told = ", ".join(f"{name} {value:,.0f} ms" for value, name in marks) or "no silence was measured"
    drawn = charts.histogram(report.silences, STEP_MS, f"Distribution of the silences before answers: {told}", marks)
    rows = [
        (f"{at * STEP_MS} to {(at + 1) * STEP_MS} ms" if at + 1 < len(report.silences) else "longer", str(count))
        for at, count in enumerate(report.silences)
        if count
    ]
    numbers = _numbers("Silences", ("silence", "turns"), rows)
    return _card("Distribution of the silence, ms", told, drawn + numbers)


def _card(title: str, told: str, body: str) -> str:
    """`told` and `body` are HTML."""
    return f'<section class="card"><h3>{escape(title)}</h3><p>{told}</p>{body}</section>\n'


def _numbers(title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<details><summary>Numbers</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="Numbers: {escape(title)}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div></details>"
    )


def _table(report: Report) -> str:
    head = "".join(
        f'<th scope="col">{each}</th>' for each in ("Measure", "All", "Before", "Mean", "p50", "Tail", "n", "Trend")
    )
    return (
        '<div class="card scroll wide" tabindex="0" role="region" aria-label="All measures"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, report.measures))}</tbody></table></div>\n"
    )


def _row(summary: MeasureSummary) -> str:
    measure = BY_KEY[summary.key]
    values = (summary.value, summary.before, summary.mean, summary.p50, tail(summary))
    cells = "".join(f"<td>{escape(measure.text(value))}</td>" for value in values)
    return (
        f'<tr><th scope="row">{escape(summary.title)}<small>{escape(summary.meaning)}</small></th>{cells}'
        f"<td>{summary.count:,}</td><td>{_trend(summary)}</td></tr>"
    )
