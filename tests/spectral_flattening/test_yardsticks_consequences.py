"""SF-T3.a to e: what follows from the yardsticks, and a literal reading that is false."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from labs.core.streams import stream
from labs.spectral_flattening import one_step
from labs.spectral_flattening.one_step import yardsticks
from labs.spectral_flattening.thresholds import stable_step
from tests.referee import check, control, refutes, verifies
from tests.spectral_flattening.rationals import formal_rows, fractions
from theory.evidence import Evidence, every, exact, measured
from theory.spectral_flattening import descent, sums
from theory.spectral_flattening.steps_yardsticks import (
    SF_C3,
    SF_T3_1,
    SF_T3a,
    SF_T3b,
    SF_T3c,
    SF_T3e,
)

ONE, NEAR = Fraction(1), Fraction(101, 100)


@check(SF_T3a)
def unit_of_the_loss(power: int = 1) -> Evidence:
    """f -> c f: GD's raw threshold times c^power, and Muon's and NGD's, are what they were."""
    import sympy

    c = sympy.Symbol("c", positive=True)
    of = descent.norms()
    plain = formal_rows(of)[0]
    scaled = yardsticks(c * of.N, c * of.F, c * of.s1, of.q, c * of.L, c * of.L_op)[0]
    return every(
        exact(scaled.gd * c**power, plain.gd), exact(scaled.muon, plain.muon), exact(scaled.ngd, plain.ngd)
    )


@check(SF_T3b)
def near_a_minimum(power: int = 1) -> Evidence:
    """Delta -> t Delta: Muon's threshold is multiplied by t^power, GD's unchanged."""
    import sympy

    t = sympy.Symbol("t", positive=True)
    of = descent.norms()
    plain, near = formal_rows(of)[0], formal_rows(of, t)[0]
    return every(exact(near.muon, t**power * plain.muon), exact(near.gd, plain.gd))


@check(SF_T3a, SF_T3b)
def thresholds_of_labs(c: float, t: float) -> Evidence:
    """f -> c f and Delta -> t Delta: labs' uniform thresholds are multiplied by t (Muon, NGD), 1/c (GD)."""
    draw = stream("units and minima")
    B, A = (X @ X.T for X in (draw.standard_normal((k, k)) for k in (3, 4)))
    G = B @ draw.standard_normal((3, 4)) @ A
    plain, other = stable_step(G, B, A), stable_step(c * t * G, c * B, A)
    scales = {"frobenius": t, "ngd": t, "gd": 1 / c}
    found = [
        float(getattr(other, name)) / float(getattr(plain, name)) / scale for name, scale in scales.items()
    ]
    return measured(found, 1.0, 1e-14)  # the same numbers up to rounding of c t G and c B


@check(SF_T3c)
def gradient_is_the_best_direction(r: int, factor: Fraction = ONE) -> Evidence:
    """(sum s phi)^2/(2 L sum phi^2) <= factor F^2/(2L) for all s and phi, by Lagrange's identity."""
    import sympy

    s = sympy.symbols(f"s1:{r + 1}", positive=True)
    phi = sympy.symbols(f"phi1:{r + 1}", positive=True)
    gain = sum(a * b for a, b in zip(s, phi, strict=True))
    squares, F2 = sum(b * b for b in phi), sum(a * a for a in s)
    room = factor * one_step.best_decrease(F2, F2) - one_step.best_decrease(gain, squares)
    return every(
        exact(2 * squares * room, sums.minors(s, phi)),
        *(
            exact(sums.minors(s[i : i + 2], phi[i : i + 2]), 0, ">=") for i in range(r - 1)
        ),  # each term is a square
        exact(*sums.determinant_step()),
    )


@check(SF_T3e)
def largest_singular_value(of_rank: Callable[[descent.Norms], Any], factor: Fraction = ONE) -> Evidence:
    """Row 2 and row 5 for GD in terms of s_1 and srank; row 1 without a norm of G."""
    of = descent.norms()
    raw, spectral, _, _, by_operator, *_ = formal_rows(of)
    norms_in_row_1 = len(raw.gd.free_symbols & {of.N, of.F, of.s1, of.q})
    return every(
        exact(spectral.gd, factor * 2 * of.s1 / of.L),
        exact(by_operator.gd / of.s1, factor * 2 * of_rank(of) / of.L_op),
        exact(norms_in_row_1, 0),
    )


@verifies(SF_T3a, SF_T3b, SF_T3e)
def test_units_and_minima() -> None:
    unit_of_the_loss()
    near_a_minimum()
    for c, t in ((0.1, 1.0), (1e9, 1.0), (1.0, 1e-3), (1.0, 1e-12)):
        thresholds_of_labs(c, t)
    largest_singular_value(lambda of: of.F**2 / of.s1**2)


@verifies(SF_T3c)
def test_the_gradient_is_the_best_direction() -> None:
    for r in (1, 2, 3, 4):
        gradient_is_the_best_direction(r)


@control(SF_T3a, changes="1/c -> 1/c^2")
def test_another_power_of_the_unit() -> None:
    unit_of_the_loss(2)


@control(SF_T3b, changes="t -> t^2")
def test_another_power_of_the_distance() -> None:
    near_a_minimum(2)


@control(SF_T3c, sharpens="F^2 -> 0.99 F^2")
def test_the_gradient_attains_it() -> None:
    gradient_is_the_best_direction(2, 1 / NEAR)


@control(SF_T3e, changes="stable rank -> nuclear rank")
def test_it_is_the_stable_rank() -> None:
    largest_singular_value(lambda of: of.N**2 / of.F**2)


# --- a literal reading -------------------------------------------------------------------------------------------


@check(SF_C3)
def muon_may_step_further(s: Sequence[Fraction], smooth: Fraction) -> Evidence:
    """Muon's raw threshold exceeds that of GD."""
    import sympy

    r = len(s)
    row = yardsticks(sum(s), sympy.sqrt(sum(x * x for x in s)), max(s), sympy.sqrt(r), smooth, smooth)[0]
    return exact(row.muon, row.gd, ">")


@refutes(SF_C3, corrected=SF_T3_1)
def test_muon_may_not_step_further_than_gradient_descent() -> None:
    s = fractions("1", "1/10")
    muon_may_step_further(s, ONE)
    assert one_step.largest_step(sum(s), len(s)) == Fraction("1.1")
    # The same with s = (5, 4), where Muon's 9/2 is above GD's 2, once the loss is multiplied by 1/10.
    muon_may_step_further(fractions("1/2", "2/5"), Fraction(1, 10))
