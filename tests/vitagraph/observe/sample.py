"""A session and a console that have something of everything, to look at in a browser."""

from __future__ import annotations

import base64
import io
import math
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from vitagraph.observe.timeline import (
    STEP,
    AlertState,
    CallState,
    CauseEvent,
    Console,
    Envelope,
    FaceSpan,
    GraphState,
    LatestTurn,
    LinkState,
    NodeState,
    PlayedSentence,
    ProcessState,
    QualityPoint,
    QueueSample,
    Side,
    Span,
    Timeline,
    Trouble,
    TurnEntry,
)
from vitagraph.waterfall import PARTS

BEGAN = 1_780_000_000.0
NOW = BEGAN + 3_000
DURATION = 78_000.0
RATE = 8_000
SIDES: tuple[Side, ...] = ("caller", "assistant")

_VOICES = [(1_400, 3_600), (10_100, 12_900), (22_500, 24_300), (25_000, 27_400), (34_300, 35_900)]
_VOICES += [(45_000, 45_350), (52_300, 54_800), (64_200, 66_900)]
_ANSWERS = [
    (1, 4_480, 6_950, "The harbour opens at six in the morning.", False),
    (1, 7_100, 9_300, "The first ferry leaves at half past six.", False),
    (2, 16_020, 18_900, "Sorry, let me look at the timetable again.", False),
    (2, 19_050, 21_800, "On Sundays there are only four crossings.", False),
    (4, 28_420, 31_100, "You can take a bicycle with you, it costs two euros.", False),
    (4, 31_250, 34_620, "If you have a larger", True),
    (5, 36_800, 40_900, "A group ticket is for five persons or more.", False),
    (7, 60_050, 63_100, "Yes, there is a café on the upper deck.", False),
]


def _id(begins: str) -> str:
    """An id as hosts make them."""
    return f"rtc_{begins}{'0123456789abcdef01234567'[: 32 - len(begins)]}"


def timeline(*, running: bool = False, sound: bool = False) -> Timeline:
    """A call of eight turns: good, slow, held, interrupted, a cough, typed, unanswered and left."""
    heard = [Span(start, end) for start, end in _VOICES]
    spoken = [Span(start, end) for _, start, end, _, _ in _ANSWERS]
    return Timeline(
        id=_id("7f3c91ab20"),
        graph="assistant",
        began=BEGAN,
        duration=DURATION,
        outcome="" if running else "completed",
        reason="" if running else "the client hung up",
        caller=_envelope(heard, 1),
        assistant=_envelope(spoken, 2),
        sound={side: _address(side) for side in SIDES} if sound else {},
        speech=heard,
        turns=_turns(running),
        causes=_causes(),
        playbacks=[PlayedSentence(cause, start, end, text, cut) for cause, start, end, text, cut in _ANSWERS],
        troubles=_troubles(),
        queues=_queues(),
        face=[_face(each) for each in _ANSWERS],
    )


def long_timeline() -> Timeline:
    """A call of an hour with 300 turns."""
    turns = [
        _turn(n, n, 12_000.0 * n - 11_000, 12_000.0 * n - 9_000, _parts(300 + 7 * (n % 80))) for n in range(1, 301)
    ]
    voices = [Span(each.start, each.voice_end) for each in turns]
    answers = [Span(each.voice_end + (each.silence or 0), each.start + 9_000) for each in turns]
    return Timeline(
        id="rtc_of_an_hour",
        graph="assistant",
        began=BEGAN,
        duration=3_600_000,
        outcome="completed",
        caller=_envelope(voices, 3, 3_600_000),
        assistant=_envelope(answers, 4, 3_600_000),
        speech=voices,
        turns=turns,
        causes=[CauseEvent(each.voice_end + 400, each.cause, "committed") for each in turns],
        playbacks=[
            PlayedSentence(n, span.start, span.end, "An answer of some length.") for n, span in enumerate(answers, 1)
        ],
    )


def console() -> Console:
    """A host in the middle of an evening: one alert, a fallback, a queue that grows."""
    return Console(
        at=NOW,
        host=ProcessState("0.12.0", NOW - 93_600, True, "", 4, 16, 0.62, 0.71, 0.004, "none"),
        graphs=[GraphState("assistant", "A small local assistant with a voice and a face.", 4, _nodes(), _links())],
        calls=_calls(),
        turns=_latest(),
        alerts=_alerts(),
        quality=[_quality(n) for n in range(48)],
    )


def _turns(running: bool) -> list[TurnEntry]:
    first = {"caller": 1_400.0, "vad": 1_460, "turn": 3_920, "asr": 3_985, "chat": 4_270, "sentences": 4_330}
    network = {"rtt": 38.0, "jitter_buffer": 62.0, "playout": 21.0}
    slow = [420.0, 180, 1_780, 240, 390, 20, 90]
    return [
        _turn(
            1,
            1,
            1_400,
            3_600,
            [320.0, 65, 285, 60, 110, 12, 28],
            heard="When does the harbour open?",
            confidence=0.94,
            said="The harbour opens at six in the morning. The first ferry leaves at half past six.",
            firsts=first,
            network=network,
            rating=1,
            trace="4bf92f3577b34da6a3ce929d0e0e4736",
        ),
        _turn(
            2,
            2,
            10_100,
            12_900,
            slow,
            heard="And how many ferries are there on a Sunday?",
            confidence=0.88,
            said="Sorry, let me look at the timetable again. On Sundays there are only four crossings.",
            firsts={"turn": 13_320, "asr": 13_500, "chat": 15_280, "sentences": 15_520, "tts": 15_900},
            over_budget="text",
            network={**network, "rtt": 141.0},
            rating=-1,
        ),
        _turn(
            3,
            4,
            22_500,
            27_400,
            [480.0, 90, 260, 70, 95, 10, 15],
            heard="Can I take a bicycle, and what about a cargo bike?",
            confidence=0.71,
            said="You can take a bicycle with you, it costs two euros. If you have a larger",
            outcome="interrupted",
            network=network,
        ),
        _turn(
            4,
            5,
            34_300,
            35_900,
            [310.0, 70, 300, 80, 105, 11, 24],
            heard="What about groups?",
            confidence=0.97,
            said="A group ticket is for five persons or more.",
            network=network,
        ),
        _turn(5, 6, 45_000, 45_350, [], outcome="nothing_heard", why="The speech recognition found no words."),
        _turn(
            6,
            7,
            52_300,
            54_800,
            [330.0, 80, 1_050, 3_480, 270, 14, 26],
            heard="Is there something to eat on board?",
            confidence=0.9,
            said="Yes, there is a café on the upper deck.",
            over_budget="sentence",
            network=network,
        ),
        _turn(
            7,
            8,
            64_200,
            66_900,
            [],
            heard="And when does the last one go back?",
            confidence=0.83,
            outcome="unanswered",
            why="chat failed and has no fallback that answers: the connection was refused.",
        ),
        _turn(
            8,
            9,
            72_000,
            72_000,
            [],
            typed=True,
            heard="Hello? Are you still there?",
            outcome=None if running else "abandoned",
            why="" if running else "The call ended before the answer began.",
        ),
    ]


def _turn(number: int, cause: int, start: float, voice_end: float, parts: Sequence[float], **more: Any) -> TurnEntry:
    named: dict[str, float] = dict(zip(PARTS, parts, strict=False))
    reached = dict(zip(named, np.cumsum([voice_end, *parts])[1:].tolist(), strict=True))
    known: dict[str, Any] = {"typed": False, "outcome": "answered", "budget": 1_500.0, "language": "en", **more}
    return TurnEntry(
        number, cause, start, voice_end, silence=sum(parts) if parts else None, parts=named, reached=reached, **known
    )


def _parts(whole: float) -> list[float]:
    return [whole * share for share in (0.3, 0.08, 0.35, 0.08, 0.14, 0.02, 0.03)]


def _causes() -> list[CauseEvent]:
    return [
        CauseEvent(3_700, 1, "tentative"),
        CauseEvent(3_920, 1, "committed"),
        CauseEvent(13_050, 2, "tentative"),
        CauseEvent(13_320, 2, "committed"),
        CauseEvent(24_500, 3, "tentative"),
        CauseEvent(25_020, 3, "revoked", "the person went on"),
        CauseEvent(27_600, 4, "tentative"),
        CauseEvent(27_880, 4, "committed"),
        CauseEvent(34_400, 4, "held", "a voice over the answer"),
        CauseEvent(34_620, 4, "interrupted", "voice"),
        CauseEvent(36_210, 5, "committed"),
        CauseEvent(38_300, 5, "held", "a voice over the answer"),
        CauseEvent(38_520, 5, "resumed", "a backchannel"),
        CauseEvent(45_750, 6, "committed"),
        CauseEvent(46_000, 6, "released", "no words"),
        CauseEvent(55_130, 7, "committed"),
        CauseEvent(67_230, 8, "committed"),
        CauseEvent(72_000, 9, "committed", "typed"),
    ]


def _troubles() -> list[Trouble]:
    return [
        Trouble(13_900, "retries", "chat", "dialogue.endpoint", "503 from the endpoint"),
        Trouble(14_600, "failed", "chat", "dialogue.endpoint", "no first token within 1 s", "dialogue.llama", "fault"),
        Trouble(16_020, "over_budget", "chat", message="text took 1.78 s of 1.5 s"),
        Trouble(44_200, "recovered", "chat", "dialogue.endpoint"),
        Trouble(58_200, "alert", message="TurnsSlow"),
        Trouble(67_300, "failed", "chat", "dialogue.endpoint", "connection refused", "", "fault"),
        Trouble(67_320, "abandoned", "chat", message="no member of chat answers"),
        Trouble(75_000, "alert_cleared", message="TurnsSlow"),
    ]


def _queues() -> list[QueueSample]:
    chat = [QueueSample(13_000 + 1_000 * n, "asr → chat", 1 + n // 2, 350.0 + 620 * n) for n in range(3)]
    speech = [QueueSample(55_000 + 1_000 * n, "sentences → tts", 1 + n, 180.0 + 240 * n) for n in range(6)]
    return [*chat, *speech, QueueSample(57_000, "tts → face", 4, 90.0), QueueSample(68_000, "asr → chat", 1, 700.0)]


def _envelope(spans: Sequence[Span], seed: int, duration: float = DURATION) -> Envelope:
    random = np.random.default_rng(seed)
    count = round(duration / STEP)
    peaks = random.uniform(0, 5, count)
    for span in spans:
        first, last = round(span.start / STEP), round(span.end / STEP)
        syllables = np.abs(np.sin(np.arange(last - first) * 0.9 + seed)) * 0.6 + 0.4
        peaks[first:last] = random.uniform(90, 220, last - first) * syllables
    return Envelope(STEP, peaks.astype(int).tolist())


def _face(answer: tuple[int, int, int, str, bool]) -> FaceSpan:
    cause, start, end, _, _ = answer
    jaw = [round(110 + 100 * math.sin(n * 0.8) * math.sin(n * 0.23)) for n in range(round((end - start) / STEP))]
    return FaceSpan(start, end, cause, jaw)


def sound(side: Side) -> bytes:
    """A hum where somebody speaks, as a WAV file."""
    time = np.arange(round(DURATION / 1_000 * RATE)) / RATE
    speaks = np.zeros(len(time))
    for start, end in _VOICES if side == "caller" else [(start, end) for _, start, end, _, _ in _ANSWERS]:
        speaks[round(start * RATE / 1_000) : round(end * RATE / 1_000)] = 0.3
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        pitch = 180 if side == "caller" else 320
        out.writeframes((np.sin(2 * np.pi * pitch * time) * speaks * 32_767).astype("<i2").tobytes())
    return file.getvalue()


def _address(side: Side) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(sound(side)).decode()}"


def _nodes() -> list[NodeState]:
    def node(name: str, *members: str, state: Any = "working", **more: Any) -> NodeState:
        known = {"inserted": False, "fallbacks": 0, "errors": 0, **more}
        return NodeState(name, members[0], list(members), state=state, **known)

    return [
        node("caller", "webrtc.source"),
        node("resample-1", "audio.resample", inserted=True),
        node("vad", "vad.silero", "vad.webrtc", "vad.energy"),
        node("turn", "turn.endpoint", "turn.endpoint"),
        node("smart", "turn.smart", state="idle"),
        node("asr", "asr.whisper", "asr.sorry"),
        node("chat", "dialogue.endpoint", "dialogue.llama", "dialogue.script", state="fallback", fallbacks=2, errors=7),
        node("sentences", "text.sentences", "text.sentences"),
        node("tts", "tts.piper", "tts.hibari", state="failing", errors=3),
        node("resample-2", "audio.resample", inserted=True),
        node("face", "face.visemes"),
        node("playback", "webrtc.sink"),
    ]


def _links() -> list[LinkState]:
    def link(source: str, target: str, kind: str, depth: int = 0, age: float = 0, dropped: int = 0) -> LinkState:
        return LinkState(f"{source} → {target}", source, target, [kind], True, depth, age, dropped)

    return [
        link("caller", "resample-1", "audio"),
        link("resample-1", "vad", "audio"),
        link("vad", "turn", "audio"),
        link("turn", "asr", "audio"),
        link("turn", "smart", "audio"),
        link("asr", "chat", "text", 3, 740),
        link("turn", "chat", "text"),
        link("chat", "sentences", "text"),
        link("sentences", "tts", "text", 2, 1_260),
        link("tts", "resample-2", "audio"),
        link("resample-2", "playback", "audio"),
        link("tts", "face", "audio", 1, 30),
        link("face", "playback", "face", dropped=12),
    ]


def _calls() -> list[CallState]:
    def call(id: str, ago: float, duration: float, turns: int, silence: float | None, **more: Any) -> CallState:
        known: dict[str, Any] = {
            "connected": True,
            "outcome": "",
            "reason": "",
            "fallbacks": [],
            "lost": 0.002,
            "mos": 4.3,
        }
        return CallState(id, "assistant", NOW - ago, duration, turns, silence=silence, **{**known, **more})

    return [
        call(_id("b81d02c4aa"), 12, 12_000, 0, None, connected=False, lost=None, mos=None),
        call(_id("7f3c91ab20"), 78, 78_000, 8, 980, fallbacks=["chat"], recorded=True),
        call(_id("02ee5f7710"), 341, 341_000, 27, 2_840, fallbacks=["chat"], lost=0.081, mos=2.9),
        call(_id("c4419d8e03"), 1_260, 1_260_000, 96, 870),
        call(
            _id("99aa17de5b"), 2_000, 604_000, 41, 910, outcome="completed", reason="the client hung up", recorded=True
        ),
        call(_id("5d20b6f1c9"), 2_400, 31_000, 2, None, outcome="failed", reason="chat: the endpoint was away"),
    ]


def _latest() -> list[LatestTurn]:
    wholes = [2_900, 860, None, 940, 3_180, 780, 1_020, 830, 990, 2_610, 905, 870]
    slow = {0: "text", 4: "text", 9: "speech"}
    sessions = (_id("02ee5f7710"), _id("7f3c91ab20"), _id("c4419d8e03"))
    return [
        LatestTurn(
            sessions[n % 3],
            40 - n,
            NOW - 4 - 9 * n,
            "unanswered" if whole is None else "interrupted" if n == 6 else "answered",
            whole,
            {} if whole is None else dict(zip(PARTS, _parts(whole), strict=True)),
            slow.get(n, ""),
        )
        for n, whole in enumerate(wholes)
    ]


def _alerts() -> list[AlertState]:
    return [
        AlertState(
            "TurnPartSlow",
            "ticket",
            "A part of the silence is slow for one turn in twenty.",
            "slow-answers",
            NOW - 340,
            None,
            2.1,
            1.2,
            {"part": "text"},
        ),
        AlertState(
            "FallbackInUse",
            "ticket",
            "A fallback does the work of a node.",
            "failures",
            NOW - 610,
            None,
            2,
            0,
            {"node": "chat"},
        ),
        AlertState(
            "TurnsUnanswered",
            "page",
            "Over 5 % of the turns meet silence.",
            "failures",
            NOW - 2_500,
            NOW - 2_200,
            0.08,
            0.05,
        ),
    ]


def _quality(n: int) -> QualityPoint:
    bad = max(0.0, 1 - abs(n - 40) / 6)
    if n == 20:
        return QualityPoint(NOW - 1_800 * (48 - n), 0, None, None, None)
    silence = 850 + 60 * math.sin(n) + 1_400 * bad
    return QualityPoint(
        NOW - 1_800 * (48 - n), 4 + n % 5, silence, 0.985 - 0.09 * bad, 4.25 + 0.1 * math.sin(n / 3) - bad
    )
