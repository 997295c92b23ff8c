"""What an offer must be, and what the answer asks of the client's Opus encoder."""

from __future__ import annotations

import re

from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.sdp import SessionDescription

from pipeline.errors import UserInputError

OPUS_PARAMETERS = "minptime=10;useinbandfec=1;maxplaybackrate=16000;maxaveragebitrate=24000;stereo=0;usedtx=1"
"""Asked of a client's encoder: a voice needs no more, and it takes half the decoding."""
REFUSED = (ValueError, InvalidAccessError, InvalidStateError, OperationError)
"""What aiortc raises for an offer that is well-formed but asks for what it cannot do."""

_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, AssertionError, StopIteration)
"""What aiortc's parser, which checks little, raises for malformed text; nothing else runs in that `try`."""
_KINDS = frozenset({"audio", "video", "application"})
MAX_LINES = 1_000
"""Lines of an offer; those of browsers have some 100. aiortc needs time that grows with their square."""


def check_offer(offer: str) -> None:
    """Raises UserInputError where an offer is malformed.

    That includes what aiortc does not check: it would set up half a connection, which it then could not close.
    """
    if len(offer.splitlines()) > MAX_LINES:
        raise refusal(f"it has more than {MAX_LINES} lines")
    try:
        description = SessionDescription.parse(offer)
        for media in description.media:
            description.webrtc_track_id(media)  # parses a=msid
    except _MALFORMED as error:
        raise refusal(error) from error
    mids = [media.rtp.muxId for media in description.media]
    bundle = next((group.items for group in description.group if group.semantic == "BUNDLE"), [])
    streams = [(media.kind, media.rtp.muxId) for media in description.media if media.kind != "application"]
    if len(set(streams)) < len(streams):
        raise refusal("two of its media sections have the same a=mid")
    if bundle and bundle[0] not in mids and not set(bundle).isdisjoint(mids):
        raise refusal(f"its BUNDLE group begins with {bundle[0]!r}, which is no a=mid of a media section")
    for media in description.media:
        if media.kind not in _KINDS:
            raise refusal(f"it has a media section of the kind {media.kind!r}")
        if media.dtls is None:
            raise refusal("a media section has no DTLS parameters (a=fingerprint, a=setup)")


def refusal(reason: Exception | str) -> UserInputError:
    """The error for an offer that cannot be answered."""
    return UserInputError(
        f"the offer cannot be answered: {str(reason) or type(reason).__name__}",
        hint="send the SDP of an RTCPeerConnection with one audio track; Opus must be among its codecs",
    )


def opus_payload_types(description: str) -> frozenset[int]:
    """The RTP payload types that a description gives to Opus."""
    return frozenset(map(int, re.findall(r"(?im)^a=rtpmap:(\d+) opus/48000", description)))


def with_opus_parameters(answer: str) -> str:
    """The answer with `OPUS_PARAMETERS`, in place of any others; aiortc writes none."""
    types = opus_payload_types(answer)
    lines: list[str] = []
    for line in answer.splitlines():
        match = re.match(r"a=(fmtp|rtpmap):(\d+) ", line)
        if match is None or int(match[2]) not in types:
            lines.append(line)
        elif match[1] == "rtpmap":
            lines += [line, f"a=fmtp:{match[2]} {OPUS_PARAMETERS}"]
    return "\r\n".join(lines) + "\r\n"
