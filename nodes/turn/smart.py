"""`turn.smart`: Smart Turn, a model that tells by the sound whether a person has finished."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import Field

from nodes import models
from nodes.packets import Pause, Samples, TurnCompletion
from nodes.turn._features import RATE, features
from pipeline.compute.job_context import Lane
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError
from pipeline.node import Service
from pipeline.packet import Packet
from pipeline.params import Params
from pipeline.port import Input, Sends


class SmartTurnParams(Params):
    """The model."""

    model: str = "smart-turn-v3.2"
    """A name in the model catalogue, or the path of an .onnx file."""
    threads: int = Field(1, ge=1, le=64)
    """CPU threads."""


class SmartTurnModel:
    """A loaded model."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def probability(self, samples: Samples) -> float:
        """How likely a turn is over that sounds so up to now, 0 to 1; int16 samples at 16 kHz. Takes 12 to 60 ms."""
        # The output is called `logits`, but is a probability.
        (found,) = self._session.run(None, {"input_features": features(samples)})
        return float(found.reshape(-1)[0])


def load_smart_turn(params: SmartTurnParams) -> SmartTurnModel:
    """Loads the model; raises DependencyError without onnxruntime, ResourceError if the model is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise DependencyError(
            "turn.smart needs the package onnxruntime",
            hint="pip install onnxruntime, or remove the node: the words alone then decide",
        ) from error
    file = Path(models.path(params.model))
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads, options.intra_op_num_threads = 1, params.threads
    options.enable_cpu_mem_arena = False
    return SmartTurnModel(onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"]))


class SmartTurn(Service[SmartTurnParams]):
    """Tells the turn node by the sound of each pause how likely the turn is over.

    Link it to `turn.endpoint`, which joins its evidence with the words: `turn.pauses -> smart`. Without it,
    or while it fails, the words alone decide.
    """

    engine = Pooled(load_smart_turn, key=lambda p: (p.model, p.threads), threads=lambda p: p.threads)
    pauses = Input(Pause, rate=RATE, channels=1)
    completion = Sends(TurnCompletion)

    @pauses.each
    async def judge(self, heard: Pause) -> AsyncIterator[TurnCompletion]:
        """Sends the probability upstream."""
        probability = await self.engine.run(lambda model: model.probability(heard.samples))
        yield TurnCompletion(heard.at.cause, probability)

    def lane(self, packet: Packet) -> Lane:
        """Somebody waits for it."""
        return "high"
