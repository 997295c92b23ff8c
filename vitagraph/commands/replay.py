"""`vitagraph replay`: runs recorded audio and recorded calls through any graph."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vitagraph import console, exits
from vitagraph.commands.options import ChaosFile, GraphFile, Settings, load_plan, parse_settings

if TYPE_CHECKING:
    from pipeline.graph.plan import Plan
    from vitagraph.replay.clip import Clip
    from vitagraph.replay.comparison import Comparison
    from vitagraph.replay.result import Result
    from vitagraph.replay.run import Replay

_EPILOG = """
[bold]Examples[/bold]
  vitagraph replay graphs/assistant.yaml question.wav
  vitagraph replay graphs/assistant.yaml *.wav --out results --latency zero
  vitagraph replay graphs/transcribe.yaml talk.mp3 --set ears=whisper-base
  vitagraph replay graphs/assistant.yaml question.wav --chaos chaos.yaml
  vitagraph replay graphs/assistant.yaml question.wav --html
  vitagraph replay graphs/assistant.yaml call.mcap --compare
  vitagraph replay graphs/assistant.yaml call.mcap --until 2 --set brain=smollm2-135m

Each clip gets a folder in DIR with the files of the graph's sinks (answer.wav,
avatar.npz), transcript.jsonl and turns.json. Ctrl-C ends a replay and keeps the
results so far. Differences that --compare finds do not change the exit code.
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay", epilog=_EPILOG)(replay)


def replay(
    graph: GraphFile,
    audio: Annotated[
        list[Path],
        typer.Argument(
            metavar="AUDIO", help="Sound in any format, or calls that `serve --record` recorded.", show_default=False
        ),
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
    until: Annotated[
        int | None, typer.Option(min=1, metavar="TURN", help="End the input of a recorded call with this turn.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Show what changed against the recorded call.")] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Show what changed against the results of an earlier replay, its --out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results and comparison as JSON, no tables.")] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write timeline.html beside each result: one page, with sound, to look at.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Download no models.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")] = False,
) -> None:
    """Run recordings through a graph; show the results and the latency of each part."""
    from vitagraph import logs

    logs.set_up()
    jobs = _plans(graph, audio, out, until, settings, chaos, greet=greet)
    compared = _Compared(compare=compare, against=against)
    compared.check([clip for clip, _ in jobs])
    from vitagraph.download import fetch
    from vitagraph.replay.interrupt import interruptible
    from vitagraph.replay.progress import bars
    from vitagraph.replay.run import Replay

    if not offline:
        fetch(jobs[0][1].graph, quiet=quiet)
    with bars(quiet=quiet) as progress:
        run = Replay(jobs, progress, timelines=html)
        with interruptible(run.stop, lambda: _conclude(run, out, compared, quiet=quiet, as_json=as_json)):
            run.run(clock, latency)
    raise typer.Exit(_conclude(run, out, compared, quiet=quiet, as_json=as_json))


class _Compared:
    """What each result is compared with, if that was asked for."""

    def __init__(self, *, compare: bool, against: Path | None) -> None:
        self._compare, self._against = compare, against

    def check(self, clips: list[Clip]) -> None:
        """Raises UserInputError if there is nothing to compare a clip with."""
        from pipeline.errors import UserInputError
        from vitagraph.replay.comparison import run_of_folder

        for clip in clips:
            if self._against is not None:
                run_of_folder(self._against / clip.name)
            elif self._compare and clip.recording is None:
                raise UserInputError(
                    f"{clip.path} is not a recorded call, so there is nothing to compare with",
                    hint="--against DIR compares with the results of an earlier replay",
                )

    def of(self, result: Result) -> Comparison | None:
        """The comparison of a result; None if none was asked for."""
        from vitagraph.replay.comparison import compare, run_of_folder, run_of_recording, run_of_result

        clip = result.clip
        if self._against is not None:
            folder = self._against / clip.name
            return compare(run_of_folder(folder), run_of_result(result), str(folder))
        if not self._compare or clip.recording is None:
            return None
        return compare(run_of_recording(clip.recording, clip.until), run_of_result(result), clip.path.name)


def _plans(
    file: Path,
    audio: list[Path],
    out: Path,
    until: int | None,
    given: list[str] | None,
    chaos: Path | None,
    *,
    greet: bool,
) -> list[tuple[Clip, Plan]]:
    """Each clip with the plan that reads it; all errors are reported before anything runs."""
    from vitagraph.chaos.file import chaos_of
    from vitagraph.chaos.inject import inject_faults
    from vitagraph.replay.clip import clips
    from vitagraph.replay.jobs import plan_of

    load_plan(file, given)  # Errors of the graph itself are reported first.
    settings, faults = parse_settings(given), chaos_of(chaos)
    made = clips(audio, out, until)
    return [(clip, inject_faults(plan_of(file, clip, settings, greet=greet), faults)) for clip in made]


def _conclude(run: Replay, out: Path, compared: _Compared, *, quiet: bool, as_json: bool) -> int:
    """Writes and shows the results so far; returns the exit code."""
    from vitagraph.replay.result import code_of
    from vitagraph.replay.summary import remarks
    from vitagraph.replay.timeline_file import write_timeline

    run.write()
    pages = [page for result in run.results if (page := write_timeline(result)) is not None]
    if as_json:
        _print_json(run.results, compared)
    elif not quiet:
        _show(run.results, compared)
        for page in pages:
            console.out().print(f"timeline in {page}", markup=False, soft_wrap=True)
    for remark in remarks(run.results):
        sys.stderr.write(f"{remark}\n")
    if run.stopped:
        sys.stderr.write(f"interrupted; the results so far are in {out}\n")
        return exits.INTERRUPTED
    return code_of(run.results)


def _show(results: list[Result], compared: _Compared) -> None:
    from vitagraph.replay.comparison_table import comparison_table
    from vitagraph.replay.summary import summary, waterfalls

    show = console.out()
    for result in results:
        comparison = compared.of(result)
        if result.recorder.turns or comparison is not None:
            show.rule(result.clip.name, align="left")
            show.print(waterfalls(result))
        if comparison is not None:
            show.print(comparison_table(comparison))
    show.print(summary(results, show.width))
    folders = ", ".join(str(result.clip.folder) for result in results)
    show.print(f"results in {folders}", markup=False, soft_wrap=True)


def _print_json(results: list[Result], compared: _Compared) -> None:
    shown = []
    for result in results:
        comparison = compared.of(result)
        shown.append({**result.as_json(), "comparison": None if comparison is None else comparison.as_json()})
    typer.echo(json.dumps({"clips": shown}, indent=2))
