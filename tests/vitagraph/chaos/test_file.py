"""Errors of a chaos file have a position and a hint: a drill without faults tests nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import GraphError
from pipeline.params import seconds
from vitagraph.chaos.file import chaos_of, parse_chaos, read_chaos
from vitagraph.chaos.spec import NO_FAULTS

RIGHT = """
chaos:
  - {node: tts, fault: no_output, from: 8s, until: 18s}
  - {node: asr, fault: latency, latency: 3s, member: 1}
  - {node: chat, fault: error, category: network, chance: 0.3}
seed: 7
"""


def test_chaos_file_faults_are_read_in_order(tmp_path: Path) -> None:
    file = tmp_path / "chaos.yaml"
    file.write_text(RIGHT, encoding="utf-8")
    chaos = read_chaos(file)
    first, second, third = chaos.faults
    assert (first.node, first.fault, first.begin, first.until) == ("tts", "no_output", seconds(8), seconds(18))
    assert (second.member, second.latency, second.until) == (1, seconds(3), None)
    assert (third.category, third.chance) == ("network", 0.3)
    assert chaos.seed == 7 and [place.line for place in chaos.places] == [3, 4, 5]


def test_chaos_without_a_file_has_no_faults() -> None:
    assert chaos_of(None) is NO_FAULTS and NO_FAULTS.faults == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", ["a chaos file is a mapping"]),
        ("seed: 1", ["this file contains no faults", "such as `chaos:"]),
        ("chaos: []", ["this file contains no faults"]),
        ("chaos: [tts]", ["a fault is a mapping", "the text 'tts'"]),
        ("chaos: [{node: tts}]", ["needs `fault`"]),
        ("chaos: [{node: tts, fault: hangs}]", ["did you mean `hang`?"]),
        ("chaos: [{node: tts, fault: hang, form: 2s}]", ["no parameter `form`", "did you mean `from`?"]),
        ("chaos: [{node: tts, fault: hang, from: 2}]", ["`from`", "a duration needs a unit"]),
        ("chaos: [{node: tts, fault: hang, from: 9s, until: 8s}]", ["`until` must be later than `from`"]),
        ("chaos: [{node: tts, fault: hang, chance: 0}]", ["`chance`", "above 0"]),
        ("chaos: [{node: tts, fault: hang, latency: 2s}]", ["`latency` is only for `latency`, `slow_load`"]),
        ("chaos: [{node: tts, fault: hang, category: network}]", ["`category` is only for `error`"]),
        ("chaos: [{node: tts, fault: redis_away, from: 1s}]", ["lasts for the whole session"]),
        ("chaos: [{node: tts, fault: hang}]\nseed: often", ["`seed`", "a whole number"]),
        ("chaos: [{node: tts, fault: hang}]\nsed: 7", ["unknown key `sed`", "did you mean `seed`?"]),
    ],
)
def test_chaos_file_error_has_its_line(text: str, words: list[str]) -> None:
    with pytest.raises(GraphError) as error:
        parse_chaos(text, Path("chaos.yaml"))
    said = str(error.value)
    assert said.startswith("chaos.yaml:") and all(each in said for each in words), said


def test_chaos_file_errors_are_all_reported_at_once() -> None:
    with pytest.raises(GraphError) as error:
        parse_chaos("chaos: [{node: a, fault: x}, {node: b, fault: y}]\nseed: z", Path("chaos.yaml"))
    assert str(error.value).count("chaos.yaml:") == 3
