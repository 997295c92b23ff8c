"""`vitagraph alerts`: lists the alert rules, checks a file of them, exports them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitagraph import console
from vitagraph.commands.options import AlertFile

if TYPE_CHECKING:
    from vitagraph.alerts.spec import AlertRules

_EPILOG = """
[bold]Examples[/bold]
  vitagraph alerts                         [dim]the built-in rules[/dim]
  vitagraph alerts --alerts mine.yaml      [dim]those of a host that is served with this file[/dim]
  vitagraph alerts --check mine.yaml
  vitagraph alerts --prometheus > vitagraph.rules.yml
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("alerts", epilog=_EPILOG)(alerts)


def alerts(
    file: AlertFile = None,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Print the rules as a rule file of Prometheus.")
    ] = False,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Check an alert file.", show_default=False)
    ] = None,
) -> None:
    """List the alert rules of a host: when each fires, and how urgent it is."""
    from vitagraph.alerts.file import rules_of
    from vitagraph.alerts.prometheus import prometheus_rules

    rules = rules_of(check or file)
    if check is not None:
        typer.echo(f"{check}: ok, {len(rules.rules)} alerts with the built-in ones")
    elif prometheus:
        typer.echo(prometheus_rules(rules.exported), nl=False)
    else:
        _list(rules)


def _list(rules: AlertRules) -> None:
    from rich.table import Table

    from pipeline.params import show_duration

    table = Table("alert", "severity", "metric", "when", "for", "runbook", header_style="bold")
    for rule in rules.rules:
        hold = show_duration(rule.hold) if rule.hold else ""
        table.add_row(rule.name, rule.severity, rule.metric, rule.condition(), hold, rule.runbook)
    console.out().print(table)
