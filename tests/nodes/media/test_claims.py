"""No two sessions write one file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodes.media.claims import ClaimedPath


def test_claimed_path_has_the_name_of_its_session(tmp_path: Path) -> None:
    """Each call finds its own."""
    name = str(tmp_path / "${call}" / "${call}.jsonl")
    assert ClaimedPath(name, "rtc_1").path == tmp_path / "rtc_1" / "rtc_1.jsonl"
    assert ClaimedPath(name, "").path == tmp_path / "session" / "session.jsonl"


def test_second_session_writes_beside_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It would destroy the lines of the first; the log says so once."""
    (tmp_path / "link").symlink_to(tmp_path)
    first = ClaimedPath(str(tmp_path / "all.jsonl"), "rtc_1")
    others = [ClaimedPath(str(tmp_path / folder / "all.jsonl"), "rtc_2") for folder in ("", "", "link")]
    assert [each.path.name for each in others] == ["all-2.jsonl", "all-3.jsonl", "all-4.jsonl"]
    assert len(caplog.records) == 2  # one for each way in which the path was written
    first.release()
    assert ClaimedPath(str(tmp_path / "all.jsonl"), "rtc_3").path.name == "all.jsonl"


def test_path_is_free_when_its_session_is_gone(tmp_path: Path) -> None:
    """Also if it was cancelled while it opened, and released nothing."""
    name = str(tmp_path / "all.jsonl")
    paths = [ClaimedPath(name, session).path for session in ("rtc_1", "rtc_2")]
    assert [path.name for path in paths] == ["all.jsonl"] * 2


def test_device_may_be_shared() -> None:
    """Nobody loses lines there."""
    both = [ClaimedPath(os.devnull, "rtc_1"), ClaimedPath(os.devnull, "rtc_2")]
    assert [str(each.path) for each in both] == [os.devnull] * 2
