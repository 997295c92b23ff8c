"""Every graph does with real recordings and real models what its scenario says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GraphError
from vitagraph.replay.scenario import read_scenario, run_scenario, scenario_of

pytestmark = pytest.mark.real_model

GRAPHS = Path(__file__).parent.parent / "graphs"
NAMES = [file.stem for file in sorted(GRAPHS.glob("*.yaml")) if not file.name.endswith(".scenario.yaml")]


@pytest.mark.parametrize("name", NAMES)
def test_scenario_expectations_hold(name: str, tmp_path: Path) -> None:
    for expectation, result, misses in run_scenario(GRAPHS / f"{name}.yaml", tmp_path):
        assert misses == [], f"{expectation.clip}: {result.as_json()}"


def test_scenario_with_a_misspelt_expectation_is_an_error(tmp_path: Path) -> None:
    file = scenario_of(tmp_path / "mine.yaml")
    file.write_text("clips: [{clip: a.wav, heares: hello}]\n", encoding="utf-8")
    with pytest.raises(GraphError, match="heares"):
        read_scenario(file)
