"""Downloads a distribution from the package index that pip or npm uses, and checks it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from nodes.models.entries import Distribution
from nodes.models.index import find, index_url, npm_address, npm_url
from nodes.models.reasons import OFFLINE, Unusable
from pipeline.errors import NetworkError

_TIMEOUT = httpx.Timeout(10.0, read=60.0)
_BLOCK = 1 << 18


def download(wanted: Distribution, target: Path, got: Callable[[int], None]) -> None:
    """Writes the file of a distribution to `target`; calls `got` with the size of each block.

    Raises NetworkError if the index does not answer, and `Unusable` if it lacks the file or has
    one with another checksum; then nothing is left at `target`.
    """
    host = _host(wanted)
    with _network(wanted.file, host), httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
        npm = wanted.index == "npm"
        address = npm_address(wanted.name, wanted.file) if npm else find(client, wanted.name, wanted.file)
        if address is None:
            raise Unusable(f"the registry at {host} does not have {wanted.file}")
        with client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise Unusable(f"the registry at {host} does not have {wanted.file}")
            answer.raise_for_status()
            digest = _save(answer.iter_raw(_BLOCK), target, got)
    if digest != wanted.sha256:
        target.unlink()
        raise Unusable(f"{wanted.file} from {host} has sha256 {digest}, not {wanted.sha256}; it was deleted")


def _save(blocks: Iterator[bytes], target: Path, got: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for block in blocks:
            file.write(block)
            digest.update(block)
            got(len(block))
    return digest.hexdigest()


@contextmanager
def _network(file: str, host: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise NetworkError(f"the registry at {host} answered {status} for {file}", hint=OFFLINE) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        raise NetworkError(f"{file} could not be fetched from {host}: {said}", hint=OFFLINE) from error


def _host(wanted: Distribution) -> str:
    # Only the host: the URL may contain a password.
    address = npm_url() if wanted.index == "npm" else index_url()
    return urlsplit(address).hostname or address
