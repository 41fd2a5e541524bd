"""SF-T4: flattening raises the threshold where curvature and gradient are correlated over the modes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from labs.spectral_flattening.thresholds import stable_step
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import decreasing, fractions
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import aligned, sums
from theory.spectral_flattening.steps_yardsticks import SF_T4a, SF_T4b, SF_T4c, SF_T4d, SF_T4e

ONE, NEAR = Fraction(1), Fraction(101, 100)
Modes = Sequence[Fraction]


def rationals(values: Sequence[Fraction]) -> list[Any]:
    import sympy

    return [sympy.Rational(x.numerator, x.denominator) for x in values]


def sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)


# --- if and only if the covariance is nonnegative ----------------------------------------------------------------


@check(SF_T4a)
def gain_is_the_covariance(r: int) -> Evidence:
    """c(G) - c(Q) = (r sum h s^2 - sum h sum s^2)/(r sum s^2) for all h, s > 0."""
    import sympy

    h = sympy.symbols(f"h1:{r + 1}", positive=True)
    s = sympy.symbols(f"s1:{r + 1}", positive=True)
    squares = [x * x for x in s]
    gain = aligned.curvature_ratio(h, s) - aligned.curvature_ratio(h, [1] * r)
    return exact(gain, sums.covariance_excess(h, squares) / (r * sum(squares)))


@check(SF_T4a)
def signs_agree(h: Modes, s: Modes, power: int = 2) -> Evidence:
    """The sign of c(G) - c(Q) is that of Cov(h, s^power)."""
    gain = aligned.curvature_ratio(h, s) - aligned.curvature_ratio(h, [ONE] * len(h))
    return exact(sign(gain), sign(sums.covariance_excess(h, [x**power for x in s])))


@check(SF_T4a)
def signs_agree_in_floats(h: np.ndarray, s: np.ndarray) -> Evidence:
    """labs, aligned in random bases: c(Q) <= c(G) where Cov(h, s^2) >= 0, and the other way round.

    c(G) - c(Q) from the exact thresholds: 2 F^2/<G, H[G]> = 2/c(G), 2 N/<Q, H[Q]> = 2 N/(r c(Q)).
    """
    r = h.shape[-1]
    draw = stream("aligned bases", r)
    left, right = haar(r, draw), haar(r, draw)
    steps = stable_step((left * s[..., None, :]) @ right.T, (left * h[..., None, :]) @ left.T, np.eye(r))
    along_g, along_q = 2 / steps.gd_exact, 2 * np.sum(s, axis=-1) / (r * steps.exact)
    squares = s * s
    covariance = np.mean(h * squares, axis=-1) - np.mean(h, axis=-1) * np.mean(squares, axis=-1)
    expected = covariance / np.mean(squares, axis=-1)
    # Curvatures are right to 16 r eps max h.
    return measured(along_g - along_q, expected, 4e-15 * r * np.max(h, axis=-1))


@verifies(SF_T4a)
def test_gain_is_the_covariance() -> None:
    for r in (1, 2, 3):
        gain_is_the_covariance(r)
    draw = stream("covariance signs")
    for _ in range(100):
        r = int(draw.integers(2, 6))
        h, s = ([Fraction(int(x), 16) for x in draw.integers(1, 60, r)] for _ in range(2))
        signs_agree(h, s)


@verifies(SF_T4a)
def test_gain_in_ten_thousand_pairs() -> None:
    draw = stream("covariance, floats")
    for r in (2, 3, 8):
        h, s = np.exp(draw.uniform(-3, 3, (2, 3400, r)))
        signs_agree_in_floats(h, s)


@control(SF_T4a, changes="Cov(h, s^2) -> Cov(h, s)")
def test_the_squares_count() -> None:
    signs_agree(fractions("20", "1", "29"), fractions("1", "5", "6"), power=1)


@check(SF_T4b)
def ordered_modes(h: Sequence[Any], s: Sequence[Any]) -> Evidence:
    """c(Q) <= c(G), and Chebyshev's identity with its induction step, for modes in the same order."""
    pairs = [
        (a - b) * (c - d)
        for i, (a, c) in enumerate(zip(h, s, strict=True))
        for b, d in list(zip(h, s, strict=True))[:i]
    ]
    require(all(_nonnegative(x) for x in pairs), "similarly ordered")
    squares = [x * x for x in s]
    room = sums.covariance_excess(h, squares)
    return every(
        exact(room, sums.pairwise(h, squares)),
        exact(*sums.covariance_step()),
        exact(aligned.curvature_ratio(h, [1] * len(h)), aligned.curvature_ratio(h, s), "<="),
    )


def _nonnegative(x: Any) -> bool:
    from theory.signs import expression, of_expression

    return -1 not in of_expression(expression(x))


@verifies(SF_T4b)
def test_similarly_ordered_modes() -> None:
    import sympy

    for r in (1, 2, 3):
        gaps_h, gaps_s = (sympy.symbols(f"{name}1:{r + 1}", positive=True) for name in "hs")
        ordered_modes([sum(gaps_h[i:]) for i in range(r)], [sum(gaps_s[i:]) for i in range(r)])
    ordered_modes(fractions("3", "3", "1", "1/9"), fractions("2", "1", "1", "0"))


@control(SF_T4b, drops="similarly ordered")
def test_oppositely_ordered_modes() -> None:
    ordered_modes(fractions("100", "1"), fractions("1/100", "1"))
    ordered_modes(fractions("2", "1"), fractions("1", "11/10"))


# --- exact thresholds --------------------------------------------------------------------------------------------


@check(SF_T4c, SF_T4d)
def aligned_thresholds(r: int, factor: Fraction = ONE) -> Evidence:
    """Theory's roots of f(W - eta D) = f(W), modes of any h, s > 0, against labs' 2 gain/curvature."""
    import sympy

    h = sympy.symbols(f"h1:{r + 1}", positive=True)
    s = sympy.symbols(f"s1:{r + 1}", positive=True)
    squares = sum(x * x for x in s)
    curved = sum(x * y * y for x, y in zip(h, s, strict=True))
    ngd = [sympy.sqrt(r) * x / sympy.sqrt(squares) for x in s]
    by_labs = one_step.largest_step(sympy.sqrt(r * squares), r * curved / squares)
    return every(
        exact(aligned.exact_step(h, s, [1] * r), factor * 2 * sum(s) / sum(h)),
        exact(
            aligned.exact_step(h, s, ngd),
            factor * 2 * sympy.sqrt(squares) * squares / (sympy.sqrt(r) * curved),
        ),
        exact(aligned.exact_step(h, s, ngd), factor * by_labs),
    )


@check(SF_T4c)
def labs_thresholds(h: np.ndarray, s: np.ndarray, factor: float = 1.0) -> Evidence:
    """labs, for diagonal matrices with h_i = b_i a_i, against the two formulas."""
    r = len(h)
    a = np.geomspace(3, 0.5, r)
    steps = stable_step(np.diag(s), np.diag(h / a), np.diag(a))
    curved = np.sum(h * s * s)
    ngd = 2 * np.sum(s * s) ** 1.5 / (r**0.5 * curved)
    # Sums of r positive terms.
    return every(
        measured(float(steps.exact), factor * 2 * np.sum(s) / np.sum(h), 1e-14 * r * float(steps.exact)),
        measured(float(steps.ngd_exact), factor * ngd, 1e-14 * r * ngd),
    )


@check(SF_T4d)
def isotropic_error(r: int, factor: Fraction = ONE) -> Evidence:
    """d = 1, so s = h: Muon 2, NGD at least factor * 2/sqrt r for all h_1 >= ... >= h_r > 0; equal at (1, 0, ..., 0).

    sum h^3 <= h_1 sum h^2 and h_1^2 <= sum h^2:  NGD^2 = 4 (sum h^2)^3/(r (sum h^3)^2) >= 4 sum h^2/(r h_1^2) >= 4/r.
    """
    h = decreasing(r, "h")
    squares, cubes = sum(x**2 for x in h), sum(x**3 for x in h)
    spike = dict.fromkeys(h[0].free_symbols, 1) | {min(h[0].free_symbols, key=str): 10**4}
    return every(
        exact(aligned.exact_step(h, h, [1] * r), 2),
        exact(cubes, h[0] * squares, "<="),
        exact(4 * squares / (r * h[0] ** 2), factor**2 * Fraction(4, r), ">=", witness=spike),
    )


@verifies(SF_T4c)
def test_aligned_thresholds() -> None:
    for r in (1, 2, 3):
        aligned_thresholds(r)
    draw = stream("aligned thresholds")
    for r in (1, 4, 30):
        labs_thresholds(*np.exp(draw.uniform(-4, 4, (2, r))))


@verifies(SF_T4d)
def test_isotropic_error() -> None:
    for r in (1, 2, 3):
        isotropic_error(r)


@verifies(SF_T4d)
def test_the_gain_of_one_curved_mode() -> None:
    for r in (2, 9, 100):
        one_curved_mode(r, 1e-9)


@check(SF_T4d)
def one_curved_mode(r: int, eps: float) -> Evidence:
    """labs at h = (1, eps, ..., eps), d = 1: Muon 2, and NGD within r eps of 2/sqrt r."""
    h = np.array([1.0, *[eps] * (r - 1)])
    steps = stable_step(np.diag(h), np.diag(h), np.eye(r))
    return every(
        measured(float(steps.exact), 2.0, 1e-14 * r),
        measured(float(steps.ngd_exact), 2 / r**0.5, 2 * r * eps),
    )


@control(SF_T4c, changes="2 -> 2.02")
def test_aligned_thresholds_are_exact() -> None:
    aligned_thresholds(2, NEAR)
    labs_thresholds(np.array([2.0, 1.0]), np.array([1.0, 0.5]), 1.01)


@control(SF_T4d, sharpens="2/sqrt r -> 2.02/sqrt r")
def test_the_gain_of_sqrt_r_is_approached() -> None:
    isotropic_error(3, NEAR)


# --- an extreme loss ---------------------------------------------------------------------------------------------


@check(SF_T4e)
def best_steps_remove(h: Modes, d: Modes, gd: str, muon: str) -> Evidence:
    """f after / f before at the best step, GD and Muon, to six digits: theory's minimum, and the formula."""
    s = [x * y for x, y in zip(h, d, strict=True)]
    parts = []
    for phi, printed in ((s, gd), ([ONE] * len(h), muon)):
        found = aligned.line_search_factor(rationals(h), rationals(d), rationals(phi))
        gain = sum(a * b for a, b in zip(s, phi, strict=True))
        curved = sum(x * p * p for x, p in zip(h, phi, strict=True))
        parts.append(exact(found, 1 - gain**2 / (curved * sum(x * y * y for x, y in zip(h, d, strict=True)))))
        parts.append(exact((found - rationals([Fraction(printed)])[0]) ** 2, Fraction("5e-7") ** 2, "<="))
    return every(*parts)


@verifies(SF_T4e)
def test_extreme_loss() -> None:
    best_steps_remove(fractions("100", "1"), fractions("1/10000", "1"), "0.009704", "0.989900")


@control(SF_T4e, changes="h = (100, 1) -> (99, 1)")
def test_another_curvature() -> None:
    best_steps_remove(fractions("99", "1"), fractions("1/10000", "1"), "0.009704", "0.989900")


@restates(SF_T4a)
def test_pairs_with_flat_curvature_or_spectrum() -> None:
    """Then the covariance vanishes and the two curvatures agree."""
    signs_agree(fractions("2", "2", "2"), fractions("5", "1", "1/3"))
    signs_agree(fractions("5", "1", "1/3"), fractions("2", "2", "2"))
    signs_agree_in_floats(np.full((4, 3), 2.0), np.array([5.0, 1.0, 0.3]) * np.ones((4, 1)))


def test_muons_threshold_is_exact_for_a_single_mode() -> None:
    steps = stable_step(np.array([[-4.0]]), np.array([[2.0]]), np.array([[0.5]]))
    assert (
        float(steps.exact)
        == float(steps.frobenius)
        == float(steps.ngd_exact)
        == pytest.approx(8.0, rel=1e-15)
    )
    assert float(steps.gd_exact) == float(steps.gd) == pytest.approx(2.0, rel=1e-15)
