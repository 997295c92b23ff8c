"""One alert rule, as an alert file has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from pipeline.packet import SECOND
from pipeline.params import Duration, Params, seconds, show_duration
from vitagraph.alerts.summary import fields_of

Statistic = Literal["value", "max", "min", "mean", "rate", "increase", "ratio", "quantile"]
Severity = Literal["page", "ticket"]
Action = Literal["log", "shed", "collect"]
Comparison = Literal[">", "<", "=="]
LabelFilter = dict[str, str | tuple[str, ...]]

STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
_METRIC = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"
_COMPARISONS: dict[str, Comparison] = {"above": ">", "below": "<", "equals": "=="}


class AlertRule(Params):
    """One rule: when it fires, how urgent that is, and what is done."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(pattern="^[A-Z][A-Za-z0-9]{0,59}$")
    """The alert's name: letters and digits, beginning with a capital."""
    metric: str = Field(pattern=_METRIC)
    """The metric, by its name at /metrics; of a histogram without `_bucket`."""
    labels: LabelFilter = Field(default_factory=dict)
    """Only series whose label has this value, or one of these values."""
    without: LabelFilter = Field(default_factory=dict)
    """Only series whose label has none of these values."""
    by: tuple[str, ...] | None = None
    """Labels by which series are added up: each combination of their values is an alert of its own, `[]` is one for
    all. If omitted, each series is."""
    statistic: Statistic = "value"
    """What is compared: the latest `value`; over the window its `max`, `min` or `mean`; of a counter its `rate` a
    second or its `increase`; the `ratio` of its rate to that of the metrics in `of`; a `quantile` of a histogram."""
    of: tuple[str, ...] = ()
    """The metrics that the ratio divides by, added up; with `by` over all their series."""
    of_labels: LabelFilter = Field(default_factory=dict)
    """Only series of these metrics whose label has this value."""
    quantile: float = Field(0.95, gt=0, lt=1)
    """Which quantile, between 0 and 1."""
    window: Duration = Field(seconds(300), ge=seconds(1), le=seconds(86_400))
    """The time that the statistic looks back."""
    above: float | None = None
    """The threshold: exactly one of `above`, `below` and `equals`."""
    below: float | None = None
    """The threshold, if the alert is for less than it."""
    equals: float | None = None
    """The threshold, if the alert is for just that value."""
    hold: Duration = Field(0, ge=0, le=seconds(86_400), alias="for")
    """How long the condition must hold before the alert fires."""
    keep_for: Duration = Field(0, ge=0, le=seconds(86_400))
    """How long it must not hold before the alert clears, so that it does not come and go."""
    severity: Severity
    """`page`: persons on calls notice it now. `ticket`: to be looked at on a working day."""
    summary: str = Field(min_length=1, max_length=300)
    """One sentence for the operator. `{value}` is the statistic, also `{value:percent}` or `{value:duration}` (of
    seconds); `{node}` is the label `node`."""
    runbook: str = Field(min_length=1, max_length=300)
    """What to do: a heading of docs/operations.md as in a link (`slow-answers`), or a URL."""
    actions: tuple[Action, ...] = ("log",)
    """What the host does: `log` a line; `shed`, take no further calls while it fires; `collect`, give memory back."""
    webhook: str = Field("", pattern="^(https?://.+)?$", max_length=2000)
    """A URL that gets this alert as JSON, in place of the file's."""
    only: Literal["prometheus", "host"] | None = None
    """Where it is evaluated, if not by both."""

    @model_validator(mode="after")
    def _fits(self) -> AlertRule:
        given = [name for name in _COMPARISONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of `above`, `below` and `equals` is the threshold")
        if (self.statistic == "ratio") != bool(self.of) or (self.of_labels and not self.of):
            raise ValueError("`of` is for `statistic: ratio`, which needs it")
        for name, only in (("quantile", self.statistic == "quantile"), ("window", self.statistic != "value")):
            if name in self.model_fields_set and not only:
                raise ValueError(f"`{name}` means nothing for `statistic: {self.statistic}`")
        unknown = fields_of(self.summary) - {"value", *(self.by or ())}
        if unknown and self.by is not None:
            raise ValueError(f"`summary` has {sorted(unknown)}: add these labels to `by`")
        return self

    @property
    def threshold(self) -> float:
        """What the statistic is compared with."""
        return next(float(limit) for limit in (self.above, self.below, self.equals) if limit is not None)

    @property
    def comparison(self) -> Comparison:
        """How."""
        return next(sign for name, sign in _COMPARISONS.items() if getattr(self, name) is not None)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the samples that it reads."""
        return (f"{self.metric}_bucket" if self.statistic == "quantile" else self.metric, *self.of)

    def holds(self, value: float) -> bool:
        """Whether the condition holds for a value of the statistic."""
        return {">": value > self.threshold, "<": value < self.threshold, "==": value == self.threshold}[
            self.comparison
        ]

    def condition(self) -> str:
        """The condition in few words: `rate of 5m > 0.1`."""
        what = f"p{100 * self.quantile:g}" if self.statistic == "quantile" else self.statistic
        over = "" if self.statistic == "value" else f" of {show_duration(self.window)}"
        return f"{what}{over} {self.comparison} {self.threshold:g}"

    @property
    def window_seconds(self) -> float:
        """The window in seconds."""
        return self.window / SECOND


@dataclass(frozen=True, slots=True)
class AlertRules:
    """All rules of a host."""

    rules: tuple[AlertRule, ...]
    webhook: str = ""
    """A URL that gets every alert of a rule that names none; empty for none."""

    @property
    def evaluated(self) -> tuple[AlertRule, ...]:
        """Those that the host evaluates."""
        return tuple(rule for rule in self.rules if rule.only != "prometheus")

    @property
    def exported(self) -> tuple[AlertRule, ...]:
        """Those that Prometheus evaluates."""
        return tuple(rule for rule in self.rules if rule.only != "host")
