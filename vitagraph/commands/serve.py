"""`vitagraph serve`: runs a host that browsers can call."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vitagraph import console
from vitagraph.commands.options import AlertFile, ChaosFile, Settings, parse_period, parse_settings

if TYPE_CHECKING:
    from vitagraph.host.graph_catalogue import GraphCatalogue
    from vitagraph.host.settings import HostSettings

_EPILOG = """
[bold]Examples[/bold]
  vitagraph serve
  vitagraph serve my-graph.yaml --port 9000
  vitagraph serve --set brain=smollm2-135m
  vitagraph serve assistant --graphs my-graphs --calls 20
  vitagraph serve --host 0.0.0.0 --certificate chain.pem --private-key key.pem
  vitagraph serve --record recordings --record-keep 7d
  vitagraph serve --proxy 127.0.0.1 --name voice.example.com --supervise

Secrets come from the environment: with VITAGRAPH_API_KEY, callers need that key;
VITAGRAPH_TURN_SECRET is the secret for credentials of TURN servers.
The first Ctrl-C lets running calls finish, a second one ends them.
"""
_MOST_PORT = 65535

Origins = Annotated[
    list[str] | None,
    typer.Option(metavar="ORIGIN", help="Another page that may call, https://example.com; * for any. Repeatable."),
]
HostNames = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST", help="A name by which browsers open the host; others are refused. Repeatable."),
]
Proxies = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="A proxy or its network, whose X-Forwarded-For is believed. Repeatable."),
]
StateFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keeps client secrets there, for the time after a restart.")
]
QualityFile = Annotated[
    str,
    typer.Option(
        metavar="FILE|off",
        envvar="VITAGRAPH_QUALITY",
        help="Keeps numbers of each session there, for `vitagraph report`; no words, no addresses.",
        show_default="quality.db in the user's state folder",
    ),
]
IceServers = Annotated[
    list[str] | None, typer.Option(metavar="URL", help="A STUN or TURN server, such as stun:host:3478. Repeatable.")
]
HealthInterval = Annotated[
    str, typer.Option(metavar="TIME", help="Interval of health checks of the graphs' members; 0 for none.")
]
DrainTime = Annotated[str, typer.Option(metavar="TIME", help="How long calls may continue after Ctrl-C or SIGTERM.")]
RecordNodes = Annotated[
    list[str] | None,
    typer.Option(metavar="NODE", help="Record only the packets of this node, beside sound and events. Repeatable."),
]
LogFormat = Annotated[
    Literal["auto", "human", "json"],
    typer.Option(help="Format of the log on stderr: auto is human on a terminal and json elsewhere."),
]
Supervised = Annotated[
    bool,
    typer.Option(
        "--supervise", help="Keep a second host ready, in its own memory, that takes over if the first one fails."
    ),
]
Record = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Record every call there: voices, words and events. Tell callers before, and ask where the law wants it.",
    ),
]
RecordKeep = Annotated[
    str, typer.Option(metavar="TIME", help="Delete recordings there that are older; such as 12h or 30d.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve", epilog=_EPILOG)(serve)


def serve(
    graph: Annotated[
        str | None,
        typer.Argument(metavar="GRAPH", help="The default graph: a file or a name.", show_default="assistant"),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on; 0.0.0.0 for all interfaces.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=_MOST_PORT, help="The port; 0 for any free one.")] = 8080,
    graphs: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder with more graphs that can be called. Repeatable.")
    ] = None,
    calls: Annotated[int, typer.Option(min=1, help="Maximum concurrent calls; more are refused as busy.")] = 100,
    calls_per_address: Annotated[int, typer.Option(min=1, help="Maximum concurrent calls from one address.")] = 20,
    call_length: Annotated[str, typer.Option(metavar="TIME", help="Maximum length of a call.")] = "1h",
    idle: Annotated[str, typer.Option(metavar="TIME", help="Time without speech after which a call ends.")] = "5m",
    drain: DrainTime = "30s",
    health: HealthInterval = "30s",
    new_calls: Annotated[str, typer.Option(metavar="RATE", help="Limit of new calls from one address.")] = "30/minute",
    origin: Origins = None,
    name: HostNames = None,
    proxy: Proxies = None,
    state: StateFile = None,
    quality: QualityFile = "",
    quality_keep: Annotated[str, typer.Option(metavar="TIME", help="How long session records are kept.")] = "90d",
    ice: IceServers = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate chain for HTTPS, PEM.")] = None,
    private_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Private key for HTTPS, PEM.")] = None,
    avatar: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another head: a GLB with ARKit or Oculus blendshapes.")
    ] = None,
    record: Record = None,
    record_keep: RecordKeep = "30d",
    record_node: RecordNodes = None,
    supervise: Supervised = False,
    given: Settings = None,
    chaos: ChaosFile = None,
    alerts: AlertFile = None,
    log: LogFormat = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Download no models.")] = False,
) -> None:
    """Serve the call page and answer calls, each with a session of a graph."""
    from vitagraph import logs

    logs.set_up(log)
    from vitagraph.alerts.file import rules_of
    from vitagraph.host.handover import VARIABLE
    from vitagraph.host.settings import HostSettings

    settings = HostSettings(
        host=host,
        port=port,
        calls=calls,
        calls_per_address=calls_per_address,
        call_length=_seconds(call_length, "--call-length"),
        idle=_seconds(idle, "--idle"),
        drain=_seconds(drain, "--drain"),
        health=_seconds(health, "--health"),
        alerts=None if alerts is None else rules_of(alerts),
        new_calls=new_calls,
        origins=tuple(origin or ()),
        key=_secret("VITAGRAPH_API_KEY", "without a key, anyone who reaches the host may call"),
        state=state,
        quality=_quality(quality),
        quality_keep=parse_period(quality_keep, "--quality-keep"),
        names=tuple(name or ()),
        proxies=tuple(proxy or ()),
        ice=tuple(ice or ()),
        turn_secret=_secret("VITAGRAPH_TURN_SECRET", "it is needed only with a TURN server"),
        certificate=certificate,
        private_key=private_key,
        record=record,
        record_keep=_seconds(record_keep, "--record-keep"),
        record_nodes=tuple(record_node or ()),
        avatar=avatar,
    )
    if supervise and VARIABLE not in os.environ:
        start_supervised(settings)
    else:
        start(settings, graph, tuple(graphs or ()), chaos, parse_settings(given), offline=offline)


def _secret(variable: str, without: str) -> str:
    """The value of an environment variable; a UserInputError if it is set to nothing, which is seldom meant."""
    from pipeline.errors import UserInputError

    value = os.environ.get(variable)
    if value is not None and not value.strip():
        raise UserInputError(f"{variable} is set but empty", hint=f"give it a value, or remove it: {without}")
    return value or ""


def _quality(text: str) -> Path | None:
    from vitagraph.quality.schema import default_path

    return None if text == "off" else Path(text) if text else default_path()


def _seconds(text: str, option: str) -> float:
    """Seconds of `90`, `90s`, `1.5m`, `1h` or `30d`."""
    from pipeline.params import parse_duration

    try:
        if text.endswith("d"):
            return parse_duration(f"{text[:-1]}h") / 1e9 * 24
        return parse_duration(f"{text}s" if text[-1:].isdecimal() else text) / 1e9
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def start(
    settings: HostSettings,
    graph: str | None,
    folders: tuple[Path, ...],
    chaos: Path | None,
    given: dict[str, str],
    *,
    offline: bool,
) -> None:
    """Runs the host until it is stopped."""
    from vitagraph.chaos.file import chaos_of
    from vitagraph.host.graph_catalogue import GraphCatalogue
    from vitagraph.host.handover import Handover
    from vitagraph.host.server import check, run

    handover = Handover.from_environment()
    if handover is not None:
        settings = handover.settings(settings)
    check(settings, bound=handover is not None)
    graphs = GraphCatalogue(graph, folders, chaos=chaos_of(chaos), settings=given)
    if not offline:
        _fetch(graphs, head=settings.avatar is None)
    run(settings, graphs, _say, handover)


def start_supervised(settings: HostSettings) -> None:
    """Runs this command under supervision until it is stopped, and exits."""
    from vitagraph.host.supervise import supervise

    raise typer.Exit(supervise(settings, sys.argv[1:], _say))


def _fetch(graphs: GraphCatalogue, *, head: bool) -> None:
    """Downloads what the default graph and the head need; a failure is only a warning."""
    from pipeline.errors import NodeError
    from vitagraph.avatar import DATA
    from vitagraph.download import fetch, pull

    fetch(graphs.plan(graphs.default).graph, quiet=False)
    try:
        if head:
            pull(DATA)
    except NodeError as error:
        console.err().print(f"warning: {error}", style="yellow", markup=False, soft_wrap=True)


def _say(line: str) -> None:
    """Prints warnings to stderr, everything else to stdout."""
    stream = sys.stderr if line.startswith("warning") else sys.stdout
    stream.write(f"{line}\n")
    stream.flush()
