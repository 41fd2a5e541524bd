"""SF-T5.ii: what is known of the stable step if only a window for the singular values of the update is known."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from labs.core.streams import stream
from labs.spectral_flattening import one_step
from tests.referee import check, control, verifies
from tests.spectral_flattening.rationals import fractions
from theory.evidence import Evidence, every, exact, require
from theory.spectral_flattening.steps_inexact import (
    SF_T5ii,
    SF_T5iim,
)

ONE, NEAR = Fraction(1), Fraction(101, 100)
ORDERED = "phi nondecreasing"
Modes = Sequence[Any]


def ratio(s: Modes, phi: Modes) -> Any:
    """tau by labs' closed form."""
    gain = sum(x * p for x, p in zip(s, phi, strict=True))
    return one_step.inexact_ratio(len(s), sum(s), gain, sum(p * p for p in phi))


@check(SF_T5ii, SF_T5iim)
def window_for_every_rank(factor: Fraction = ONE) -> Evidence:
    """The three inequalities of the proof, r = 2 + w, x = a + u, b = x + v; and window_ratio >= factor a/b^2."""
    import sympy

    a, s = sympy.symbols("a s", positive=True)
    u, v, w = sympy.symbols("u v w", nonnegative=True)
    x, b, r = a + u, a + u + v, 2 + w
    flat = {a: 1, s: 1, u: 0, v: 0, w: 0}
    return every(
        exact(s * (x + v), s * x, ">="),  # a mode with phi >= x adds at least s x to the gain
        exact(x * x, b * b, "<="),  # and at most b^2 to the squares
        exact(one_step.window_ratio(x, b, r), one_step.window_ratio(a, b, r), ">="),
        exact(one_step.window_ratio(a, b, r), factor * a / b**2, ">=", witness=flat),
    )


@check(SF_T5ii)
def window_holds(s: Modes, phi: Modes, a: Fraction, b: Fraction, factor: Fraction = ONE) -> Evidence:
    """tau >= factor * window_ratio(a, b, r) for a given spectrum."""
    require(len(s) >= 2, "r >= 2")
    require(all(a <= p <= b for p in phi), "a <= phi <= b")
    return exact(ratio(s, phi), factor * one_step.window_ratio(a, b, Fraction(len(s))), ">=")


@check(SF_T5ii)
def window_is_reached(r: int, a: Fraction, b: Fraction, faint: Fraction) -> Evidence:
    """tau <= (1 + 2 r faint b/a) * window_ratio at s = (1, faint, ...), phi = (a, b, ...): the infimum."""
    s, phi = [ONE, *[faint] * (r - 1)], [a, *[b] * (r - 1)]
    room = 1 + 2 * r * faint * b / a
    return exact(ratio(s, phi), room * one_step.window_ratio(a, b, Fraction(r)), "<=")


@check(SF_T5iim)
def partial_window_holds(s: Modes, phi: Modes, a: Fraction, b: Fraction, weigh: bool = True) -> Evidence:
    """tau >= (nuclear mass inside/N) * window_ratio; without the weight it need not be."""
    require(len(s) >= 2, "r >= 2")
    require(all(0 <= p <= b for p in phi), "phi <= b")
    mass = Fraction(sum(x for x, p in zip(s, phi, strict=True) if p >= a)) / sum(s) if weigh else ONE
    return exact(ratio(s, phi), mass * one_step.window_ratio(a, b, Fraction(len(s))), ">=")


A, B = fractions("0.681831", "1.202369")  # what Muon's five steps leave (SF-N3)


@verifies(SF_T5ii, SF_T5iim)
def test_window_for_every_rank() -> None:
    window_for_every_rank()


@verifies(SF_T5ii)
def test_windows() -> None:
    draw = stream("windows")
    for r in (2, 3, 10):
        window_is_reached(r, A, B, Fraction(1, 10**6))
        for _ in range(40):
            s = [Fraction(int(x), 100) for x in draw.integers(1, 100, r)]
            phi = [A + (B - A) * Fraction(int(x), 8) for x in draw.integers(0, 9, r)]
            window_holds(s, phi, A, B)
    assert f"{float(A / B**2):.4f}" == "0.4716"


@verifies(SF_T5iim)
def test_partial_windows() -> None:
    draw = stream("partial windows")
    for r in (2, 3, 10):
        for _ in range(40):
            s = [Fraction(int(x), 100) for x in draw.integers(1, 100, r)]
            phi = [B * Fraction(int(x), 8) for x in draw.integers(0, 9, r)]
            phi[0] = B
            partial_window_holds(s, phi, A, B)


@pytest.mark.parametrize(
    "claim", [pytest.param(0, marks=control(SF_T5iim, changes="the weight: sum_I s/N -> 1"))]
)
def test_mass_below_the_window_counts(claim: int) -> None:
    partial_window_holds(fractions("1", "1/100"), [Fraction(1, 10), B], A, B, weigh=False)


@control(SF_T5ii, sharpens="window_ratio -> 1.01 of it, and a/b^2 -> 1.01 a/b^2")
def test_the_window_ratio_is_the_infimum() -> None:
    window_holds([ONE, *[Fraction(1, 10**6)] * 9], [A, *[B] * 9], A, B, NEAR)
    window_for_every_rank(NEAR)


@control(SF_T5ii, drops="r >= 2")
def test_a_single_singular_value() -> None:
    window_holds([ONE], [B], A, B)
