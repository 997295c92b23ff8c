"""Compares the generated files with their source; --write rewrites them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "docs/graph.schema.json": ("schema",),
    "docs/nodes.md": ("inspect", "--markdown"),
    "deploy/prometheus/vitagraph.rules.yml": ("alerts", "--prometheus"),
}
BLOCKS = {
    "graph": ("graph", "graphs/assistant.yaml"),
    "nodes": ("inspect", "--table"),
}
"""Parts of README.md between `<!-- NAME -->` and `<!-- /NAME -->`."""


def generate(arguments: tuple[str, ...]) -> str:
    """The output of a command of the program."""
    command = [sys.executable, "-m", "vitagraph", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def readme(text: str) -> str:
    """README.md with its generated blocks up to date."""
    for name, arguments in BLOCKS.items():
        made = generate(arguments).strip()
        block = f"```mermaid\n{made}\n```" if name == "graph" else made
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda found, block=block: f"{found[1]}{block}\n{found[2]}", text, flags=re.DOTALL)
    return text


def main() -> int:
    """The exit code: 1 if a file is out of date."""
    made = {ROOT / name: generate(arguments) for name, arguments in FILES.items()}
    front = ROOT / "README.md"
    made[front] = readme(front.read_text(encoding="utf-8"))
    stale = [file for file, text in made.items() if not file.is_file() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        if "--write" in sys.argv[1:]:
            file.write_text(made[file], encoding="utf-8")
        else:
            sys.stderr.write(f"{file.relative_to(ROOT)} is out of date: run bin/check --fix\n")
    return bool(stale) and "--write" not in sys.argv[1:]


if __name__ == "__main__":
    sys.exit(main())
