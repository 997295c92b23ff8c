"""What can be set of the host; the options of `vitagraph serve` say the same in more words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.params import seconds
from vitagraph.host.admission import Thresholds

START = seconds(2)
"""Nanoseconds that a caller waits for what is being loaded, where something simpler can begin."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it; times in seconds."""

    host: str = "127.0.0.1"
    port: int = 8080
    calls: int = 100
    """Calls at once; another one is refused until one ends."""
    call_length: float = 3600
    """After so long a call is ended."""
    idle: float = 300
    """After so long without a word from either side a call is ended."""
    health: float = 30
    """Between two looks at each member of the graphs; 0: nobody is looked at."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """Measures beyond which no call is taken."""
    drain: float = 30
    """How long calls may go on after the host was asked to stop."""
    new_calls: str = "30/minute"
    """New calls from one address: so many in any second, minute, hour or day."""
    sdp_bytes: int = 64_000
    """The longest offer."""
    message_bytes: int = 64_000
    """The longest event of a client."""
    origins: tuple[str, ...] = ()
    """Origins of other pages that may call; the host's own page always may. `*`: any."""
    key: str = ""
    """Who has it may call and mint client secrets; empty: everybody may."""
    ice: tuple[str, ...] = ()
    """Addresses of STUN and TURN servers, `stun:host:port` or `turn:host:port?transport=udp`."""
    turn_secret: str = ""
    """Shared with the TURN servers, to make short-lived credentials from (coturn's use-auth-secret)."""
    certificate: Path | None = None
    """TLS: the certificate chain, PEM; with `private_key`."""
    private_key: Path | None = None
    avatar: Path | None = None
    """A GLB in place of the head that `vitagraph avatar build` makes."""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the host."""
        return self.host in {"127.0.0.1", "::1", "localhost"}

    @property
    def tls(self) -> bool:
        """Whether pages and calls go over https."""
        return self.certificate is not None
