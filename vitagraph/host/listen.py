"""The socket and the certificate, before anything is loaded: what is wrong with them is told at once."""

from __future__ import annotations

import errno
import socket
import ssl

from pipeline.errors import ResourceError, UserInputError
from vitagraph.host.settings import Settings

BACKLOG = 1024


def listen(settings: Settings) -> socket.socket:
    """Takes the address; raises ResourceError where it is taken, UserInputError where it is not ours."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=family == socket.AF_INET6 and settings.host == "::",
        )
    except OSError as error:
        raise _explained(error, settings) from error


def tls(settings: Settings) -> ssl.SSLContext | None:
    """What to speak https with; None for http. Raises UserInputError where a file cannot be used."""
    if settings.certificate is None and settings.private_key is None:
        return None
    if settings.certificate is None or settings.private_key is None:
        raise UserInputError(
            "https needs a certificate and its private key", hint="give both --certificate and --private-key"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password given here, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(settings.certificate, settings.private_key, password="")
    except OSError as error:  # ssl.SSLError is one
        raise UserInputError(
            f"{settings.certificate} and {settings.private_key} cannot be used for https: {error.strerror or error}",
            hint="both must be PEM files that can be read, the key the certificate's own and without a password",
        ) from error
    return context


def _explained(error: OSError, settings: Settings) -> ResourceError | UserInputError:
    where = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return ResourceError(
            f"{where} is taken by another program",
            hint=f"choose another port, --port {settings.port + 1}, or stop the other program",
        )
    if error.errno == errno.EACCES:
        return ResourceError(f"{where} needs more rights than this program has", hint="choose a port from 1024 on")
    return UserInputError(
        f"the host cannot listen at {where}: {error.strerror}",
        hint="give an address of this machine: --host 127.0.0.1 for itself, 0.0.0.0 for everybody who reaches it",
    )
