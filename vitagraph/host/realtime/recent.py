"""Tells a packet from the same packet on another link."""

from __future__ import annotations

from collections import OrderedDict


class Recent:
    """The latest things of one kind, by identity; kept, so that no newer one can have the same."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[int, object] = OrderedDict()

    def new(self, thing: object) -> bool:
        """Whether this one was not seen before."""
        if id(thing) in self._things:
            return False
        self._things[id(thing)] = thing
        if len(self._things) > self._most:
            self._things.popitem(last=False)
        return True
