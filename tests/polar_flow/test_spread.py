"""The spread functionals: values, gradients against their derivation, Euler's identity, zeros, scale."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import entropy, nuclear_rank, stable_rank, zoo
from labs.core.streams import stream
from labs.polar_flow import spreads as labs
from tests.polar_flow.spread_exact import entropy_ball
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, exact, measured
from theory.polar_flow import POL_T1iii_b, measures

ALL = [("entropy", 1), ("squared entropy", 1), ("participation", 1), ("pairwise", 1), ("pairwise", 2)]
on_all = pytest.mark.parametrize(("kind", "power"), ALL)


def slopes(kind: str, sigma: Any, power: int) -> list[Any]:
    """The gradient by the closed forms of labs, of symbols."""
    import sympy

    total, squares = sum(sigma), sum(s**2 for s in sigma)
    if kind == "participation":
        return [labs.participation_slope(s, total, squares) for s in sigma]
    if kind == "pairwise":
        pairs = measures.pair_sum(sigma, lambda x: x**-power)
        own = [sum((s + t) ** (-power - 1) for t in sigma if t is not s) for s in sigma]
        length = sympy.sqrt(squares)
        return [labs.pairwise_slope(s, power, length, pairs, o) for s, o in zip(sigma, own, strict=True)]
    logs = [sympy.log(s) for s in sigma]
    if kind == "entropy":
        mean_log = sum(s * l for s, l in zip(sigma, logs, strict=True)) / total
        return [labs.entropy_slope(l, mean_log, total) for l in logs]
    mean_log = sum(s**2 * l for s, l in zip(sigma, logs, strict=True)) / squares
    return [labs.squared_entropy_slope(s, l, mean_log, squares) for s, l in zip(sigma, logs, strict=True)]


@on_all
def test_the_closed_forms_are_the_derivatives(kind: str, power: int) -> None:
    import sympy

    sigma = sympy.symbols("s1:4", positive=True)
    derived = measures.gradient(kind, sigma, power)
    for found, expected in zip(slopes(kind, sigma, power), derived, strict=True):
        difference = sympy.expand_log(found - expected)
        assert sympy.cancel(sympy.together(difference)) == 0


@check(POL_T1iii_b)
def euler_identity(kind: str, power: int, at: tuple[int, ...], shift: int) -> Evidence:
    """sum (sigma_i + shift) q_i = 0 for derived gradients: for all sigma of two or three values, or at a point."""
    import sympy

    sigma = sympy.symbols(f"s1:{(len(at) or (3 if kind != 'pairwise' else 2)) + 1}", positive=True)
    q = measures.gradient(kind, sigma, power)
    total = sum((s + shift) * x for s, x in zip(sigma, q, strict=True))
    return exact(sympy.expand_log(total).subs(dict(zip(sigma, at, strict=False))), 0)


@check(POL_T1iii_b)
def euler_in_numbers(kind: str, power: int, sigma: np.ndarray) -> Evidence:
    """sum sigma_i q_i = 0 to rounding of its largest term; and the criterion's sum for alpha + c sigma."""
    q = labs.spread(sigma, kind, power)[1]
    # Each q_i is a difference, and is known to rounding of both terms: at most of the sum of |log| (entropies) or of
    # the value times sqrt r (pairwise), in units of 1/sigma.
    value = np.abs(labs.spread(sigma, kind, power)[0])
    scale = max(float(value) if np.isfinite(value) else 1.0, 40.0) * sigma.size
    return measured(float(np.sum(sigma * q)), 0.0, 1e-15 * scale)


@verifies(POL_T1iii_b)
@on_all
def test_euler(kind: str, power: int) -> None:
    euler_identity(kind, power, (), 0)
    euler_identity(kind, power, (7, 3, 2, 1), 0)
    for n in (1, 2, 8, 64):
        for sigma in zoo(n, stream("spread", n)).values():
            euler_in_numbers(kind, power, sigma)


@control(POL_T1iii_b, changes="sigma -> sigma + 1")
def test_another_shift_changes_the_criterion() -> None:
    euler_identity("participation", 1, (), 1)


@on_all
def test_flatter_is_larger(kind: str, power: int) -> None:
    """(sigma_i - sigma_j)(q_i - q_j) <= 0: Schur-concave, if smooth; the entropy of squares in sigma^2."""
    for n in (2, 3, 8, 64):
        for sigma in zoo(n, stream("spread", n)).values():
            kept = sigma[sigma > 0]
            q = labs.spread(kept, kind, power)[1]
            y = q / kept if kind == "squared entropy" else q
            products = (kept[:, None] - kept) * (y[:, None] - y)
            scale = np.max(np.abs(kept)) * np.max(np.abs(y))
            assert np.all(products <= 1e-14 * scale * n)


def test_flatter_is_larger_exactly() -> None:
    """Participation and the pairwise spreads, for two of three values."""
    import sympy

    a, u, c = sympy.symbols("a u c", positive=True)
    sigma = (a + u, a, c)
    squares = sum(s**2 for s in sigma)
    q = slopes("participation", sigma, 1)
    assert exact(q[0], q[1], "<=").verdict == "holds"
    pairs = measures.pair_sum(sigma, lambda x: 1 / x)
    own = [sum((s + t) ** -2 for t in sigma if t is not s) for s in sigma[:2]]
    # q/(k length^k) for k = 1: the length only enters by its square.
    scaled = [o - s * pairs / squares for s, o in zip(sigma[:2], own, strict=True)]
    assert exact(scaled[0], scaled[1], "<=").verdict == "holds"


def test_values_are_those_of_the_definitions() -> None:
    import sympy

    sigma = [5, 2, 1]
    for kind, power in ALL:
        expected = float(measures.functional(kind, list(map(sympy.Integer, sigma)), power))
        found = labs.spread(np.array(sigma, dtype=float), kind, power)[0]
        assert found == pytest.approx(expected, rel=1e-15)
    s = np.array([3.0, 0.0, 1.0, 1e-9])
    assert labs.spread(s, "entropy")[0] == entropy(s)
    assert labs.spread(s, "participation")[0] == nuclear_rank(s)


@on_all
def test_zeros_are_left_out_and_scale_does_not_matter(kind: str, power: int) -> None:
    s = np.array([0.7, 0.2, 0.05])
    value, q = labs.spread(s, kind, power)
    padded, wider = labs.spread(np.array([0.0, 0.7, 0.2, 0.0, 0.05]), kind, power)
    assert padded == pytest.approx(float(value), rel=1e-15)
    np.testing.assert_allclose(wider, [0.0, q[0], q[1], 0.0, q[2]], rtol=1e-14)
    for scale in (2.0**-500, 2.0**500):
        scaled, slope = labs.spread(scale * s, kind, power)
        assert scaled == value
        np.testing.assert_array_equal(slope * scale, q)


def test_degenerate_spectra() -> None:
    for kind, power in ALL:
        value, q = labs.spread(np.array([2.0]), kind, power)  # r = 1: nothing to spread
        assert value == (1.0 if kind == "participation" else 0.0)
        assert q == 0
        value, q = labs.spread(np.zeros(3), kind, power)
        assert value == (-np.inf if "entropy" in kind else 0.0)
        assert np.all(q == 0)


def test_the_entropy_of_squares_is_not_schur_concave_in_the_values() -> None:
    """(10, 1, 0) is more spread than (10, 1/2, 1/2), and has the larger entropy of squares."""
    coarse, fine = entropy_ball([100, 1]), entropy_ball([100, Fraction(1, 4), Fraction(1, 4)])
    assert enclosed(coarse - fine, ">").verdict == "holds"
    values = labs.spread(np.array([[10.0, 1.0, 0.0], [10.0, 0.5, 0.5]]), "squared entropy")[0]
    np.testing.assert_allclose(values, [float(coarse), float(fine)], rtol=1e-14)


def test_the_stable_rank_is_not_schur_concave() -> None:
    """The more spread (2, 3/2, 1/2) has the larger stable rank, but (2, 1, 1) is flatter."""
    coarse, fine = (2, Fraction(3, 2), Fraction(1, 2)), (2, 1, 1)
    assert [sum(coarse[:k]) >= sum(fine[:k]) for k in (1, 2, 3)] == [True] * 3
    assert measures.stable_rank(coarse) == Fraction(13, 8)
    assert measures.stable_rank(fine) == Fraction(3, 2)
    assert stable_rank(np.array([2.0, 1.5, 0.5])) == 13 / 8
