"""A node whose package is not installed."""

from __future__ import annotations

import package_that_nobody_has  # type: ignore[import-not-found]

from pipeline.params import Params
from tests.pipeline.graph.some.ears._shared import Listening


class Needy(Listening[Params]):
    """Needs a package."""

    engine = package_that_nobody_has.Engine
