"""Offers are checked before anything is set up for them; answers ask for a narrow voice."""

from __future__ import annotations

import asyncio
import re

import aiortc
import pytest

from nodes.webrtc.transport.peer import Peer
from nodes.webrtc.transport.sdp import OPUS_PARAMETERS, check_offer, opus_payload_types, with_opus_parameters
from pipeline.errors import UserInputError
from tests.nodes.webrtc.client import Client, loopback


@pytest.fixture(scope="module")
def offer() -> str:
    """The offer of a client with audio and data channels."""

    async def main() -> str:
        with loopback():
            client = Client()
            await client.connection.setLocalDescription(await client.connection.createOffer())
            made: str = client.connection.localDescription.sdp
            await client.close()
            return made

    return asyncio.run(main())


def test_sdp_offer_of_a_client_is_accepted(offer: str) -> None:
    check_offer(offer)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE 7 1", "begins with '7'"),
        ("m=audio", "m=text", "of the kind 'text'"),
        ("a=(fingerprint|setup):", "a=x:", "no DTLS parameters"),
        ("a=setup:actpass", "a=setup:both", "'both'"),
    ],
)
def test_sdp_offer_that_aiortc_would_set_up_by_half_is_refused(offer: str, old: str, new: str, reason: str) -> None:
    """The error gives the reason, and closing the peer raises nothing."""

    async def main() -> UserInputError:
        with loopback():
            peer = Peer()
            with pytest.raises(UserInputError) as caught:
                await peer.answer(_edited(offer, old, new))
            await peer.close()
            return caught.value

    error = asyncio.run(main())
    assert reason in error.message and "NoneType" not in error.message and error.hint


def test_sdp_offer_with_two_audio_sections_of_one_name_is_refused(offer: str) -> None:
    head, audio, data = offer.partition("m=audio")[0], *offer.partition("m=audio")[2].split("m=application")
    doubled = f"{head}m=audio{audio}m=audio{audio}m=application{data}"
    with pytest.raises(UserInputError, match="same a=mid"):
        check_offer(doubled)


def test_peer_close_raises_an_unexpected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a new aiortc must be visible, as sockets would stay open."""

    async def broken(_: aiortc.RTCPeerConnection) -> None:
        raise AttributeError("no such thing")

    async def main() -> None:
        peer = Peer()
        with monkeypatch.context() as patch:
            patch.setattr(aiortc.RTCPeerConnection, "close", broken)
            with pytest.raises(AttributeError, match="no such thing"):
                await peer.close()
        await peer.close()

    asyncio.run(main())


def _edited(offer: str, pattern: str, new: str) -> str:
    edited, count = re.subn(pattern, new, offer)
    assert count
    return edited


ANSWER = (
    "v=0\r\nm=audio 9 X 111 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=fmtp:0 x=1\r\n"
)


def test_sdp_answer_keeps_payload_numbers_and_other_lines_of_the_offer() -> None:
    """A browser refuses an answer with a number that it did not offer."""
    assert opus_payload_types(ANSWER) == {111}
    wanted = ANSWER.replace("a=fmtp:111 minptime=10", f"a=fmtp:111 {OPUS_PARAMETERS}")
    assert with_opus_parameters(ANSWER) == wanted
    assert with_opus_parameters(wanted) == wanted
    assert with_opus_parameters("v=0\r\n") == "v=0\r\n"
