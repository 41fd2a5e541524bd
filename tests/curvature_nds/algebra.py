"""Symbols and points of the two-level model: a = m/(q - m), the ratio of curvatures rho, the alignment s."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.curvature_nds.matrices import fractions

Point = tuple[Fraction, Fraction, Fraction]  # a, rho, s


def symbols(names: str) -> Any:
    """Positive symbols, one or a tuple."""
    import sympy

    return sympy.symbols(names, positive=True)


def point(a: str, rho: str, s: str) -> Point:
    """Exact numbers from their texts."""
    a_, rho_, s_ = fractions(a, rho, s)
    return a_, rho_, s_
