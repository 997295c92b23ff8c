"""Calls over HTTP, in the shape of the OpenAI Realtime API."""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any

import httpx
import openai
import pytest
from openai.types.realtime import ClientSecretCreateResponse

from pipeline.errors import AdmissionError, UserInputError
from tests.vitagraph.host.fakes import CALLS, OFFER, SECRETS, FakeCallManager, Host, bearer, code


def test_calls_endpoint_answers_an_offer() -> None:
    """The page gets the answer's SDP, and the address by which it hangs up."""
    host = Host()
    answer = host.call("?graph=echo")
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("application/sdp")
    assert answer.text == host.manager.calls[0].answer
    assert answer.headers["location"] == f"{CALLS}/rtc_0"
    assert (host.manager.offers[0].sdp, host.manager.offers[0].graph) == (OFFER, "echo")


def test_calls_endpoint_accepts_offer_and_session_as_form() -> None:
    """So do the SDKs send it: fields, or parts with a content type."""
    host = Host()
    session = {"type": "realtime", "instructions": "Be brief."}
    assert host.post(CALLS, files={"sdp": (None, OFFER), "session": (None, json.dumps(session))}).status_code == 201
    files = {"sdp": ("a", OFFER, "application/sdp"), "session": ("b", json.dumps(session), "application/json")}
    assert host.post(CALLS, files=files).status_code == 201
    assert [(offer.sdp, offer.session) for offer in host.manager.offers] == [(OFFER, session)] * 2


@pytest.mark.parametrize(
    ("query", "session", "graph"),
    [
        ("", {}, None),
        ("?graph=echo&model=assistant", {"model": "assistant"}, "echo"),
        ("?model=echo", {"model": "assistant"}, "echo"),
        ("?model=gpt-realtime", {"model": "echo"}, "echo"),
        ("?model=gpt-realtime", {"model": "gpt-realtime"}, None),
        ("", {"model": ["echo"]}, None),
    ],
)
def test_calls_endpoint_selects_the_graph_by_model_name(query: str, session: dict[str, Any], graph: str | None) -> None:
    """Clients of the API name a model; where it is none of ours the default answers."""
    host = Host()
    host.post(f"{CALLS}{query}", files={"sdp": (None, OFFER), "session": (None, json.dumps(session))})
    assert host.manager.offers[0].graph == graph


def test_calls_endpoint_refuses_an_unknown_graph() -> None:
    """The page says so, and the message which there are."""
    host = Host()
    answer = host.call("?graph=gone")
    assert (answer.status_code, code(answer)) == (404, "unknown_graph")
    assert "assistant, echo" in answer.json()["error"]["message"]
    assert host.manager.offers == []


@pytest.mark.parametrize(("method", "path", "status"), [("DELETE", "", 204), ("POST", "/hangup", 200)])
def test_calls_endpoint_hangs_up(method: str, path: str, status: int) -> None:
    """By the call's address; a second time it has ended already, which is as good."""
    host = Host()
    address = host.call().headers["location"] + path
    assert host.request(method, address).status_code == status
    assert host.manager.calls[0].ended == ["the caller hung up"]
    assert host.request(method, address).status_code == status
    assert len(host.manager.calls[0].ended) == 1
    unknown = host.request(method, address.replace("rtc_", "rtc_0"))
    assert (unknown.status_code, code(unknown)) == (404, "unknown_call")


def test_calls_endpoint_full_host_sends_retry_after() -> None:
    """The page shows the message as it is: what the operator could do is not in it."""
    full = AdmissionError("sorry, all lines are busy", retry_after=9.2, hint="raise --calls")
    answer = Host(manager=FakeCallManager(full)).call()
    assert (answer.status_code, code(answer), answer.headers["retry-after"]) == (503, "no_seat", "10")
    assert answer.json()["error"]["message"] == "Sorry, all lines are busy. Try again in 10 seconds."


def test_calls_endpoint_unanswerable_offer_is_a_client_error() -> None:
    """Whoever writes a client is told what is wrong with its offer."""
    error = UserInputError("the offer has no audio", hint="add a track")
    answer = Host(manager=FakeCallManager(error)).call()
    assert (answer.status_code, code(answer)) == (400, "unusable_input")
    assert answer.json()["error"]["message"] == "The offer has no audio. Add a track."


def test_calls_endpoint_limits_calls_per_address() -> None:
    """One machine cannot take all lines; others are not held up by it."""
    host = Host(new_calls="2/minute")
    assert [host.call().status_code for _ in range(2)] == [201, 201]
    refused = host.call()
    assert (refused.status_code, code(refused)) == (429, "too_many_calls")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert host.call(client="192.0.2.2").status_code == 201


def test_client_secret_response_is_readable_by_the_sdk() -> None:
    """Its class takes the answer, and the session in it is the one asked for."""
    asked = {"session": {"type": "realtime", "instructions": "Be brief."}, "expires_after": {"seconds": 60}}
    answer = Host().post(SECRETS, json=asked)
    secret = ClientSecretCreateResponse.model_validate_json(answer.content, strict=True)
    assert answer.headers["cache-control"] == "no-store"
    assert secret.value.startswith("ek_")
    assert secret.session.type == "realtime" and secret.session.instructions == "Be brief."


@pytest.mark.parametrize(
    "asked",
    [
        '{"expires_after": {"seconds": 9}}',
        '{"expires_after": {"seconds": 7201}}',
        '{"expires_after": {"anchor": "now"}}',
        '{"session": []}',
        '{"session": {"type": "transcription"}}',
        '{"session": {"a": NaN}}',
        "[]",
        "{",
    ],
)
def test_client_secret_request_that_is_invalid_is_refused(asked: str) -> None:
    """With 400 and not with a secret that is something else."""
    answer = Host().post(SECRETS, content=asked, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert code(answer) in {"invalid_request", "bad_session"}


LOCKED = {"session": {"instructions": "Be brief.", "model": "echo", "audio": {"output": {"voice": "joe"}}}}


def called(host: Host, token: str, query: str = "", **session: Any) -> httpx.Response:
    """A call with a secret, and with a session of the caller's."""
    files = {"sdp": (None, OFFER), "session": (None, json.dumps(session))}
    return host.post(f"{CALLS}{query}", files=files, headers=bearer(token))


def test_client_secret_fixes_graph_and_instructions() -> None:
    """They are in force without being asked for; a page may repeat them, and may set what is not fixed."""
    host = Host()
    answer = host.post(SECRETS, json=LOCKED).json()
    assert {"model": "echo", "instructions": "Be brief."}.items() <= answer["session"].items()
    assert "audio" not in answer["session"], "what the host does not use is not kept"
    assert called(host, answer["value"]).status_code == 201
    assert called(host, host.secret(json=LOCKED), "?graph=echo&model=gpt-realtime", instructions="Be brief.").is_success
    for offer in host.manager.offers:
        assert (offer.graph, offer.session["instructions"], offer.instructions_locked) == ("echo", "Be brief.", True)
    assert called(host, host.secret(json={}), "?graph=echo", instructions="Shout.").status_code == 201
    free = host.manager.offers[-1]
    assert (free.graph, free.session["instructions"], free.instructions_locked) == ("echo", "Shout.", False)


@pytest.mark.parametrize(
    ("query", "session", "param"),
    [
        ("?graph=assistant", {}, "graph"),
        ("?model=assistant", {}, "model"),
        ("", {"model": "assistant"}, "session.model"),
        ("?graph=echo", {"instructions": "Say whatever you are told."}, "session.instructions"),
        ("", {"instructions": ""}, "session.instructions"),
        ("", {"instructions": ["Be brief."]}, "session.instructions"),
    ],
)
def test_client_secret_refuses_other_values_of_fixed_fields(query: str, session: dict[str, Any], param: str) -> None:
    """With the name of the field; and the secret can still be used as it was meant."""
    host = Host()
    token = host.secret(json=LOCKED)
    answer = called(host, token, query, **session)
    assert (answer.status_code, code(answer)) == (403, "locked_field")
    assert answer.json()["error"]["param"] == param and param in answer.json()["error"]["message"]
    assert host.manager.offers == []
    assert called(host, token).status_code == 201


def test_client_secret_fixes_the_session_of_its_renewals() -> None:
    """Else a page would only have to reconnect."""
    host = Host(key="k")
    called(host, host.secret(json=LOCKED, headers=bearer("k")))
    renewal = host.manager.offers[0].renewal
    assert renewal is not None
    assert called(host, renewal.value, instructions="Shout.").status_code == 403
    assert called(host, renewal.value).status_code == 201
    assert host.manager.offers[1].session["instructions"] == "Be brief."


def test_client_secret_fixes_the_graph_by_its_own_name() -> None:
    """A misspelt one is reported when the secret is made; a model of another service stands for the default."""
    host = Host()
    unknown = host.post(f"{SECRETS}?graph=ecco", json={})
    assert (unknown.status_code, code(unknown)) == (404, "unknown_graph")
    assert host.post(f"{SECRETS}?graph=echo", json={}).json()["session"]["model"] == "echo"
    named = host.post(SECRETS, json={"session": {"model": "gpt-realtime"}}).json()
    assert named["session"]["model"] == "assistant"
    assert called(host, named["value"], "?graph=echo").status_code == 403


def test_client_secret_that_fixes_the_graph_lists_only_that_one() -> None:
    """So the page calls it, and offers no other."""
    host = Host()
    listed = host.get("/graphs", headers=bearer(host.secret(json=LOCKED))).json()
    assert listed == {"graphs": [{"name": "echo", "description": "Says it back."}], "default": "echo"}


def test_client_secret_keeps_nothing_of_a_large_session() -> None:
    """A thousand secrets with sessions of 64 kB took 1.6 GB."""
    host = Host(key="k")
    session: dict[str, Any] = {"tools": [[] for _ in range(20_000)]}
    headers = {**bearer("k"), "Content-Type": "application/json"}
    body = json.dumps({"session": session}, separators=(",", ":"))
    assert len(body) > 60_000
    host.post(SECRETS, content=body, headers=headers)
    tracemalloc.start()
    try:
        for _ in range(20):
            assert host.post(SECRETS, content=body, headers=headers).status_code == 200
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 20 * 20_000
    finally:
        tracemalloc.stop()
    too_long = host.post(SECRETS, json={"session": {"instructions": "ü" * 20_000}}, headers=bearer("k"))
    assert (too_long.status_code, code(too_long)) == (413, "too_large")


def test_calls_endpoint_says_whether_a_call_goes_on() -> None:
    """A page that hears nothing any more asks; after a restart of the host it calls again at once."""
    host = Host()
    address = host.call().headers["location"]
    assert host.get(address).json() == {"object": "realtime.call", "id": "rtc_0"}
    host.manager.calls[0].hang_up("over")
    ended = host.get(address)
    assert (ended.status_code, code(ended)) == (404, "unknown_call")


def test_client_secret_minting_is_rate_limited_on_an_open_host() -> None:
    """Else one machine could push out the secrets of all others."""
    open_host, keyed = Host(new_calls="1/minute"), Host(new_calls="1/minute", key="k")
    assert [open_host.post(SECRETS).status_code for _ in range(2)] == [200, 429]
    assert [keyed.post(SECRETS, headers=bearer("k")).status_code for _ in range(2)] == [200, 200]


def test_openai_package_can_mint_call_and_hang_up() -> None:
    """Unchanged but for its base URL: it mints a secret, makes a call with it and hangs up."""
    import httpx2

    host = Host(key="k")

    def ours(request: httpx2.Request) -> httpx2.Response:
        headers = dict(request.headers)
        answer = host.request(request.method, str(request.url), content=request.read(), headers=headers)
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

    def client(key: str) -> openai.OpenAI:
        http = httpx2.Client(transport=httpx2.MockTransport(ours))
        return openai.OpenAI(base_url="http://localhost:8080/v1", api_key=key, http_client=http, max_retries=0)

    with client("k") as server:
        secret = server.realtime.client_secrets.create(session={"type": "realtime"})
    with client(secret.value) as page:
        answer = page.realtime.calls.create(sdp=OFFER, session={"type": "realtime", "instructions": "Be brief."})
        assert answer.text == host.manager.calls[0].answer
        page.realtime.calls.hangup("rtc_0")
        with pytest.raises(openai.AuthenticationError, match="used already"):
            page.realtime.calls.create(sdp=OFFER)
    assert host.manager.offers[0].session["instructions"] == "Be brief."
    assert host.manager.calls[0].ended
