"""`dialogue.openai`: any OpenAI-compatible endpoint, and the errors of a broken one."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from nodes.dialogue._recap import request
from nodes.dialogue.openai import OpenAiChat, OpenAiParams, load_connection, retry_after
from nodes.packets import TextDelta, TokensUsed, Transcript
from pipeline.cause import Causes
from pipeline.errors import DependencyError, NetworkError, NodeError, UserInputError
from pipeline.events import NodeRetries
from pipeline.params import ms, seconds
from pipeline.policies.spec import RetrySpec
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness, RunResult, run_node
from tests.nodes.dialogue.endpoint import Reply, Script, endpoint, says
from tests.nodes.dialogue.talk import heard, said, talk
from tests.pipeline.kit import THREADS, Tap, member, planned, sink


def ask(script: Script) -> str:
    """The answer to one question; raises what the node raises."""
    with endpoint(script) as served:
        node = OpenAiChat(model="m", base_url=served.url)
        (answer,) = talk(node, heard("Hello?"))
    assert answer[-1].end
    return said(answer)


def test_openai_answer_streams_piece_by_piece() -> None:
    with endpoint(says("Hel", "lo", "!")) as served:
        out = run_node(OpenAiChat(model="m", base_url=served.url), [heard("Hello?")])
    assert not out.errors
    assert [delta.text for delta in out.of(TextDelta)] == ["Hel", "lo", "!", ""]


def test_openai_request_contains_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    with endpoint(says("Yes.")) as served:
        node = OpenAiChat(
            model="m",
            base_url=served.url,
            api_key_env="MY_KEY",
            system="Be kind.",
            max_tokens=9,
            temperature=0.5,
            extra={"top_p": 0.9, "max_tokens": 8},
        )
        talk(node, heard("one"), heard("two"))
    assert served.keys == ["Bearer secret"] * 2
    assert [message["content"] for message in served.bodies[1]["messages"]] == ["Be kind.", "one", "Yes.", "two"]
    assert served.bodies[0] | {"messages": []} == {
        "messages": [],
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 8,
        "temperature": 0.5,
        "top_p": 0.9,
    }


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"prompt_tokens": 31, "completion_tokens": 4, "total_tokens": 35}, (31, 4)),
        ({"prompt_tokens": -1, "completion_tokens": 4}, (0, 2)),
        ({"prompt_tokens": "31", "completion_tokens": 10**12}, (0, 2)),
        (None, (0, 2)),
    ],
)
def test_openai_posts_the_tokens_that_the_endpoint_tells(usage: Any, told: tuple[int, int]) -> None:
    """What an answer costs; pieces are counted where the endpoint tells nothing sane."""

    def script(reply: Reply) -> None:
        reply.begin()
        for piece in ("Hel", "lo"):
            reply.send(piece)
        reply.raw(json.dumps({"choices": [], "usage": usage}))
        reply.raw("[DONE]")

    with endpoint(script) as served:
        out = run_node(OpenAiChat(model="m", base_url=served.url), [heard("Hello?")])
    (used,) = out.of(TokensUsed)
    assert ((used.read, used.written), used.provider, used.model) == (told, "openai", "m")


def test_openai_long_conversation_is_summed_up_by_the_endpoint() -> None:
    """The prompts of a long call stay short, and the name is in all of them."""

    def script(reply: Reply) -> None:
        is_summary = reply.body["messages"][-1]["content"].endswith(request(""))
        says("They ", "met." if is_summary else "said so.")(reply)

    with endpoint(script) as served:
        node = OpenAiChat(model="m", base_url=served.url, system="Be kind.", turns=3)
        talk(node, *map(heard, ("My name is Ada.", "Go on.", "Well?", "And you?")), patient=True)
    recap = 'Be kind.\n\nEarlier in this conversation: They met.\nThe person said: "My name is Ada."'
    assert [message["content"] for message in served.bodies[4]["messages"]] == [
        recap,
        "Well?",
        "They said so.",
        "And you?",
    ]
    assert served.bodies[3]["messages"][-1]["content"] == request("")


def test_openai_own_models_get_max_completion_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer models of OpenAI reject the older name."""
    with endpoint(says("Yes.")) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)  # what the package takes for OpenAI's own
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        talk(OpenAiChat(model="m"), heard("one"))
        talk(OpenAiChat(model="m", base_url=served.url), heard("one"))
    own, other = served.bodies
    assert "max_completion_tokens" in own and "max_tokens" not in own
    assert "max_tokens" in other and "max_completion_tokens" not in other


def test_openai_key_is_not_sent_to_other_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI's key must not reach an endpoint that uses another key or none."""
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    monkeypatch.delenv("OTHER", raising=False)
    with endpoint(says("Yes.")) as served:
        node = OpenAiChat(model="m", base_url=served.url, api_key_env="OTHER")
        talk(node, heard("one"))
    assert served.keys == ["Bearer none"]


def test_openai_missing_key_is_reported_when_the_session_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(DependencyError, match=r"OPENAI_API_KEY is not set\nhint: .* `base_url`"):
        run_node(OpenAiChat(model="m"))


@pytest.mark.parametrize(
    ("status", "kind", "message", "hint", "retryable"),
    [
        (401, DependencyError, "does not accept the key", "OPENAI_API_KEY", False),
        (403, DependencyError, "does not accept the key", "OPENAI_API_KEY", False),
        (404, DependencyError, "has no model 'm'", "/v1", False),
        (429, NetworkError, "rate limit exceeded", "`limit`", True),
        (500, NetworkError, "failed", "`fallback`", True),
        (503, NetworkError, "failed", "`fallback`", True),
        (400, UserInputError, "rejected the request (400): ", "`extra`", False),
        (422, UserInputError, "rejected the request (422): ", "`extra`", False),
    ],
)
def test_openai_refused_request_has_category_and_hint(
    status: int, kind: type[NodeError], message: str, hint: str, retryable: bool
) -> None:
    """The message tells whether key, model, quota or request is wrong, and policies know what to retry."""
    with pytest.raises(kind) as raised:
        ask(lambda reply: reply.error(status))
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert raised.value.retryable == retryable


NOON = "Sun, 06 Nov 2044 12:00:00 GMT"
LATER = "Sun, 06 Nov 2044 12:00:07 GMT"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "7", "retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "7", "retry-after-ms": "soon"}, 7.0),
        ({"Retry-After": LATER, "Date": NOON}, 7.0),
        ({"Retry-After": NOON, "Date": LATER}, 0.0),
        ({"Retry-After": LATER[:-3] + "-0000", "Date": NOON}, 7.0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e999"}, None),
        ({"Retry-After": "Sun, 99 Nov 2044 12:00:00 GMT"}, None),
    ],
)
def test_openai_error_has_the_retry_after_of_the_response(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    """Otherwise the endpoint would be asked again too soon, or an invalid header would break the retry."""
    with pytest.raises(NetworkError) as raised:
        ask(lambda reply: reply.error(status, headers=headers))
    assert raised.value.retry_after == seconds


def test_openai_retry_after_date_counts_from_now_without_a_date_of_the_response() -> None:
    """A proxy that strips `Date` would turn a pause of seconds into none, or into years."""
    due = datetime.now(UTC) + timedelta(seconds=30)
    seconds = retry_after({"retry-after": format_datetime(due, usegmt=True)})
    assert seconds is not None and 25 < seconds <= 30


def test_openai_request_is_retried_after_the_pause_that_the_endpoint_asks_for() -> None:
    """As docs/operations.md promises for a 429: a pause as long as the endpoint asks for."""

    def script(reply: Reply) -> None:
        if len(reply.endpoint.bodies) == 1:
            reply.error(429, headers={"Retry-After": "3"})
        else:
            says("Yes.")(reply)

    out: list[TextDelta] = []
    paused: list[NodeRetries] = []
    tap = Tap(Transcript)
    with endpoint(script) as served:
        chat = replace(member(OpenAiChat, model="m", base_url=served.url), retry=RetrySpec(attempts=1, first=ms(1)))
        tap.put(heard("Hello?"))
        tap.shut()
        plan = planned({"tap": tap.node(), "chat": chat, "end": sink(out)}, "tap -> chat -> end")

        async def main() -> SessionReport:
            async with Runner(executor=THREADS) as runner:
                session = runner.session(plan)
                session.bus.of(NodeRetries).subscribe(paused.append)
                return await session.run()

        report = run_virtual(main())
    assert not report.failures and said(out) == "Yes."
    assert [seconds(3) <= event.pause <= seconds(3) + ms(1) for event in paused] == [True]


TOO_LONG = [
    "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens.",
    "prompt is too long: 201000 tokens > 200000 maximum",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4090 `inputs` tokens",
    "The input token count (40000) exceeds the maximum number of tokens allowed (32768).",
    "Trying to keep the first 4100 tokens when context the overflows. The model is loaded with context length of 4096",
    "the request exceeds the available context size. try increasing the context size or enable context shift",
    "Please reduce the length of the messages or completion.",
    "Input is too long for requested model.",
    "Range of input length should be [1, 6000]",
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "Prompt 超长",
]


@pytest.mark.parametrize("words", TOO_LONG)
@pytest.mark.parametrize("how", ["status", "event"])
def test_openai_conversation_too_long_in_any_words_is_shortened(words: str, how: str) -> None:
    """Otherwise every later question of a long call goes to the script."""

    def script(reply: Reply) -> None:
        if len(reply.body["messages"]) <= 4:
            says("Yes.")(reply)
        elif how == "status":
            reply.json(
                400, {"object": "error", "message": words, "type": "BadRequestError", "param": None, "code": 400}
            )
        else:
            reply.begin()
            reply.raw(json.dumps({"error": {"message": words}}))

    with endpoint(script) as served:
        node = OpenAiChat(model="m", base_url=served.url, system="")
        answers = talk(node, *(heard(str(number)) for number in range(5)))
    assert [said(answer) for answer in answers] == ["Yes."] * 5


def test_openai_long_conversation_rejected_in_unknown_words_is_shortened() -> None:
    """No list has the words of every endpoint."""

    def script(reply: Reply) -> None:
        if sum(len(message["content"]) for message in reply.body["messages"]) > 2000:
            reply.error(400, "nope")
        else:
            says("Yes.")(reply)

    with endpoint(script) as served:
        node = OpenAiChat(model="m", base_url=served.url, system="")
        answers = talk(node, *(heard(f"{number} " * 200) for number in range(12)))
    assert [said(answer) for answer in answers] == ["Yes."] * 12


@pytest.mark.parametrize(
    ("field", "message", "sent"),
    [
        (
            "max_tokens",
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "max_completion_tokens",
        ),
        ("max_tokens", "Unrecognized request argument supplied: max_tokens", "max_completion_tokens"),
        ("temperature", "Unsupported value: 'temperature' does not support 0.5 with this model.", "max_tokens"),
    ],
)
def test_openai_field_that_the_model_does_not_accept_is_left_out(field: str, message: str, sent: str) -> None:
    """Newer models refuse `max_tokens`: every turn went to the script. It is found out once for all calls."""

    def script(reply: Reply) -> None:
        if field in reply.body:
            reply.error(400, message, param=field, code="unsupported_parameter")
        else:
            says("Yes.")(reply)

    with endpoint(script) as served:
        node = OpenAiChat(model="m", base_url=served.url, temperature=0.5)
        answers = talk(node, heard("one"), heard("two"))
    assert [said(answer) for answer in answers] == ["Yes.", "Yes."]
    assert len(served.bodies) == 3 and served.bodies[-1][sent] == 120


def stops(*answers: tuple[str, str]) -> Script:
    """Answers one after another, each with its finish reason."""
    left = list(answers)

    def script(reply: Reply) -> None:
        text, reason = left.pop(0)
        reply.begin()
        reply.send(text)
        reply.raw(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
        reply.raw("[DONE]")

    return script


@pytest.mark.parametrize(
    ("answers", "text", "truncated"),
    [
        ([("It is big. It is", "length"), (" old. And so on", "stop")], "It is big. It is old.", False),
        ([("It is big. It is", "length"), ("It is big. It is", "length")], "It is big. It is", True),
        ([("It is big.", "length")], "It is big.", False),
        ([("It is big. It", "content_filter"), ("", "stop")], "It is big. It", True),
    ],
)
def test_openai_answer_that_reaches_its_limit_ends_with_a_whole_sentence(
    answers: list[tuple[str, str]], text: str, truncated: bool
) -> None:
    """It stopped in mid-sentence without a word; now it goes on, or the unfinished sentence is not spoken."""
    with endpoint(stops(*answers)) as served:
        node = OpenAiChat(model="m", base_url=served.url, system="")
        (deltas,) = talk(node, heard("Tell me."))
    assert (said(deltas), deltas[-1].truncated) == (text, truncated)
    assert node.memory.messages()[-1]["content"] == ("It is big." if truncated else text)


def test_openai_answer_cut_in_its_first_sentence_is_given_to_the_next_member() -> None:
    """So that its end is spoken, and be it an apology."""
    with pytest.raises(NodeError, match="stopped in its first sentence"):
        ask(stops(("The largest are Paris and", "length"), ("The largest are Paris and", "length")))
    with pytest.raises(NodeError, match="stopped before it answered"):
        ask(stops(("<think>hmm", "length")))


@pytest.mark.parametrize("fields", [{"code": "context_length_exceeded"}, {"type": "exceed_context_size_error"}])
def test_openai_conversation_too_long_is_shortened(fields: dict[str, Any]) -> None:
    """A long call continues."""

    def script(reply: Reply) -> None:
        if len(reply.body["messages"]) > 4:
            reply.error(400, "too long", **fields)
        else:
            says("Yes.")(reply)

    with endpoint(script) as served:
        node = OpenAiChat(model="m", base_url=served.url, system="")
        answers = talk(node, *(heard(str(number)) for number in range(5)))
    assert [said(answer) for answer in answers] == ["Yes."] * 5


def test_openai_unreachable_endpoint_is_reported_with_a_hint() -> None:
    with endpoint(says()) as served:
        pass
    with pytest.raises(NetworkError, match=r"connection to http://127.*\nhint: check that it is running"):
        talk(OpenAiChat(model="m", base_url=served.url), heard("Hello?"))


def test_openai_answer_cut_off_by_the_endpoint_is_an_error() -> None:
    """An answer must not end silently in mid-sentence."""

    def script(reply: Reply) -> None:
        reply.begin()
        reply.send("Hel")
        reply.hang_up()

    with pytest.raises(NetworkError, match="connection to"):
        ask(script)


@pytest.mark.parametrize("event", ['{"error": {"message": "overloaded"}}', "{not json"])
def test_openai_error_event_within_the_stream_is_an_error(event: str) -> None:
    """Some endpoints fail after they have started to stream."""

    def script(reply: Reply) -> None:
        reply.begin()
        reply.send("Hel")
        reply.raw(event)

    with pytest.raises(NetworkError, match="broke off its answer"):
        ask(script)


def test_openai_network_wait_does_not_advance_virtual_time() -> None:
    """A slow endpoint must not expire deadlines in a replay."""

    def slow(reply: Reply) -> None:
        reply.endpoint.left.wait(0.05)
        reply.begin()
        reply.send("Yes")
        reply.endpoint.left.wait(0.05)
        reply.raw("[DONE]")

    with endpoint(slow) as served:
        out = run_node(OpenAiChat(model="m", base_url=served.url), [heard("Hello?")])
    assert max(out.times) == 0


def test_openai_interrupted_answer_closes_the_stream() -> None:
    """The endpoint stops generating, and billing."""
    causes = Causes()
    cause = causes.begin("turn")

    def endless(reply: Reply) -> None:
        reply.begin()
        for number in itertools.count():
            reply.send(f"w{number} ")
            if reply.endpoint.left.wait(0.005):
                return

    async def main(url: str) -> RunResult:
        async def interrupt(_: object) -> None:
            harness.session.causes.revoke(cause, "feed_text")

        harness = Harness(OpenAiChat(model="m", base_url=url), [heard("Go.", cause)], reader=interrupt)
        async with Runner() as runner:
            return await harness.run(runner)

    with endpoint(endless) as served:
        out = run_virtual(main(served.url))
        assert served.left.wait(5)
    assert not out.errors
    assert out.packets == []


def test_openai_missing_package_error_has_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(DependencyError, match="pip install openai"):
        load_connection(OpenAiParams(model="m", base_url="http://127.0.0.1/v1"))


@pytest.mark.real_model
def test_openai_node_works_with_a_real_endpoint() -> None:
    """Uses the server of llama.cpp with a real model."""
    import xllamacpp

    from nodes import models

    settings = xllamacpp.CommonParams()
    settings.model.path = str(models.path("smollm2-135m"))
    settings.verbosity, settings.n_ctx, settings.n_parallel = -1, 512, 1
    settings.cpuparams.n_threads = 1
    server = xllamacpp.Server(settings)
    node = OpenAiChat(
        model="smollm2", base_url=f"{server.listening_address}/v1", max_tokens=20, temperature=0, system="Be brief."
    )
    out = run_node(node, [heard("What is the capital of France?")])
    assert not out.errors
    deltas = out.of(TextDelta)
    assert "Paris" in said(deltas)
    assert len(deltas) > 3
