"""Spectra that kinks are tried on, and the minimal kink of each, computed once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from labs.core.spectrum import log_uniform, zoo
from labs.core.streams import stream
from labs.isotropic_curvature.zonoid import minimal_kink
from theory.evidence import Evidence, enclosed, every

# minimal_kink has a relative error of 1e-13 for conditions up to 1e6 (test_kink_closed_forms.py).
KINK_ERROR = 1e-12


@cache
def zoo_of(n: int) -> list[tuple[float, ...]]:
    """The zoo at length n as far as it is positive and not constant to 1e-6, and one more with two decades."""
    draw = stream("orthogonalisation", n)
    spectra = [*zoo(n, draw).values(), log_uniform(n, 2.0, draw)]
    return [tuple(map(float, g)) for g in spectra if np.min(g) > 1e-9 and np.ptp(g) > 1e-6]


def graded_by(n: int, most: float) -> list[tuple[float, ...]]:
    """Those of them with a condition number below `most`."""
    return [g for g in zoo_of(n) if max(g) < most * min(g)]


@cache
def least(g: tuple[float, ...], A: float = 0.0) -> tuple[float, np.ndarray]:
    """The minimal kink and its normal, from labs; there must be one."""
    B, normal = minimal_kink(np.array(g), A)
    assert normal is not None
    return B, normal


def least_at(g: tuple[float, ...], share: float) -> tuple[float, float, np.ndarray]:
    """A = share n g_n, the minimal kink and its normal."""
    A = share * len(g) * min(g)
    return (A, *least(g, A))


def bracket_within(lower: Any, upper: Any, digits: str) -> Evidence:
    """Whether both ends of a bracket (balls) lie within half a unit of the last of these digits."""
    from flint import arb

    mantissa, _, exponent = digits.partition("e")
    places = len(mantissa.partition(".")[2]) - int(exponent or 0)
    half = arb(10) ** -places / 2
    ends = [value - arb(digits) for value in (lower, upper)]
    return every(*(enclosed(abs(end) - half, "<=") for end in ends))
