"""`media.vtt`: subtitles in the WebVTT format."""

from __future__ import annotations

import html
from typing import ClassVar

from nodes.media._cues import Cue
from nodes.media._subtitles import Subtitles, clock


class MediaVtt(Subtitles):
    """Writes transcripts as WebVTT subtitles, which browsers read (`<track src="transcript.vtt">`).

    Otherwise like `media.srt`.
    """

    suffix: ClassVar[str] = ".vtt"
    """The suffix of the file name that a replay makes up, if the graph has no `path`."""
    head: ClassVar[str] = "WEBVTT\n\n"

    def subtitle(self, number: int, cue: Cue) -> str:
        """Times and lines, then an empty line."""
        lines = html.escape("\n".join(cue.lines), quote=False)
        return f"{clock(cue.start, '.')} --> {clock(cue.end, '.')}\n{lines}\n\n"
