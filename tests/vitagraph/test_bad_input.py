"""User errors: exit code, position, hint, and no traceback."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import wave
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from nodes import models
from pipeline.errors import ResourceError
from tests.disks import disk
from tests.vitagraph.conftest import Ran, Run
from vitagraph import exits
from vitagraph.drill.question import write_questions

__all__ = ["disk"]

ROOT = Path(__file__).resolve().parents[2]

COPY = """
vitagraph: 1
nodes:
  caller: media.source
  playback: media.sink
links:
  - caller -> playback.audio
"""
NEEDY = COPY.replace("  playback:", "  asr: tests.vitagraph.scripted:Needy\n  playback:").replace(
    "-> play", "-> asr -> play"
)


def sound(file: Path) -> Path:
    """Two seconds of a tone."""
    wave_of = np.sin(np.arange(32_000) / 10) * 8000
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(wave_of.astype("<i2").tobytes())
    return file


def empty(file: Path) -> None:
    """An empty file."""
    file.touch()


def corrupt(file: Path) -> None:
    """A file of no audio format."""
    file.write_bytes(bytes(range(256)) * 40)


def header_only(file: Path) -> None:
    """A file cut off before the first sample."""
    file.write_bytes(sound(file).read_bytes()[:44])


def soundless(file: Path) -> None:
    """An image."""
    import av

    with av.open(str(file), "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 16
        out.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        out.mux(stream.encode(None))


def write(text: str) -> Path:
    """Writes a graph to the current folder."""
    file = Path("graph.yaml")
    file.write_text(text, encoding="utf-8")
    return file


def check(ran: Ran, code: int, *said: str) -> None:
    """Checks what every error has in common."""
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert ran.err.startswith("error: ")
    for words in said:
        assert words in ran.err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (empty, "0 bytes"),
        (corrupt, "not a sound or video file"),
        (header_only, "no sound could be decoded"),
        (soundless, "has no sound, only video"),
    ],
)
def test_bad_clip_exits_4_with_a_hint(make: Callable[[Path], object], said: str, run: Run) -> None:
    """The file is named."""
    make(Path("clip.wav"))
    ran = run("replay", write(COPY), "clip.wav")
    check(ran, exits.INPUT, "clip.wav", said, "hint: ")


def test_missing_clip_exits_4(run: Run) -> None:
    check(run("replay", write(COPY), "clip.wav"), exits.INPUT, "clip.wav: no such file", "hint: ")


def test_truncated_clip_is_used_as_far_as_it_goes(run: Run) -> None:
    clip = sound(Path("clip.wav"))
    clip.write_bytes(clip.read_bytes()[:32_044])
    ran = run("replay", write(COPY), clip)
    assert ran.code == exits.OK
    assert Path("out/clip/answer.wav").stat().st_size > 32_000


CYCLE = """
vitagraph: 1
nodes:
  caller: media.source
  asr: tests.vitagraph.scripted:Needy
  again: tests.vitagraph.scripted:Needy
  playback: media.sink
links:
  - caller -> asr -> again -> asr -> playback.audio
"""
WRONG_GRAPHS = {
    "unknown node": (
        COPY.replace("media.source", "media.sauce"),
        ["graph.yaml:4:11", "no node `media.sauce`", "did you mean `media.source`"],
    ),
    "misspelt": (
        COPY.replace("media.source", "{use: media.source, paht: x}"),
        ["graph.yaml:4", "paht", "did you mean `path`"],
    ),
    "no unit": (COPY.replace("media.source", "{use: media.source, tail: 7}"), ["graph.yaml:4", "did you mean 7ms"]),
    "wrong type": (COPY.replace("media.source", "{use: media.source, pace: often}"), ["pace", "true or false"]),
    "wrong kind": (COPY.replace("playback.audio", "playback.avatar"), ["caller", "playback", "AvatarFrames"]),
    "no port": (COPY.replace("- caller", "- caller.sound"), ["graph.yaml:7", "no output `sound`", "expected: audio"]),
    "backwards": (COPY + "  - playback -> caller\n", ["graph.yaml:8", "`playback` has no output"]),
    "cycle": (CYCLE, ["cycle", "asr", "again"]),
    "no YAML": ("nodes: [", ["graph.yaml:1", "not YAML"]),
    "empty": ("", ["graph.yaml:1:1", "empty"]),
}


@pytest.mark.parametrize(("graph", "said"), WRONG_GRAPHS.values(), ids=WRONG_GRAPHS)
def test_bad_graph_exits_3_with_its_line(graph: str, said: list[str], run: Run) -> None:
    """The same from `check` as from `replay`, before anything runs."""
    file, clip = write(graph), sound(Path("clip.wav"))
    ran = run("check", file)
    check(ran, exits.GRAPH, *said)
    assert run("replay", file, clip) == ran
    assert not Path("out").exists()


def test_missing_graph_exits_3_and_suggests_a_name(run: Run) -> None:
    write(COPY)
    check(run("check", "grahp.yaml"), exits.GRAPH, "there is no graph `grahp.yaml`", "did you mean `graph.yaml`")


def test_unknown_parameter_setting_exits_3(run: Run) -> None:
    check(run("check", write(COPY), "--set", "caller.tale=2s"), exits.GRAPH, "tale", "tail")


def test_missing_model_exits_5_with_the_pull_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAGRAPH_HOME", "empty")
    ran = run("replay", write(NEEDY), sound(Path("clip.wav")), "--offline")
    check(ran, exits.UNAVAILABLE, "the model whisper-base is missing", "hint: vitagraph models pull whisper-base")


GRAPHS = ROOT / "graphs"
ECHO, TRANSCRIBE = GRAPHS / "echo.yaml", GRAPHS / "transcribe.yaml"
NOWHERE = "http://127.0.0.1:9"
NO_NETWORK = {
    "PIP_INDEX_URL": f"{NOWHERE}/simple",
    "HF_ENDPOINT": NOWHERE,
    "PIP_CONFIG_FILE": os.devnull,
    "VITAGRAPH_HOME": "empty",
}


def program(*arguments: str | Path, folder: Path, **environment: str) -> Ran:
    """Runs `python -m vitagraph` in a folder, as from a shell, for at most half a minute."""
    done = subprocess.run(
        [sys.executable, "-m", "vitagraph", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all kinds of invalid files."""
    folder = tmp_path_factory.mktemp("desk")
    sound(folder / "clip.wav")
    for name, make in {"empty": empty, "corrupt": corrupt, "header": header_only, "picture": soundless}.items():
        make(folder / f"{name}.wav")
    (folder / "talks").mkdir()
    for name, (graph, _) in WRONG_GRAPHS.items():
        (folder / f"{name.replace(' ', '-')}.yaml").write_text(graph, encoding="utf-8")
    (folder / "huge.yaml").write_text("a" * 2_000_000, encoding="utf-8")
    (folder / "deep.yaml").write_text("[" * 10_000, encoding="utf-8")
    bomb = "".join(f"{name}: &{name} [{', '.join(9 * [f'*{before}'])}]\n" for before, name in pairwise("abcdefghi"))
    (folder / "bomb.yaml").write_text(f"a: &a [x]\n{bomb}", encoding="utf-8")
    return folder


COMMANDS: dict[str, tuple[list[str | Path], int, list[str]]] = {
    "missing file": (["replay", ECHO, "no.wav"], exits.INPUT, ["error: no.wav: no such file"]),
    "0 bytes": (["replay", ECHO, "empty.wav"], exits.INPUT, ["error: empty: empty.wav is empty: it has 0 bytes"]),
    "cut off": (["replay", ECHO, "header.wav"], exits.INPUT, ["error: header: ", "no sound could be decoded"]),
    "corrupt": (["replay", ECHO, "corrupt.wav"], exits.INPUT, ["corrupt.wav is not a sound or video file"]),
    "soundless": (["replay", ECHO, "picture.wav"], exits.INPUT, ["picture.wav has no sound, only video"]),
    "folder": (["replay", ECHO, "talks"], exits.INPUT, ["error: talks: a folder, not a file"]),
    "no text": (["replay", GRAPHS / "narrate.yaml", "clip.wav"], exits.INPUT, ["clip.wav is not UTF-8 text: line 1"]),
    "unknown node": (
        ["check", "unknown-node.yaml"],
        exits.GRAPH,
        ["unknown-node.yaml:4:11: there is no node `media.sauce`"],
    ),
    "misspelt": (["check", "misspelt.yaml"], exits.GRAPH, ["misspelt.yaml:4", "paht", "did you mean `path`"]),
    "wrong type": (["check", "wrong-type.yaml"], exits.GRAPH, ["wrong-type.yaml:4", "found: the text 'often'"]),
    "ports": (["check", "wrong-kind.yaml"], exits.GRAPH, ["wrong-kind.yaml:7", "Audio", "AvatarFrames"]),
    "cycle": (["check", "cycle.yaml"], exits.GRAPH, ["cycle.yaml:", "cycle"]),
    "swapped": (["replay", "clip.wav", ECHO], exits.GRAPH, ["error: clip.wav:1:", "not UTF-8"]),
    "graph folder": (["replay", "talks", "clip.wav"], exits.GRAPH, ["error: talks: this is a folder, not a graph"]),
    "huge": (["check", "huge.yaml"], exits.GRAPH, ["error: huge.yaml: the graph is too large", "at most 1 MB"]),
    "deep": (["check", "deep.yaml"], exits.GRAPH, ["error: deep.yaml:1:42: nested too deeply"]),
    "bomb": (["check", "bomb.yaml"], exits.GRAPH, ["error: bomb.yaml:", "the graph is too large"]),
    "set nothing": (["check", ECHO, "--set", "louder"], exits.USAGE, ["--set", "'louder' is not NAME=VALUE", "--help"]),
    "set nobody": (["check", ECHO, "--set", "tunr.floor=1s"], exits.GRAPH, ["error: --set tunr.floor: ", "`turn`"]),
    "set nonsense": (["check", ECHO, "--set", "turn.floor=[1"], exits.GRAPH, ["error: --set turn.floor: ", "200ms"]),
    "missing model": (
        ["replay", TRANSCRIBE, "clip.wav", "--offline"],
        exits.UNAVAILABLE,
        ["error: clip: the model whisper-tiny.en is missing", "hint: vitagraph models pull whisper-tiny.en"],
    ),
    "no network": (
        ["replay", TRANSCRIBE, "clip.wav"],
        exits.UNAVAILABLE,
        ["warning: cannot get the model whisper-tiny.en: ", "hint: without a network: copy", "error: clip: the model"],
    ),
    "no network, pull": (
        ["models", "pull"],
        exits.UNAVAILABLE,
        ["error: cannot get the model", "could not be fetched"],
    ),
    "unknown model": (["models", "pull", "wisper"], exits.UNAVAILABLE, ["no model is called 'wisper'"]),
    "no folder": (["replay", ECHO, "clip.wav", "--out", "clip.wav"], exits.UNAVAILABLE, ["cannot write clip.wav/clip"]),
    "unknown command": (["repaly", ECHO], exits.USAGE, ["No such command 'repaly'", "Did you mean 'replay'", "--help"]),
}


@pytest.mark.parametrize(("arguments", "code", "said"), COMMANDS.values(), ids=COMMANDS)
def test_bad_command_line_exits_without_a_traceback(
    arguments: list[str | Path], code: int, said: list[str], desk: Path
) -> None:
    """In its own process, with the shipped graphs: exit code, message, hint, no traceback."""
    ran = program(*arguments, folder=desk, **NO_NETWORK)
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err + ran.out
    for words in said:
        assert words in ran.err
    if code in (exits.INPUT, exits.UNAVAILABLE):
        assert "hint: " in ran.err


def test_clip_names_may_have_spaces_and_unicode(tmp_path: Path) -> None:
    """Also twice the same name: each clip has its own folder."""
    for place in ("früher", "später am Tag"):
        (tmp_path / place).mkdir()
        sound(tmp_path / place / "mein Gespräch 語.wav")
    clips = sorted(tmp_path.glob("*/*.wav"))
    ran = program("replay", ECHO, *clips, "--out", "was daraus wurde", folder=tmp_path)
    assert (ran.code, ran.err) == (exits.OK, "")
    for name in ("mein Gespräch 語", "mein Gespräch 語-2"):
        assert (tmp_path / "was daraus wurde" / name / "turns.json").is_file()


def test_full_disk_in_the_cache_folder_exits_5(disk: Callable[..., Path], desk: Path) -> None:
    """With the space needed, the space available and the folder; nothing is left there."""
    home = disk(64_000)
    ran = program("models", "pull", "whisper-tiny.en", folder=desk, VITAGRAPH_HOME=str(home))
    check(ran, exits.UNAVAILABLE, "the disk is full: ", "MB needed, 0.1 MB free in", str(home), "hint: free some space")
    ran = program("replay", TRANSCRIBE, "clip.wav", folder=desk, VITAGRAPH_HOME=str(home))
    assert ran.code == exits.UNAVAILABLE
    assert "Traceback" not in ran.err
    assert "warning: the disk is full: " in ran.err
    assert "error: clip: the model whisper-tiny.en is missing" in ran.err
    assert not [file for file in home.rglob("*") if file.is_file() and file.stat().st_size]


def test_full_disk_in_the_output_folder_exits_5(disk: Callable[..., Path], desk: Path) -> None:
    """Each incomplete file is named, and the start of the answer can be played."""
    out = disk(64_000)
    clip = models.path("speech-audioeval") / "en" / "quick_brown_fox.wav"
    ran = program("replay", ECHO, clip, "--out", out, folder=desk)
    file = f"{out}/quick_brown_fox/answer.wav"
    check(ran, exits.UNAVAILABLE, f"cannot write {file}: No space left on device", "hint: the disk is full")
    with wave.open(file) as answer:
        assert answer.getnframes() > 16_000


FULL_HINT = "hint: the disk is full: free some space, or "


@pytest.mark.real_model
def test_full_disk_of_a_built_head_exits_5(disk: Callable[..., Path], desk: Path) -> None:
    """Exit code 5, and the remedy is not another folder of the same disk."""
    target = disk(64_000) / "head.glb"
    ran = program("avatar", "build", "--out", target, folder=desk)
    check(ran, exits.UNAVAILABLE, f"cannot be written to {target}: No space left", f"{FULL_HINT}name a file on another")
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("command", [["schema"], ["inspect", "--markdown"], ["graph", str(ECHO)]], ids=" ".join)
def test_full_disk_of_the_output_exits_5(command: list[str], disk: Callable[..., Path], desk: Path) -> None:
    """`vitagraph schema > FILE` on a full disk: exit code 5, and what to do."""
    folder = disk(8_000)
    with suppress(OSError):
        (folder / "fill").write_bytes(bytes(16_000))
    with (folder / "output").open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "vitagraph", *command],
            cwd=desk,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
        )
    ran = Ran(done.returncode, "", done.stderr)
    check(
        ran, exits.UNAVAILABLE, "cannot write the output: No space left on device", f"{FULL_HINT}write to another one"
    )


def test_full_disk_of_the_recording_of_a_drill_has_its_hint(disk: Callable[..., Path]) -> None:
    """It is a minute of sound."""
    folder = disk(64_000)
    with pytest.raises(ResourceError, match=r"cannot write .*questions\.wav: No space left") as raised:
        write_questions(folder, sound(folder.parent / "question.wav"))
    assert f"hint: {raised.value.hint}".startswith(FULL_HINT)


def test_replay_writes_files_that_only_their_owner_can_read(run: Run) -> None:
    """They have what a person said, in words and in sound; others may have an account on the machine."""
    graph = write(
        COPY.replace("  playback:", "  lines: {use: media.jsonl, kinds: [Speech, Audio]}\n  playback:").replace(
            "playback.audio", "playback.audio\n  - caller -> lines"
        )
    )
    before = os.umask(0)
    try:
        assert run("replay", graph, sound(Path("clip.wav"))).code == exits.OK
    finally:
        os.umask(before)
    files = [file for file in Path("out").rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".wav", ".json", ".jsonl"}
    assert {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in files} == dict.fromkeys(
        (file.name for file in files), "0o600"
    )


def test_read_only_disk_exits_5_before_the_run(disk: Callable[..., Path], desk: Path) -> None:
    out = disk(64_000, "ro")
    ran = program("replay", ECHO, "clip.wav", "--out", out, folder=desk)
    check(ran, exits.UNAVAILABLE, f"cannot write {out}/clip: Read-only file system", "hint: you may not write there")
    ran = program("models", "pull", "whisper-tiny.en", folder=desk, VITAGRAPH_HOME=str(out))
    check(ran, exits.UNAVAILABLE, f"{out}/models cannot be used", "hint: set VITAGRAPH_HOME")
