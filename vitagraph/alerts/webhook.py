"""Posts alerts to URLs, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from vitagraph.alerts.spec import AlertRule
from vitagraph.observe.timeline import AlertState

if TYPE_CHECKING:
    from httpx2 import AsyncClient

log = logging.getLogger(__name__)

WAITING = 64
"""Alerts that may wait to be posted; beyond that the oldest are dropped."""
TIMEOUT = 10.0
"""Seconds for one post, with its retries."""
RETRIES = 3
"""Further attempts to connect, after 0, 0.5 and 1 s."""


class AlertWebhooks:
    """An AlertListener that posts each alert as JSON to the URL of its rule, or else to `url`; empty for none.

    The body has what `/console` shows of the alert, and `state`: `firing` or `cleared`. A post that fails is
    logged with the name of its server, never with the URL, which may contain a secret.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[tuple[str, AlertState]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._client: AsyncClient | None = None

    def __call__(self, rule: AlertRule, alert: AlertState) -> None:
        """Takes an alert that has fired, or cleared; returns at once."""
        url = rule.webhook or self._url
        if not url:
            return
        if len(self._waiting) >= WAITING:
            lost = self._waiting.popleft()[1]
            log.warning("the webhook is too slow: alert %s was not posted", lost.name)
        self._waiting.append((url, alert))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._post_all(), name="alert webhooks")

    async def stop(self) -> None:
        """Gives up what is not posted yet."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _post_all(self) -> None:
        if self._client is None:
            self._client = await asyncio.to_thread(_make_client)  # it reads certificates
        while self._waiting:
            url, alert = self._waiting.popleft()
            if problem := await _post(self._client, url, body_of(alert)):
                log.warning("alert %s was not posted to %s: %s", alert.name, urlsplit(url).hostname, problem)


def body_of(alert: AlertState) -> bytes:
    """The alert as JSON."""
    state = "firing" if alert.cleared is None else "cleared"
    return msgspec.json.encode({"state": state, **msgspec.structs.asdict(alert)})


def _make_client() -> AsyncClient:
    import httpx2

    return httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(retries=RETRIES), timeout=TIMEOUT)


async def _post(client: AsyncClient, url: str, body: bytes) -> str:
    """What went wrong; empty if nothing did. The answer's body is not read."""
    import httpx2

    try:
        async with (
            asyncio.timeout(TIMEOUT),
            client.stream("POST", url, content=body, headers={"Content-Type": "application/json"}) as answer,
        ):
            return "" if answer.is_success else f"status {answer.status_code}"
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        return type(error).__name__
