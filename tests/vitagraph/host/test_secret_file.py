"""Client secrets that outlive the host's process."""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import ResourceError, UserInputError, VitagraphError
from tests.vitagraph.host.fakes import FakeCall, Host, bearer, code
from tests.vitagraph.host.test_tokens import call_with, refused
from vitagraph.host import secret_file
from vitagraph.host.secret_file import SecretFile, check
from vitagraph.host.tokens import NOTHING_LOCKED, RECONNECT_WITHIN, ClientSecrets, LockedFields

BRIEF = LockedFields("echo", "Be brief, für alle.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the secrets are kept."""
    return tmp_path / "secrets"


class Process:
    """One life of a host."""

    def __init__(self, path: Path, now: float = 1000.0) -> None:
        self.now = now
        self.file = SecretFile(path)
        self.secrets = ClientSecrets(lambda: self.now, self.file)

    def killed(self, path: Path, *, after: float = 0) -> Process:
        """The next one, so many seconds later."""
        self.file.close()
        return Process(path, self.now + after)


def test_secret_file_keeps_secrets_over_a_restart(path: Path) -> None:
    """With what they fix, their expiry, and whether they are spent."""
    first = Process(path)
    unused, spent, short = (first.secrets.mint(BRIEF, seconds).value for seconds in (600, 600, 10))
    call_with(first.secrets, spent)
    second = first.killed(path, after=10)
    assert second.secrets.check(unused).locked == BRIEF
    assert refused(second.secrets, spent) == "secret_used"
    assert refused(second.secrets, short) in ("secret_expired", "secret_unknown")
    third = second.killed(path)
    assert third.secrets.check(unused).locked == BRIEF
    third.file.close()


def test_secret_file_lets_callers_reconnect_after_a_restart(path: Path) -> None:
    """With the renewal that came with the lost call; once, and soon."""
    first = Process(path)
    _, renewal = call_with(first.secrets, first.secrets.mint(BRIEF, 600).value)
    _, late = call_with(first.secrets, first.secrets.mint(BRIEF, 600).value)
    second = first.killed(path)
    _, next_renewal = call_with(second.secrets, renewal.value)
    assert refused(second.secrets, renewal.value) == "secret_used"
    assert next_renewal.locked == BRIEF and next_renewal.until == renewal.until
    third = second.killed(path)
    third.now += RECONNECT_WITHIN
    assert refused(third.secrets, late.value) == "secret_expired"
    third.file.close()


def test_secret_file_keeps_a_secret_whose_call_was_not_opened(path: Path) -> None:
    """The host died while the call was being connected: the page has only the first secret, and tries again."""
    first = Process(path)
    value = first.secrets.mint(NOTHING_LOCKED, 600).value
    call, _ = call_with(first.secrets, value, opened=False)
    second = first.killed(path)
    call, _ = call_with(second.secrets, value, opened=False)
    call.open()
    third = second.killed(path)
    assert refused(third.secrets, value) == "secret_used"
    third.file.close()


def test_secret_file_has_no_secret_in_it_and_is_private(path: Path) -> None:
    """Whoever reads a backup of the disk cannot call; others on the machine cannot read the instructions."""
    path.touch(0o666)
    path.chmod(0o666)
    first = Process(path)
    secret = first.secrets.mint(BRIEF, 600)
    _, renewal = call_with(first.secrets, secret.value)
    text = path.read_text(encoding="utf-8")
    assert secret.value not in text and renewal.value not in text and secret.value[3:] not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first.file.close()


def test_secret_file_survives_a_torn_line(path: Path) -> None:
    """The process was killed while it wrote."""
    first = Process(path)
    before = first.secrets.mint(BRIEF, 600).value
    with path.open("ab") as file:
        file.write(b'{"id": "0000", "expires_')
    second = first.killed(path)
    assert second.secrets.check(before).locked == BRIEF
    assert path.read_bytes().count(b"\n") == len(second.secrets) + 1
    second.file.close()


def test_secret_file_does_not_grow(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written anew from time to time, and loses nothing by that."""
    monkeypatch.setattr(secret_file, "MOST_LINES", 20)
    first = Process(path)
    kept = first.secrets.mint(BRIEF, 3600).value
    for _ in range(100):
        first.secrets.mint(NOTHING_LOCKED, 10)
        first.now += 10
    assert path.read_bytes().count(b"\n") <= 30
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    second = first.killed(path)
    assert second.secrets.check(kept).locked == BRIEF
    second.file.close()


def test_secret_file_that_cannot_be_written_costs_no_call(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full: callers notice nothing, and the operator reads one line with what to do."""
    first = Process(path)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(os, "write", full)
        during = [first.secrets.mint(NOTHING_LOCKED, 600).value for _ in range(3)][-1]
        assert call_with(first.secrets, during)[0].opened
    assert len(caplog.records) == 1 and "make room" in caplog.text
    after = first.secrets.mint(NOTHING_LOCKED, 600).value
    second = first.killed(path)
    assert second.secrets.check(after).locked == NOTHING_LOCKED
    second.file.close()


def test_secret_file_belongs_to_one_process(path: Path) -> None:
    """Two hosts that write to one file would spoil it."""
    first = Process(path)
    with pytest.raises(ResourceError, match="another host"):
        SecretFile(path)
    first.secrets.mint(NOTHING_LOCKED, 600)
    first.file.close()
    SecretFile(path).close()


def test_secret_file_leaves_other_files_alone(path: Path, tmp_path: Path) -> None:
    """A path that was mistyped destroys nothing; and a link is not followed."""
    path.write_text("something else entirely\n", encoding="utf-8")
    link = tmp_path / "link"
    link.symlink_to(path)
    for wrong in (path, link, tmp_path, tmp_path / "missing" / "secrets"):
        with pytest.raises(VitagraphError) as error:
            SecretFile(wrong)
        assert error.value.hint
    for wrong in (path, tmp_path, tmp_path / "missing" / "secrets"):
        with pytest.raises(UserInputError):
            check(wrong)
    assert path.read_text(encoding="utf-8") == "something else entirely\n"
    check(tmp_path / "new")


def test_secret_file_host_accepts_renewals_of_the_process_before(path: Path) -> None:
    """From the request to the file and back."""
    before = Host(key="k", state=path)
    before.call(headers=bearer(before.secret(headers=bearer("k"))))
    renewal = before.manager.offers[0].renewal
    assert renewal is not None
    before.close()
    after = Host(key="k", state=path)
    assert after.call(headers=bearer(renewal.value)).status_code == 201
    again = after.call(headers=bearer(renewal.value))
    assert (again.status_code, code(again)) == (401, "secret_used")
    assert isinstance(after.manager.calls[0], FakeCall)
    after.close()
