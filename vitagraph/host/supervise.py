"""Keeps a host running: `vitagraph serve --supervise`.

The supervisor binds the address and runs two hosts as processes of their own. One serves; the other has
loaded its models and waits. If the first one crashes, is killed, or its event loop stands still, the second
one takes over at once, and a new one is started to wait. Client secrets pass from one to the next in a
file that only the user can read (secret_file.py), so that callers can reconnect.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.observe.probes import Probes
from vitagraph.host.handover import BEAT, SERVING, TAKE_OVER, VARIABLE, WARM
from vitagraph.host.listening import listen
from vitagraph.host.settings import HostSettings

LOOK = 0.5
"""Seconds between two looks at the hosts."""
FROZEN = 15.0
"""Seconds without a beat of its event loop after which a host is killed."""
STANDBY_DELAY = 5.0
"""Seconds from the beginning of service to the start of the next standby, which takes a core for a while: callers
reconnect first."""
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before a host is started again, after so many failures in a row."""
STABLE = 60.0
"""Seconds of service after which a failure is the first in a row again."""
_KILLED = 128
"""Plus the signal: the exit code of a program that was killed, as shells report it."""
MEMORY = 0.8
"""The share of the memory that two hosts may take; where it would be more, no standby is started."""

_log = logging.getLogger("vitagraph.host")


def supervise(settings: HostSettings, arguments: Sequence[str], say: Callable[[str], None]) -> int:
    """Runs `vitagraph` with these arguments under supervision until a signal; returns its exit code.

    SIGINT and SIGTERM are passed on. `say` gets a line when the second host is ready. Raises ResourceError or
    UserInputError if the address cannot be used.
    """
    with listen(settings) as listening, tempfile.TemporaryDirectory(prefix="vitagraph-") as folder:
        command = (sys.executable, "-m", "vitagraph", *arguments)
        return asyncio.run(Supervisor(command, listening, Path(folder) / "secrets", say).run())


class HostProcess:
    """One host as a process."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.pid = process.pid
        self.warm = False
        """Whether its models are loaded."""
        self.since: float | None = None
        """When it began to serve; None if it does not."""
        self._process = process
        self._control = control
        self._now = asyncio.get_running_loop().time
        self._beats = False
        """Whether its event loop runs; it does not yet while the program is imported."""
        self._looks = 0
        """How often it was looked at since the last beat. Where the whole machine pauses, that is once."""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str], listening: socket.socket, state: Path) -> HostProcess:
        """Starts one, in a session of its own: Ctrl-C in a terminal reaches only the supervisor."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            descriptors = (listening.fileno(), theirs.fileno())
            environment = {**os.environ, VARIABLE: f"{descriptors[0]},{descriptors[1]},{state}"}
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=descriptors, env=environment, start_new_session=True
            )
        return cls(process, ours)

    @property
    def code(self) -> int | None:
        """Its exit code, or the signal that killed it as a negative number; None while it runs."""
        return self._process.returncode

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.code or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def look(self) -> bool:
        """Whether its event loop stands still; to be called every `LOOK` seconds."""
        self._looks += 1
        return self._beats and self._looks * LOOK > FROZEN

    def memory(self) -> int:
        """Bytes of memory in use; 0 if the system does not tell."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0

    def take_over(self) -> None:
        """Lets it serve, once it is warm."""
        with suppress(OSError):
            self._control.send(TAKE_OVER)

    def signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        # Process.send_signal would also look whether it has ended, and so take its exit code from asyncio's thread.
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self) -> int:
        """Returns its exit code once it has ended."""
        code = await self._process.wait()
        await self._reading
        return code

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        with self._control, suppress(OSError):
            while received := await loop.sock_recv(self._control, 64):
                if BEAT in received:
                    self._beats, self._looks = True, 0
                self.warm = self.warm or WARM in received
                if SERVING in received:
                    self.since = self._now()


class Supervisor:
    """Runs hosts, one after the other, until it is told to stop. `listening` is closed by then."""

    def __init__(
        self, command: Sequence[str], listening: socket.socket, state: Path, say: Callable[[str], None]
    ) -> None:
        self._command = command
        self._listening = listening
        self._state = state
        self._say = say
        self._active: HostProcess | None = None
        self._standby: HostProcess | None = None
        self._failures = 0
        """How many hosts in a row have failed soon."""
        self._stopping = asyncio.Event()
        self._probes = Probes()
        self._short_of_memory = False

    async def run(self) -> int:
        """Returns the exit code of the last host."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop, number)
        keeping = asyncio.create_task(self._keep_standby())
        try:
            return await self._run()
        finally:
            keeping.cancel()
            await asyncio.wait((keeping,))
            await self._end_all()
            self._probes.close()

    async def _run(self) -> int:
        now, served = asyncio.get_running_loop().time, False
        while (active := await self._next()) is not None:
            self._active = active
            if self._stopping.is_set():
                active.signal(signal.SIGTERM)
            active.take_over()
            code = await self._until_ended(active)
            served = served or active.since is not None
            # A host that never served tells the user why; one that ended in good order was told to.
            if self._stopping.is_set() or code == 0 or not served:
                return code if code >= 0 else _KILLED - code
            stable = active.since is not None and now() - active.since > STABLE
            self._failures = 1 if stable else self._failures + 1
            _log.error("the host %s; %s", active.ending, self._prospect())
        return 0

    async def _next(self) -> HostProcess | None:
        """The standby; if there is none, a new host, after a pause if the last ones failed. None after a signal."""
        standby, self._standby = self._standby, None
        if standby is not None and standby.code is None:
            return standby
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSES[min(max(self._failures - 1, 0), len(PAUSES) - 1)]):
                await self._stopping.wait()
        return None if self._stopping.is_set() else await self._start()

    async def _start(self) -> HostProcess:
        return await HostProcess.start(self._command, self._listening, self._state)

    async def _until_ended(self, host: HostProcess) -> int:
        """Waits for the end of a host; kills it if its event loop stands still."""
        ended = asyncio.create_task(host.wait())
        while not ended.done():
            await asyncio.wait((ended,), timeout=LOOK)
            if host.look() and not ended.done():
                _log.error("the event loop of the host stood still for %.0f s; it is killed", FROZEN)
                host.signal(signal.SIGKILL)
                await ended
        return ended.result()

    async def _keep_standby(self) -> None:
        """Sees to it that there is a standby while a host serves."""
        failures, told = 0, False
        while not self._stopping.is_set():
            await asyncio.sleep(LOOK)
            standby = self._standby
            if standby is None:
                told = False
                if self._wants_standby() and not self._stopping.is_set():
                    self._standby = await self._start_standby()
            elif standby.code is not None or standby.look():
                failures, self._standby = failures + 1, None
                standby.signal(signal.SIGKILL)
                await standby.wait()
                _log.error("the second host %s; another one is started later", standby.ending)
                await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            elif standby.warm and not told:
                failures, told = 0, True
                self._say("A second host is ready to take over.")

    async def _start_standby(self) -> HostProcess | None:
        try:
            return await self._start()
        except OSError as error:
            _log.error("a second host cannot be started: %s", error.strerror)
            await asyncio.sleep(PAUSES[-1])
            return None

    def _wants_standby(self) -> bool:
        active = self._active
        if active is None or active.since is None or active.code is not None:
            return False
        return asyncio.get_running_loop().time() - active.since > STANDBY_DELAY and self._has_memory(active)

    def _has_memory(self, active: HostProcess) -> bool:
        """Whether there is memory for a second host; logs a change."""
        short = 2 * active.memory() > MEMORY * self._probes.memory_limit
        if short and not self._short_of_memory:
            _log.warning("there is too little memory for a second host: after a crash, models are loaded first")
        self._short_of_memory = short
        return not short

    def _prospect(self) -> str:
        standby = self._standby
        if standby is None or standby.code is not None:
            return "it is started again"
        return "the second one takes over" if standby.warm else "the second one takes over once its models are loaded"

    def stop(self, number: int) -> None:
        """Passes a signal on to the hosts, and starts no other one."""
        self._stopping.set()
        self._listening.close()
        for host in (self._active, self._standby):
            if host is not None:
                host.signal(number)

    async def _end_all(self) -> None:
        for host in (self._active, self._standby):
            if host is not None:
                host.signal(signal.SIGKILL)
                await host.wait()
