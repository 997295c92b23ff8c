"""What is an offer, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fuzzing import brief
from tests.vitagraph.host.fakes import CALLS, OFFER, SDP, Host, code
from vitagraph.host.offer import DEPTH, SESSION_BYTES


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "application/x-www-form-urlencoded"])
def test_offer_with_another_content_type_is_refused(kind: str) -> None:
    """A page elsewhere can send some of them without being asked for leave by its browser."""
    answer = Host().post(CALLS, content=OFFER, headers={"Content-Type": kind})
    assert (answer.status_code, code(answer)) == (415, "wrong_content_type")


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\xfe", b"v=1"])
def test_offer_that_is_no_sdp_is_refused(body: bytes) -> None:
    """Before anything is set up for a call."""
    host = Host()
    answer = host.call(content=body)
    assert (answer.status_code, code(answer)) == (400, "bad_offer")
    assert host.manager.offers == []


def test_offer_content_type_may_have_parameters() -> None:
    """Some clients add a charset."""
    assert Host().call(headers={"Content-Type": "Application/SDP; charset=utf-8"}).status_code == 201


@pytest.mark.parametrize(
    "session", ["", "[]", "null", "{", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 5000, '{"type": "x"}']
)
def test_offer_with_an_invalid_session_is_refused(session: str) -> None:
    """A client learns that what it asked for would not be done."""
    answer = Host().post(CALLS, files={"sdp": (None, OFFER), "session": (None, session)})
    assert (answer.status_code, code(answer)) == (400, "bad_session")


def test_offer_session_nesting_is_limited() -> None:
    """Whatever walks through it later can do so by recursion."""
    deep: dict[str, Any] = {}
    for _ in range(DEPTH - 1):
        deep = {"a": deep}
    host = Host()
    statuses = [
        host.post(CALLS, files={"sdp": (None, OFFER), "session": (None, json.dumps(each))}).status_code
        for each in (deep, {"a": deep})
    ]
    assert statuses == [201, 400]


@pytest.mark.parametrize("files", [{"session": (None, "{}")}, {"sdp": (None, "")}, {"other": (None, OFFER)}])
def test_offer_form_without_an_offer_is_refused(files: dict[str, Any]) -> None:
    """Else there is nothing to answer."""
    answer = Host().post(CALLS, files=files)
    assert (answer.status_code, code(answer)) == (400, "bad_offer")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 9 + b"--x--",
        ),
    ],
)
def test_offer_form_that_is_malformed_is_refused(kind: str, body: bytes) -> None:
    """Without a boundary, cut off, without names, with too many parts."""
    answer = Host().post(CALLS, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert code(answer) in {"bad_form", "bad_offer"}


def form(*fields: bytes, boundary: str = "x", **more: str) -> tuple[bytes, dict[str, str]]:
    """A form of these parts, each a head and a body, and its headers."""
    delimiter = b"--" + boundary.encode()
    body = b"".join(delimiter + b"\r\n" + field + b"\r\n" for field in fields) + delimiter + b"--\r\n"
    parameters = "".join(f"; {name}={value}" for name, value in more.items())
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}{parameters}"}


def part(name: str, value: bytes, *more: str) -> bytes:
    """A field of a form."""
    head = [f'Content-Disposition: form-data; name="{name}"', *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + value


SDP_PART = part("sdp", OFFER.encode())


@pytest.mark.parametrize("charset", ["punycode", "utf-7", "utf-16", "idna", "unicode_escape", "hz", "latin-1", "rot13"])
def test_offer_form_in_another_charset_is_refused_at_once(charset: str) -> None:
    """Some decoders take seconds for what fits into a form; all text that a client sends is UTF-8."""
    fields = (part("sdp", b"a" * 63_000), part("session", b"a" * 63_000))
    with_type = part("sdp", b"a" * 63_000, f"Content-Type: text/plain; charset={charset}")
    for body, headers in (form(*fields, charset=charset), form(with_type)):
        host = Host()
        host.get("/healthz")  # what is loaded once is loaded by then
        with brief():
            answer = host.post(CALLS, content=body, headers=headers)
        assert (answer.status_code, code(answer)) == (400, "bad_form")


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ((part("sdp", b"v=0\xff"),), {}),
        ((SDP_PART, part("session", b"\xff")), {}),
        ((SDP_PART, SDP_PART), {}),
        ((part("sdp", b"dj0w", "Content-Transfer-Encoding: base64"),), {}),
        ((part("s\u00e4dp", b"v=0"),), {}),
        ((part("sdp", b"v=0", *["X: y"] * 400),), {}),
        (tuple(part(str(number), b"") for number in range(9)), {}),
        ((b"v=0",), {}),
        ((b"\r\nv=0",), {}),
        ((b"Content-Disposition: attachment; name=sdp\r\n\r\nv=0",), {}),
    ],
)
def test_offer_form_with_what_no_client_sends_is_refused(fields: tuple[bytes, ...], more: dict[str, str]) -> None:
    """Other bytes than UTF-8, a field twice, encodings, heads without an end, too many fields, no names."""
    body, headers = form(*fields, **more)
    answer = Host().post(CALLS, content=body, headers=headers)
    assert (answer.status_code, code(answer)) == (400, "bad_form")


@pytest.mark.parametrize("boundary", ["x", '"a b:c"', "----WebKitFormBoundary7MA4YWxkTrZu0gW", "x" * 70])
def test_offer_form_as_clients_send_it_is_read(boundary: str) -> None:
    """With quotes or without, with a type and a charset, and an empty line before the first part."""
    session = part(
        "session", b'{"instructions":"Be brief, \xc3\xa4."}', "Content-Type: application/json; charset=UTF-8"
    )
    body, _ = form(SDP_PART, session, boundary=boundary.strip('"'))
    host = Host()
    headers = {"Content-Type": f"Multipart/Form-Data; charset=utf-8; Boundary={boundary}"}
    assert host.post(CALLS, content=b"\r\n" + body, headers=headers).status_code == 201
    assert (host.manager.offers[0].sdp, host.manager.offers[0].session["instructions"]) == (OFFER, "Be brief, \xe4.")


def test_offer_length_is_limited() -> None:
    """As long in a form as alone; a session beside it has its own room."""
    host = Host(sdp_bytes=1000)
    fits, too_long = OFFER.ljust(1000), OFFER.ljust(1001)
    assert [host.call(content=each).status_code for each in (fits, too_long)] == [201, 413]
    session = json.dumps({"instructions": "x" * (SESSION_BYTES - 100)})
    forms = [{"sdp": (None, each), "session": (None, session)} for each in (fits, too_long)]
    assert [host.post(CALLS, files=each).status_code for each in forms] == [201, 413]
    assert host.post(CALLS, files={"sdp": (None, OFFER), "session": (None, session * 2)}).status_code == 413
    assert host.post(CALLS, content=b"", headers={**SDP}).status_code == 400
