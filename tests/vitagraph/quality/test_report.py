"""The report of a period."""

from __future__ import annotations

import io
import re
from datetime import datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.vitagraph.quality.synthetic import DAY, calls, session
from vitagraph.quality import charts, page, terminal
from vitagraph.quality.archive import Period
from vitagraph.quality.measures import BY_KEY, MEASURES
from vitagraph.quality.report import Point, Report, make_report, trend_text, verdict, width_of

END = datetime(2026, 11, 30, 12).timestamp()


def a_report(days: float = 28, *, a_day: int = 30, slower: float = 15, refused: int = 3) -> Report:
    """Of synthetic calls over a time, and over the same time before."""
    found = list(calls(END, 2 * days, a_day, slower=slower))
    begin = END - days * DAY
    both = Period(begin - days * DAY, END, found, [(END - 2 * DAY, refused)])
    return make_report(both.part(begin, END), both.part(begin - days * DAY, begin))


def of(*sessions: dict[str, object], refused: int = 0) -> Report:
    """A report of a few sessions of one day."""
    made = [session(began=END - 3_600 + at, **fields) for at, fields in enumerate(sessions)]
    return make_report(Period(END - DAY, END, made, [(END - 7_200, refused)] if refused else []), Period(0, 0))


def text(report: Report) -> str:
    """What a terminal of 80 columns shows."""
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(terminal.render(report))
    return console.export_text()


def test_report_finds_the_trend_that_is_there_and_no_other() -> None:
    """The silence grows by 15 ms a day; everything else only varies."""
    report = a_report()
    found = {each.key: each for each in report.measures if each.trend is not None and each.trend.significant}
    assert set(found) == {"silence_ms"}
    trend = found["silence_ms"].trend
    assert trend is not None and trend.slope == pytest.approx(15, abs=3) and trend.n == 29
    assert verdict(found["silence_ms"]) == "worse"
    assert re.fullmatch(r"\+1\d(\.\d)? ms a day \(p < 0\.001\)", trend_text(found["silence_ms"]))
    before = found["silence_ms"].before
    assert before is not None and (found["silence_ms"].value or 0) - before == pytest.approx(28 * 15, rel=0.2)


def test_report_says_where_there_is_no_trend() -> None:
    """An operator is not sent looking for a reason."""
    report = a_report(slower=0)
    assert "no significant trend" in trend_text(report.measure("silence_ms"))
    assert "no significant trend in any measure" in text(report)
    few = of({"silences_ms": (500.0,)})
    assert trend_text(few.measure("silence_ms")) == "too few values" and trend_text(few.measure("mos")) == "-"
    assert "too few values yet" in text(few)


def test_report_counts_shares_over_the_totals() -> None:
    """Not the mean of the calls' shares: a call with one turn does not count as much as one with nine."""
    report = of(
        {"answered": 1, "unanswered": 1, "liked": 1},
        {"answered": 8, "liked": 1, "disliked": 2, "fallbacks": ("chat",)},
        {"outcome": "failed"},
        {"outcome": "no_seat"},
        {"outcome": "not_connected"},
        refused=6,
    )
    values = {each.key: each.value for each in report.measures}
    assert values["availability"] == pytest.approx(100 * 2 / 10), "two of four that connected and six refused"
    assert values["success"] == 90 and values["satisfaction"] == 50
    assert values["fallbacks"] == pytest.approx(100 / 3)
    assert (report.sessions, report.not_connected, report.refused) == (3, 1, 6)
    assert report.outcomes == {"completed": 2, "failed": 1, "no_seat": 1, "not_connected": 1}


def test_report_takes_percentiles_over_all_turns() -> None:
    """Those of the calls' medians would hide the slow turns."""
    report = of({"silences_ms": tuple(map(float, range(100, 1_000, 100)))}, {"silences_ms": (1_000.0, 9_999.0)})
    silence = report.measure("silence_ms")
    assert (silence.p50, silence.count, silence.value) == (600, 11, 600)
    assert silence.p95 == pytest.approx(5_499.5) and silence.mean == pytest.approx(15_499 / 11)
    assert report.silences[9] == report.silences[10] == 1 and report.silences[-1] == 1 and sum(report.silences) == 11


def test_report_divides_a_period_into_stretches() -> None:
    """Hours for two days, quarters of days for two weeks, then days, then weeks; every session is in one."""
    assert [width_of(days * DAY) / 3_600 for days in (1, 2, 7, 14, 30, 365)] == [1, 1, 6, 6, 24, 168]
    for days in (1.0, 7.3, 28, 400):
        report = a_report(days, a_day=4)
        assert sum(point.value or 0 for point in report.calls) == report.sessions
        assert report.calls[0].at == report.begin and report.calls[-1].at < report.end
        assert all(b.at - a.at <= report.width for a, b in zip(report.calls, report.calls[1:], strict=False))


def test_report_of_nothing_has_no_values() -> None:
    """And nothing that divides by it."""
    report = make_report(Period(END - DAY, END), Period(END - 2 * DAY, END - DAY))
    assert {each.value for each in report.measures} == {None} and report.sessions == 0
    assert "Nothing was measured" in page.render(report, "1.0") and "0 sessions" in text(report)


def test_terminal_report_fits_80_columns() -> None:
    """And has a unit with each number that needs one."""
    shown = text(a_report())
    assert max(map(len, shown.splitlines())) <= 80
    assert all(measure.title in shown for measure in MEASURES)
    assert re.search(r"Silence +1,\d\d\d ms", shown) and "worse" in shown and "…" not in shown


def test_numbers_are_shown_as_they_are() -> None:
    """No minus before a zero, and separated thousands."""
    silence, loss = BY_KEY["silence_ms"], BY_KEY["loss"]
    assert silence.text(1234.5) == "1,234 ms" and silence.text(-0.2) == "0 ms" and silence.text(None) == "-"
    assert loss.text(0.005) == "0.01 %" or loss.text(0.005) == "0.00 %"


class Addresses(HTMLParser):
    """Everything in a page that a browser would load, or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]
        self.found += [tag] if tag in ("script", "link", "iframe", "object", "img") else []


def test_page_needs_no_network() -> None:
    """It can be sent by mail and opened years later: nothing is loaded, and nothing runs."""
    written = page.render(a_report(), "1.0")
    addresses = Addresses()
    addresses.feed(written)
    assert addresses.found == []
    assert not re.search(r"https?:|url\(|@import|//\w", written)
    assert len(written) < 200_000


def test_page_has_words_for_each_chart() -> None:
    """For those who do not see it: the values in a sentence, and as a table."""
    written = page.render(a_report(), "1.0")
    labels = re.findall(r'<svg [^>]*role="img" aria-label="([^"]+)"', written)
    assert len(labels) == written.count("<svg") == 9 == written.count("<summary>Numbers</summary>")
    assert any(
        re.match(r"Silence over time: 1,\d+ ms in all, from [\d,]+ ms to [\d,]+ ms; \+", each) for each in labels
    )


def test_page_escapes_the_name_of_a_graph() -> None:
    """It comes from the command line."""
    report = make_report(Period(END - DAY, END), Period(0, 0), "<script>alert(1)</script>")
    assert "<script" not in page.render(report, "1.0")


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_are_round_and_enclose_the_values(low: float, span: float) -> None:
    """An axis that can be read."""
    ticks = charts.nice_ticks(low, low + span)
    step = ticks[1] - ticks[0]
    slack = 1e-6 * max(1, abs(low), span)
    assert ticks[0] <= low + slack and ticks[-1] >= low + span - slack
    assert 2 <= len(ticks) <= 7 and step > 0


def test_chart_of_a_single_value_can_be_seen() -> None:
    """The first day of a host."""
    drawn = charts.time_series([Point(END, 5.0, 5.0, 5.0), Point(END + DAY, None)], DAY, "one")
    assert "<circle" in drawn and "nan" not in drawn
    assert "<line" in charts.time_series([Point(END, 100.0)], DAY, "share", most=100)
    assert "<rect" in charts.bars([Point(END, 1.0)], DAY, "one")
    assert "Nothing" in charts.histogram([0, 0], 100, "none", [])
