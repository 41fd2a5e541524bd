"""NDS-D1: gain, penalty and what they miss, on polynomials, quadratics of a matrix, and networks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.arrays import array_namespace
from labs.core.jets import constant, lines
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.curvature_nds.one_step import taylor
from tests.curvature_nds.losses import NETWORK, TOKENS, point
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_D1a, NDS_D1b, NDS_D1c, taylor_terms
from theory.evidence import Evidence, every, exact, measured, require

HALF = Fraction(1, 2)

# --- polynomials ----------------------------------------------------------------------------------------------------


@cache
def generic(degree: int) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """(a polynomial with free coefficients, its variables, an update)."""
    import sympy

    x, y, u, v = sympy.symbols("x y u v")
    return taylor_terms.polynomial(degree, (x, y)), (x, y), (u, v)


def jets_of(loss: Any, at: Sequence[Any], update: Sequence[Any], order: int) -> list[Any]:
    """labs' Taylor terms of a polynomial, on symbols: jets through its own expression."""
    import sympy

    symbols = {str(w): np.array([w], dtype=object) for w in at}
    along = {str(w): np.array([-z], dtype=object) for w, z in zip(at, update, strict=True)}
    moving = lines(symbols, along, order)
    total: Any = 0
    for powers, coefficient in sympy.Poly(loss, *at).terms():
        term: Any = constant(np.array([coefficient], dtype=object))
        for w, power in zip(at, powers, strict=True):
            term = term * moving[str(w)] ** power if power else term
        total = term + total
    found = [c[0] for c in total.coefficients]
    return found + [sympy.Integer(0)] * (order + 1 - len(found))


@check(NDS_D1a)
def expansion(degree: int, half: Fraction = HALF) -> Evidence:
    """Of the general polynomial of this degree: Delta by substitution, gain and penalty from first and second
    derivatives, the higher terms from labs' jets."""
    loss, at, update = generic(degree)
    first, second = taylor_terms.gain(loss, at, update), taylor_terms.curvature(loss, at, update)
    c = jets_of(loss, at, update, degree)
    higher = sum(c[3:])
    return every(
        exact(taylor_terms.decrease(loss, at, update), first - half * second - higher),
        exact(first, -c[1]),
        exact(half * second, c[2]),
        *(exact(x, y) for x, y in zip(c, taylor_terms.coefficients(loss, at, update, degree), strict=True)),
    )


@check(NDS_D1b)
def prediction_on_polynomials(degree: int, half: Fraction = HALF) -> Evidence:
    """Of the general polynomial of this degree: is the prediction exact?"""
    require(degree <= 2, "quadratic")
    loss, at, update = generic(degree)
    predicted = taylor_terms.gain(loss, at, update) - half * taylor_terms.curvature(loss, at, update)
    return exact(taylor_terms.decrease(loss, at, update), predicted)


@check(NDS_D1c)
def remainder_of_polynomials(degree: int, half: Fraction = HALF) -> Evidence:
    """The limit of remainder/t^3: all lower powers of t cancel, and what stands at t^3 is -c_3."""
    import sympy

    t = sympy.Symbol("t")
    loss, at, update = generic(degree)
    first, second = taylor_terms.gain(loss, at, update), taylor_terms.curvature(loss, at, update)
    remainder = taylor_terms.decrease(loss, at, update, t) - t * first + t**2 * half * second
    powers = sympy.Poly(sympy.expand(remainder), t).all_coeffs()[::-1]
    third = taylor_terms.coefficients(loss, at, update, 3)[3]
    return every(*(exact(c, 0) for c in powers[:3]), exact(powers[3], -third))


@verifies(NDS_D1a, NDS_D1b, NDS_D1c)
def test_polynomials() -> None:
    expansion(4)
    prediction_on_polynomials(2)
    remainder_of_polynomials(4)


@control(NDS_D1a, changes="1/2 <Z, H[Z]> -> <Z, H[Z]>")
def test_the_penalty_has_its_half() -> None:
    expansion(3, Fraction(1))


@control(NDS_D1b, changes="1/2 <Z, H[Z]> -> <Z, H[Z]>")
def test_the_penalty_of_quadratics_has_its_half() -> None:
    prediction_on_polynomials(2, Fraction(1))


@control(NDS_D1b, drops="quadratic")
def test_a_cubic_is_not_predicted() -> None:
    prediction_on_polynomials(3)


@control(NDS_D1c, changes="1/2 <Z, H[Z]> -> <Z, H[Z]>")
def test_without_the_half_the_remainder_is_of_second_order() -> None:
    remainder_of_polynomials(3, Fraction(1))


# --- quadratics of a matrix -----------------------------------------------------------------------------------------


def quadratic(A: Any, B: Any, G: Any) -> Any:
    """L(Y) = <Y, A Y B>/2 - <G, Y>."""

    def loss(p: Any) -> Any:
        Y = p["Y"]
        xp = array_namespace(Y)
        return xp.sum(Y * (0.5 * (A @ Y @ B) - G), axis=(-2, -1))

    return loss


@check(NDS_D1b)
def prediction_on_a_quadratic(A: np.ndarray, B: np.ndarray, Y: np.ndarray, Z: np.ndarray) -> Evidence:
    """labs, in floating point: the loss has a relative error of about the number of terms in a sum, times eps."""
    m, n = Y.shape
    found = taylor(quadratic(A, B, A @ Z @ B + Y), {"Y": Y}, {"Y": Z})
    size = np.sum(np.abs(found.terms)) + np.abs(found.terms[0] - found.realised)
    return every(
        measured(found.realised, found.gain - found.penalty, 4 * (m + n) * 2.0**-52 * size),
        measured(found.terms[3:], 0.0, 0.0, margin=1e-300),
        measured(found.penalty, np.sum(Z * (A @ Z @ B)) / 2, 4 * (m + n) * 2.0**-52 * size),
    )


@verifies(NDS_D1b)
@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3)])
def test_quadratics_are_predicted(shape: tuple[int, int]) -> None:
    """Curvatures and updates with all spectra of the zoo."""
    m, n = shape
    draw = stream("D1: quadratics", m, n)
    left, right, steps = zoo(m, draw), zoo(n, draw), zoo(min(m, n), draw)
    for name in steps:
        A, B = (matrix(s[name], s[name].size, s[name].size, draw) for s in (left, right))
        Y, Z = draw.standard_normal(shape), matrix(steps[name], m, n, draw)
        prediction_on_a_quadratic(A + A.T, B + B.T, Y, Z)


# --- networks -------------------------------------------------------------------------------------------------------


@check(NDS_D1c)
def order_of_the_remainder(half: float = 0.5) -> Evidence:
    """Slopes of log remainder over t = 1/16, 1/32, 1/64: 3 up to c_4 t/c_3; rounding is below 1e-3 of it there."""
    parameters, Z = point()
    found = taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, Z)
    scales = 2.0 ** -np.arange(4.0, 7.0)
    realised = np.array(
        [
            found.terms[0] - NETWORK.loss({k: x - t * Z[k] for k, x in parameters.items()}, TOKENS)
            for t in scales
        ]
    )
    remainder = realised - scales * found.gain + scales**2 * 2 * half * found.penalty
    slopes = np.diff(np.log2(np.abs(remainder))) / np.diff(np.log2(scales))
    shape = measured(remainder / scales**3, -found.terms[3], 0.2 * abs(found.terms[3]))
    return every(measured(slopes, 3.0, 0.1, margin=0.5), shape)


@verifies(NDS_D1c)
def test_the_remainder_of_a_network_is_of_third_order() -> None:
    order_of_the_remainder()


@control(NDS_D1c, changes="1/2 <Z, H[Z]> -> <Z, H[Z]>")
def test_the_remainder_of_a_network_with_a_wrong_penalty_is_of_second_order() -> None:
    order_of_the_remainder(1.0)


@check(NDS_D1a)
def expansion_of_a_network(order: int) -> Evidence:
    """The series of a short step against the realised decrease; terms beyond the order at least halve each time."""
    parameters, Z = point(size=0.02)
    found = taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, Z, order)
    predicted = found.gain - found.penalty - np.sum(found.terms[3:])
    return measured(found.realised, predicted, 2 * abs(found.terms[order]) + 8 * 2.0**-52 * found.terms[0])


@restates(NDS_D1a)
def test_networks_decrease_by_their_series() -> None:
    for order in (4, 6, 8, 10):
        expansion_of_a_network(order)
