"""`vitagraph replay`: runs recorded audio through any graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vitagraph import console, exits, logs
from vitagraph.commands.options import ChaosFile, GraphFile, Settings, load_plan, parse_settings

if TYPE_CHECKING:
    from pipeline.graph.plan import Plan
    from vitagraph.replay.clip import Clip
    from vitagraph.replay.run import Replay

_EPILOG = """
[bold]Examples[/bold]
  vitagraph replay graphs/assistant.yaml question.wav
  vitagraph replay graphs/assistant.yaml *.wav --out results --latency zero
  vitagraph replay graphs/transcribe.yaml talk.mp3 --set ears=whisper-base
  vitagraph replay graphs/assistant.yaml question.wav --chaos chaos.yaml

Each clip gets a folder in DIR with the files of the graph's sinks (answer.wav,
avatar.npz), transcript.jsonl and turns.json. Ctrl-C ends a replay and keeps the
results so far.
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay", epilog=_EPILOG)(replay)


def replay(
    graph: GraphFile,
    audio: Annotated[
        list[Path], typer.Argument(metavar="AUDIO", help="Recordings, in any format.", show_default=False)
    ],
    clock: Annotated[
        Literal["virtual", "real"],
        typer.Option(help="virtual skips waits; real takes as long as the clip."),
    ] = "virtual",
    latency: Annotated[
        Literal["measured", "zero"],
        typer.Option(
            help="In virtual time, compute takes its measured time (measured), for realistic waterfalls, "
            "or no time (zero), for reproducible results."
        ),
    ] = "measured",
    settings: Settings = None,
    chaos: ChaosFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for results.")] = Path("out"),
    greet: Annotated[
        bool,
        typer.Option(
            "--greet",
            help="Greet, and ask a silent caller, as in a call; a recorded person did not hear it.",
        ),
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Download no models.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")] = False,
) -> None:
    """Run recordings through a graph; show the results and the latency of each part."""
    logs.set_up()
    jobs = _plans(graph, audio, out, settings, chaos, greet=greet)
    from vitagraph.download import fetch
    from vitagraph.replay.interrupt import interruptible
    from vitagraph.replay.progress import bars
    from vitagraph.replay.run import Replay

    if not offline:
        fetch(jobs[0][1].graph, quiet=quiet)
    with bars(quiet=quiet) as progress:
        run = Replay(jobs, progress)
        with interruptible(run.stop, lambda: _conclude(run, out, quiet=quiet)):
            run.run(clock, latency)
    raise typer.Exit(_conclude(run, out, quiet=quiet))


def _plans(
    file: Path, audio: list[Path], out: Path, given: list[str] | None, chaos: Path | None, *, greet: bool
) -> list[tuple[Clip, Plan]]:
    """Each clip with the plan that reads it; all errors are reported before anything runs."""
    from pipeline.graph.loader import load
    from pipeline.graph.planner import plan
    from vitagraph.chaos.file import chaos_of
    from vitagraph.chaos.inject import inject_faults
    from vitagraph.replay.clip import clips
    from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints

    load_plan(file, given)  # Errors of the graph itself are reported first.
    registry, settings, faults = FileRegistry(), parse_settings(given), chaos_of(chaos)
    ends, jobs = find_file_endpoints(file, registry, settings), []
    for clip in clips(audio, out):
        graph = load(file, registry=registry, settings=settings | ends.settings(clip.path, clip.folder, greet=greet))
        jobs.append((clip, inject_faults(plan(graph, registry), faults)))
    return jobs


def _conclude(run: Replay, out: Path, *, quiet: bool) -> int:
    """Writes and shows the results so far; returns the exit code."""
    from vitagraph.replay.result import code_of
    from vitagraph.replay.summary import remarks, summary, waterfalls

    run.write()
    if not quiet:
        show = console.out()
        for result in run.results:
            if result.recorder.turns:
                show.rule(result.clip.name, align="left")
                show.print(waterfalls(result))
        show.print(summary(run.results, show.width))
        folders = ", ".join(str(result.clip.folder) for result in run.results)
        show.print(f"results in {folders}", markup=False, soft_wrap=True)
    for remark in remarks(run.results):
        sys.stderr.write(f"{remark}\n")
    if run.stopped:
        sys.stderr.write(f"interrupted; the results so far are in {out}\n")
        return exits.INTERRUPTED
    return code_of(run.results)
