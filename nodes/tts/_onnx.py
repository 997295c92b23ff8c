"""Two edits of an ONNX voice model: phoneme durations as an output, and deterministic noise.

A voice computes phoneme durations internally, and draws new noise in every run, so that no two
runs sound the same. `expose` makes the durations an output; `freeze_noise` replaces the random
nodes by constant noise, which repeats after `PERIOD` frames: about twelve seconds, too long to
be noticed. The edits work on the protobuf bytes directly, of which only the node list of the
graph matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

PERIOD = 1024
"""Frames after which the constant noise repeats."""
CHANNELS = 256
"""Channels of the constant noise; wider models reuse them."""

# Field numbers of onnx.proto.
_GRAPH, _NODE, _INITIALIZER, _OUTPUT = 7, 1, 5, 12
_FLOAT, _INT64 = 1, 7

OnnxNode = tuple[str, list[str], list[str]]
"""Operator, inputs and outputs of a node."""


def expose(model: bytes, operator: str) -> tuple[bytes, str]:
    """Makes the output of the only node with an operator a model output; returns model and output name.

    If there is not exactly one such node, the model is unchanged and the name empty.
    """
    found = [outputs[0] for kind, _, outputs in _nodes(model) if kind == operator]
    if len(found) != 1:
        return model, ""
    # Concatenated protobuf messages are merged, so appending a graph with one output adds that output.
    return model + message_field(_GRAPH, message_field(_OUTPUT, text_field(1, found[0]))), found[0]


def freeze_noise(model: bytes, seed: int) -> bytes:
    """Replaces every RandomNormalLike node by constant noise."""

    def replace(raw: bytes) -> bytes:
        operator, inputs, outputs = _node(raw)
        return _fixed_noise(inputs[0], outputs[0]) if operator == "RandomNormalLike" else message_field(_NODE, raw)

    return _with_nodes(model, replace) + message_field(_GRAPH, _noise_tables(seed))


def _noise_tables(seed: int) -> bytes:
    noise = np.random.default_rng(seed).standard_normal((1, CHANNELS, PERIOD), dtype=np.float32)
    scalars = {"zero": 0, "one": 1, "two": 2, "channels": CHANNELS, "period": PERIOD}
    tables = [_tensor("vitagraph/noise", noise)]
    tables += [_tensor(f"vitagraph/{name}", np.array(value, np.int64)) for name, value in scalars.items()]
    return b"".join(message_field(_INITIALIZER, table) for table in tables)


def _fixed_noise(like: str, output: str) -> bytes:
    """Nodes that tile the noise to the shape of `like`: (1, channels, frames)."""
    nodes = [encode_node("Shape", [like], f"{output}/shape")]
    source = "vitagraph/noise"
    for axis, index, period in ((1, "one", "channels"), (2, "two", "period")):
        size, steps, at, cut = (f"{output}/{step}{axis}" for step in ("size", "steps", "at", "cut"))
        result = output if axis == 2 else cut
        nodes += [
            encode_node("Gather", [f"{output}/shape", f"vitagraph/{index}"], size),
            encode_node("Range", ["vitagraph/zero", size, "vitagraph/one"], steps),
            encode_node("Mod", [steps, f"vitagraph/{period}"], at),
            encode_node("Gather", [source, at], result, axis),
        ]
        source = cut
    return b"".join(nodes)


def encode_node(operator: str, inputs: list[str], output: str, axis: int = 0) -> bytes:
    """A node field of a graph; `axis` is an attribute, left out at 0."""
    attribute = message_field(5, text_field(1, "axis") + number_field(3, axis) + number_field(20, 2)) if axis else b""
    body = (
        b"".join(text_field(1, name) for name in inputs)
        + text_field(2, output)
        + text_field(3, output)
        + text_field(4, operator)
    )
    return message_field(_NODE, body + attribute)


def _tensor(name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.int64]]) -> bytes:
    kind = _FLOAT if values.dtype == np.float32 else _INT64
    return (
        b"".join(number_field(1, size) for size in values.shape)
        + number_field(2, kind)
        + text_field(8, name)
        + message_field(9, values.tobytes())
    )


def _with_nodes(model: bytes, replace: Callable[[bytes], bytes]) -> bytes:
    parts = []
    for number, start, body, end in _fields(model):
        if number != _GRAPH:
            parts.append(model[start:end])
            continue
        graph = model[body:end]
        inner = [replace(graph[at:to]) if n == _NODE else graph[begin:to] for n, begin, at, to in _fields(graph)]
        parts.append(message_field(_GRAPH, b"".join(inner)))
    return b"".join(parts)


def _nodes(model: bytes) -> Iterator[OnnxNode]:
    for number, _, body, end in _fields(model):
        if number == _GRAPH:
            graph = model[body:end]
            yield from (_node(graph[at:to]) for n, _, at, to in _fields(graph) if n == _NODE)


def _node(raw: bytes) -> OnnxNode:
    texts: dict[int, list[str]] = {1: [], 2: [], 4: [""]}
    for number, _, body, end in _fields(raw):
        if number in texts:
            texts[number].append(raw[body:end].decode())
    return texts[4][-1], texts[1], texts[2]


def _fields(raw: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yields every field of a message: number, start, start of the body, end."""
    at = 0
    while at < len(raw):
        start = at
        tag, at = _varint(raw, at)
        kind, body = tag & 7, at
        if kind == 0:
            _, at = _varint(raw, at)
        elif kind == 2:
            size, body = _varint(raw, at)
            at = body + size
        else:
            at += 8 if kind == 1 else 4
        yield tag >> 3, start, body, at


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number_field(number: int, value: int) -> bytes:
    """A protobuf field with an unsigned integer."""
    return _encode(number << 3) + _encode(value)


def message_field(number: int, body: bytes) -> bytes:
    """A protobuf field with a message or bytes."""
    return _encode(number << 3 | 2) + _encode(len(body)) + body


def text_field(number: int, text: str) -> bytes:
    """A protobuf field with a string."""
    return message_field(number, text.encode())
