"""`vitagraph top`: what a running host does now, in the terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from vitagraph import console, exits

if TYPE_CHECKING:
    import httpx
    from rich.console import RenderableType

    from vitagraph.observe.timeline import CallState, Console, GraphState, LatestTurn

_EPILOG = """
[bold]Examples[/bold]
  vitagraph top
  vitagraph top https://voice.example.com
  vitagraph top --once --json | jq .calls

With VITAGRAPH_API_KEY in the environment, that key is used. The same is in the browser
at /console. Ctrl-C ends it.
"""
PERIOD = 1.0
"""Seconds between two looks."""
TIMEOUT = 5.0
ROWS = 12
_STATES = {"idle": "", "working": "green", "fallback": "yellow", "failing": "red"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("top", epilog=_EPILOG)(top)


def top(
    address: Annotated[str, typer.Argument(metavar="URL", help="The address of the host.")] = "http://127.0.0.1:8080",
    once: Annotated[bool, typer.Option("--once", help="Show it once and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line a look.")] = False,
) -> None:
    """Show the calls, nodes, latest turns and alerts of a running host."""
    import httpx

    key = os.environ.get("VITAGRAPH_API_KEY", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT) as http:
        if as_json or once:
            _print(http, as_json=as_json, once=once)
        else:
            _live(http, address)
    raise typer.Exit(exits.OK)


def _print(http: httpx.Client, *, as_json: bool, once: bool) -> None:
    while True:
        body = fetch(http)
        if as_json:
            sys.stdout.write(f"{body.decode()}\n")
            sys.stdout.flush()
        else:
            console.out().print(screen(_decode(body)))
        if once:
            return
        time.sleep(PERIOD)


def _live(http: httpx.Client, address: str) -> None:
    from rich.live import Live
    from rich.text import Text

    from pipeline.errors import VitagraphError

    show = console.out()
    with Live(Text(f"asking {address} ..."), console=show, screen=show.is_terminal, auto_refresh=False) as live:
        while True:
            try:
                live.update(screen(_decode(fetch(http))), refresh=True)
            except VitagraphError as error:
                live.update(Text(f"{error}\nasking again ...", style="red"), refresh=True)
            time.sleep(PERIOD)


def fetch(http: httpx.Client) -> bytes:
    """The state as JSON. Raises NetworkError if the host is away, UserInputError if it refuses."""
    import httpx

    from pipeline.errors import NetworkError, UserInputError

    where = str(http.base_url).rstrip("/")
    try:
        answer = http.get("/console/state")
    except httpx.InvalidURL as error:
        raise UserInputError(f"{where} is no address: {error}", hint="http://127.0.0.1:8080") from error
    except httpx.HTTPError as error:
        raise NetworkError(f"{where} does not answer ({type(error).__name__})", hint="is the host running?") from error
    if answer.status_code in (401, 403, 429):
        raise UserInputError(
            f"{where} does not show its console to you ({answer.status_code})",
            hint="VITAGRAPH_API_KEY is the host's key; without a key only the host's own machine may look",
        )
    if answer.status_code != httpx.codes.OK:
        raise NetworkError(f"{where} answers {answer.status_code} at /console/state", hint="is it a Vitagraph host?")
    return answer.content


def _decode(body: bytes) -> Console:
    import msgspec

    from pipeline.errors import NetworkError
    from vitagraph.observe.timeline import Console

    try:
        return msgspec.json.decode(body, type=Console)
    except msgspec.MsgspecError as error:
        raise NetworkError(f"the host's answer cannot be read: {error}", hint="it may be older or newer") from error


# --- what is shown


def screen(state: Console) -> RenderableType:
    """Everything, in at most 80 columns."""
    from rich.console import Group
    from rich.text import Text

    host = state.host
    head = Text(f"Vitagraph {host.version}  ", style="bold")
    head.append("ready" if host.ready else f"takes no calls: {host.reason}", "green" if host.ready else "red")
    head.append(
        f"\n{host.sessions} calls, {host.seats_free} seats free, processor {host.cpu:.0%}, memory {host.memory:.0%}"
        f"{f' ({host.memory_step})' if host.memory_step else ''}, event loop {host.lag:.0f} ms late",
        style="not bold",
    )
    parts: list[RenderableType] = [head]
    for alert in state.alerts:
        if alert.cleared is None:
            parts.append(Text(f"ALERT {alert.name}: {alert.summary}", style="bold red"))
    parts += [_calls(state.calls), *(_nodes(graph) for graph in state.graphs if graph.calls)]
    return Group(*parts, _turns(state.turns, state.at))


def _calls(calls: list[CallState]) -> RenderableType:
    from rich.table import Table

    table = Table(title="calls", title_justify="left", expand=False, box=None, pad_edge=False)
    for name in ("call", "graph", "for", "turns", "silence", "lost", "state"):
        table.add_column(name, justify="left" if name in ("call", "graph", "state") else "right", no_wrap=True)
    for call in calls[:ROWS]:
        lost = "" if call.lost is None else f"{call.lost:.1%}"
        state = call.outcome or (f"fallback: {', '.join(call.fallbacks)}" if call.fallbacks else "running")
        length = f"{call.duration / 1000:.0f} s"
        table.add_row(call.id[:12], call.graph, length, str(call.turns), _milliseconds(call.silence), lost, state)
    return table


def _nodes(graph: GraphState) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"nodes of {graph.name}", title_justify="left", box=None, pad_edge=False)
    for name in ("node", "state", "fallbacks", "errors", "waiting"):
        table.add_column(name, justify="left" if name in ("node", "state") else "right", no_wrap=True)
    for node in graph.nodes:
        queued = [link for link in graph.links if link.target == node.name and link.depth]
        waiting = ", ".join(f"{link.depth} for {link.age:.0f} ms" for link in queued)
        state = Text(node.state, style=_STATES[node.state])
        table.add_row(node.name, state, str(node.fallbacks or ""), str(node.errors or ""), waiting)
    return table


def _turns(turns: list[LatestTurn], now: float) -> RenderableType:
    from rich.table import Table

    table = Table(title="latest turns", title_justify="left", box=None, pad_edge=False)
    for name in ("ago", "outcome", "silence", "most of it"):
        table.add_column(name, justify="right" if name in ("ago", "silence") else "left", no_wrap=True)
    for turn in turns[:ROWS]:
        part = max(turn.parts, key=lambda each: turn.parts[each]) if turn.parts and turn.silence else ""
        most = f"{part} {turn.parts[part]:.0f} ms" if part else ""
        table.add_row(f"{now - turn.at:.0f} s", turn.outcome, _milliseconds(turn.silence), most)
    return table


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"
