"""The docs: their links lead somewhere, their commands exist, and their long example is the one that is tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from vitagraph.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), ROOT / "web/README.md"])
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"(?:bin/|^[ #]*|`)vitagraph((?: +[^\s`|#]+)+)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_chinese_readme_lists_the_same_graphs_and_pages() -> None:
    """Who reads it misses nothing that the English one leads to."""
    english, chinese = (
        set(_LINK.findall((ROOT / name).read_text(encoding="utf-8"))) for name in ("README.md", "README.zh.md")
    )
    assert english - {"README.zh.md"} == chinese - {"README.md"}


def commands() -> Iterator[tuple[str, list[str]]]:
    """The arguments of every `vitagraph` in the docs and the graphs, with its page."""
    for page in [*PAGES, *sorted(ROOT.glob("graphs/*.yaml")), *sorted(ROOT.glob("examples/**/*.yaml"))]:
        for written in _COMMAND.findall(page.read_text(encoding="utf-8")):
            yield page.name, written.split()


def test_documented_commands_and_options_exist() -> None:
    group = typer.main.get_command(app)
    wrong = []
    for page, arguments in commands():
        command = group
        while arguments and arguments[0] in getattr(command, "commands", {}):
            command = command.commands[arguments.pop(0)]  # type: ignore[attr-defined]
        known = {name for option in command.params for name in option.opts}
        wrong += [(page, command.name, word) for word in arguments if word.startswith("--") and word not in known]
        wrong += [(page, command.name, word) for word in arguments[:1] if command is group]
    assert wrong == []


def test_example_of_all_hooks_is_quoted_from_its_package() -> None:
    """The package's own tests run it."""
    source = (ROOT / "examples/own-node/own_node/captions.py").read_text(encoding="utf-8")
    begin, end = source.index("class Captions(Service"), source.index("def rest(")
    assert source[begin:end].strip() in (ROOT / "docs/writing-a-node.md").read_text(encoding="utf-8")
