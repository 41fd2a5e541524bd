"""Exact evidence: algebra decides, floats are refused, and only a point refutes."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy import Piecewise, Rational, cbrt, cosh, exp, gamma, pi, sinh, sqrt

from theory import signs
from theory.evidence import HOLDS, UNDECIDED, VIOLATED, exact

x, y = sympy.symbols("x y", positive=True)
r, s = sympy.symbols("r s", real=True)
n = sympy.Symbol("n", integer=True, positive=True)
z = sympy.Symbol("z", nonnegative=True)


@pytest.mark.parametrize(
    ("lhs", "rhs", "sense"),
    [
        (2, Fraction(4, 2), "=="),
        (np.int64(3), 4, "<"),
        (sqrt(2), Rational(3, 2), "<"),
        (sqrt(5 + 2 * sqrt(6)), sqrt(2) + sqrt(3), "=="),
        (pi, Rational(22, 7), "<"),
        (cbrt(cbrt(2) - 1), (1 - cbrt(2) + cbrt(4)) / cbrt(9), "=="),  # Ramanujan
        ((x**2 - y**2) / (x - y), x + y, "=="),
        (sqrt(x + 1) ** 2 - 1, x, "=="),
        (sqrt(2) * x - x, 0, ">"),
        (gamma(x + 2) / gamma(x), x * (x + 1), "=="),
        (4 * sinh(r) ** 3 + 3 * sinh(r), sinh(3 * r), "=="),
        (cosh(r) ** 2 - sinh(r) ** 2, 1, "=="),
        (x, x + 1, "<"),
        (1 / (x + 1), 1, "<"),
        (z, 2 * z, "<="),
        (r**2 + s**2, 0, ">="),
        (r**2 + 1, 0, ">"),
        (r**2 + s**2, 2 * r * s, ">="),
        (x + 1 / x, 2, ">="),
        (-1 / x, 0, "!="),
        (n * (n + 2), 0, ">"),
        (exp(r) + x, 0, ">"),
    ],
)
def test_exact_holds(lhs, rhs, sense):
    assert exact(lhs, rhs, sense).verdict == HOLDS


@pytest.mark.parametrize(
    ("lhs", "rhs", "sense"),
    [
        (2, 3, "=="),
        (sqrt(2), sqrt(2), "<"),
        (sqrt(2) + sqrt(3), sqrt(10), ">="),
        (x * y, x + y, "=="),
        (z, 2 * z, "<"),  # at z = 0
        (x**2, x, ">="),  # at x = 1/2
        (n**2, 2 * n, ">="),  # at n = 1
        (r, s, "!="),
        ((x - y) ** 2, 0, ">"),
        (gamma(x + 1), gamma(x), "=="),
        (exp(x), 1 + x, "<="),
    ],
)
def test_exact_is_violated_only_with_a_point(lhs, rhs, sense):
    evidence = exact(lhs, rhs, sense)
    assert evidence.verdict == VIOLATED
    assert evidence.numbers["witness"]


@pytest.mark.parametrize(
    ("lhs", "rhs", "sense"),
    [
        (x**3 + y**3 + z**3, 3 * x * y * z, ">="),  # true, but no sum of positive terms
        (exp(x), 1 + x + x**2 / 2, ">"),  # true, but not algebra
        (gamma(Rational(1, 3)) * gamma(Rational(2, 3)), 2 * pi / sqrt(3), "<="),  # equal: digits cannot tell
        (Piecewise((r, r > 0), (0, True)), 0, ">="),  # true, but not algebra
        (1 / (sqrt(5 + 2 * sqrt(6)) - sqrt(2) - sqrt(3)), 0, ">"),  # the denominator is 0
        (sympy.zoo, 1, "=="),
        (sympy.oo, sympy.oo, "=="),
    ],
)
def test_exact_is_undecided_where_algebra_does_not_tell(lhs, rhs, sense):
    assert exact(lhs, rhs, sense).verdict == UNDECIDED


def test_exact_shows_both_sides_at_the_witness():
    evidence = exact(x**2, 2 * x, "<=", witness={x: 3})
    assert evidence.verdict == VIOLATED
    assert evidence.numbers == {"lhs": "9", "rhs": "6", "witness": "x = 3"}


def test_exact_needs_the_given_witness_in_a_corner():
    cubic = (x - Rational(101, 100)) ** 2 * (x + 1) - Rational(1, 10**6)  # negative only close to 1.01
    assert exact(cubic, 0, ">").verdict == UNDECIDED
    assert exact(cubic, 0, ">", witness={x: Rational(101, 100)}).verdict == VIOLATED


def test_a_witness_that_shows_nothing_does_no_harm():
    assert exact(x, x + 1, "<", witness={x: 5}).verdict == HOLDS


@pytest.mark.parametrize("witness", [{x: -1}, {}, {x: 0.5}])
def test_exact_refuses_a_witness_outside_the_domain(witness):
    with pytest.raises((ValueError, TypeError)):
        exact(x, 2 * x, ">", witness=witness)


def test_a_point_where_a_side_is_undefined_is_no_witness():
    pole = (r - 1) / (r - 1)
    assert exact(sympy.Mul(r - 1, sympy.Pow(r - 1, -1, evaluate=False), evaluate=False), 1).verdict == HOLDS
    assert exact(pole, 1, witness={r: 1}).verdict == HOLDS
    assert exact(1 / r, 1 / r + 1, "<", witness={r: 0}).verdict == HOLDS


def test_positive_adds_to_what_a_symbol_assumes():
    k = sympy.Symbol("k", integer=True)
    assert exact(r, 0, ">", positive=[r]).verdict == HOLDS
    assert exact(r, 0, ">").verdict == VIOLATED
    assert exact(k, Rational(1, 2), ">=", positive=[k]).verdict != VIOLATED  # k = 1/9 is no integer
    assert exact(k, 0, ">", positive=[k], witness={k: 2}).verdict == HOLDS


@pytest.mark.parametrize("side", [0.5, sympy.Float("0.5"), x + 0.5, np.float64(2), True, "1/2", None, [1]])
def test_exact_refuses_everything_that_is_not_exact(side):
    with pytest.raises(TypeError, match="without floats"):
        exact(side, 1)
    with pytest.raises(TypeError, match="without floats"):
        exact(1, side)


def test_exact_refuses_an_unknown_sense():
    with pytest.raises(ValueError, match="sense"):
        exact(1, 1, "=")


def test_exact_ratio_is_the_smaller_over_the_larger_side():
    assert exact(1, 2, "<=").ratio == 0.5
    assert exact(4, 2, ">").ratio == 0.5
    assert exact(2, 2).ratio is None
    assert exact(x, x + 1, "<").ratio is None


def test_points_visit_every_value_and_fit_the_assumptions():
    symbols = [x, n, z, r, y, s]
    points = list(signs.points(symbols, limit=60))
    assert len(points) == 60
    assert all(p[x] > 0 and p[n] > 0 and p[n].is_integer and p[z] >= 0 for p in points)
    for symbol, count in zip(symbols, (6, 3, 7, 9, 6, 9), strict=True):
        assert len({p[symbol] for p in points}) == count
