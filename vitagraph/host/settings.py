"""The settings of the host; the options of `vitagraph serve` set them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.params import seconds
from vitagraph.alerts.spec import AlertRules
from vitagraph.host.admission import Thresholds

START_WITHIN = seconds(2)
"""Nanoseconds that a call waits for a primary member that is loading, before it starts with a fallback."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Times are in seconds."""

    host: str = "127.0.0.1"
    port: int = 8080
    calls: int = 100
    """Concurrent calls; more are refused."""
    calls_per_address: int = 20
    """Concurrent calls from one address."""
    call_length: float = 3600
    """The longest call; then it is ended."""
    idle: float = 300
    """Silence of both sides after which a call is ended."""
    health: float = 30
    """Interval between two probes of each member of the graphs; 0 for none."""
    timelines: int = 50
    """Ended calls whose timelines are kept in memory for the console."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """Load from which no call is taken."""
    alerts: AlertRules | None = None
    """When the operator is alarmed; None for the rules that come with the program."""
    drain: float = 30
    """How long calls may go on after the host was told to stop."""
    new_calls: str = "30/minute"
    """Rate limit of new calls from one address: so many a second, minute, hour or day."""
    sdp_bytes: int = 64_000
    """The longest offer."""
    message_bytes: int = 64_000
    """The longest event of a client."""
    origins: tuple[str, ...] = ()
    """Origins of other pages that may call, beside the host's own; `*` allows any."""
    key: str = ""
    """The key for making calls and client secrets; without one both are open to everybody."""
    state: Path | None = None
    """A file that keeps client secrets for the host's next start; without one they end with the process."""
    quality: Path | None = None
    """A file that keeps what each session was like for the person; None for none."""
    quality_keep: float = 90 * 86_400
    """How long it is kept."""
    names: tuple[str, ...] = ()
    """Names by which clients may address the host, beside `localhost` and IP addresses; empty for any name."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    ice: tuple[str, ...] = ()
    """Addresses of STUN and TURN servers, `stun:host:port` or `turn:host:port?transport=udp`."""
    turn_secret: str = ""
    """The secret shared with the TURN servers for short-lived credentials (coturn's use-auth-secret)."""
    certificate: Path | None = None
    """The certificate chain for https, PEM; requires `private_key`."""
    private_key: Path | None = None
    record: Path | None = None
    """A folder to which every call is recorded; None records nothing."""
    record_keep: float = 30 * 86_400
    """How long recordings are kept there."""
    record_nodes: tuple[str, ...] = ()
    """The nodes whose packets are recorded beside the sound; all if there are none."""
    avatar: Path | None = None
    """A GLB in place of the head that `vitagraph avatar build` makes."""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the host."""
        return self.host in {"127.0.0.1", "::1", "localhost"}

    @property
    def tls(self) -> bool:
        """Whether the host speaks https."""
        return self.certificate is not None
