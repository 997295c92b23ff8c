"""`dialogue.llama`: a GGUF language model in this process, run with llama.cpp."""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import aclosing, suppress
from queue import Queue
from typing import Any, Literal

from pydantic import Field

from nodes import models
from nodes.dialogue._background import giving_way
from nodes.dialogue._history import ChatMessage
from nodes.dialogue._pieces import AnswerCut, Pieces, Usage, read_ahead
from nodes.dialogue._service import Chat, ChatParams, PromptTooLong
from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, NodeError, ResourceError

Body = dict[str, Any]
"""A request in the format of OpenAI's API."""
Chunk = dict[str, Any]
"""A chunk of the response in the format of OpenAI's API."""

MAX_MESSAGE = 200
"""Characters of llama.cpp's own error message that an error shows."""
_WORD = re.compile(r"\w+")

READ = 32
"""Prompt tokens between two checks for cancellation: about 150 ms of a small model on one core, 700 ms of a large one.

Four times as many take 8 % less time to read, and a caller waits four times as long for a model that is being stopped.
"""


class LlamaParams(ChatParams):
    """The model file and how to run it."""

    model: str = "smollm2-135m"
    """A name in the model catalogue, or the path of a .gguf file."""
    temperature: float = Field(0.0, ge=0, le=2)
    """Sampling temperature, 0 to 2; at 0 the answer is deterministic."""
    seed: int = Field(0, ge=0, lt=1 << 32)
    """Seed of the sampling; only matters at a temperature above 0."""
    context: int = Field(2048, ge=256, le=1 << 20)
    """Context size in tokens, for prompt and answer together."""
    reproducible: bool = True
    """Whether, at temperature 0, the same conversation gets the same answer even if parts of it are
    cached: prompt tokens are then processed one by one. For replays and tests: switch it off for
    calls, as larger models and GPUs process batches faster."""
    avoid_loops: bool = True
    """Whether to penalise repeated phrases (DRY sampling), as very small models produce them."""
    threads: int = Field(1, ge=0, le=1024)
    """CPU threads; 0 is half the cores. On a busy machine one is best: several wait for each
    other, and two cost three times the processor time of one. More help on idle cores."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device to run on; auto uses a GPU if there is one."""
    prompt_cache: int = Field(256, ge=0, le=65_536)
    """MiB of processed prompts to cache, so that only the new part of a conversation is processed."""


class Llama:
    """A loaded model; one answer at a time."""

    def __init__(self, server: Any, name: str) -> None:
        self.server = server
        self._thread = Executor(workers=1, name=f"llama {name}")

    def generate(
        self, body: Body, usage: Usage | None = None, finish: Callable[[str], None] = lambda _: None
    ) -> Iterator[str]:
        """Streams the answer, with empty pieces while the prompt is processed; `finish` gets its finish reason.

        `usage` is counted while it goes on.

        Closing the iterator stops the model at the next token and returns when it has stopped.
        """
        usage = usage or Usage()
        answer = _Answer(lambda hear: self.server.handle_chat_completions(body, hear), self._thread)
        try:
            for chunk in answer:
                _count(chunk, usage)
                text = _text(chunk, body, finish)
                usage.written += bool(text)
                yield text
        finally:
            answer.stop()

    def close(self) -> None:
        """Frees the model and ends its thread."""
        self.server = None
        self._thread.shutdown()


class _Answer:
    """Turns the token callbacks of llama.cpp into an iterator."""

    def __init__(self, work: Callable[[Callable[[Chunk], bool]], None], thread: Executor) -> None:
        self._chunks: Queue[Chunk | None] = Queue(maxsize=16)
        self._stopped = threading.Event()
        self._ended = False
        self._work: Future[None] = thread.submit(work, self._hear)
        self._work.add_done_callback(lambda _: self._chunks.put(None))

    def _hear(self, chunk: Chunk) -> bool:
        """Called by llama.cpp for each token; returning True stops generation."""
        self._chunks.put(chunk)
        return self._stopped.is_set()

    def __iter__(self) -> Iterator[Chunk]:
        yield from iter(self._chunks.get, None)
        self._ended = True
        self._work.result()

    def stop(self) -> None:
        self._stopped.set()
        while not self._ended:  # Drain the queue: a full one would block the model's thread.
            self._ended = self._chunks.get() is None


def _count(chunk: Chunk, usage: Usage) -> None:
    if progress := chunk.get("prompt_progress"):
        usage.read = max(0, int(progress.get("total", 0)) - int(progress.get("cache", 0)))


def _text(chunk: Chunk, body: Body, finish: Callable[[str], None]) -> str:
    if error := chunk.get("error"):
        raise _refusal(error, body)
    choices = chunk.get("choices")
    if choices and (reason := choices[0].get("finish_reason")):
        finish(reason)
    delta = choices[0].get("delta") if choices else None
    return (delta.get("content") or "") if delta else ""


def _refusal(error: dict[str, Any], body: Body) -> NodeError:
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLong(
            f"the prompt has {error.get('n_prompt_tokens')} tokens, but the model's context only {error.get('n_ctx')}",
            hint="raise `context`, or shorten `system`",
        )
    prompt = " ".join(str(message["content"]) for message in body["messages"])
    return NodeError(f"llama.cpp rejected the prompt: {_without_words_of(prompt, str(error.get('message', '')))}")


def _without_words_of(prompt: str, message: str) -> str:
    """The beginning of an error message, which may contain the prompt, without the prompt's words."""
    private = set(_WORD.findall(prompt.lower()))
    shown = _WORD.sub(lambda word: "..." if word[0].lower() in private else word[0], message)
    return shown if len(shown) <= MAX_MESSAGE else f"{shown[:MAX_MESSAGE]}..."


def threads_of(params: LlamaParams) -> int:
    """CPU threads used by one answer."""
    return params.threads or max(1, (os.cpu_count() or 1) // 2)


def load_llama(params: LlamaParams) -> Llama:
    """Loads the model file.

    Raises DependencyError if the package is missing, ResourceError if the file or memory is.
    """
    # Read when the library is loaded: threads that spin while they wait take the cores of everything else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import xllamacpp
    except ImportError as error:
        raise DependencyError(
            "dialogue.llama needs the package xllamacpp", hint="pip install xllamacpp, or use dialogue.script"
        ) from error
    file = models.path(params.model)
    try:
        server = xllamacpp.Server(_settings(xllamacpp, str(file), params))
    except RuntimeError as error:
        raise ResourceError(
            f"llama.cpp cannot load {file}",
            hint="it must be a GGUF file of a chat model that fits into memory; a smaller `context` needs less",
        ) from error
    return Llama(server, params.model)


def _settings(xllamacpp: Any, file: str, params: LlamaParams) -> Any:
    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.verbosity = -1
    settings.n_ctx = params.context
    settings.n_parallel = 1
    settings.n_batch = READ
    # Batched sums are rounded differently from single ones.
    settings.n_ubatch = 1 if params.reproducible else READ
    settings.cache_ram_mib = params.prompt_cache
    # Above 0 it overwrites a cached conversation with any that begins alike, as all conversations do.
    settings.slot_prompt_similarity = 0.0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads_of(params)
    settings.n_gpu_layers = _gpu_layers(xllamacpp, params.device, settings.n_gpu_layers)
    # The server always listens on a local port; the random key keeps other programs out.
    settings.api_keys = [secrets.token_hex()]
    settings.ui = settings.endpoint_slots = False
    settings.n_threads_http = 1
    return settings


def _gpu_layers(xllamacpp: Any, device: str, automatic: int) -> int:
    if device == "auto":
        return automatic
    if device == "cpu":
        return 0
    if all(each["name"] == "CPU" for each in xllamacpp.get_device_info()):
        raise DependencyError("llama.cpp finds no GPU", hint="install the CUDA build of xllamacpp, or set device: cpu")
    return 1 << 16  # more than any model has


class LlamaChat(Chat[LlamaParams]):
    """Answers with a local language model, without a network.

    At temperature 0 the same conversation always gets the same answer. A cancelled answer
    stops the model at its next token.
    """

    continues_exactly = True

    engine = Pooled(
        load_llama,
        key=lambda p: (p.model, p.context, p.threads, p.device, p.prompt_cache, p.reproducible),
        threads=threads_of,
    )

    async def open(self) -> None:
        """Processes the common beginning of all prompts, so that the first answer is not slow."""
        await self._read(self.memory.messages(self.params.system))

    async def read(self, messages: list[ChatMessage]) -> None:
        """Processes the beginning of later prompts."""
        await self._read(messages, aside=True)

    async def _read(self, messages: list[ChatMessage], *, aside: bool = False) -> None:
        beginning: list[ChatMessage] = [*messages, {"role": "user", "content": ""}]
        with suppress(AnswerCut):
            async for _ in self._stream(beginning, max_tokens=1, aside=aside):
                pass

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the answer to a prompt; the model runs ahead of the speech."""
        return read_ahead(self._stream(messages, max_tokens=self.params.max_tokens))

    def generate_aside(self, messages: list[ChatMessage]) -> Pieces:
        """As `generate`; stops also while the prompt is processed."""
        return self._stream(messages, max_tokens=self.params.max_tokens, aside=True)

    async def _stream(self, messages: list[ChatMessage], max_tokens: int, *, aside: bool = False) -> Pieces:
        body = {
            "messages": messages,
            "max_tokens": max_tokens,
            "temperature": self.params.temperature,
            "seed": self.params.seed,
            "dry_multiplier": 0.8 if self.params.avoid_loops else 0.0,
            "stream": True,
            "return_progress": True,
            "cache_prompt": True,
        }
        reasons: list[str] = []
        usage = Usage()
        stream = self.engine.stream(lambda model: model.generate(body, usage, reasons.append))
        try:
            async with aclosing(giving_way(stream, self.engine) if aside else stream) as pieces:
                async for piece in pieces:
                    if piece:
                        yield piece
        finally:
            self.note_tokens("llama.cpp", self.params.model, usage)
        if "length" in reasons:
            raise AnswerCut
