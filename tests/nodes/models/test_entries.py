"""The shipped catalogue, and reading one of the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.models import RegistrySource, catalogue
from nodes.models.entries import entry, home
from pipeline.errors import ResourceError, UserInputError


def test_catalogue_entries_are_all_pinned(home: Path) -> None:
    """An unpinned file could be replaced by anything."""
    for name, model in catalogue().items():
        digests = [*model.files.values()]
        for source in model.sources:
            if isinstance(source, RegistrySource):
                digests += [each.sha256 for each in source.distributions]
        assert model.files, name
        assert all(len(digest) == 64 and int(digest, 16) for digest in digests), name
        assert model.licence, name
        assert not model.main or model.main in model.files, name


def test_catalogue_joined_parts_match_the_files(home: Path) -> None:
    """A part that is not listed would leave the file incomplete."""
    for model in catalogue().values():
        for source in model.sources:
            if isinstance(source, RegistrySource):
                assert set(source.joins) <= set(model.files)


def test_models_home_is_the_user_cache_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITAGRAPH_HOME", raising=False)
    assert home().name == "vitagraph"
    monkeypatch.setenv("VITAGRAPH_HOME", "~/elsewhere")
    assert home() == Path.home() / "elsewhere"


def test_catalogue_misspelt_name_suggests_a_similar_one(home: Path) -> None:
    with pytest.raises(ResourceError, match="no model is called 'wisper-tiny'") as caught:
        entry("wisper-tiny")
    assert "did you mean whisper-tiny.en" in caught.value.hint


def test_catalogue_unknown_name_lists_the_known_ones(home: Path) -> None:
    with pytest.raises(ResourceError) as caught:
        entry("zzzz")
    assert "piper-joe" in caught.value.hint


def test_catalogue_of_the_user_extends_the_default_one(toy: str) -> None:
    assert {toy, "whisper-tiny.en"} <= set(catalogue())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("toy: {description: x}", "licence"),
        ("toy: [", "invalid catalogue"),
        (
            "toy: {description: x, licence: x, size: 1, files: {../out: ab}, sources: []}",
            "leads out of the folder",
        ),
        ("toy: {description: x, licence: x, size: 1, files: {}, sources: [{from: ftp}]}", "ftp"),
    ],
)
def test_catalogue_file_error_says_what_is_wrong(home: Path, text: str, says: str) -> None:
    (home / "catalogue.yaml").write_text(text)
    with pytest.raises(UserInputError) as caught:
        catalogue()
    assert says in str(caught.value)
    assert str(home / "catalogue.yaml") in str(caught.value)
