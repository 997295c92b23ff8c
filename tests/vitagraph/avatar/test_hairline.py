"""Where hair grows."""

from __future__ import annotations

import numpy as np
import pytest

from vitagraph.avatar import hairline


@pytest.mark.parametrize(
    ("place", "grows"),
    [
        ((0.0, 0.11, -0.08), True),  # the crown
        ((0.0, 0.0, -0.165), True),  # the back of the head
        ((0.07, 0.03, -0.07), True),  # above the ear
        ((0.0, 0.04, 0.03), False),  # the forehead
        ((0.075, -0.02, -0.075), False),  # the ear
        ((0.04, -0.03, 0.06), False),  # the cheek
        ((0.0, -0.11, -0.14), False),  # the neck
    ],
)
def test_hairline_covers_the_head_and_not_the_face(place: tuple[float, float, float], grows: bool) -> None:
    assert (hairline.height(np.array([place]))[0] > 0) == grows


def test_hairline_hair_is_longer_on_top_than_at_the_sides() -> None:
    top, side = hairline.length(np.array([[0.0, 0.11, -0.05], [0.075, 0.03, -0.08]]))
    assert top > 2 * side
