"""Whatever goes wrong, a client gets JSON that it can read and words that a person can."""

from __future__ import annotations

import logging

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pipeline.errors import GraphError, ResourceError
from tests.vitagraph.host.fakes import FakeCallManager, Host, code
from vitagraph.host.errors import ApiError, api_error_of, sentences


@pytest.mark.parametrize(
    "error", [ValueError("secret of ours"), ResourceError("/secret of ours"), GraphError("secret")]
)
def test_http_internal_error_reveals_no_details(error: Exception) -> None:
    """No traceback, no path, not even the message: what the person cannot mend is for the log."""
    answer = Host(manager=FakeCallManager(error)).call()
    assert (answer.status_code, code(answer)) == (500, "internal_error")
    assert answer.json()["error"]["type"] == "server_error"
    assert "secret" not in answer.text


def test_http_internal_error_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Once, with the words of the error; what a client did wrong is not in it."""
    Host(manager=FakeCallManager(ResourceError("no such model", hint="pull it"))).call()
    Host().call("?graph=gone")
    records = [record for record in caplog.records if record.name.startswith("vitagraph")]
    assert [(record.levelno, record.exc_info) for record in records] == [(logging.ERROR, None)]
    assert "no such model" in records[0].getMessage()


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/graphs", 405, "method_not_allowed"),
        ("PUT", "/v1/realtime/calls", 405, "method_not_allowed"),
        ("DELETE", "/v1/realtime/calls/rtc_0", 404, "unknown_call"),
    ],
)
def test_http_unknown_path_has_the_json_error_shape(method: str, path: str, status: int, expected: str) -> None:
    """In the same shape."""
    answer = Host().request(method, path)
    assert (answer.status_code, code(answer)) == (status, expected)
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("error", [RequestValidationError([]), ClientDisconnect(), HTTPException(400, "<x>")])
def test_http_framework_errors_have_the_json_error_shape(error: Exception) -> None:
    """Its own words do not reach a client."""
    refusal = api_error_of(error)
    assert (refusal.status_code, refusal.code) == (400, "invalid_request")


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (9.2, "10"), (60, "60")])
def test_retry_after_is_in_whole_seconds(seconds: float, header: str) -> None:
    """As the header's rules say; never 0, which would be at once."""
    assert ApiError(503, "x", "X.", retry_after=seconds).response().headers["retry-after"] == header


def test_error_messages_are_sentences() -> None:
    """The engine's are in small letters, for a terminal."""
    assert sentences("there is none", "call again?") == "There is none. Call again?"
    assert sentences("Done.", "", " ") == "Done."
