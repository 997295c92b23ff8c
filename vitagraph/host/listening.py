"""The address that the host listens at, and its certificate."""

from __future__ import annotations

import errno
import socket
import ssl

from pipeline.errors import ResourceError, UserInputError
from vitagraph.host.settings import HostSettings

BACKLOG = 1024
"""Connections that wait to be accepted."""


def listen(settings: HostSettings) -> socket.socket:
    """Binds the address; raises ResourceError if it is in use, UserInputError if it is not of this machine."""
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
        raise _as_vitagraph_error(error, settings) from error


def tls(settings: HostSettings) -> ssl.SSLContext | None:
    """The context for https, None for http; raises UserInputError if a file cannot be used."""
    if settings.certificate is None and settings.private_key is None:
        return None
    if settings.certificate is None or settings.private_key is None:
        raise UserInputError(
            "https needs a certificate and its private key", hint="give both --certificate and --private-key"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(settings.certificate, settings.private_key, password="")
    except OSError as error:  # ssl.SSLError is one
        raise UserInputError(
            f"{settings.certificate} and {settings.private_key} cannot be used for https: {error.strerror or error}",
            hint="both must be PEM files that can be read, the key the certificate's own and without a password",
        ) from error
    return context


def _as_vitagraph_error(error: OSError, settings: HostSettings) -> ResourceError | UserInputError:
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
        hint="give an address of this machine: --host 127.0.0.1 for itself, 0.0.0.0 for all machines that can reach it",
    )
