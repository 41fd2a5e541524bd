"""Hypotheses by name: a check states what its instance must satisfy, a control may waive one of them.

Imports nothing of the project.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any


class HypothesisMissing(Exception):
    """An instance does not satisfy a hypothesis of the claim, so that it says nothing about the claim."""


_waived: ContextVar[str | None] = ContextVar("waived", default=None)
_seen: ContextVar[list[tuple[str, bool]] | None] = ContextVar("seen", default=None)


@contextlib.contextmanager
def hypotheses(waive: str | None = None) -> Iterator[list[tuple[str, bool]]]:
    """Collect what `require` is told, as (name, whether it was true); the hypothesis `waive` may be false."""
    seen: list[tuple[str, bool]] = []
    tokens = _waived.set(waive), _seen.set(seen)
    try:
        yield seen
    finally:
        _waived.reset(tokens[0])
        _seen.reset(tokens[1])


def require(condition: Any, name: str) -> None:
    """State, inside a check, that the instance satisfies the hypothesis `name` (a Python or NumPy bool).

    Raises HypothesisMissing if it does not, unless a control waives just this hypothesis.
    """
    satisfied = bool(condition)
    seen = _seen.get()
    if seen is not None:
        seen.append((name, satisfied))
    if not satisfied and _waived.get() != name:
        raise HypothesisMissing(f"the instance does not satisfy the hypothesis {name}")
