"""The address that the host listens at, and its certificate."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import ResourceError, UserInputError
from tests.vitagraph.host.fakes import make_certificate
from vitagraph.host.listening import listen, tls
from vitagraph.host.settings import HostSettings


def test_listen_reserves_a_free_port() -> None:
    """And no other program gets it meanwhile."""
    with listen(HostSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ResourceError, match=f"port {port} is taken") as error:
            listen(HostSettings(port=port))
    assert f"--port {port + 1}" in error.value.hint


def test_listen_on_ipv6_wildcard_accepts_ipv4() -> None:
    """By IPv4 as well as by IPv6."""
    with listen(HostSettings(host="::", port=0)) as taken:
        socket.create_connection(("127.0.0.1", taken.getsockname()[1]), timeout=5).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_listen_address_of_another_machine_is_reported(host: str) -> None:
    """With what to write instead."""
    with pytest.raises(UserInputError, match=f"cannot listen at {host}") as error:
        listen(HostSettings(host=host, port=0))
    assert "--host" in error.value.hint


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One for localhost that nobody signed, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_listen_uses_a_certificate_with_its_key(certificate: tuple[Path, Path]) -> None:
    """With its key; without both it is http."""
    chain, key = certificate
    assert tls(HostSettings(certificate=chain, private_key=key)) is not None
    assert tls(HostSettings()) is None


def test_listen_certificate_and_key_are_required_together(certificate: tuple[Path, Path]) -> None:
    """Which options belong together."""
    chain, key = certificate
    for settings in (HostSettings(certificate=chain), HostSettings(private_key=key)):
        with pytest.raises(UserInputError) as error:
            tls(settings)
        assert "--certificate and --private-key" in error.value.hint


def test_listen_invalid_certificate_is_reported(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """A missing file, one that is something else, a key with a password: nothing is asked on the terminal."""
    chain, key = certificate
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-in", str(key), "-aes128", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    for one, other in ((tmp_path / "none.pem", key), (chain, chain), (Path(__file__), key), (chain, locked)):
        with pytest.raises(UserInputError, match="cannot be used for https"):
            tls(HostSettings(certificate=one, private_key=other))
