"""A recording in any format is read completely and on time, or the error says why not."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.media.source import MediaDamaged, MediaSource
from nodes.models import path as model_path
from nodes.packets import Audio, Samples
from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import RunResult, run_node
from tests.nodes.media.bench import started
from tests.nodes.media.files import pitch, silent_video, sound_file, tone

FRAME = 20 * MILLISECOND


def played(path: Path | str, **params: Any) -> RunResult:
    """What the source gives for a file."""
    return run_node(MediaSource(path=str(path), **params))


def noise(size: int) -> bytes:
    """Bytes that mean nothing, the same in each run."""
    return np.random.default_rng(7).bytes(size)


def sound(outcome: RunResult) -> Samples:
    """All its samples in a row."""
    return np.concatenate([packet.samples for packet in outcome.of(Audio)])


FORMATS = [
    ("low.wav", "pcm_s16le", 8_000, 1),
    ("plain.wav", "pcm_s16le", 16_000, 1),
    ("float.wav", "pcm_f32le", 22_050, 1),
    ("high.wav", "pcm_s24le", 96_000, 2),
    ("cd.flac", "flac", 44_100, 2),
    ("music.mp3", "libmp3lame", 44_100, 2),
    ("call.opus", "libopus", 48_000, 1),
    ("call.ogg", "libopus", 48_000, 2),
    ("phone.m4a", "aac", 44_100, 1),
    ("law.wav", "pcm_mulaw", 8_000, 1),
]


@pytest.mark.parametrize(("name", "codec", "rate", "channels"), FORMATS)
def test_media_source_reads_common_audio_formats(
    name: str, codec: str, rate: int, channels: int, tmp_path: Path
) -> None:
    """The same second of sound comes out of every format: 16 kHz, mono, at its pitch and loudness."""
    recorded = tone(1.0, rate)
    out = played(sound_file(tmp_path / name, [recorded] * channels, rate, codec=codec), tail=0)
    samples = sound(out)
    assert not out.posted
    assert not out.errors
    assert {packet.rate for packet in out.of(Audio)} == {16_000}
    assert samples.size / 16_000 == pytest.approx(1.0, abs=0.08)  # codecs add a little at the ends
    middle = samples[4_000:12_000]
    assert pitch(middle, 16_000) == pytest.approx(440, abs=2)
    assert middle.std() == pytest.approx(recorded.std(), rel=0.1)


def test_media_source_reads_the_audio_of_a_video(tmp_path: Path) -> None:
    """The audio of a video need not be extracted first."""
    path = sound_file(tmp_path / "talk.mp4", [tone(1.0, 48_000)], 48_000, codec="aac", picture=True)
    assert pitch(sound(played(path, tail=0))[4_000:12_000], 16_000) == pytest.approx(440, abs=2)


def test_media_source_mixes_both_stereo_channels(tmp_path: Path) -> None:
    """Both channels are in the mix."""
    left, right = tone(1.0, 16_000, hertz=300), tone(1.0, 16_000, hertz=1000)
    spectrum = np.abs(np.fft.rfft(sound(played(sound_file(tmp_path / "two.wav", [left, right], 16_000), tail=0))))
    assert spectrum[300] == pytest.approx(spectrum[1000], rel=0.1)
    assert spectrum[300] > 100 * np.median(spectrum)


def test_media_source_paces_packets_like_a_microphone(tmp_path: Path) -> None:
    """A packet that leaves earlier would make latencies measured with files too good."""
    out = played(sound_file(tmp_path / "a.wav", [tone(0.1, 16_000)], 16_000), tail="40ms")
    assert [packet.at.pts for packet in out.packets] == [n * FRAME for n in range(7)]
    assert out.times == [(n + 1) * FRAME for n in range(7)]
    assert {packet.at.duration for packet in out.packets} == {FRAME}


def test_media_source_without_pace_takes_no_time(tmp_path: Path) -> None:
    """A long recording can be worked through as fast as the nodes below can."""
    out = played(sound_file(tmp_path / "a.wav", [tone(1.0, 16_000)], 16_000), pace=False, tail=0)
    assert out.times == [0] * 50
    assert out.packets[-1].at.pts == 49 * FRAME


def test_media_source_pads_the_last_packet_and_appends_silence(tmp_path: Path) -> None:
    """The last word is not cut off, and after it there is the silence that ends the turn."""
    recorded = np.full(500, 1000, np.int16)
    out = played(sound_file(tmp_path / "a.wav", [recorded], 16_000), tail="50ms")
    assert {packet.samples.size for packet in out.of(Audio)} == {320}
    np.testing.assert_array_equal(sound(out), np.pad(recorded, (0, 5 * 320 - 500)))


def test_media_source_gives_the_rate_that_planning_agreed(tmp_path: Path) -> None:
    """A graph whose nodes want 48 kHz gets it, without a resampler of its own."""
    path = sound_file(tmp_path / "a.wav", [tone(0.5, 8_000)], 8_000)
    out = run_node(MediaSource(path=str(path), tail=0), caps={"audio": {"rate": 48_000}})
    assert {(packet.rate, packet.samples.size) for packet in out.of(Audio)} == {(48_000, 960)}
    assert pitch(sound(out)[4_800:19_200], 48_000) == pytest.approx(440, abs=2)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 9_000),
    frame_ms=st.integers(5, 200),
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100]),
)
def test_media_source_loses_no_sample_at_any_length(count: int, frame_ms: int, rate: int, tmp_path: Path) -> None:
    """Every sample comes once, in equal packets that follow each other without a gap."""
    recorded = np.arange(1, count + 1).astype(np.int16)
    path = sound_file(tmp_path / "a.wav", [recorded], rate)
    out = run_node(
        MediaSource(path=str(path), pace=False, tail=0, frame=frame_ms * MILLISECOND), caps={"audio": {"rate": rate}}
    )
    samples = sound(out)
    np.testing.assert_array_equal(samples[:count], recorded)
    assert not samples[count:].any()
    assert len({packet.samples.size for packet in out.of(Audio)}) == 1
    stamps = [packet.at for packet in out.packets]
    assert all(a.pts + a.duration == b.pts for a, b in pairwise(stamps))
    end = stamps[-1].pts + stamps[-1].duration
    assert end == pytest.approx(samples.size * SECOND / rate, abs=1)


def test_media_source_streams_a_long_recording(tmp_path: Path) -> None:
    """An hour of audio must not take gigabytes: ten minutes at 48 kHz are 58 MB, and 4 MB must do."""
    path = sound_file(tmp_path / "long.flac", [np.zeros(600 * 8_000, np.int16)], 8_000, codec="flac")
    node = MediaSource(path=str(path), pace=False, tail=0, rate=48_000)
    packets = 0

    async def count() -> None:
        nonlocal packets
        async for _ in node.run():
            packets += 1

    async def main() -> None:
        await started(node, caps={"audio": {"rate": 48_000}})
        tracemalloc.start()
        try:
            await count()
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()
            await node.close()

    run_virtual(main())
    assert packets == 600 * 50


def refusal(path: Path | str) -> UserInputError:
    """The error for this file."""
    with pytest.raises(UserInputError) as caught:
        played(path)
    return caught.value


def test_media_source_missing_file_suggests_a_similar_name(tmp_path: Path) -> None:
    """A typo in the name gets a suggestion."""
    sound_file(tmp_path / "question.wav", [tone(0.1, 8_000)], 8_000)
    error = refusal(tmp_path / "qestion.wav")
    assert error.message == f"there is no file {tmp_path}/qestion.wav"
    assert error.hint == "did you mean question.wav?"


def test_media_source_missing_folder_is_reported(tmp_path: Path) -> None:
    """A relative path from the wrong place is understood."""
    error = refusal(tmp_path / "gone" / "a.wav")
    assert f"no folder {tmp_path}/gone" in error.hint
    assert str(Path.cwd()) in error.hint


def test_media_source_refuses_a_folder(tmp_path: Path) -> None:
    """The error is ours and not FFmpeg's."""
    assert refusal(tmp_path).message == f"{tmp_path} is a folder"


def test_media_source_empty_file_is_reported(tmp_path: Path) -> None:
    """An empty file gets an error of its own."""
    (tmp_path / "a.wav").touch()
    assert refusal(tmp_path / "a.wav").message == f"{tmp_path}/a.wav is empty: it has 0 bytes"


def test_media_source_unreadable_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the permissions."""
    path = sound_file(tmp_path / "a.wav", [tone(0.1, 8_000)], 8_000)

    def refuse(file: str) -> None:
        raise PermissionError(13, "Permission denied", file)

    monkeypatch.setattr("av.open", refuse)
    assert refusal(path).message == f"{path} may not be read"


@pytest.mark.parametrize("content", [b"Dear diary,\n" * 500, bytes(range(256)) * 40, b"RIFF\x00\x00"])
def test_media_source_refuses_a_file_that_is_no_recording(content: bytes, tmp_path: Path) -> None:
    """Text or noise in a file with the suffix of an audio file is an error, not a stack trace."""
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    error = refusal(path)
    assert str(path) in error.message
    assert error.hint


def test_media_source_refuses_a_video_without_audio(tmp_path: Path) -> None:
    """A video without audio is an error at once, not a silent run."""
    error = refusal(silent_video(tmp_path / "mute.mp4"))
    assert error.message == f"{tmp_path}/mute.mp4 has no sound, only video"


def test_media_source_refuses_a_file_with_nothing_decodable(tmp_path: Path) -> None:
    """With a valid header and garbage after it, the error comes before the session starts."""
    path = sound_file(tmp_path / "a.flac", [tone(1.0, 16_000)], 16_000, codec="flac")
    content = path.read_bytes()
    path.write_bytes(content[:60] + bytes(200))
    assert refusal(path).category == "user_input"


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.mp3", "libmp3lame"), ("a.opus", "libopus")])
def test_media_source_keeps_the_beginning_of_a_truncated_file(name: str, codec: str, tmp_path: Path) -> None:
    """A truncated file is used as far as it goes."""
    path = sound_file(tmp_path / name, [tone(4.0, 48_000)], 48_000, codec=codec)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    samples = sound(played(path, tail=0, pace=False))
    assert samples.size / 16_000 == pytest.approx(2.0, abs=0.6)
    assert pitch(samples[8_000:16_000], 16_000) == pytest.approx(440, abs=2)


def test_media_source_damage_in_the_middle_costs_a_moment(tmp_path: Path) -> None:
    """A damaged part is skipped, and the rest is read."""
    path = sound_file(tmp_path / "a.mp3", [tone(4.0, 44_100)], 44_100, codec="libmp3lame")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 300] = noise(300)
    path.write_bytes(bytes(content))
    out = played(path, tail=0, pace=False)
    assert sound(out).size / 16_000 == pytest.approx(4.0, abs=0.3)
    assert pitch(sound(out)[-8_000:-2_000], 16_000) == pytest.approx(440, abs=2)
    assert not out.errors


def test_media_source_counts_damaged_packets(tmp_path: Path) -> None:
    """The event names the file and how much of it was lost."""
    path = sound_file(tmp_path / "a.mp3", [tone(2.0, 44_100)], 44_100, codec="libmp3lame")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(bytes(content))
    events = played(path, tail=0, pace=False).of(MediaDamaged)
    assert [event.path for event in events] == [str(path)]
    assert events[0].parts >= 1


PROGRAM = """
from nodes.media.decoder import AudioFileDecoder
from pipeline.errors import UserInputError
try:
    decoder = AudioFileDecoder({path!r}, 16_000)
    while decoder.read(16_000).size: pass
    decoder.close()
except UserInputError:
    pass
"""


@pytest.mark.parametrize("begin", [0, 2_000])
def test_media_source_hides_ffmpeg_log_output(begin: int, tmp_path: Path) -> None:
    """FFmpeg's own messages are not printed."""
    path = sound_file(tmp_path / "a.mp3", [tone(1.0, 44_100)], 44_100, codec="libmp3lame")
    path.write_bytes(path.read_bytes()[:begin] + noise(4_000))
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(path=str(path))], capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("", "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n"),
        ("a.wav", "ffconcat version 1.0\nfile secret.ts\n"),
    ],
)
def test_media_source_playlist_opens_no_other_file(name: str, content: str, tmp_path: Path) -> None:
    """An untrusted file must not make us read another one that it names."""
    other = sound_file(tmp_path / "secret.ts", [tone(1.0, 44_100)], 44_100, codec="aac")
    (tmp_path / name).write_text(content.format(other=other))
    assert refusal(tmp_path / name).message == f"{tmp_path}/{name} is a list of other files"


def test_media_source_flushes_the_resampler_at_the_end(tmp_path: Path) -> None:
    """The last samples in the resampler are given too."""
    samples = sound(played(sound_file(tmp_path / "a.wav", [np.full(8_000, 1000, np.int16)], 8_000), tail=0))
    assert samples.size == 16_000
    assert samples[-40:].min() > 500


def test_media_source_reads_concatenated_recordings_to_the_end(tmp_path: Path) -> None:
    """Two recordings of different rates in one file: both keep their pitch."""
    first = sound_file(tmp_path / "a.mp3", [tone(1.0, 44_100)], 44_100, codec="libmp3lame")
    second = sound_file(tmp_path / "b.mp3", [tone(1.0, 22_050)] * 2, 22_050, codec="libmp3lame")
    both = tmp_path / "both.mp3"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    samples = sound(played(both, tail=0, pace=False))
    assert samples.size / 16_000 == pytest.approx(2.0, abs=0.2)
    for part in (samples[4_000:12_000], samples[-12_000:-4_000]):
        assert pitch(part, 16_000) == pytest.approx(440, abs=2)


@pytest.mark.real_model
def test_media_source_reads_a_recorded_voice_completely() -> None:
    """A recorded voice is read to the last sample."""
    path = model_path("speech-librivox") / "sense_and_sensibility_01_austen_64kb-0870.wav"
    with wave.open(str(path)) as file:
        expected = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    samples = sound(played(path, pace=False, tail=0))
    np.testing.assert_array_equal(samples[: expected.size], expected)
