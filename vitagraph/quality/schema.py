"""The file of session records: an SQLite database, its schema and how an older one is brought up to date."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from platformdirs import user_state_path

from pipeline.errors import ResourceError, UserInputError

APPLICATION = 0x56475131
"""SQLite's application_id of such a file: `VGQ1`."""
STEPS = (
    """
    CREATE TABLE sessions (
        session TEXT PRIMARY KEY,
        graph TEXT NOT NULL,
        began REAL NOT NULL,
        duration_s REAL NOT NULL,
        outcome TEXT NOT NULL,
        turns INTEGER NOT NULL,
        answered INTEGER NOT NULL,
        unanswered INTEGER NOT NULL,
        interruptions INTEGER NOT NULL,
        silences_ms TEXT NOT NULL,
        silence_p50_ms REAL,
        silence_p95_ms REAL,
        barge_in_ms REAL,
        snr_db REAL,
        asr_confidence REAL,
        loss REAL,
        burst REAL,
        jitter_ms REAL,
        concealed REAL,
        rtt_ms REAL,
        playout_ms REAL,
        mos REAL,
        liked INTEGER NOT NULL,
        disliked INTEGER NOT NULL,
        fallbacks TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sessions_began ON sessions (began);
    CREATE TABLE refusals (
        hour INTEGER NOT NULL,
        reason TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (hour, reason)
    ) WITHOUT ROWID;
    """,
)
"""Step n brings a file of version n to version n + 1 (SQLite's user_version). Steps are never changed once released."""
BUSY_TIMEOUT = 5.0
"""Seconds that one process waits for another one to finish its writing."""


def default_path() -> Path:
    """Where the records are, unless an option says otherwise: a file in the user's folder for state."""
    return user_state_path("vitagraph", appauthor=False) / "quality.db"


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Opens the file, or makes it for its owner alone (mode 0600), and brings it up to date.

    Raises OSError, sqlite3.Error, UserInputError for some other file, ResourceError for one of a newer version.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    with ExitStack() as stack:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
        stack.callback(connection.close)
        path.chmod(0o600)
        migrate(connection, path)
        _use_wal(connection)
        stack.pop_all()
        return connection


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens the file; others may write it meanwhile. Raises UserInputError or ResourceError if it cannot be read."""
    if not path.is_file():
        raise UserInputError(f"there is no file {path}", hint="`vitagraph serve` makes it with the first call")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT)) as found:
            version = check_version(found, path)
            if version == 0:
                raise UserInputError(f"{path} has no records yet", hint="a record is written when a call ends")
            if version < len(STEPS):
                open_for_writing(path).close()
            yield found
    except sqlite3.Error as error:
        raise ResourceError(
            f"{path} cannot be read: {error}", hint="copy the file to a folder that you may write, and name it"
        ) from error


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str] = STEPS) -> None:
    """Brings a database to the version of `steps`, all or nothing; safe in two processes at once."""
    if check_version(connection, path, len(steps)) == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[check_version(connection, path, len(steps)) :]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Readers and a writer do not wait for each other. What is committed survives a killed process; the loss of power
    may cost the last seconds."""
    connection.execute("PRAGMA synchronous = NORMAL")
    end = time.monotonic() + BUSY_TIMEOUT
    while True:  # SQLite does not wait by itself here for another process that opens the file
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def check_version(connection: sqlite3.Connection, path: Path, newest: int = len(STEPS)) -> int:
    """The version of a file, 0 for an empty one; raises if it is some other file, or of a newer program."""
    try:
        ((application,),) = connection.execute("PRAGMA application_id")
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema")
        ((version,),) = connection.execute("PRAGMA user_version")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise _other_file(path) from error
    if application != APPLICATION and (application or tables):
        raise _other_file(path)
    if version > newest:
        raise ResourceError(
            f"{path} was written by a newer version of Vitagraph", hint="install that version, or name another file"
        )
    return int(version)


def _other_file(path: Path) -> UserInputError:
    return UserInputError(f"{path} is no file of session records", hint="name a file of its own")
