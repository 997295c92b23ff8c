"""Telling a packet from the same packet on another link."""

from __future__ import annotations

from vitagraph.host.realtime.recent import Recent


def test_recent_set_counts_the_same_object_once_and_an_equal_one_again() -> None:
    """No, no: that is two words, though both pieces are equal; and each goes over three links."""
    recent = Recent(4)
    first, second = ["No."], ["No."]
    assert [recent.new(each) for each in (first, second, first, second, first)] == [True, True, False, False, False]


def test_recent_set_is_not_fooled_by_reused_object_ids() -> None:
    """Memory is used again: a new piece of text must not be taken for one that is long gone."""
    recent = Recent(4)
    assert all(recent.new([number]) for number in range(1000))
