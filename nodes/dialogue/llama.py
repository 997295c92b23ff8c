"""`dialogue.llama`: a language model in this process, any GGUF file, through llama.cpp."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from queue import Queue
from typing import Any, Literal

from pydantic import Field

from nodes import models
from nodes.dialogue._history import ChatMessage
from nodes.dialogue._service import Chat, ChatParams, Pieces, PromptTooLong, ahead
from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, NodeError, ResourceError

Body = dict[str, Any]
"""A request, as OpenAI's API writes it."""
Chunk = dict[str, Any]
"""A piece of the reply, as OpenAI's API writes it."""

READ = 32
"""Tokens of a prompt between two looks at whether to stop: some 150 ms of a small model on one core."""
READ_AT_ONCE = 128
"""The same, where they are read together."""


class LlamaParams(ChatParams):
    """A model file and how it is run."""

    model: str = "smollm2-135m"
    """A model of the catalogue, or the path of a .gguf file."""
    temperature: float = Field(0.0, ge=0, le=2)
    """How much chance there is in the choice of words; 0 is none."""
    seed: int = Field(0, ge=0, lt=1 << 32)
    """Where chance begins; matters at a temperature above 0."""
    context: int = Field(2048, ge=256, le=1 << 20)
    """Tokens that prompt and answer may have together."""
    reproducible: bool = True
    """Whether at a temperature of 0 the same conversation gets the same answer even where parts of
    it were read before: its tokens are then read one by one. A small model on a processor loses
    nothing by it; switch it off for a GPU and for larger models, which read many at once faster."""
    avoid_loops: bool = True
    """Whether whole phrases are kept from coming again and again, as they do in very small models."""
    threads: int = Field(0, ge=0, le=1024)
    """Processor threads; 0 is one for two cores. llama.cpp's threads spin while they wait for
    one another: where other work takes a core from them, fewer are many times faster."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto takes a GPU where there is one."""
    prompt_cache: int = Field(256, ge=0, le=65_536)
    """MiB of prompts that stay read, so that of each conversation only what is new has to be."""


class Llama:
    """A loaded model; one answer at a time."""

    def __init__(self, server: Any, name: str) -> None:
        self._server = server
        self._thread = Executor(workers=1, name=f"llama {name}")

    def generate(self, body: Body) -> Iterator[str]:
        """The answer piece by piece, with empty pieces while the prompt is read.

        Closing it stops the model at the next token and returns when it is at rest.
        """
        answer = _Answer(lambda hear: self._server.handle_chat_completions(body, hear), self._thread)
        try:
            yield from map(_text, answer)
        finally:
            answer.stop()

    def close(self) -> None:
        """Frees the memory and lets the thread end."""
        self._server = None
        self._thread.shutdown()


class _Answer:
    """Makes an iterator of the calls with which llama.cpp tells its tokens."""

    def __init__(self, work: Callable[[Callable[[Chunk], bool]], None], thread: Executor) -> None:
        self._chunks: Queue[Chunk | None] = Queue(maxsize=16)
        self._stopped = threading.Event()
        self._ended = False
        self._work: Future[None] = thread.submit(work, self._hear)
        self._work.add_done_callback(lambda _: self._chunks.put(None))

    def _hear(self, chunk: Chunk) -> bool:
        """Called for each token; the reply is whether to stop."""
        self._chunks.put(chunk)
        return self._stopped.is_set()

    def __iter__(self) -> Iterator[Chunk]:
        yield from iter(self._chunks.get, None)
        self._ended = True
        self._work.result()

    def stop(self) -> None:
        self._stopped.set()
        while not self._ended:  # Reads on, for a full queue would hold the model's thread.
            self._ended = self._chunks.get() is None


def _text(chunk: Chunk) -> str:
    if error := chunk.get("error"):
        raise _refusal(error)
    choices = chunk.get("choices")
    return (choices[0]["delta"].get("content") or "") if choices else ""


def _refusal(error: dict[str, Any]) -> NodeError:
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLong(
            f"the prompt has {error['n_prompt_tokens']} tokens and the model's context only {error['n_ctx']}",
            hint="raise `context`, or shorten `system`",
        )
    return NodeError(f"llama.cpp refused the prompt: {error.get('message', error)}")


def threads_of(params: LlamaParams) -> int:
    """Processor threads of one answer."""
    return params.threads or max(1, (os.cpu_count() or 1) // 2)


def load_llama(params: LlamaParams) -> Llama:
    """Loads the model file, silently."""
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
            hint="it must be a GGUF file of a chat model, and fit in memory: a smaller `context` needs less",
        ) from error
    return Llama(server, params.model)


def _settings(xllamacpp: Any, file: str, params: LlamaParams) -> Any:
    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.verbosity = -1
    settings.n_ctx = params.context
    settings.n_parallel = 1
    settings.n_batch = READ if params.reproducible else READ_AT_ONCE
    # Sums over many tokens at once are rounded otherwise than over one.
    settings.n_ubatch = 1 if params.reproducible else READ_AT_ONCE
    settings.cache_ram_mib = params.prompt_cache
    # Above 0 it overwrites a conversation where the next one begins alike, as all do, and the shorter the likelier.
    settings.slot_prompt_similarity = 0.0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads_of(params)
    settings.n_gpu_layers = _gpu_layers(xllamacpp, params.device, settings.n_gpu_layers)
    # It always listens on a port of this machine: nobody else shall use it.
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
        raise DependencyError(
            "llama.cpp finds no GPU here", hint="install the CUDA build of xllamacpp, or set device: cpu"
        )
    return 1 << 16  # More than any model has: all of them.


class LlamaChat(Chat[LlamaParams]):
    """Answers with a language model on this machine, without a network.

    At a temperature of 0 the same conversation always gets the same answer. When the
    answer is no longer wanted the model stops at its next token.
    """

    engine = Pooled(
        load_llama,
        key=lambda p: (p.model, p.context, p.threads, p.device, p.prompt_cache, p.reproducible),
        threads=threads_of,
    )

    async def open(self) -> None:
        """Has the model read what every prompt begins with, so that the first answer is not slow."""
        beginning: list[ChatMessage] = [*self.memory.messages(self.params.system), {"role": "user", "content": ""}]
        async for _ in self._stream(beginning, max_tokens=1):
            pass

    def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the model's answer to a prompt; the model does not wait until it is spoken."""
        return ahead(self._stream(messages, max_tokens=self.params.max_tokens))

    async def _stream(self, messages: list[ChatMessage], max_tokens: int) -> Pieces:
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
        stream = self.engine.stream(lambda model: model.generate(body))
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece
