"""SF-K9: the spectrum of the gradient covariance bounds the gain of a preconditioner on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from labs.core.streams import stream
from labs.spectral_flattening.conditioning import preconditioned_condition_number
from labs.spectral_flattening.conditioning_forms import contraction
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.curvatures import EPS, increments, kappa, pairs, turned
from tests.spectral_flattening.rationals import fractions, semidefinite
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.spectral_flattening import pencils
from theory.spectral_flattening.conditioning import SF_K9a, SF_K9b, SF_K9c, SF_K9d, SF_K9e, SF_K9f

ONE = Fraction(1)
FEWER = fractions("1/2", "2/3", "1")


# --- both bounds -------------------------------------------------------------------------------------------------


@check(SF_K9a)
def loss_for_all_pairs(factor: Fraction = ONE) -> Evidence:
    """kappa(M) <= factor * kappa(B) kappa(C) for all 2 x 2 matrices, at any angle."""
    import sympy

    y, v, w = increments("y v w")
    b, c = 1 + v, 1 + w
    found = pencils.pencil_spread(sympy.diag(b, 1), pencils.rotated(c, y))
    return exact(found, pencils.spread(factor * b * c), "<=", witness={y: 10**8, v: 1, w: 1})


@check(SF_K9b)
def gain_for_all_pairs(factor: Fraction = ONE) -> Evidence:
    """kappa(M) >= kappa(B)/(factor * kappa(C)) for all 2 x 2 matrices with kappa(B) >= kappa(C), else trivial."""
    import sympy

    y, v, w = increments("y v w")
    c = 1 + v
    b = c * (1 + w)
    found = pencils.pencil_spread(sympy.diag(b, 1), pencils.rotated(c, y))
    return exact(found, pencils.spread(b / c / factor), ">=", witness={y: 0, v: 1, w: 1})


@check(SF_K9a, SF_K9b)
def congruence(x: Sequence[Fraction], y: Sequence[Fraction]) -> Evidence:
    """n x n: every eigenvalue of X Y X lies between x_n^2 y_n and x_1^2 y_1, so kappa(X Y X) <= kappa(X)^2 kappa(Y).

    With X = C^{-1/2}, Y = B it is the lower bound, with X = C^{1/2}, Y = M, X Y X = B the upper one.  Different
    eigenvectors; by the elementary symmetric functions of the eigenvalues.
    """
    X, Y = semidefinite(x), semidefinite(y, start=2)
    Z = X @ Y @ X
    unit = semidefinite([ONE] * len(x))
    low, high = min(x) ** 2 * min(y), max(x) ** 2 * max(y)
    return every(
        *(exact(e, 0, ">=") for R in (high * unit - Z, Z - low * unit) for e in pencils.eigenvalue_sums(R))
    )


@check(SF_K9a, SF_K9b)
def gain_within_bounds(B: np.ndarray, C: np.ndarray, exponent: float = 1.0) -> Evidence:
    """kappa(C)^-exponent <= kappa(B)/kappa(M) <= kappa(C)^exponent, for a batch of pairs."""
    gain = kappa(np.linalg.eigvalsh(B)) / preconditioned_condition_number(B, C)
    spread = kappa(np.linalg.eigvalsh(C))
    # Rounding of the three condition numbers: see `preconditioned_condition_number`, and eigvalsh of B and C.
    error = 64 * B.shape[-1] * EPS * (2 * spread + 2 * kappa(np.linalg.eigvalsh(B)))
    return every(
        measured(gain / spread**exponent, 1.0, error, "<="),
        measured(1 / (gain * spread**exponent), 1.0, error, "<="),
    )


def test_eigenvalue_sums() -> None:
    """The elementary symmetric functions, from the eigenvalues themselves."""
    values = fractions("5", "2", "1/3", "-1/7")
    expected = [sum(prod(chosen) for chosen in combinations(values, k)) for k in range(1, 5)]
    assert pencils.eigenvalue_sums(semidefinite(values)) == expected


SPECTRA = [
    (fractions("5", "1", "1/7"), fractions("3", "2", "2")),
    (fractions("1000", "1", "1/1000", "1/1000"), fractions("1", "1/2", "1/3", "1/100")),
    (fractions("2", "1", "1", "1", "1/9"), fractions("8", "4", "2", "1", "1")),
]


@verifies(SF_K9a, SF_K9b)
def test_bounds_for_all_pairs() -> None:
    loss_for_all_pairs()
    gain_for_all_pairs()
    for x, y in SPECTRA:
        congruence(x, y)


@verifies(SF_K9a, SF_K9b)
def test_bounds_for_random_pairs() -> None:
    for n in (2, 4, 7):
        rng = stream("gain", n)
        B, C = (turned(np.exp(rng.uniform(-4, 4, (1000, n))), rng) for _ in range(2))
        gain_within_bounds(B, C)
    for n in (3, 8):
        for B, C in pairs(n, "gain"):
            gain_within_bounds(B, C)


@restates(SF_K9a, SF_K9b)
def test_bounds_for_scaled_and_inverted_pairs() -> None:
    rng = stream("gain, restated")
    B, C = (turned(np.exp(rng.uniform(-2, 2, (20, 4))), rng) for _ in range(2))
    gain_within_bounds(1e-60 * B, 1e80 * C)
    gain_within_bounds(np.linalg.inv(B + 0.0), C)


@verifies(SF_K9a, SF_K9b)
def test_both_bounds_are_sharp() -> None:
    def instance(p: np.ndarray) -> tuple[Any, ...]:
        angle = np.log(p[2])
        R = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        C = (R * np.array([p[1], 1.0])) @ R.T
        return np.diag([p[0], 1.0]), (C + C.T) / 2

    found = worst_case(
        gain_within_bounds,
        instance,
        dimension=3,
        lower=1.01,
        upper=100.0,
        stream=stream("gain, worst"),
        starts=3,
    )
    assert found > 0.999


@control(SF_K9a, sharpens="kappa(C) -> 0.99 kappa(C)")
def test_the_loss_can_be_that_large() -> None:
    loss_for_all_pairs(Fraction(99, 100))
    gain_within_bounds(np.diag([1.0, 2.0]), np.diag([3.0, 1.0]), exponent=0.95)


@control(SF_K9b, sharpens="kappa(C) -> 0.99 kappa(C)")
def test_the_gain_can_be_that_large() -> None:
    gain_for_all_pairs(Fraction(99, 100))
    gain_within_bounds(np.diag([2.0, 1.0]), np.diag([2.0, 1.0]), exponent=0.9)  # C = B


# --- where they are reached --------------------------------------------------------------------------------------


@check(SF_K9c)
def whole_gain(b: Sequence[Fraction], theta: Fraction) -> Evidence:
    """C = B^theta with eigenvalues b^q, q the denominator of theta: kappa(B)/kappa(M) = kappa(C)."""
    require(0 <= theta <= 1, "0 <= theta <= 1")
    p, q = theta.numerator, theta.denominator
    c, m = ([x**k for x in b] for k in (p, q - p))
    number = pencils.condition_number
    return exact(number([x**q for x in b]) / number(m), number(c))


@check(SF_K9d)
def whole_loss(b: Sequence[Fraction], c: Sequence[Fraction]) -> Evidence:
    """B = 1: kappa(B)/kappa(M) = 1/kappa(C), C diagonal without loss."""
    require(min(b) == max(b), "B = 1")
    number = pencils.condition_number
    return exact(number(b) / number([x / y for x, y in zip(b, c, strict=True)]), 1 / number(c))


@check(SF_K9e)
def no_change(b: Sequence[Fraction], c: Sequence[Fraction]) -> Evidence:
    """C = c 1: kappa(M) = kappa(B), B diagonal without loss."""
    require(min(c) == max(c), "C = c 1")
    return exact(
        pencils.condition_number([x / y for x, y in zip(b, c, strict=True)]), pencils.condition_number(b)
    )


@check(SF_K9c, SF_K9d, SF_K9e)
def gain_is(B: np.ndarray, C: np.ndarray, predicted: float) -> Evidence:
    """The gain by `preconditioned_condition_number`."""
    one = np.eye(len(B))
    gain = float(preconditioned_condition_number(B, one) / preconditioned_condition_number(B, C))
    spread = float(preconditioned_condition_number(C, one))
    error = 64 * len(B) * EPS * (spread + float(preconditioned_condition_number(B, one)))
    return measured(gain / predicted, 1.0, error)


@verifies(SF_K9c, SF_K9d, SF_K9e)
def test_where_the_bounds_are_reached() -> None:
    for b, _ in SPECTRA:
        for theta in (*FEWER, Fraction(0)):
            whole_gain(b, theta)
        whole_loss([ONE] * len(b), b)
        no_change(b, [Fraction(7, 3)] * len(b))
    for n in (2, 6):
        for S, _ in pairs(n, "equality"):
            spread = float(kappa(np.linalg.eigvalsh(S)))
            one = np.eye(n)
            gain_is(S, S, spread)
            gain_is(one, S, 1 / spread)
            gain_is(S, 7 * one, 1.0)


@control(SF_K9c, drops="0 <= theta <= 1")
def test_beyond_the_curvature_itself_the_gain_is_not_realised() -> None:
    whole_gain(fractions("2", "1"), Fraction(21, 20))


@control(SF_K9d, drops="B = 1")
def test_where_there_is_a_little_to_gain() -> None:
    whole_loss(fractions("21/20", "1"), fractions("3", "1"))


@control(SF_K9e, drops="C = c 1")
def test_a_covariance_that_is_nearly_flat() -> None:
    no_change(fractions("3", "1"), fractions("21/20", "1"))


# --- in numbers of steps -----------------------------------------------------------------------------------------


@check(SF_K9f)
def limit_of_step_counts(factor: Fraction = ONE) -> Evidence:
    """ln rho_eff/ln rho_GD -> factor * gain as kappa_eff -> infinity."""
    import sympy

    x, g = sympy.symbols("x g", positive=True)  # x = 1/kappa_eff, kappa_GD = g/x
    effective, plain = (sympy.log(sympy.cancel(contraction(k / x))) for k in (1, g))
    return exact(sympy.limit(effective / plain, x, 0), factor * g)


@check(SF_K9f)
def series_of_step_counts(order: int) -> Evidence:
    """Both bounds coefficient by coefficient of a series in 1/kappa_eff, below x^order, for all gains g = 1 + v.

    The first coefficients are equal, all others positive.
    """
    import sympy

    g, v = sympy.Symbol("g", positive=True), sympy.Symbol("v", positive=True)
    first, *others = pencils.step_count_series(order)
    return every(
        *(exact(c, 0) for c in first), *(exact(c.subs(g, 1 + v), 0, ">") for pair in others for c in pair)
    )


@check(SF_K9f)
def step_counts(
    gain: tuple[Fraction, Fraction], effective: tuple[Fraction, Fraction], factor: str = "1"
) -> Evidence:
    """g <= ln rho_eff/ln rho_GD <= g/(1 - kappa_eff^-2), with g/factor above on a box; kappa_eff is given as 1/x."""
    from flint import arb

    def below(g: Any, x: Any) -> Any:
        return _artanh(x) / _artanh(x / g) - g * arb(factor)

    def above(g: Any, x: Any) -> Any:
        return g / (1 - x * x) - _artanh(x) / _artanh(x / g) * arb(factor)

    lower = enclosed(below, ">", box=[gain, effective], budget=2**14)
    return every(replace(lower, ratio=None), enclosed(above, ">", box=[gain, effective], budget=2**14))


def _artanh(x: Any) -> Any:
    return ((1 + x) / (1 - x)).log() / 2


@verifies(SF_K9f)
def test_gain_in_steps() -> None:
    limit_of_step_counts()
    series_of_step_counts(12)
    step_counts((Fraction(2), Fraction(5)), (Fraction(1, 2), Fraction(9, 10)))


@control(SF_K9f, sharpens="gain -> 1.01 gain")
def test_the_gain_in_steps_has_no_room() -> None:
    limit_of_step_counts(Fraction(101, 100))
    step_counts((Fraction(2), Fraction(2)), (Fraction(1, 100), Fraction(1, 100)), factor="1.01")
