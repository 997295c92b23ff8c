"""The program as users see it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vitagraph.conftest import Run
from vitagraph import exits
from vitagraph.cli import app

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "serve",
    "replay",
    "check",
    "drill",
    "health",
    "graph",
    "inspect",
    "models",
    "top",
    "avatar",
    "schema",
    "report",
    "alerts",
)


def vitagraph(*arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the program in its own process, with its output in a pipe."""
    command = [sys.executable, "-m", "vitagraph", *arguments]
    if shell:
        command = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_cli_help_has_an_example(command: str, run: Run) -> None:
    """New users learn by example."""
    ran = run(*command.split(), "--help")
    assert ran.code == exits.OK
    assert f"vitagraph {command}".strip() in ran.out.partition("Example")[2]


def test_cli_help_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv[1:] = ['--help']; import vitagraph.cli as c\ntry: c.main()\nexcept SystemExit: pass\n"
    heavy = "print(sorted({'numpy', 'pydantic', 'msgspec', 'av', 'reactivex', 'asyncio'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code + heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_cli_prints_the_version(run: Run) -> None:
    """Bug reports need it."""
    assert run("--version").out.startswith("vitagraph 0.")


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["check"], ["check", "a.yaml", "--no-such-option"], ["check", "a.yaml", "--set", "x"]],
)
def test_cli_wrong_usage_exits_2(arguments: list[str], run: Run) -> None:
    """With a hint."""
    ran = run(*arguments)
    assert ran.code == exits.USAGE
    assert "vitagraph" in ran.err
    assert "--help" in ran.err


def test_cli_internal_error_shows_no_traceback() -> None:
    """One line and a hint; --debug shows the traceback, wherever it stands."""
    code = (
        "import vitagraph.cli, pipeline.graph.registry as r\n"
        "def broken(*_, **__): raise ZeroDivisionError('oh')\n"
        "r.Registry = broken\nvitagraph.cli.main()"
    )

    def broken(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, "schema", *more], cwd=ROOT, capture_output=True, text=True, check=False
        )

    plain, debug = broken(), broken("--debug")
    assert (plain.returncode, debug.returncode) == (exits.FAILED, exits.FAILED)
    assert plain.stderr.splitlines()[0] == "error: ZeroDivisionError: oh"
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


@pytest.mark.parametrize("shell", ["| head -n 1", "| true"])
@pytest.mark.parametrize("arguments", [["inspect"], ["inspect", "--markdown"], ["schema"], ["models", "list"]])
def test_cli_closed_pipe_is_quiet(arguments: list[str], shell: str) -> None:
    """`vitagraph schema | head` prints its lines and nothing else."""
    assert vitagraph(*arguments, shell=shell).stderr == ""


def test_cli_uses_no_colours_with_no_color_or_in_a_pipe() -> None:
    forced = vitagraph("inspect", FORCE_COLOR="1").stdout
    assert "\x1b[1" in forced
    assert "\x1b[3" not in vitagraph("inspect", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in vitagraph("inspect").stdout


def test_cli_has_a_file_for_every_command() -> None:
    files = {file.stem for file in (ROOT / "vitagraph" / "commands").glob("*.py")} - {"__init__", "options"}
    assert {command.name for command in app.registered_commands} | {"models", "avatar"} == files == set(COMMANDS)
