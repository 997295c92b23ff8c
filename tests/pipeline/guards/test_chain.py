"""What all sessions of a process share of their guards."""

from __future__ import annotations

from typing import Any

from nodes.dialogue.script import ScriptedDialogue
from pipeline.errors import Location
from pipeline.graph.graph import Member
from pipeline.guards.chain import Guards
from pipeline.params import Params


class Told(Params):
    """What a call says, and what a graph says."""

    of_a_call = frozenset({"role"})
    role: str = ""
    """Of the call."""
    model: str = "a"
    """Of the graph."""


def member(**settings: Any) -> Member:
    """A member with these params."""
    return Member("chat", ScriptedDialogue, Told(**settings), Location("graph.yaml"))


def test_calls_that_differ_only_in_what_they_say_share_a_breaker() -> None:
    """Else every call would learn anew that a model is down, and nothing would ever be forgotten."""
    guards = Guards()
    breakers = {id(guards.of_member(member(role=str(number))).breaker) for number in range(100)}
    assert len(breakers) == 1
    assert guards.of_member(member(model="b")).breaker is not guards.of_member(member()).breaker
