"""Server and client agree on the wire format; Vitest reads the bytes in tests/data/wire too."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.webrtc._typescript import typescript
from nodes.webrtc.protocol import (
    FRAME,
    HEADER,
    MOST_FRAMES,
    AvatarBatch,
    Degraded,
    Flush,
    Message,
    Rating,
    Recovered,
    Turn,
    decode_batch,
    decode_from_client,
    decode_from_server,
    encode,
    encode_batch,
)
from pipeline.errors import UserInputError

ROOT = Path(__file__).parents[3]
WIRE = sorted((ROOT / "tests/data/wire").glob("*.bin"))
CLIENT = ROOT / "web/src/core/protocol.ts"


def meant(path: Path) -> dict[str, Any]:
    """What the bytes beside it mean."""
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return found


@pytest.mark.parametrize("path", WIRE, ids=lambda path: path.stem)
def test_protocol_golden_bytes_decode_to_their_descriptions(path: Path) -> None:
    """A change of the format would break older pages."""
    expected = meant(path)
    if "error" in expected:
        with pytest.raises(UserInputError) as caught:
            decode_batch(path.read_bytes())
        assert caught.value.message == expected["error"]
        return
    batch = decode_batch(path.read_bytes())
    assert [batch.rate, batch.cause, batch.timestamp, len(batch.weights), batch.end] == [
        expected[name] for name in ("rate", "cause", "timestamp", "count", "end")
    ]
    np.testing.assert_allclose(batch.weights, np.reshape(expected["weights"], (-1, 52)), atol=1e-6)
    np.testing.assert_allclose(batch.pose, np.reshape(expected["pose"], (-1, 7)), atol=1e-6)
    assert encode_batch(batch) == path.read_bytes()


def test_protocol_golden_bytes_include_valid_and_invalid_ones() -> None:
    assert len(WIRE) >= 10 and {"error" in meant(path) for path in WIRE} == {True, False}


@given(st.binary(max_size=400))
def test_protocol_any_bytes_give_frames_or_a_typed_error(data: bytes) -> None:
    """Untrusted bytes raise nothing else."""
    with contextlib.suppress(UserInputError):
        batch = decode_batch(data)
        assert batch.weights.shape == (len(batch.pose), 52)


@given(st.integers(0, 255), st.integers(1, 255), st.integers(0, 0xFFFF), st.integers(0, 4), st.integers(-2, 2))
def test_protocol_refuses_headers_with_a_wrong_count(
    version: int, rate: int, count: int, frames: int, more: int
) -> None:
    """The count in the header must match the size."""
    data = HEADER.pack(version, rate, count, 0, 0, 0) + bytes(max(0, frames * FRAME.itemsize + more))
    if (version, count, more) == (1, frames, 0) or ((version, count, frames) == (1, 0, 0) and more <= 0):
        assert len(decode_batch(data).weights) == frames
    else:
        with pytest.raises(UserInputError):
            decode_batch(data)


@given(st.integers(0, 20), st.integers(0, 2**40), st.integers(-(2**33), 2**33), st.booleans(), st.integers(0, 9999))
def test_protocol_frames_round_trip_within_quantisation(
    count: int, cause: int, timestamp: int, end: bool, seed: int
) -> None:
    """A face is moved by no more than the rounding: 1/510 of a weight, 0.00005 rad."""
    source = np.random.default_rng(seed)
    weights = source.uniform(0, 1, (count, 52)).astype(np.float32)
    pose = source.uniform(-3, 3, (count, 7)).astype(np.float32)
    back = decode_batch(encode_batch(AvatarBatch(60, cause, timestamp, weights, pose, end)))
    assert (back.rate, back.cause, back.timestamp, back.end) == (60, cause % 2**32, timestamp % 2**32, end)
    np.testing.assert_allclose(back.weights, weights, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(back.pose, pose, atol=0.5 / 10_000 + 1e-6)


def test_protocol_clips_values_out_of_range() -> None:
    """A weight of 1.01 must not wrap to 0."""
    weights, pose = np.full((1, 52), 1.01, np.float32), np.full((1, 7), 4.0, np.float32)
    weights[0, 0], pose[0, 0] = -0.5, -4.0
    back = decode_batch(encode_batch(AvatarBatch(60, 1, 0, weights, pose)))
    assert back.weights[0, 0] == 0 and (back.weights[0, 1:] == 1).all()
    assert back.pose[0, 0] == pytest.approx(-3.2768) and back.pose[0, 1] == pytest.approx(3.2767)


def test_protocol_refuses_to_encode_too_many_frames() -> None:
    count = MOST_FRAMES + 1
    with pytest.raises(ValueError, match="513 frames are too many"):
        encode_batch(AvatarBatch(60, 1, 0, np.zeros((count, 52), np.float32), np.zeros((count, 7), np.float32)))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            Turn(3, "answered", 640.5, {"decided": 200.0, "audible": 440.5}, "resp_1"),
            '{"type":"vitagraph.turn","cause":3,"outcome":"answered","silence":640.5,'
            '"parts":{"decided":200.0,"audible":440.5},"response":"resp_1"}',
        ),
        (
            Degraded("tts", "tts.espeak", "another speaks"),
            '{"type":"vitagraph.degraded","node":"tts","member":"tts.espeak","message":"another speaks","rung":0}',
        ),
        (Recovered("tts"), '{"type":"vitagraph.recovered","node":"tts"}'),
        (Flush(3), '{"type":"vitagraph.flush","cause":3}'),
    ],
)
def test_protocol_server_messages_have_the_documented_json(message: Message, text: str) -> None:
    """The page parses exactly this JSON."""
    assert encode(message) == text
    assert encode(decode_from_server(text)) == text


def test_protocol_decodes_a_client_rating() -> None:
    rating = decode_from_client('{"type":"vitagraph.rating","response":"resp_1","value":-1,"later":true}')
    assert rating == Rating("resp_1", -1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"type":"vitagraph.rating"}',
        '{"type":"vitagraph.rating","response":"r","value":2}',
        '{"type":"vitagraph.turn"}',
        '{"type":"vitagraph.rating","response":"\\ud800","value":1}',
        '{"type":"vitagraph.rating","response":"\ud800","value":1}',
    ],
)
def test_protocol_malformed_message_is_a_typed_error(text: str) -> None:
    """A faulty or hostile client gets an error, and nothing else is affected."""
    with pytest.raises(UserInputError, match="cannot be read") as caught:
        decode_from_client(text)
    assert caught.value.hint


@given(st.text(max_size=60))
def test_protocol_any_text_gives_a_typed_error(text: str) -> None:
    with pytest.raises(UserInputError):
        decode_from_server(text)


def test_protocol_typescript_file_is_up_to_date() -> None:
    """The generated file must match the Python source."""
    if not CLIENT.exists():
        pytest.skip("there is no page in this tree")
    assert CLIENT.read_text() == typescript(), "python -m nodes.webrtc._typescript > web/src/core/protocol.ts"


def test_protocol_typescript_has_every_message_and_constant() -> None:
    text = typescript()
    for kind in (Turn, Degraded, Recovered, Flush, Rating):
        assert f"export interface {kind.__name__} {{" in text
    assert "value: -1 | 1;" in text and "parts: Record<string, number>;" in text
    assert "silence: number | null;" in text and "response?: string | null;" in text
    assert 'outcome: "answered" | "interrupted" | "unanswered";' in text
    assert "export type FromServer = Turn | Degraded | Recovered | Flush;" in text
    assert 'type: "vitagraph.flush";' in text and "export const AVATAR_FRAME_BYTES = 66;" in text
