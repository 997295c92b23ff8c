"""`media.srt`: subtitles in the SubRip format."""

from __future__ import annotations

from typing import ClassVar

from nodes.media._cues import Cue
from nodes.media._subtitles import Subtitles, clock


class MediaSrt(Subtitles):
    """Writes transcripts as SubRip subtitles, which every video player reads.

    A subtitle has at most two lines of 42 columns and 7 seconds. A transcript that contains an earlier
    one, because the person went on, replaces it. Its subtitles are on disk at once. With `words: true`
    the speech recognition gives exact times; otherwise they are estimated. Only the owner of the file
    may read it.
    """

    suffix: ClassVar[str] = ".srt"
    """The suffix of the file name that a replay makes up, if the graph has no `path`."""

    def subtitle(self, number: int, cue: Cue) -> str:
        """Number, times and lines, then an empty line."""
        lines = "\n".join(cue.lines).replace("-->", "->")
        return f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{lines}\n\n"
