"""No node at all."""

from __future__ import annotations

SILENCE = 0
