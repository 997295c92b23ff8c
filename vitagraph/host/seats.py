"""Seats: connected calls have one each; calls that are still to connect are few, for each address and in total."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import AdmissionError
from vitagraph.host.admission import Refusal
from vitagraph.host.call import CONNECT_TIMEOUT, Call

UNCONNECTED = 32
"""Calls that may be unconnected at once; each ends after `CONNECT_TIMEOUT` unless its client connects."""
UNCONNECTED_PER_ADDRESS = 6
"""Those of one address."""
RETRY_AFTER = 10
"""Seconds after which a client may try again when all lines are busy."""


class TooManyFromAddress(AdmissionError):
    """One address has as many calls as it may have."""


class Seats:
    """The calls of a host, by id. `most` may be connected at once, and `per_address` of one address may exist.

    An address is that of a network (`limits.network_of`); an empty one is unknown, and not limited.
    """

    def __init__(self, most: int, per_address: int) -> None:
        self.calls: dict[str, Call] = {}
        self._most = most
        self._per_address = per_address
        self._pending: list[str] = []
        """The addresses of offers that are being answered."""

    @property
    def count(self) -> int:
        """The number of calls, connected or not, with offers that are being answered."""
        return len(self.calls) + len(self._pending)

    def taken(self) -> list[Call]:
        """The connected calls."""
        return [call for call in self.calls.values() if call.seated is not None]

    @property
    def free(self) -> int:
        """How many further calls could be connected."""
        return max(0, self._most - len(self.taken()))

    def shortage(self) -> Refusal | None:
        """Why no further call can be connected; None if one can."""
        if len(self.taken()) >= self._most:
            return Refusal(f"all {self._most} lines are busy", "raise --calls on the host", RETRY_AFTER, "full")
        return None

    def crowd(self) -> Refusal | None:
        """Why no further call may wait for its client to connect; None if one may."""
        if self.count - len(self.taken()) >= UNCONNECTED:
            detail = f"{UNCONNECTED} calls are unconnected"
            return Refusal("many calls have come at once", detail, CONNECT_TIMEOUT, "crowd")
        return None

    @contextmanager
    def pending(self, address: str) -> Iterator[None]:
        """Counts an offer as unconnected while it is being answered."""
        self._pending.append(address)
        try:
            yield
        finally:
            self._pending.remove(address)

    def check_address(self, address: str, *, returning: bool = False) -> None:
        """Raises TooManyFromAddress if no further call may come from an address.

        Calls that return may wait together: after a restart of the host all callers of an office do.
        """
        if not address:
            return
        calls = [call for call in self.calls.values() if call.address == address]
        pending = self._pending.count(address)
        if pending + len(calls) >= self._per_address:
            raise TooManyFromAddress(
                f"There are {self._per_address} calls from here already, which is the most.",
                retry_after=RETRY_AFTER,
                hint="raise --calls-per-address on the host",
            )
        unconnected = pending + sum(call.seated is None for call in calls)
        if unconnected >= UNCONNECTED_PER_ADDRESS and not returning:
            raise TooManyFromAddress("Other calls from here have yet to connect.", retry_after=CONNECT_TIMEOUT)
