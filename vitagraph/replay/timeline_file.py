"""`timeline.html`: what happened in a replay, as one page that works offline, with the sound of both sides."""

from __future__ import annotations

import base64
from pathlib import Path

from nodes.media.decoder import AudioFileDecoder
from vitagraph.observe.timeline import Side
from vitagraph.observe.timeline_page import page
from vitagraph.recording.wave import wave_bytes
from vitagraph.replay.clip import Clip
from vitagraph.replay.result import Result, write_lines

NAME = "timeline.html"
STATIC = Path(__file__).resolve().parents[1] / "static"
"""Where `npm run build` puts the page's script and style."""
RATE = 16_000
"""Hz of the caller's sound in the page."""
MOST_SECONDS = 600
"""The longest sound that is put into the page: 19 MB of samples."""
MOST_BYTES = 2 * MOST_SECONDS * 48_000


def write_timeline(result: Result, static: Path = STATIC) -> Path | None:
    """Writes the page into the folder of the clip, if the result has a timeline; returns its path.

    Raises ResourceError if the page was not built or cannot be written.
    """
    if result.timeline is None:
        return None
    document = result.timeline.document()
    sounds: dict[Side, bytes | None] = {"caller": _caller(result.clip), "assistant": _assistant(result.clip.folder)}
    document.sound = {
        side: f"data:audio/wav;base64,{base64.b64encode(sound).decode()}"
        for side, sound in sounds.items()
        if sound is not None
    }
    file = result.clip.folder / NAME
    write_lines(file, [page(document, static)])
    return file


def _caller(clip: Clip) -> bytes | None:
    if clip.recording is not None:
        return clip.recording.wav("caller")
    decoder = AudioFileDecoder(str(clip.path), RATE)
    try:
        return wave_bytes(decoder.read(MOST_SECONDS * RATE), RATE)
    finally:
        decoder.close()


def _assistant(folder: Path) -> bytes | None:
    file = folder / "answer.wav"
    return file.read_bytes() if file.is_file() and file.stat().st_size <= MOST_BYTES else None
