"""Files with what people said: only their owner can read them, and a full disk is reported with its remedy."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.media._faces import FaceTrack
from nodes.media._wav import WavFile
from nodes.media.files import is_full, private
from nodes.media.jsonl import MediaJsonl
from nodes.media.sink import MediaSink
from nodes.packets import AvatarFrames, Speech, Transcript
from nodes.playback_tracker import PlaybackTracker
from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.errors import ResourceError
from pipeline.node import Context
from pipeline.packet import SECOND, Packet, Stamp
from pipeline.testing import root_stamp, run_node
from tests.disks import disk

__all__ = ["disk"]

CAUSE = Causes().root
SPEECH = Speech(Stamp(0, SECOND, CAUSE), np.ones(16_000, np.int16), 16_000, "Hello.", last=True)
FRAMES = AvatarFrames(Stamp(0, SECOND, CAUSE), np.zeros((60, 52), np.float32), np.zeros((60, 7), np.float32))


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    """A file is private even where files are shared by default."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(file: Path) -> str:
    """The permissions of a file."""
    return oct(stat.S_IMODE(file.stat().st_mode))


def play(folder: Path) -> None:
    """Plays a sentence with a face into files."""
    feed: dict[str, list[Packet]] = {"audio": [SPEECH], "avatar": [FRAMES]}
    assert not run_node(MediaSink(path=str(folder)), feed).errors


@pytest.mark.parametrize("existing", [False, True])
def test_sink_files_are_private(existing: bool, tmp_path: Path) -> None:
    """Also those that another program left there for all to read."""
    names = ("answer.wav", "avatar.npz")
    for name in names if existing else ():
        (tmp_path / name).touch(0o644)
    play(tmp_path)
    assert [mode(tmp_path / name) for name in names] == ["0o600", "0o600"]
    with np.load(tmp_path / "avatar.npz") as file:
        assert file["weights"].shape == (60, 52)


@pytest.mark.parametrize("existing", [False, True])
def test_jsonl_file_is_private(existing: bool, tmp_path: Path) -> None:
    """It has every word of a conversation."""
    file = tmp_path / "lines.jsonl"
    if existing:
        file.touch(0o666)
    run_node(MediaJsonl(path=str(file)), [Transcript(root_stamp(), "hello", True)])
    assert mode(file) == "0o600"
    assert "hello" in file.read_text()


def test_device_keeps_its_permissions() -> None:
    """A graph may write to /dev/null, and whoever runs it may be root."""
    controller, terminal = os.openpty()
    try:
        name = os.ttyname(terminal)
        os.chmod(name, 0o622)
        os.close(private(name, os.O_WRONLY))
        assert mode(Path(name)) == "0o622"
    finally:
        os.close(controller)
        os.close(terminal)


# --- a full disk


def wav(folder: Path) -> None:
    """Sound that does not fit."""
    file = WavFile(folder / "answer.wav")
    file.rate = 16_000
    file.put(0, np.ones(100_000, np.int16))
    file.close()


def face(folder: Path) -> None:
    """Frames that do not fit."""
    track = FaceTrack(folder / "avatar.npz")
    minute = Stamp(0, 60 * SECOND, CAUSE)
    track.expect(PlaybackTracker(minute, 60 * SECOND, 60 * SECOND, over=True, runs=[(0, 0)]))
    count = 3600
    weights, pose = np.zeros((count, 52), np.float32), np.zeros((count, 7), np.float32)
    track.add(AvatarFrames(minute, weights, pose))
    track.close()


def lines(folder: Path) -> None:
    """Lines that do not fit."""

    async def main() -> None:
        node = MediaJsonl(path=str(folder / "lines.jsonl"))
        clock = Clock(asyncio.get_running_loop())
        node.start(Context("lines", clock, Causes(), lambda event: None, lambda event: None))
        await node.open()
        try:
            for _ in range(100):
                await node.write(Transcript(root_stamp(), "x" * 10_000, True))
        finally:
            await node.close()

    asyncio.run(main())


@pytest.mark.parametrize("work", [wav, face, lines])
def test_full_disk_is_reported_with_its_hint(work: Callable[[Path], Any], disk: Callable[..., Path]) -> None:
    """From whichever write, flush or close it comes."""
    folder = disk(64_000)
    with pytest.raises(ResourceError, match=r"cannot write .*: No space left on device") as raised:
        work(folder)
    assert raised.value.hint.startswith("the disk is full: free some space, or name a path on another one")


def test_full_disk_leaves_no_half_of_a_face_file(disk: Callable[..., Path]) -> None:
    """An archive without its directory cannot be read, and looks like one that can."""
    folder = disk(1_100_000)  # the frames fit once, in the scratch file, and not twice
    with pytest.raises(ResourceError, match=r"cannot write .*avatar\.npz"):
        face(folder)
    assert not list(folder.iterdir())


def test_only_a_full_disk_is_full() -> None:
    """A quota is a disk as well."""
    assert is_full(OSError(28, "No space left on device"))
    assert is_full(OSError(122, "Disk quota exceeded"))
    assert not is_full(OSError(13, "Permission denied"))
    assert not is_full(ValueError())
