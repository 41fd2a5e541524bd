"""ICM-X6: a kink holds all singular values together, or none of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.sphere import tail_moments
from labs.isotropic_curvature.kinked import Kink, PiecewiseSlope, PiecewiseWeight
from tests.isotropic_curvature.device import solve
from tests.isotropic_curvature.menu import RATIO_ERROR, gradient_of, rationals, spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_X6a, ICM_X6b, ICM_X6c, any_dimension, atoms, even_powers, two_pairs

SPREAD = "q_1 > q_n"


def _symbols() -> Any:
    """A, B, r, a, b of two pairs (a, a, b, b) and a kink at r."""
    import sympy

    return sympy.symbols("A B r a b", positive=True)


@cache
def _kink_gradient() -> dict[str, tuple[Any, Any]]:
    return two_pairs.kink_gradient(*_symbols())


# --- ICM-X6.a: no atoms ----------------------------------------------------------------------------------------


@check(ICM_X6a)
def mass_in_the_plane(width: tuple[Fraction, Fraction], factor: Fraction) -> Evidence:
    """n = 2: no shell between two angles has more mass than factor sqrt(eps/(q_1^2 - q_2^2)).

    By symmetry the middle angle goes from width to pi/2.
    """
    import sympy
    from flint import arb

    n = 2 + sympy.Symbol("more", nonnegative=True)
    claimed = sympy.sqrt(sympy.pi) * sympy.gamma(n / 2) / sympy.gamma((n - 1) / 2)

    def room(width: Any, place: Any) -> Any:
        mass, length = atoms.shell_in_the_plane(width, width + place * (arb.pi() / 2 - width))
        return factor.numerator**2 * length / factor.denominator**2 - mass**2

    return every(
        exact(atoms.modulus(n), claimed),
        exact(atoms.modulus(sympy.Integer(2)), 1),
        enclosed(room, ">", box=[width, (0, 1)]),
    )


@check(ICM_X6a)
def one_sided_derivatives_agree(meeting: str) -> Evidence:
    """n = 4, q = (a, a, b, b): the formulas of phi's gradient on the two sides of r = b, and of r = a.

    At a = b = r the two one-sided derivatives along (1, 1, -1, -1)/2 are opposite only if their sum is 0.
    """
    import sympy

    A, B, r, a, b = _symbols()
    require(meeting in ("lower", "upper"), SPREAD)
    if meeting == "both":
        return exact(2 * two_pairs.derivative((0, 0), A, B, sympy.Rational(1, 2)), 0)
    gradient = _kink_gradient()
    other, at = ("below", b) if meeting == "lower" else ("above", a)
    pairs = zip(gradient["between"], gradient[other], strict=True)
    return every(*(exact(sympy.cancel(one.subs(r, at)), two) for one, two in pairs))


@check(ICM_X6a)
def mass_of_a_shell(q: np.ndarray, c: float, eps: float, factor: float = 1.0) -> Evidence:
    """P(c^2 <= rho^2 <= c^2 + eps), a difference of two tails of labs; both errors are rounding."""
    from scipy.special import gammaln

    n = q.size
    require(n >= 2, "isotropic")
    require(np.ptp(q) > 0, SPREAD)
    mass = [tail_moments(q**2 - x).mass for x in (c**2, c**2 + eps)]
    modulus = np.sqrt(np.pi) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    claimed = modulus * np.sqrt(eps / (np.max(q) ** 2 - np.min(q) ** 2))
    return measured(mass[0] - mass[1], factor * claimed, 1e-12, "<=")


@verifies(ICM_X6a)
def test_no_atoms_in_the_plane_and_at_n_4() -> None:
    mass_in_the_plane((Fraction(1, 100), Fraction(3, 2)), Fraction(1))
    for meeting in ("lower", "upper"):
        one_sided_derivatives_agree(meeting)


@verifies(ICM_X6a)
def test_no_atoms_on_the_zoo() -> None:
    for n in (3, 8):
        for q in spectra(n, "atoms"):
            if len(q) == n and q[0] > q[-1]:
                width = q[0] ** 2 - q[-1] ** 2
                for place in (0.0, 0.99):
                    c = float(np.sqrt(q[-1] ** 2 + place * width))
                    mass_of_a_shell(q, c, 0.01 * width)


@control(ICM_X6a, drops=SPREAD)
def test_a_constant_spectrum_has_an_atom() -> None:
    one_sided_derivatives_agree("both")


@control(ICM_X6a, sharpens="the constant -> 0.95 of it")
def test_the_mass_of_the_whole_range() -> None:
    nearly = Fraction(31, 20)
    mass_in_the_plane((nearly, nearly), Fraction(95, 100))
    mass_of_a_shell(np.array([1.0, 0.5]), 0.5, 0.75, factor=0.95)


def test_a_shell_between_two_angles() -> None:
    from flint import arb

    mass, length = (float(x) for x in atoms.shell_in_the_plane(arb(0.5), arb(1.25)))
    assert mass == pytest.approx(1 / np.pi)
    assert length == pytest.approx(np.sin(0.875) ** 2 - np.sin(0.375) ** 2)


# --- ICM-X6.b: all or nothing ----------------------------------------------------------------------------------


@check(ICM_X6b)
def different_for_all_n(power: int) -> Evidence:
    """g_i > g_j where q_i > q_j, for H = x^power, any other coordinates and every n."""
    import sympy

    v = sympy.Symbol("v", positive=True)
    y = sympy.Symbol("y", nonnegative=True)
    require(power >= 2, "A1")
    require(power > 0, "strictly increasing")
    require(v.is_positive, SPREAD)
    first = any_dimension.pair(power)
    at = {first.x_i: (y + v) ** 2, first.x_j: y**2}
    return exact((y + v) * first.weight_i.subs(at), y * first.weight_j.subs(at), ">")


@check(ICM_X6b)
def different_across_a_kink(place: str) -> Evidence:
    """n = 4, q = (a, a, b, b), a > b: g_1 > g_3 for all slopes 0 < A < B, the kink below, between or above."""
    import sympy

    A, B, r, a, b = _symbols()
    jump, least, v, s = sympy.symbols("jump least v s", positive=True)
    require(A.is_positive, "strictly increasing")
    require(v.is_positive, SPREAD)
    first, third = _kink_gradient()[place]
    at = {B: A + jump} | {
        "below": {r: least, b: least + s, a: least + s + v},
        "between": {b: least, r: least + s, a: least + s + v},
        "above": {b: least, a: least + v, r: least + v + s},
    }[place]
    return exact((first - third).subs(at, simultaneous=True), 0, ">")


@check(ICM_X6b)
def pairs_in_numbers(r: Fraction, a: Fraction, b: Fraction, A: Fraction, B: Fraction) -> Evidence:
    """The rational gradient of two pairs, whose entries differ by more than rounding, is that of labs."""
    require(0 <= A <= B, "A1")
    require(A > 0, "strictly increasing")
    require(a > b, SPREAD)
    place = "below" if r <= b else "above" if r >= a else "between"
    at = dict(zip(_symbols(), (A, B, r, a, b), strict=True))
    exactly = np.repeat([float(part.subs(at)) for part in _kink_gradient()[place]], 2)
    found = gradient_of(Kink(float(r), float(A), float(B)), np.repeat([float(a), float(b)], 2))
    return every(
        measured(found, exactly, RATIO_ERROR * exactly),
        measured(found[0] / found[-1], 1.0, RATIO_ERROR, ">"),
    )


@check(ICM_X6b)
def equal_with_equals(
    g: Sequence[Any], q: Sequence[Any], finite: bool = True, rising: bool = True
) -> Evidence:
    """q optimal for g, both in exact numbers: the same pairs are equal in both."""
    require(finite, "A1")
    require(rising, "strictly increasing")
    require(len(set(q)) > 1, SPREAD)
    pairs = [(i, j) for i in range(len(q)) for j in range(i)]
    return every(*(exact(g[i], g[j], "==" if q[i] == q[j] else "!=") for i, j in pairs))


@check(ICM_X6b)
def equal_on_the_zoo(H: Any, q: np.ndarray) -> Evidence:
    """g_i = g_j to rounding where q_i = q_j, and g_i > g_j by more where q_i > q_j."""
    require(H.slope_at_zero >= 0, "A1")
    require(H.slope(float(np.min(q))) > 0, "strictly increasing")
    require(np.ptp(q) > 0, SPREAD)
    g = gradient_of(H, q)
    i, j = np.triu_indices(q.size, 1)
    same, apart = q[i] == q[j], q[i] > q[j]
    ratio = g[i] / g[j]
    parts = [measured(ratio[apart], 1.0, RATIO_ERROR, ">")]
    if np.any(same):
        parts.append(measured(ratio[same], 1.0, RATIO_ERROR))
    return every(*parts)


@check(ICM_X6b)
def solver_keeps_apart(H: Any, g: np.ndarray) -> Evidence:
    """Different g, q not constant: different q."""
    require(H.slope_at_zero >= 0, "A1")
    require(H.strictly_convex, "strictly increasing")
    q = solve(g, H).q
    require(np.ptp(q) > RATIO_ERROR, SPREAD)
    return measured(q[:-1] / q[1:], 1.0, RATIO_ERROR, ">")


@verifies(ICM_X6b)
def test_different_in_every_dimension_and_across_a_kink() -> None:
    for power in (2, 4, 6):
        different_for_all_n(power)
    for place in ("below", "between", "above"):
        different_across_a_kink(place)


@verifies(ICM_X6b)
@pytest.mark.parametrize("r", ["1/3", "4/5", "7/5"])
def test_pairs_in_numbers(r: str) -> None:
    pairs_in_numbers(Fraction(r), *rationals("6/5", "1/2", "1/4", "3"))


@verifies(ICM_X6b)
def test_equal_in_rationals() -> None:
    H = {2: Fraction(1, 2), 4: Fraction(1)}
    for q in (rationals("1", "1", "1/2"), rationals("1", "1/2", "1/2", "0")):
        equal_with_equals(even_powers.gradient(H, q, len(q)), q)


@verifies(ICM_X6b)
def test_equal_on_the_zoo() -> None:
    for q in spectra(4, "all or nothing"):
        middle = float(np.sqrt(q[0] * q[-1]))
        if len(q) == 4 and q[0] > q[-1]:
            equal_on_the_zoo(Kink(middle, 0.3, 5.0), q)
    q = np.array([1.0, 1.0, 0.7, 0.4])
    equal_on_the_zoo(PiecewiseSlope((0.7, 1.0), (0.1, 1.0, 8.0)), q)
    equal_on_the_zoo(PiecewiseWeight((0.5, 0.9), (0.1, 1.0, 8.0)), q)


@verifies(ICM_X6b)
def test_a_kink_keeps_near_ones_apart() -> None:
    solver_keeps_apart(PiecewiseWeight((1.0,), (0.2, 3.6)), np.array([1.0, 0.95, 0.3]))


@control(ICM_X6b, drops="A1")
def test_an_infinite_wall_makes_a_partial_cluster() -> None:
    g = rationals("1", "9/10", "1/10")
    equal_with_equals(g, [min(3 * x, Fraction(1)) for x in g], finite=False)


@control(ICM_X6b, drops="strictly increasing")
def test_a_flat_curvature_leaves_zeros_free() -> None:
    """H = 0 on [0, 1]: every q <= 1 is optimal for g = 0."""
    equal_with_equals([0, 0], [1, Fraction(1, 2)], rising=False)


@restates(ICM_X6b)
def test_equal_in_other_units() -> None:
    """Lengths a million times smaller: H(L x) in place of H(x), slopes L times larger."""
    L = 1e6
    equal_on_the_zoo(Kink(0.8 / L, 0.3 * L, 5.0 * L), np.array([1.0, 1.0, 0.7, 0.4]) / L)


# --- ICM-X6.c: the wall ----------------------------------------------------------------------------------------


@check(ICM_X6c)
def wall_excess(beyond: bool, factor: Fraction) -> Evidence:
    """F at any q_i <= r is at least F at factor min(n g_i, r), coordinate by coordinate: q^2/(2n) - g q."""
    import sympy

    n, r = sympy.symbols("n r", positive=True)
    below, step = sympy.symbols("below step", nonnegative=True)
    g = (r + step) / n if beyond else r * step / (1 + step) / n  # n g >= r, or n g < r
    best = factor * (r if beyond else n * g)

    def penalty(q: Any) -> Any:
        return q**2 / (2 * n) - g * q

    at = {below: 0, step: 1, n: 1, r: 1} if beyond else {below: sympy.Rational(1, 2), step: 1, n: 1, r: 1}
    return exact(penalty(r - below), penalty(best), ">=", witness=at)


@verifies(ICM_X6c)
def test_the_wall_cuts_off() -> None:
    wall_excess(True, Fraction(1))
    wall_excess(False, Fraction(1))


@control(ICM_X6c, changes="min(n g_i, r) -> 0.99 min(n g_i, r)")
def test_the_wall_cuts_off_elsewhere() -> None:
    wall_excess(True, Fraction(99, 100))
    wall_excess(False, Fraction(99, 100))
