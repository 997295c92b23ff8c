"""The file of session records: what is kept, for how long, and what happens when it cannot be."""
# ruff: noqa: TID251 - a thread and a process are waited for

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import ResourceError, UserInputError
from tests.disks import disk  # noqa: F401
from tests.vitagraph.quality.synthetic import DAY, session
from vitagraph.quality import archive, schema, store
from vitagraph.quality.record import QualityRecord
from vitagraph.quality.schema import migrate, open_for_reading, open_for_writing
from vitagraph.quality.store import Quality

NOW = 1_800_000_000.0
_NUMBER = st.none() | st.floats(0, 1e6)
_COUNT = st.integers(0, 1_000)
RECORDS = st.builds(
    QualityRecord,
    session=st.just("rtc_1"),
    graph=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    began=st.floats(0, 2e9),
    duration_s=st.floats(0, 1e5),
    outcome=st.sampled_from(["completed", "failed"]),
    turns=_COUNT, answered=_COUNT, unanswered=_COUNT, interruptions=_COUNT, liked=_COUNT, disliked=_COUNT,
    silences_ms=st.lists(st.floats(0, 1e5), max_size=5).map(tuple),
    fallbacks=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=3).map(tuple),
    **dict.fromkeys(
        ("silence_p50_ms", "silence_p95_ms", "barge_in_ms", "snr_db", "asr_confidence", "loss", "burst", "jitter_ms",
         "concealed", "rtt_ms", "playout_ms", "mos"), _NUMBER,
    ),
)  # fmt: skip


def run(path: Path, *records: QualityRecord, keep: float = 90 * DAY, refused: int = 0) -> None:
    """A host that keeps these records, and ends."""
    quality = Quality(path, keep, wall=lambda: NOW)
    quality.start()
    for record in records:
        quality.put(record)
    for _ in range(refused):
        quality.refused("full")
    quality.close()


def sessions(path: Path) -> list[QualityRecord]:
    """What is in the file."""
    with open_for_reading(path) as connection:
        return archive.read(connection, 0, 1e12).sessions


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Until another thread or process has done something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@given(record=RECORDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_store_gives_back_what_it_was_given(tmp_path: Path, record: QualityRecord) -> None:
    """Every field, as it was."""
    with closing(open_for_writing(tmp_path / "q.db")) as connection:
        archive.insert(connection, [record])
        assert archive.read(connection, 0, 3e9).sessions == [record]


def test_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Other users of the machine learn nothing of who called when; not from the files beside it either."""
    path = tmp_path / "state" / "quality.db"
    quality = Quality(path)
    quality.start()
    quality.put(session())
    wait_until(lambda: path.exists() and len(os.listdir(path.parent)) == 3)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600} and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    quality.close()


def test_store_has_no_place_for_words_or_addresses(tmp_path: Path) -> None:
    """The columns are numbers, times, the id, and names of graphs, nodes and outcomes."""
    with closing(open_for_writing(tmp_path / "q.db")) as connection:
        columns = connection.execute("SELECT name, type FROM pragma_table_info('sessions')").fetchall()
    assert {name for name, kind in columns if kind == "TEXT"} == {
        "session", "graph", "outcome", "silences_ms", "fallbacks",
    }  # fmt: skip
    assert [name for name, _ in columns] == list(archive.NAMES)


def test_store_keeps_records_for_the_time_that_was_asked_for(tmp_path: Path) -> None:
    """Older ones are deleted at the start of a host, and each hour."""
    path = tmp_path / "q.db"
    old, new = session(session="old", began=NOW - 8 * DAY), session(session="new", began=NOW - 6 * DAY)
    run(path, old, new)
    assert len(sessions(path)) == 2
    run(path, keep=7 * DAY)
    assert [each.session for each in sessions(path)] == ["new"]


def test_store_counts_refused_offers_by_the_hour(tmp_path: Path) -> None:
    """They belong to the availability, and to no graph."""
    path = tmp_path / "q.db"
    run(path, session(began=NOW), refused=3)
    run(path, refused=2)
    hour = NOW // 3600 * 3600
    with open_for_reading(path) as connection:
        assert archive.read(connection, NOW - DAY, NOW + DAY).refused == [(hour, 5)]
        assert archive.read(connection, NOW - DAY, NOW + DAY, "assistant").refused == []
        assert archive.read(connection, hour + 1, NOW + DAY).refused == [], "an hour is in one period only"
        assert archive.read(connection, NOW - DAY, hour + 1).refused == [(hour, 5)]


def test_store_survives_a_killed_process(tmp_path: Path) -> None:
    """What was written before stays, and the file can be used at once."""
    path = tmp_path / "q.db"
    program = (
        "import itertools, sys; from pathlib import Path; from tests.vitagraph.quality.synthetic import session\n"
        "from vitagraph.quality.store import Quality\n"
        "import time\n"
        "quality = Quality(Path(sys.argv[1])); quality.start()\n"
        "for n in itertools.count():\n"
        "    quality.put(session(session=f'rtc_{n:05}', began=1.7999e9 + n)); time.sleep(0.002)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, path])
    try:
        wait_until(lambda: path.exists() and _count(path) > 50, 30)
        before = _count(path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = [each.session for each in sessions(path)]
    assert len(kept) >= before and kept == [f"rtc_{number:05}" for number in range(len(kept))]
    run(path, session(session="after"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert len(sessions(path)) == len(kept) + 1


def _count(path: Path) -> int:
    try:
        return len(sessions(path))
    except (ResourceError, UserInputError):
        return 0  # it is being made


def test_store_can_be_read_while_two_hosts_write(tmp_path: Path) -> None:
    """A report during calls, and the second host of `--supervise`."""
    path = tmp_path / "q.db"
    first, second = Quality(path), Quality(path)
    first.start()
    second.start()
    failed: list[Exception] = []

    def read() -> None:
        for _ in range(40):
            try:
                seen = sessions(path)
            except UserInputError:
                continue  # it is not made yet
            except ResourceError as error:
                failed.append(error)
                return
            assert len({each.session for each in seen}) == len(seen)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(200):
        (first, second)[number % 2].put(session(session=f"rtc_{number}"))
    for reader in readers:
        reader.join()
    first.close()
    second.close()
    assert failed == [] and len(sessions(path)) == 200


def test_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """Nothing is lost, and a step that fails changes nothing."""
    path = tmp_path / "q.db"
    run(path, session())
    newer = (*schema.STEPS, "ALTER TABLE sessions ADD COLUMN mood REAL; CREATE INDEX moods ON sessions (mood)")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, path, (*newer, "ALTER TABLE nothing ADD COLUMN x REAL"))
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert "mood" not in {name for _, name, *_ in connection.execute("PRAGMA table_info(sessions)")}
        migrate(connection, path, newer)
        migrate(connection, path, newer)
        assert connection.execute("SELECT session, mood FROM sessions").fetchall() == [("rtc_1", None)]
    with pytest.raises(ResourceError, match="newer version"):
        sessions(path)


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to have a header" * 30, "database"])
def test_other_files_are_left_alone(tmp_path: Path, content: bytes | str, caplog: pytest.LogCaptureFixture) -> None:
    """A mistyped option destroys nothing."""
    path = tmp_path / "other"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    run(path, session())
    assert path.read_bytes() == before
    assert "no file of session records" in caplog.text
    with pytest.raises(UserInputError, match="no file of session records"):
        sessions(path)


def test_link_in_place_of_the_file_is_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another user who may write the folder cannot have the host write elsewhere."""
    (tmp_path / "q.db").symlink_to(tmp_path / "elsewhere")
    run(tmp_path / "q.db", session())
    assert not (tmp_path / "elsewhere").exists() and "not kept" in caplog.text


@pytest.mark.parametrize("options", ["rw", "ro"])
def test_bad_disk_is_one_warning(
    disk: Callable[[int, str], Path],  # noqa: F811
    options: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full or read-only disk: the host goes on, and says once what it cannot do."""
    path = disk(64 * 1024, options) / "q.db"
    quality = Quality(path)
    quality.start()
    for number in range(2_000):
        quality.put(session(session=f"rtc_{number}", silences_ms=(1.0,) * 100))
        if number % 200 == 0:
            time.sleep(0.05)
    quality.close()
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert str(path) in caplog.text and "--quality" in caplog.text


def test_store_keeps_records_again_once_it_can(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The operator made the folder; nothing has to be restarted."""
    folder = tmp_path / "folder"
    folder.write_text("in the way")
    quality = Quality(folder / "q.db")
    quality.start()
    quality.put(session(session="first"))
    wait_until(lambda: "not kept" in caplog.text)
    folder.unlink()
    quality.put(session(session="second"))
    wait_until(lambda: "kept again" in caplog.text)
    quality.close()
    assert [each.session for each in sessions(folder / "q.db")] == ["first", "second"]


def test_flood_of_records_costs_no_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A thread that does not keep up: the queue is bounded, and nobody waits."""
    quality = Quality(tmp_path / "q.db")  # it is not started
    for number in range(3 * store.MOST_WAITING):
        quality.put(session(session=f"rtc_{number}"))
    assert len(caplog.records) == 1
    quality.start()
    quality.close()
    assert len(sessions(tmp_path / "q.db")) == store.MOST_WAITING


def test_trend_is_calculated_in_the_thread(tmp_path: Path) -> None:
    """The console asks each second; it gets what was calculated last."""
    quality = Quality(tmp_path / "q.db", wall=lambda: NOW)
    quality.start()
    quality.put(session(session="1", began=NOW - 3_600, answered=3, unanswered=1, silence_p50_ms=600, mos=4.1))
    quality.put(session(session="2", began=NOW - 3_500, answered=1, silence_p50_ms=800, mos=4.3))
    quality.put(session(session="3", began=NOW - 20 * 3_600, outcome="no_seat"))
    quality.put(session(session="4", began=NOW - 30 * 3_600))
    assert quality.trend(24) == []
    wait_until(lambda: bool(quality.trend(24)))
    early, late = quality.trend(24)
    assert (late.sessions, late.silence, late.success) == (2, 700, 0.8) and late.mos == pytest.approx(4.2)
    assert early.sessions == 0 and early.silence is early.success is early.mos is None
    assert NOW - 3_600 - 1_800 < late.at <= NOW - 3_600
    begin = time.perf_counter()
    for _ in range(1_000):
        quality.trend(24)
    assert time.perf_counter() - begin < 0.05
    for hours in range(100):
        quality.trend(hours)
    quality.close()
