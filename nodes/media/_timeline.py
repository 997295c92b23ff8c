"""Where the frames of a file belong in time: gaps between them are silence, not nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.packet import SECOND
from pipeline.params import ms, seconds

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

TOLERANCE = ms(100)
"""Nanoseconds by which timestamps may be off: containers round them, and encoders add a little at the start."""
LONGEST = seconds(3600)
"""A jump of the timestamps by more than this many nanoseconds is a new beginning, not a pause."""
MOST = 24 * LONGEST
"""Nanoseconds of silence in one file, all gaps together."""
_NO_ZERO = frozenset({"mpegts", "mpeg", "ogg", "flv"})
"""Formats in which a recording may begin at any timestamp, so that its beginning is that of its first stream."""


class MediaTimeline:
    """Follows the timestamps of one stream from its first frame on; all times in nanoseconds."""

    def __init__(self, container: InputContainer) -> None:
        begin = container.start_time if container.format.name in _NO_ZERO else None
        self._origin = (begin or 0) * 1000  # FFmpeg counts microseconds there
        self._end = 0
        """Where the sound so far ends."""
        self._left = MOST

    def gap(self, frame: AudioFrame) -> int:
        """The silence between what came before, or the start of the file, and this frame."""
        gap = self._begin(frame) - self._end
        if gap < -TOLERANCE or gap > min(LONGEST, self._left):
            self._origin += gap
            gap = 0
        elif gap <= TOLERANCE:
            gap = 0
        self._left -= gap
        self._end += gap + frame.samples * SECOND // frame.sample_rate
        return gap

    def _begin(self, frame: AudioFrame) -> int:
        if frame.pts is None or not frame.time_base:
            return self._end
        return round(frame.pts * frame.time_base * SECOND) - self._origin
