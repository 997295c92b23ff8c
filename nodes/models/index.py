"""The package indexes that pip and npm use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from nodes.models.reasons import Unusable

TIMEOUT = 60.0
"""Seconds that pip may take to print its settings."""
PUBLIC = "https://pypi.org/simple"
PUBLIC_NPM = "https://registry.npmjs.org"
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_SETTING = re.compile(r"(:env:|download|global)\.index-url=(['\"])(.+)\2")


def index_url() -> str:
    """The simple index that pip is configured to use, or the public one.

    A local folder as index is ignored: it holds packages, not models.
    """
    chosen = os.environ.get("PIP_INDEX_URL") or configured_index()
    return chosen.rstrip("/") if urlsplit(chosen).scheme in ("http", "https") else PUBLIC


@lru_cache(maxsize=1)
def configured_index() -> str:
    """The index in pip's own settings; raises `Unusable` if pip does not answer in time."""
    # Only pip knows every place where its settings may be; without pip there are none.
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise Unusable(
            f"pip did not answer within {TIMEOUT:g} s which package index it uses",
            hint="set the environment variable PIP_INDEX_URL to that index",
        ) from error
    found = {match[1]: match[3] for match in _SETTING.finditer(asked.stdout)}
    return found.get(":env:") or found.get("download") or found.get("global") or PUBLIC


def npm_url() -> str:
    """The registry that npm is configured to use, or the public one."""
    chosen = os.environ.get("NPM_CONFIG_REGISTRY") or configured_registry()
    return chosen.rstrip("/")


@lru_cache(maxsize=1)
def configured_registry() -> str:
    """The registry in npm's own settings; the public one without npm."""
    npm = shutil.which("npm")
    if npm is None:
        return PUBLIC_NPM
    try:
        asked = subprocess.run(
            [npm, "config", "get", "registry"], capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return PUBLIC_NPM
    said = asked.stdout.strip()
    return said if urlsplit(said).scheme in ("http", "https") else PUBLIC_NPM


def npm_address(package: str, file: str) -> str:
    """The URL of a package file (`NAME-VERSION.tgz`)."""
    return f"{npm_url()}/{package}/-/{file}"


def find(client: httpx.Client, project: str, file: str) -> str | None:
    """The URL of a file of a project, or None if the index lacks it."""
    name = re.sub(r"[-_.]+", "-", project).lower()
    answer = client.get(f"{index_url()}/{name}/", headers={"Accept": _ACCEPT})
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    answer.raise_for_status()
    listed = _from_json(answer) if "json" in answer.headers.get("content-type", "") else _from_html(answer)
    return urljoin(str(answer.url), listed[file]) if file in listed else None


def _from_json(answer: httpx.Response) -> dict[str, str]:
    return {str(each["filename"]): str(each["url"]) for each in answer.json()["files"]}


def _from_html(answer: httpx.Response) -> dict[str, str]:
    links = _Links()
    links.feed(answer.text)
    return links.found


class _Links(HTMLParser):
    """Collects the URL of each link by its text, the file name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._address = dict(attrs).get("href") or ""

    def handle_data(self, data: str) -> None:
        if self._address and data.strip():
            self.found[data.strip()] = self._address

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._address = ""
