"""Values in Redis that nobody here wrote: each is a miss that is counted, and neither a crash nor a pause."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest
import redis.asyncio  # so that it is not imported while a test watches for what blocks
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND, Packet, Stamp
from pipeline.params import ms, seconds
from pipeline.policies.cache import Cache
from pipeline.policies.cache_packets import LONGEST, MAX_ITEMS, MAX_TEXT, NOBODY, PacketPacking, size_of
from pipeline.policies.cache_shared import MAX_VALUE, RedisStore, SharedLevel
from pipeline.policies.limit_shared import SharedLimit
from pipeline.policies.redis import RedisClient
from pipeline.policies.spec import CacheSpec, LimitSpec
from tests.fuzzing import examples
from tests.growth import check_within
from tests.pipeline.policies.redis_kit import HOUR, run, said
from tests.pipeline.policies.redis_server import RedisServer, redis_server
from tests.turns_of_the_loop import LONGEST as LONGEST_STEP

__all__ = ["redis_server", "said"]


class Beat(msgspec.Struct, frozen=True):
    """A struct within a packet."""

    name: str
    start: int
    level: float = 0.0


class Tone(Packet, frozen=True):
    """A packet with all that may be packed."""

    samples: NDArray[np.int16]
    rate: int
    text: str = ""
    gain: float = 1.0
    beats: tuple[Beat, ...] = ()

    def check(self) -> None:
        if self.rate == 13:
            raise ValueError("no such rate")


class Shape(Packet, frozen=True):
    """Another kind."""

    weights: NDArray[np.float32]


PACKING = PacketPacking({Tone: {"rate": 16_000, "channels": 1}, Shape: {}})


def tone(**changes: Any) -> dict[str, Any]:
    """A packed tone with some fields changed."""
    fields = {"type": "Tone", "offset": 0, "span": 9, "samples": ["<i2", [2], b"1234"], "rate": 16_000, "text": "a"}
    return {**fields, "gain": 1.0, "beats": [{"name": "b", "start": 1, "level": 0.5}], **changes}


def shape(**changes: Any) -> dict[str, Any]:
    """A packed shape with some fields changed."""
    return {"type": "Shape", "offset": 0, "span": 0, "weights": ["<f4", [1, 2], bytes(8)], **changes}


def packed(*packets: Any) -> bytes:
    """A value of these."""
    return msgspec.msgpack.encode(list(packets))


def test_values_of_valid_form_unpack() -> None:
    """The faults below are faults, and not everything is refused."""
    made = PACKING.unpack(packed(tone(), shape(), tone(span=LONGEST)))
    assert [type(packet) for packet in made] == [Tone, Shape, Tone]
    assert isinstance(made[0], Tone) and not made[0].samples.flags.writeable


POISONED: dict[str, bytes] = {
    "another dtype": packed(tone(samples=[">i2", [2], b"1234"])),
    "dtype in other words": packed(tone(samples=["int16", [2], b"1234"])),
    "dtype of objects": packed(tone(samples=["O", [1], b"12345678"])),
    "dtype with a syntax": packed(tone(samples=["((((", [2], b"1234"])),
    "a long dtype": packed(tone(samples=["i2," * 10_000, [2], b"1234"])),
    "another dimension": packed(tone(samples=["<i2", [1, 1, 2], b"1234"])),
    "no shape": packed(tone(samples=["<i2", [], b"12"]), shape(weights=["<f4", [3], bytes(8)])),
    "negative shape": packed(tone(samples=["<i2", [-1], b"1234"])),
    "negative shapes": packed(tone(samples=["<i2", [-1, -2], b"1234"])),
    "boolean shape": packed(tone(samples=["<i2", [True, 2], b"1234"])),
    "half a sample": packed(tone(samples=["<i2", [2], b"123"])),
    "samples in text": packed(tone(samples=["<i2", [2], "1234"])),
    "not a number": packed(tone(gain=float("nan"))),
    "infinite": packed(tone(gain=float("inf"))),
    "infinite within": packed(tone(beats=[{"name": "b", "start": 1, "level": float("-inf")}])),
    "weights that are no numbers": packed(shape(weights=["<f4", [1, 2], b"\xff" * 8])),
    "negative time": packed(tone(offset=-1)),
    "negative duration": packed(tone(span=-1)),
    "a time in a year": packed(tone(offset=LONGEST + 1)),
    "a fractional time": packed(tone(offset=0.5)),
    "another rate": packed(tone(rate=48_000)),
    "what the kind refuses": packed(tone(rate=13)),
    "an unknown kind": packed(tone(type="Utterance")),
    "a field of another type": packed(tone(text=7)),
    "an unknown field": packed(tone(volume=3)),
    "no list": msgspec.msgpack.encode(tone()),
    "a long text": packed(tone(text="x" * (MAX_TEXT + 1))),
    "many items": packed(tone(beats=[{"name": "", "start": 1}] * (MAX_ITEMS + 1))),
    "many packets with many items": packed(*[tone(beats=[{"name": "", "start": 1}] * (MAX_ITEMS // 3))] * 20),
    "many packets": packed(*[0] * 1_000_000),
    "nested": b"\x91" * 100_000,
    "a length without content": b"\xdd\xff\xff\xff\xff",
    "text that is no text": packed(tone(text="abc")).replace(b"abc", b"\xff\xfe\xfd"),
    "nothing": b"",
    "zeros": bytes(MAX_VALUE),
}


@pytest.mark.parametrize("data", POISONED.values(), ids=POISONED)
def test_poisoned_value_is_refused_in_a_moment(data: bytes) -> None:
    """It became noise, or an exception that no policy expects, or minutes in which nobody was heard."""

    def unpack() -> None:
        with pytest.raises(ValueError, match="not packets"):
            PACKING.unpack(data)

    check_within(unpack, LONGEST_STEP)


@pytest.mark.parametrize(
    "packets",
    [
        [tone(samples=["<i2", [1 << 20], bytes(1 << 21)])],
        [shape(weights=["<f4", [1 << 10, 1 << 9], bytes(1 << 21)])],
        [tone(beats=[{"name": "b", "start": 1, "level": 0.5}] * (MAX_ITEMS // 4))] * 3,
        [tone(text="x" * MAX_TEXT)] * 40,
        [tone(beats=[])] * 990,
    ],
    ids=["sound", "frames", "items", "texts", "packets"],
)
def test_largest_values_are_unpacked_in_a_moment(packets: list[Any]) -> None:
    """Unpacking happens in the event loop of all sessions."""
    data = packed(*packets)
    check_within(lambda: PACKING.unpack(data), LONGEST_STEP)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ARRAY = st.tuples(
    st.sampled_from(["<i2", "<f4", ">i2", "<i8", "O", "", "((", "V9999999999"]) | ANY,
    st.lists(st.integers(-3, 5), max_size=3) | ANY,
    st.binary(max_size=24) | ANY,
).map(list)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["Tone", "Shape", "Packet"]) | ANY,
        "offset": ANY,
        "span": ANY,
        "samples": ARRAY | ANY,
        "weights": ARRAY | ANY,
        "rate": st.sampled_from([16_000, 13]) | ANY,
        "text": ANY,
        "gain": st.floats() | ANY,
        "beats": st.lists(
            st.fixed_dictionaries({"name": st.text(max_size=3) | ANY, "start": ANY}, optional={"level": ANY}),
            max_size=3,
        )
        | ANY,
        "more": ANY,
    },
)
STRUCTURED = st.one_of(
    st.tuples(st.sampled_from([tone, shape]), FIELDS).map(lambda each: packed(each[0](**each[1]))),
    ANY.map(msgspec.msgpack.encode),
)
VALID = packed(tone(), shape(), tone(text="", beats=[]))
CHANGES = st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=3)), max_size=3)


def check_unpacking(data: bytes) -> None:
    """A value is refused, or gives what a node could have made."""
    try:
        packets = PACKING.unpack(data)
    except ValueError:
        return
    for packet in packets:
        assert 0 <= packet.at.pts <= LONGEST and 0 <= packet.at.duration <= LONGEST
        if isinstance(packet, Tone):
            assert packet.samples.dtype == np.int16 and packet.samples.ndim <= 2
            assert packet.rate == 16_000 and np.isfinite(packet.gain)
            assert all(np.isfinite(beat.level) for beat in packet.beats)
        else:
            assert isinstance(packet, Shape)
            assert packet.weights.dtype == np.float32 and np.isfinite(packet.weights).all()


@examples(1_000)
@given(STRUCTURED)
def test_any_fields_are_refused_or_give_valid_packets(data: bytes) -> None:
    """Whatever another version or a stranger wrote, what leaves the cache is what a node could have made."""
    check_unpacking(data)


@examples(3_000)
@given(CHANGES, st.integers(0, 2 * len(VALID)))
def test_any_bytes_are_refused_or_give_valid_packets(changes: list[tuple[int, bytes]], length: int) -> None:
    """The same for a value that was damaged or cut off."""
    data = VALID
    for place, change in changes:
        data = data[:place] + change + data[place + len(change) :]
    check_unpacking(data[:length])


# --- with a real server


async def poison(url: str, name: str, *command: Any) -> None:
    """Changes every key of a cache."""
    async with redis.asyncio.Redis.from_url(url) as other:
        for key in await other.keys(f"vitagraph:{name}:*"):
            await other.delete(key)
            await other.execute_command(command[0], key, *command[1:])  # type: ignore[no-untyped-call]
            await other.pexpire(key, 60_000)


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    "command",
    [
        ("SET", b"hello"),
        ("SET", packed(tone(rate=48_000))),
        ("SET", bytes(MAX_VALUE + 1)),
        ("RPUSH", b"a", b"b"),
        ("HSET", b"a", b"b"),
        ("SADD", b"a"),
        ("SETBIT", MAX_VALUE * 16, 1),
    ],
    ids=lambda command: command[0] + str(len(command[-1]) if isinstance(command[-1], bytes) else ""),
)
def test_poisoned_value_in_redis_is_made_again_and_counted(command: tuple[Any, ...], redis_server: RedisServer) -> None:
    """A list in place of a value had Redis count as lost, for all caches and limits of the process."""
    client = RedisClient(redis_server.url)
    made = [Tone(Stamp(0, ms(1), NOBODY), np.zeros(2, np.int16), 16_000, "made")]

    async def make() -> list[Packet]:
        return list(made)

    async def never() -> list[Packet]:
        raise AssertionError("it is in Redis")

    def cache() -> Cache[list[Packet]]:
        clock = asyncio.get_running_loop().time
        shared = SharedLevel(RedisStore(client, "poisoned"), PACKING)
        return Cache(CacheSpec(ttl=HOUR), lambda: round(clock() * 1e9), size_of, shared)

    async def main() -> None:
        first, second, third = cache(), cache(), cache()
        await first.get_or_make("a", make)
        await first.close()
        await poison(redis_server.url, "cache:poisoned", *command)
        (packet,) = await second.get_or_make("a", make)
        assert isinstance(packet, Tone) and packet.text == "made"
        assert second.statistics.errors == 1
        await second.close()
        assert await third.get_or_make("a", never)
        assert third.statistics.shared_hits == 1
        await third.close()

    run(client, main())


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    "command", [("SET", b"x"), ("RPUSH", b"x", b"y", b"z"), ("RPUSH", b"1", b"x", b"9" * 400), ("HSET", b"a", b"b")]
)
def test_poisoned_limit_in_redis_is_begun_anew(command: tuple[Any, ...], redis_server: RedisServer) -> None:
    """A log of admissions that is none had Redis count as lost at each request."""
    client = RedisClient(redis_server.url)

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        limit = SharedLimit(
            LimitSpec(max=2, window=seconds(60), when_full="shed", shared=redis_server.url),
            lambda: round(clock() * 1e9),
            "poisoned",
            client,
        )
        await limit.acquire()
        await poison(redis_server.url, "limit", *command)
        await limit.acquire()
        async with redis.asyncio.Redis.from_url(redis_server.url) as other:
            assert 1 <= await other.llen("vitagraph:limit:poisoned") <= 2
            assert int(await other.lindex("vitagraph:limit:poisoned", -1) or 0) > MILLISECOND

    run(client, main())


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hun/ter2@h/0",
        "http://:hun@ter2@h",
        "redis://m:hun?ter2@h",
        "redis://:hun#@h:1",
    ],
)
def test_password_of_redis_is_in_no_message(url: str) -> None:
    """A part of it was taken for the port, and shown."""
    with pytest.raises(UserInputError, match="is not a Redis address") as raised:
        RedisClient(url)
    assert "hun" not in str(raised.value) and "ter2" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["redis://me:hunter2@host:1", "redis://host:1?password=hunter2", "redis://me%40x:hun%2Fter2@host:1"]
)
def test_password_of_redis_is_not_in_its_address(url: str) -> None:
    """The address is logged when Redis is lost."""
    client = RedisClient(url)
    assert client.address == "redis://host:1"
