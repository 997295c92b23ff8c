"""What the system says of this process."""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.observe import probes
from pipeline.observe.probes import Probes


@pytest.fixture
def open_probes() -> Iterator[list[Probes]]:
    opened: list[Probes] = []
    yield opened
    for each in opened:
        each.close()


def test_probes_measure_this_process(no_leaks: None) -> None:
    """Figures of another process, or none, would let this one run into its end. In the event loop it blocks nothing."""

    async def main() -> None:
        machine = Probes()
        # Straight from the system: what malloc has kept of earlier tests would be no growth.
        before, held = machine.memory(), mmap.mmap(-1, 64_000_000)
        held[::1000] = b"x" * len(held[::1000])
        assert 50_000_000 < machine.memory() - before < 80_000_000
        held.close()
        assert before < machine.memory_limit <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert 0 < machine.cores <= (os.cpu_count() or 1)
        begun = machine.cpu()
        while machine.cpu() - begun < 0.02:
            os.getpid()
        machine.close()
        machine.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("0::/box/inner", {"box/memory.max": "1000000", "box/inner/memory.max": "max", "box/cpu.max": "50000 100000"}),
        ("0::/", {"memory.max": "1000000", "cpu.max": "50000 100000"}),
        (
            "4:cpu,cpuacct:/box\n3:memory:/box",
            {
                "memory/box/memory.limit_in_bytes": "1000000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "cpu/box/cpu.cfs_quota_us": "50000",
                "cpu/box/cpu.cfs_period_us": "100000",
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
            },
        ),
    ],
    ids=["version 2", "in a container", "version 1"],
)
def test_probes_read_container_limits(
    group: str, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_probes: list[Probes]
) -> None:
    """In a container with half a core and little memory it would believe that it had the whole machine."""
    (tmp_path / "cgroup").write_text(group + "\n")
    for name, said in files.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(said + "\n")
    (tmp_path / "statm").write_text("100 25 5 0 0 0 0\n")
    monkeypatch.setattr(probes, "_PROC", str(tmp_path))
    monkeypatch.setattr(probes, "_GROUPS", str(tmp_path / "groups"))
    open_probes.append(machine := Probes())
    assert (machine.memory_limit, machine.cores) == (1_000_000, 0.5)
    assert machine.memory() == 25 * os.sysconf("SC_PAGE_SIZE")


def test_probes_work_without_procfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_probes: list[Probes]) -> None:
    """On macOS the program would not start."""
    monkeypatch.setattr(probes, "_PROC", str(tmp_path / "none"))
    monkeypatch.setattr(probes, "_GROUPS", str(tmp_path / "none"))
    open_probes.append(machine := Probes())
    assert machine.memory() > 1_000_000
    assert machine.memory_limit > machine.memory() and machine.cores >= 1
