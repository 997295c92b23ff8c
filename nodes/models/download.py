"""One distribution from the Python registry to a file, checked on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from nodes.models.entries import Distribution
from nodes.models.index import find, index_url
from nodes.models.reasons import OFFLINE, Unusable
from pipeline.errors import NetworkError

_TIMEOUT = httpx.Timeout(10.0, read=60.0)
_BLOCK = 1 << 18


def download(wanted: Distribution, target: Path, got: Callable[[int], None]) -> None:
    """Writes the distribution's file to `target`; `got` hears of each block's size.

    Raises NetworkError where the registry does not answer, `Unusable` where it does not have
    the file or has another one; then nothing is left at `target`.
    """
    with _network(wanted.file), httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
        address = find(client, wanted.name, wanted.file)
        if address is None:
            raise Unusable(f"the registry at {_host()} does not have {wanted.file}")
        with client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer:
            answer.raise_for_status()
            digest = _save(answer.iter_raw(_BLOCK), target, got)
    if digest != wanted.sha256:
        target.unlink()
        raise Unusable(f"{wanted.file} from {_host()} has sha256 {digest}, not {wanted.sha256}: it was deleted")


def _save(blocks: Iterator[bytes], target: Path, got: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for block in blocks:
            file.write(block)
            digest.update(block)
            got(len(block))
    return digest.hexdigest()


@contextmanager
def _network(file: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise NetworkError(f"the registry at {_host()} answered {status} for {file}", hint=OFFLINE) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        raise NetworkError(f"{file} could not be fetched from {_host()}: {said}", hint=OFFLINE) from error


def _host() -> str:
    # The host alone: an index address may carry a password.
    return urlsplit(index_url()).hostname or index_url()
