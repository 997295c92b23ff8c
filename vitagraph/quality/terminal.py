"""A report for a terminal of 80 columns."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vitagraph.quality.measures import BY_KEY
from vitagraph.quality.report import MeasureSummary, Report, significant, trend_text, verdict

_STYLES = {"better": "green", "worse": "red", "": ""}


def render(report: Report) -> RenderableType:
    """Measures in a table, then the trends in words."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("")
    for heading in ("all", "before", "mean", "p50", "tail", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in report.measures:
        table.add_row(*_cells(each))
    notes = Text(
        "all: a share of n, or the median of n values (the mean for turns and interruptions); before: the same in "
        "the period before; tail: 5 % are worse (p95, or p5 where more is better)",
        style="dim",
    )
    return Group(Text(headline(report)), Text(counts(report), style="dim"), "", table, "", notes, "", _trends(report))


def headline(report: Report) -> str:
    """The period, and which graphs."""
    begin, end = (datetime.fromtimestamp(at) for at in (report.begin, report.end))
    return f"{begin:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M}, {report.graph or 'all graphs'}"


def counts(report: Report) -> str:
    """How many sessions there were."""
    return (
        f"{report.sessions} sessions ({report.sessions_before} in the period before), "
        f"{report.refused} offers refused, {report.not_connected} calls never connected"
    )


def no_trend(report: Report) -> str:
    """What is said where no measure has a trend."""
    few = all(each.trend is None for each in report.measures)
    return "Trends: too few values yet" if few else "Trends: no significant trend in any measure"


def tail(summary: MeasureSummary) -> float | None:
    """The value that 5 % of the values are worse than."""
    return summary.p5 if summary.better == "more" else summary.p95


def _cells(each: MeasureSummary) -> list[str]:
    measure = BY_KEY[each.key]
    spread = [measure.number(value) for value in (each.mean, each.p50, tail(each))]
    return [each.title, measure.text(each.value), measure.text(each.before), *spread, f"{each.count:,}"]


def _trends(report: Report) -> Text:
    found = significant(report)
    if not found:
        return Text(no_trend(report))
    lines = [Text("Trends (Mann-Kendall, p < 0.01):")]
    for each in found:
        side = verdict(each)
        lines.append(Text(f"  {each.title}: {trend_text(each)}{f', {side}' if side else ''}", style=_STYLES[side]))
    return Text("\n").join(lines)
