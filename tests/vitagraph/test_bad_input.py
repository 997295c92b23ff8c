"""Whatever a user gets wrong: an exit code, what is wrong and where, what to do, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.vitagraph.conftest import Ran, Run
from vitagraph import exits

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
    """A recording that never began."""
    file.touch()


def corrupt(file: Path) -> None:
    """No format at all."""
    file.write_bytes(bytes(range(256)) * 40)


def header_only(file: Path) -> None:
    """Cut off before the first sample."""
    file.write_bytes(sound(file).read_bytes()[:44])


def soundless(file: Path) -> None:
    """A picture."""
    import av

    with av.open(str(file), "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 16
        out.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        out.mux(stream.encode(None))


def write(text: str) -> Path:
    """A graph in the current folder."""
    file = Path("graph.yaml")
    file.write_text(text, encoding="utf-8")
    return file


def check(ran: Ran, code: int, *said: str) -> None:
    """What every failure has."""
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
def test_a_clip_that_cannot_be_used(make: Callable[[Path], object], said: str, run: Run) -> None:
    """Exit code 4; the file is named and there is a hint."""
    make(Path("clip.wav"))
    ran = run("replay", write(COPY), "clip.wav")
    check(ran, exits.INPUT, "clip.wav", said, "hint: ")


def test_a_clip_that_is_not_there(run: Run) -> None:
    """Exit code 4."""
    check(run("replay", write(COPY), "clip.wav"), exits.INPUT, "clip.wav: no such file", "hint: ")


def test_a_clip_that_was_cut_off_is_used_as_far_as_it_goes(run: Run) -> None:
    """Half of a recording is better than nothing."""
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
def test_a_graph_that_is_wrong(graph: str, said: list[str], run: Run) -> None:
    """Exit code 3, and where; the same from `check` as from `replay`, before anything runs."""
    file, clip = write(graph), sound(Path("clip.wav"))
    ran = run("check", file)
    check(ran, exits.GRAPH, *said)
    assert run("replay", file, clip) == ran
    assert not Path("out").exists()


def test_a_graph_that_is_not_there(run: Run) -> None:
    """Exit code 3, and the name that was meant."""
    write(COPY)
    check(run("check", "grahp.yaml"), exits.GRAPH, "there is no graph `grahp.yaml`", "did you mean `graph.yaml`")


def test_a_setting_of_a_parameter_that_is_not_there(run: Run) -> None:
    """Exit code 3."""
    check(run("check", write(COPY), "--set", "caller.tale=2s"), exits.GRAPH, "tale", "tail")


def test_a_model_that_is_not_here(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 5, and the command that fetches it."""
    monkeypatch.setenv("VITAGRAPH_HOME", "empty")
    ran = run("replay", write(NEEDY), sound(Path("clip.wav")), "--offline")
    check(ran, exits.UNAVAILABLE, "the model whisper-base is not here", "hint: vitagraph models pull whisper-base")


def test_no_network(tmp_path: Path) -> None:
    """Exit code 5; says that the network is the reason, and how to do without."""
    (tmp_path / "graph.yaml").write_text(NEEDY, encoding="utf-8")
    sound(tmp_path / "clip.wav")
    nowhere = "http://127.0.0.1:9"
    environment = {"VITAGRAPH_HOME": "empty", "PIP_INDEX_URL": f"{nowhere}/simple", "HF_ENDPOINT": nowhere}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HUB_DISABLE_TELEMETRY": "1", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "vitagraph", "replay", "graph.yaml", "clip.wav"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == exits.UNAVAILABLE, done.stderr
    assert "Traceback" not in done.stderr
    assert "warning: " in done.stderr
    assert "error: clip: the model whisper-base is not here" in done.stderr


def test_a_folder_that_cannot_be_written(run: Run) -> None:
    """Exit code 5 or 4 by what the system says; the path is named."""
    Path("out").write_text("a file where the folder should be", encoding="utf-8")
    ran = run("replay", write(COPY), sound(Path("clip.wav")))
    assert ran.code != exits.OK
    assert "out" in ran.err
    assert "Traceback" not in ran.err
