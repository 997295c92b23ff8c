"""`dialogue.llama`: a model in this process that can be cancelled."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nodes.dialogue._pieces import Usage
from nodes.dialogue._recap import request
from nodes.dialogue.llama import Llama, LlamaChat, LlamaParams, load_llama
from nodes.packets import PlaybackProgress, TextDelta
from pipeline.cause import Causes
from pipeline.compute.executor import Executor
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.pool import Pooled
from pipeline.compute.pool_spec import PoolBounds
from pipeline.compute.resources import Resources
from pipeline.errors import DependencyError, NodeError, ResourceError
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness, RunResult, run_node
from tests.nodes.dialogue.talk import heard, said, start, talk


class Server:
    """Behaves like llama.cpp without a model: a number of words, or an error."""

    def __init__(self, words: int = 5, error: dict[str, Any] | None = None, context: int = 1000) -> None:
        self.words, self.error, self.context = words, error, context
        self.bodies: list[dict[str, Any]] = []
        self.told = 0

    def handle_chat_completions(self, body: dict[str, Any], hear: Callable[[dict[str, Any]], bool]) -> None:
        """Reports progress until it is told to stop."""
        self.bodies.append(body)
        length = sum(len(message["content"]) for message in body["messages"])
        if length > self.context:
            type_ = "exceed_context_size_error"
            hear({"error": {"type": type_, "message": "", "n_prompt_tokens": length, "n_ctx": self.context}})
            return
        if self.error is not None:
            hear({"error": self.error})
            return
        empty: dict[str, Any] = {"role": "assistant", "content": None}
        deltas = [empty, *({"content": f"w{number} "} for number in range(self.words)), {}]
        for delta in deltas:
            self.told += 1
            if hear({"choices": [{"delta": delta}]}):
                return
        hear({"choices": []})


@pytest.fixture
def make() -> Iterator[Callable[[Any], Llama]]:
    """Models that are closed after the test."""
    made: list[Llama] = []

    def make(server: Any) -> Llama:
        made.append(Llama(server, "fake"))
        return made[-1]

    yield make
    for model in made:
        model.close()


def test_llama_answer_streams_piece_by_piece(make: Callable[[Any], Llama]) -> None:
    """The first word is spoken while the others are generated."""
    pieces = list(make(Server(3)).generate({"messages": []}))
    assert [piece for piece in pieces if piece] == ["w0 ", "w1 ", "w2 "]


def test_llama_generation_stops_when_answer_is_cancelled(make: Callable[[Any], Llama]) -> None:
    """An interrupted answer must not keep using the CPU."""
    server = Server(100_000)
    model = make(server)
    answer = model.generate({"messages": []})
    next(answer)
    answer.close()  # type: ignore[attr-defined]
    assert server.told < 50
    assert sum(map(bool, make(Server(3)).generate({"messages": []}))) == 3


def test_llama_refused_request_is_an_error_with_its_message(make: Callable[[Any], Llama]) -> None:
    """The message contains llama.cpp's own words."""
    with pytest.raises(NodeError, match="no such slot"):
        list(make(Server(error={"message": "no such slot"})).generate({"messages": []}))


def test_llama_thread_exception_is_raised_to_the_caller(make: Callable[[Any], Llama]) -> None:
    """An exception in the model's thread must not be lost."""

    class Broken(Server):
        def handle_chat_completions(self, *_: Any) -> None:
            raise ValueError("bad body")

    with pytest.raises(ValueError, match="bad body"):
        list(make(Broken()).generate({"messages": []}))


def test_llama_request_contains_the_parameters(make: Callable[[Any], Llama]) -> None:
    server = Server()
    node = LlamaChat(system="Be kind.", max_tokens=7, temperature=0.5, seed=3, avoid_loops=False)
    (answer,) = talk(node, heard("hello"), pools={"engine": make(server)})
    assert said(answer) == "w0 w1 w2 w3 w4 "
    body = server.bodies[-1]
    assert [message["content"] for message in body["messages"]] == ["Be kind.", "hello"]
    assert (body["max_tokens"], body["temperature"], body["seed"], body["dry_multiplier"]) == (7, 0.5, 3, 0)
    assert body["stream"]
    assert body["cache_prompt"]


def test_llama_reads_the_system_prompt_before_the_first_question(make: Callable[[Any], Llama]) -> None:
    """The first answer of a call is as fast as the others."""
    server = Server()
    talk(LlamaChat(system="Be kind."), pools={"engine": make(server)})
    assert server.bodies[0]["messages"][0]["content"] == "Be kind."
    assert server.bodies[0]["max_tokens"] == 1


def test_llama_conversation_longer_than_the_context_goes_on(make: Callable[[Any], Llama]) -> None:
    """The model loses the beginning; the person still gets an answer."""
    server = Server(context=60)
    answers = talk(
        LlamaChat(system=""), *(heard("How are you today?") for _ in range(6)), pools={"engine": make(server)}
    )
    assert [said(answer) for answer in answers] == ["w0 w1 w2 w3 w4 "] * 6


def test_llama_summary_is_made_and_read_before_it_is_used(make: Callable[[Any], Llama]) -> None:
    """The answer after it has only its own question to read."""
    server = Server(words=0)
    handle = server.handle_chat_completions

    def summing_up(body: dict[str, Any], hear: Callable[[dict[str, Any]], bool]) -> None:
        handle(body, hear)
        is_summary = body["messages"][-1]["content"].endswith(request(""))
        hear({"choices": [{"delta": {"content": "They met." if is_summary else "Yes."}}]})

    server.handle_chat_completions = summing_up  # type: ignore[method-assign]
    node = LlamaChat(system="Be kind.", turns=3, max_tokens=9)
    texts = ("My name is Ada.", "Go on.", "Well?", "And you?")
    talk(node, *map(heard, texts), pools={"engine": make(server)}, patient=True)
    recap = 'Be kind.\n\nEarlier in this conversation: They met.\nThe person said: "My name is Ada."'
    asked = [(body["messages"][0]["content"], body["messages"][-1]["content"]) for body in server.bodies]
    assert asked[:4] == [("Be kind.", text) for text in ("", *texts[:3])]
    assert asked[4:6] == [("Be kind.", request("")), (recap, "")]
    assert asked[6] == (recap, "And you?")
    assert [body["max_tokens"] for body in server.bodies[:6]] == [1, 9, 9, 9, 9, 1]


def test_llama_missing_package_error_has_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(DependencyError, match="pip install xllamacpp"):
        load_llama(LlamaParams())


def test_llama_invalid_model_file_is_reported_by_name(tmp_path: Path) -> None:
    """With its name and the expected format."""
    file = tmp_path / "text.gguf"
    file.write_bytes(b"this is no model")
    with pytest.raises(ResourceError, match=r"cannot load .*text\.gguf\nhint: it must be a GGUF file"):
        load_llama(LlamaParams(model=str(file)))
    with pytest.raises(ResourceError, match=r"there is no model at .*none\.gguf"):
        load_llama(LlamaParams(model=str(tmp_path / "none.gguf")))


def test_llama_missing_gpu_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model on the CPU would be a hundred times slower than requested."""
    import xllamacpp

    (tmp_path / "text.gguf").write_bytes(b"")
    monkeypatch.setattr(xllamacpp, "get_device_info", lambda: [{"name": "CPU"}])
    with pytest.raises(DependencyError, match="no GPU"):
        load_llama(LlamaParams(model=str(tmp_path / "text.gguf"), device="cuda"))


@pytest.fixture(scope="module")
def model() -> Iterator[Llama]:
    """A real model."""
    model = load_llama(LlamaParams())
    yield model
    model.close()


class Noting:
    """Wraps a real model's server; records the system prompt and the number of tokens processed per request."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.read: list[tuple[str, int]] = []

    def handle_chat_completions(self, body: dict[str, Any], hear: Callable[[dict[str, Any]], bool]) -> None:
        tokens = 0

        def note(chunk: dict[str, Any]) -> bool:
            nonlocal tokens
            if progress := chunk.get("prompt_progress"):
                tokens = progress["total"] - progress["cache"]
            return hear(chunk)

        self.server.handle_chat_completions(body, note)
        if body["messages"][-1]["role"] == "assistant":
            return  # goes on with an answer that reached its maximum of tokens
        self.read.append((body["messages"][0]["content"], tokens))


def reading(model: Llama, body: dict[str, Any]) -> int:
    """How many prompt tokens the real model had to process."""
    noting = Noting(model.server)
    telling = Llama(noting, "telling")
    for _ in telling.generate(body):
        pass
    telling.close()
    ((_, tokens),) = noting.read
    return tokens


@pytest.mark.real_model
def test_llama_real_model_is_deterministic_with_and_without_prompt_cache(
    model: Llama, capfd: pytest.CaptureFixture[str]
) -> None:
    """A replay gives the same words whether or not the prompt was cached, and llama.cpp prints nothing."""
    lines = []
    for question in ("Why is the sky blue?", "Who wrote Hamlet?", "How many legs does a spider have?"):
        lines.append({"role": "user", "content": question})
        body = {"messages": lines, "stream": True, "max_tokens": 30, "temperature": 0, "return_progress": True}
        cached = "".join(model.generate({**body, "cache_prompt": True}))
        assert "".join(model.generate({**body, "cache_prompt": True})) == cached
        assert "".join(model.generate({**body, "cache_prompt": False})) == cached
        lines.append({"role": "assistant", "content": cached})
    assert "sky" in lines[1]["content"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.real_model
def test_llama_real_model_can_be_cancelled_in_prefill_and_decode(model: Llama) -> None:
    """Interrupted at any moment, it is ready for the next question."""
    told = 0
    handle = model.server.handle_chat_completions

    class Counting:
        def handle_chat_completions(self, body: dict[str, Any], hear: Callable[[dict[str, Any]], bool]) -> None:
            def count(chunk: dict[str, Any]) -> bool:
                nonlocal told
                told += 1
                return hear(chunk)

            handle(body, count)

    counting = Llama(Counting(), "counting")
    long = [{"role": "user", "content": "Tell me about rivers. " * 40}]
    body = {"messages": long, "stream": True, "max_tokens": 400, "temperature": 0, "return_progress": True}
    for steps in (2, 14):  # The prompt of some 200 tokens is read in seven steps.
        told = 0
        answer = counting.generate({**body, "cache_prompt": False})
        pieces = [next(answer) for _ in range(steps)]
        answer.close()  # type: ignore[attr-defined]
        assert any(pieces) == (steps == 14)
        assert told <= steps + 20
    counting.close()


@pytest.mark.real_model
def test_llama_real_model_reads_only_new_text_of_each_conversation(model: Llama, make: Callable[[Any], Llama]) -> None:
    """With concurrent callers an answer is as fast as alone: only new text is processed."""
    server = Server()
    talk(LlamaChat(max_tokens=4), pools={"engine": make(server)})
    (body,) = server.bodies

    def read(*lines: str) -> int:
        """Answers a conversation; returns how many of its tokens had to be processed."""
        roles = ("user", "assistant")
        messages = [body["messages"][0], *({"role": roles[n % 2], "content": line} for n, line in enumerate(lines))]
        return reading(model, {**body, "messages": messages})

    long = "Rivers, lakes and seas, mountains, hills and meadows are what I should like to hear about."
    first = read(long)
    assert first > 20
    read("")  # another call begins
    assert read(long, "Well.", long) < first + 15
    read("Who are you?")
    assert read(long, "Well.", long, "Oh.", "Why?") < first


@pytest.mark.real_model
def test_llama_session_answers_second_question_knowing_the_first() -> None:
    """The second answer knows of the first."""
    node = LlamaChat(max_tokens=30)
    cause = Causes().begin("turn")
    feed = [heard("What is the capital of France?"), heard("How many legs does a spider have?", cause)]
    out = run_node(node, [*feed, PlaybackProgress(cause, "A spider", 1, True, False)])
    assert not out.errors
    deltas = out.of(TextDelta)
    assert [delta.end for delta in deltas].count(True) == 2
    assert "Paris" in said(deltas)
    assert len(node.memory.messages()) == 4


@pytest.mark.real_model
def test_llama_interrupted_answer_does_not_delay_the_next() -> None:
    causes = Causes()
    first, second = causes.begin("turn"), causes.begin("turn")
    causes.commit(first)
    feed = [heard("Tell me a long story about the sea.", first), heard("What is the capital of France?", second)]

    async def main() -> RunResult:
        async def interrupt(_: object) -> None:
            harness.session.causes.revoke(first, "feed_text")

        harness = Harness(LlamaChat(max_tokens=30, system=""), feed, reader=interrupt)
        async with Runner() as runner:
            return await harness.run(runner)

    out = run_virtual(main())
    assert not out.errors
    assert {packet.at.cause for packet in out.packets} == {second}
    assert "Paris" in said(out.of(TextDelta))


@pytest.mark.real_model
def test_llama_real_model_still_has_the_name_after_a_long_chat(model: Llama, make: Callable[[Any], Llama]) -> None:
    """The name was said in the first turn, which has left the prompt; a summary has taken its place."""
    node = LlamaChat(max_tokens=16, turns=6, system="You chat about animals.")
    noting = Noting(model.server)
    noting_model = make(noting)
    asked = ["How many legs has a spider?", "And a bee?", "And a dog?", "And a hen?", "And a fish?", "And a cow?"]
    texts = ("My name is Ada Lovelace.", *asked, "What is my name?")
    talk(node, *map(heard, texts), pools={"engine": noting_model}, patient=True)
    system, question, *_ = (message["content"] for message in node.memory.messages(node.params.system))
    assert "My name is Ada Lovelace." in system and "Earlier in this conversation: " in system
    assert "Ada" not in question and node.memory.background.failures == 0
    beforehand, with_question, *_ = (tokens for told, tokens in noting.read if "Ada" in told)
    assert with_question < 30 < beforehand, "the summary had been read before the question"


class Conversation:
    """One caller with a session and a history."""

    def __init__(self, system: str) -> None:
        self.node = LlamaChat(system=system, max_tokens=40)
        self.causes = Causes()

    async def open(self, pool: Any) -> None:
        """Opens the node as a session does."""
        JOB_CONTEXT.set(JobContext(session=self))
        start(self.node, {"engine": pool})
        await self.node.open()

    async def ask(self, question: str) -> str:
        """Asks a question and plays the whole answer."""
        JOB_CONTEXT.set(JobContext(session=self))
        cause = self.causes.begin("turn")
        answer = said([delta async for delta in self.node.reply(heard(question, cause))])
        self.node.note(PlaybackProgress(cause, answer, 1, True, False))
        return answer


@pytest.mark.real_model
def test_llama_two_real_models_keep_their_own_conversations() -> None:
    """Two concurrent callers are both answered, and no model has to process the other's prompt."""
    noting: list[Noting] = []

    def load(params: LlamaParams) -> Llama:
        model = load_llama(params)
        model.server = Noting(model.server)
        noting.append(model.server)
        return model

    async def main() -> list[str]:
        executor = Executor(2)
        resources = Resources(executor)
        pool = await resources.get(Pooled(load), LlamaParams(threads=1), bounds=PoolBounds(min=2, max=2))
        await asyncio.sleep(1)  # noqa: TID251 - of virtual time: until both are loaded
        one, other = Conversation("You know much of cities."), Conversation("You like to talk about animals.")
        await asyncio.gather(*(asyncio.create_task(each.open(pool)) for each in (one, other)))
        france, cat = one.ask("What is the capital of France?"), other.ask("What sound does a cat make?")
        answers = list(await asyncio.gather(*(asyncio.create_task(each) for each in (france, cat))))
        for each in (other, one, one, other):
            await asyncio.sleep(1)  # noqa: TID251 - of virtual time: a model that was stopped is free again
            answers.append(await asyncio.create_task(each.ask("And of Italy?" if each is one else "And a dog?")))
        await resources.close()
        executor.shutdown()
        return answers

    france, cat, dog, *_ = answers = run_virtual(main())
    assert "Paris" in france and "cat" in cat and "dog" in dog and "Italy" in answers[3]
    mine, others = ([who for who, _ in each.read] for each in noting)
    assert len(mine) == len(others) == 4 and len({*mine}) == len({*others}) == 1 and mine[0] != others[0]
    for each in noting:
        beginning, *questions = [tokens for _, tokens in each.read]
        assert all(tokens < beginning for tokens in questions), "only what is new"


def test_llama_posts_the_tokens_of_a_request(make: Callable[[Any], Llama]) -> None:
    """An operator sees what a conversation costs; cached tokens of the prompt cost nothing."""

    class Counting(Server):
        def handle_chat_completions(self, body: Any, hear: Callable[[Any], bool]) -> None:
            hear({"choices": [], "prompt_progress": {"total": 100, "cache": 70, "processed": 30}})
            super().handle_chat_completions(body, hear)

    usage = Usage()
    list(make(Counting(3)).generate({"messages": []}, usage))
    assert usage == Usage(read=30, written=3)
