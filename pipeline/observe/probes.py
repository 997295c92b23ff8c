"""What the operating system says of this process: processor time and memory, and how much it may have."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator

_PROC = "/proc/self"
_GROUPS = "/sys/fs/cgroup"


class Probes:
    """Reads the files of the kernel, which answers from memory: none of it blocks. Close it at the end.

    Outside Linux the memory in use is the most that ever was, and there are no limits but the machine's.
    """

    def __init__(self) -> None:
        self.cores = _cores()
        """Those that the process may use; a share of one counts as such."""
        self.memory_limit = _memory_limit()
        """Bytes that the process may use."""
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._statm = _open(f"{_PROC}/statm")

    def cpu(self) -> float:
        """Seconds of processor time that the process has used, all threads together."""
        times = os.times()
        return times.user + times.system

    def memory(self) -> int:
        """Bytes of memory in use."""
        if self._statm >= 0:
            return int(os.pread(self._statm, 128, 0).split()[1]) * self._page
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024

    def close(self) -> None:
        """Closes what it reads from."""
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1


def _cores() -> float:
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for quota, period in _settings("cpu.max"):
        cores = min(cores, quota / period)
    for (quota,), (period,) in zip(_settings("cpu/cpu.cfs_quota_us"), _settings("cpu/cpu.cfs_period_us"), strict=False):
        cores = min(cores, quota / period)
    return cores


def _memory_limit() -> int:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [*_settings("memory.max"), *_settings("memory/memory.limit_in_bytes")]
    return min(total, *(limit for (limit,) in limits), total)


def _settings(name: str) -> Iterator[list[int]]:
    """The numbers that a control group's file says, for each group around this process that sets any."""
    folder, _, file = name.rpartition("/")
    for group in _groups(folder):
        numbers = _read(f"{_GROUPS}/{folder}{group}/{file}").split()
        if numbers and all(number.isdigit() for number in numbers):  # not `max`, not -1
            yield [int(number) for number in numbers]


def _groups(controller: str) -> Iterator[str]:
    """The paths of this process's control groups, from its own up to the root, which is empty."""
    for line in _read(f"{_PROC}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            while path.strip("/"):
                yield path
                path = path.rpartition("/")[0]
    yield ""


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return -1


def _read(path: str) -> str:
    if (file := _open(path)) < 0:
        return ""
    try:
        return os.pread(file, 4096, 0).decode()
    finally:
        os.close(file)
