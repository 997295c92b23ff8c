"""Hostile input: always a typed 4xx, never a traceback, and the host goes on."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import aiortc
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.webrtc.transport.opus import library
from nodes.webrtc.transport.peer import Peer
from tests.fuzzing import brief, examples
from tests.vitagraph.host.fakes import CALLS, OFFER, SDP, SECRETS, FakeCall, FakeCallManager, Host, bearer, code
from vitagraph.host.call_manager import Offer

MANY = examples(100)
FEW = examples(40)
"""Each a peer of its own, which takes some 20 ms."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=20,
)
sessions = st.dictionaries(
    st.sampled_from(["type", "model", "instructions", "audio", "expires_after", "session", "seconds", "anchor"])
    | st.text(max_size=5),
    json_values,
    max_size=4,
)
json_texts = (json_values | sessions).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50)


class Answering(FakeCallManager):
    """Answers with a real peer, which reads the offer, and closes it."""

    async def answer(self, offer: Offer) -> FakeCall:
        """As the real one does."""
        peer = Peer()
        try:
            return FakeCall("rtc_0", await peer.answer(offer.sdp))
        finally:
            await peer.close()


@pytest.fixture(scope="module")
def offer() -> str:
    """What a client sends: sound and a data channel."""
    library()

    async def make() -> str:
        peer = aiortc.RTCPeerConnection()
        peer.addTransceiver("audio")
        peer.createDataChannel("oai-events")
        await peer.setLocalDescription(await peer.createOffer())
        sdp = str(peer.localDescription.sdp)
        await peer.close()
        return sdp

    return asyncio.run(make())


def post(host: Host, path: str, **what: Any) -> httpx.Response:
    """A request that must not take long; a second attempt counts, for other programs take caches and time."""
    with suppress(AssertionError), brief():
        return host.post(path, **what)
    with brief():
        return host.post(path, **what)


def held(host: Host, answer: httpx.Response, *fine: int) -> None:
    """It is one of `fine`, or a typed refusal; and the host still answers."""
    if answer.status_code not in fine:
        assert 400 <= answer.status_code < 500, answer.text
        code(answer)
    assert host.get("/healthz").status_code == 200


@MANY
@given(body=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"v=0\r\n{text}".encode()))
def test_sdp_body_of_any_bytes_gets_a_typed_error(body: bytes) -> None:
    """Bytes, and text that begins as an offer does."""
    host = Host()
    held(host, post(host, CALLS, content=body, headers=SDP), 201)


@FEW
@given(data=st.data())
def test_sdp_offer_that_was_tampered_with_gets_an_answer_or_a_typed_error(offer: str, data: st.DataObject) -> None:
    """Lines are missing, twice, in another order, or say something else."""
    lines = offer.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["delete", "double", "swap", "say", "cut", "value"])):
            case "delete" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "swap":
                lines[at], lines[0] = lines[0], lines[at]
            case "say":
                lines[at] = data.draw(st.sampled_from("vosatmcb")) + "=" + data.draw(st.text(max_size=20))
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
            case _:
                head, colon, _ = lines[at].partition(":")
                lines[at] = head + colon + data.draw(st.text(max_size=10) | st.integers().map(str))
    host = Host(manager=Answering())
    body = "\r\n".join(["v=0", *lines[1:], ""]).encode("utf-8", "replace")
    held(host, post(host, CALLS, content=body, headers=SDP), 201)


MORE_LINES = [
    "a=",
    "a=ssrc:{} cname:x",
    "a=candidate:{} 1 udp 1 127.0.0.1 9 typ host",
    "a=fmtp:96 {}=b",
    "a=fmtp:{} a=b;" + "c=d;" * 20,
    "a=rtpmap:{} opus/48000/2",
    "a=extmap:{} urn:x",
    "a=rtcp-fb:* nack",
    "a=fingerprint:sha-256 00:11",
    "a=ssrc-group:FID " + "1 " * 40,
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{}",
    "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{}",
    "",
]


@FEW
@given(line=st.sampled_from(MORE_LINES), count=st.integers(1, 20_000), at=st.integers(1, 40))
def test_sdp_offer_with_many_more_lines_takes_no_time(offer: str, line: str, count: int, at: int) -> None:
    """As many as the longest offer has room for; aiortc looks through all for each."""
    lines = offer.splitlines()
    more = [line.replace("{}", str(number % 250 + 10)) for number in range(min(count, 60_000 // (len(line) + 2)))]
    body = "\r\n".join([*lines[:at], *more, *lines[at:], ""])
    host = Host(manager=Answering())
    held(host, post(host, CALLS, content=body[:64_000], headers=SDP), 201)


def test_sdp_offer_that_is_unmodified_is_answered(offer: str) -> None:
    """Else the test above would show nothing."""
    host = Host(manager=Answering())
    assert host.call(content=offer).status_code == 201


@MANY
@given(sdp=st.binary(max_size=50) | st.just(OFFER.encode()), session=json_texts, name=st.text(max_size=10))
def test_form_with_any_field_values_gets_an_answer_or_a_typed_error(sdp: bytes, session: bytes, name: str) -> None:
    """Well made, with anything in its fields."""
    host = Host()
    files: dict[str, Any] = {"sdp": (None, sdp), "session": (None, session), name: (name, b"x")}
    held(host, post(host, CALLS, files=files), 201)


@MANY
@given(
    body=st.lists(
        st.sampled_from(
            [b"--x", b"--x--", b"\r\n", b"Content-Disposition: form-data; ", b'name="sdp"', b"name*=utf-8''%ff"]
        )
        | st.binary(max_size=8),
        max_size=12,
    ).map(b"".join),
    parameters=st.sampled_from(
        ["boundary=x", "boundary=", "boundary=x; charset=utf-7", "charset=nope; boundary=x", "x"]
    ),
)
def test_form_of_any_bytes_gets_an_answer_or_a_typed_error(body: bytes, parameters: str) -> None:
    """Torn apart and put together."""
    host = Host()
    held(host, post(host, CALLS, content=body, headers={"Content-Type": f"multipart/form-data; {parameters}"}), 201)


@MANY
@given(body=json_texts)
def test_client_secret_request_of_any_json_gets_a_usable_secret_or_an_error(body: bytes) -> None:
    """What is minted can be used; what is not is refused."""
    host = Host()
    answer = post(host, SECRETS, content=body, headers={"Content-Type": "application/json"})
    held(host, answer, 200)
    if answer.status_code == 200:
        assert host.call(headers=bearer(answer.json()["value"])).status_code == 201


@pytest.mark.parametrize("size", [64_001, 1_000_000, 20_000_000])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (CALLS, "application/sdp"),
        (CALLS, "multipart/form-data; boundary=x"),
        (SECRETS, "application/json"),
    ],
)
def test_oversized_body_is_refused(path: str, kind: str, size: int) -> None:
    """Refusal for its size, or for what is in it where a form may have as much."""
    host = Host()
    answer = host.post(path, content=b"x" * size, headers={"Content-Type": kind})
    held(host, answer)
    assert answer.status_code == 413 or size < 130_000


tokens = st.binary(max_size=40) | st.text("ek_0123456789abcdef", max_size=60).map(lambda text: f"ek_{text}".encode())


@MANY
@given(
    token=tokens,
    scheme=st.sampled_from([b"Bearer ", b"bearer ", b"Basic ", b"", b"Bearer"]),
    key=st.sampled_from(["", "k"]),
)
def test_bearer_token_of_any_bytes_is_handled_and_never_accepted_by_chance(
    token: bytes, scheme: bytes, key: str
) -> None:
    """Nobody comes in by chance, and no bytes in a header upset the host."""
    host = Host(key=key)
    answer = host.call(headers={"Authorization": scheme + token})
    held(host, answer, *([] if key and token.strip() != b"k" else [201]))


def test_replayed_client_secret_is_refused() -> None:
    """It was good once."""
    host = Host()
    token = bearer(host.secret())
    assert [host.call(headers=token).status_code for _ in range(3)] == [201, 401, 401]


@MANY
@given(query=st.text(max_size=30), id=st.text(max_size=30))
def test_url_with_any_graph_or_call_id_gets_a_typed_error(query: str, id: str) -> None:
    """Graphs and calls that there are not."""
    host = Host()
    held(host, host.post(CALLS, content=OFFER, headers=SDP, params={"graph": query, "model": id}), 201)
    held(host, host.request("DELETE", httpx.URL(CALLS + "/").copy_with(raw_path=_path(id)).raw_path.decode()))


def _path(id: str) -> bytes:
    return f"{CALLS}/{''.join(f'%{byte:02x}' for byte in id.encode('utf-8', 'replace'))}".encode()


@MANY
@given(origin=st.binary(max_size=30), name=st.binary(max_size=30))
def test_origin_and_host_headers_of_any_bytes_are_handled(origin: bytes, name: bytes) -> None:
    """Headers that every browser sends, from one that is none."""
    host = Host()
    held(host, host.get("/graphs", headers={"Origin": origin, "Host": name}), 200)
