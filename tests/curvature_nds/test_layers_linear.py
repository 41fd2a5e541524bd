"""NDS-D3: two linear layers, exactly: the curvature along an update, its split, and the share where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from labs.core.jets import lines
from tests.referee import check, control, verifies
from theory.curvature_nds import NDS_D3a, NDS_D3b, NDS_D3c, taylor_terms
from theory.evidence import Evidence, every, exact, require

ONE = Fraction(1)


def jet_terms(W: Sequence[Any], Z: Sequence[Any], T: Any) -> tuple[Any, list[list[Any]]]:
    """labs' jets on symbols or fractions: <Z, H[Z]> and Q of |W_2 W_1 - T|^2/2."""

    def curvature(parts: Sequence[int]) -> Any:
        along = {str(i): -as_array(Z[i]) for i in parts}
        moving = lines({str(i): as_array(w) for i, w in enumerate(W)}, along, 2)
        E = moving["1"] @ moving["0"] - as_array(T)
        return 2 * sum((E * E * Fraction(1, 2)).coefficients[2].ravel().tolist())

    own = [curvature([0]), curvature([1])]
    whole = curvature([0, 1])
    across = (whole - own[0] - own[1]) / 2
    return whole, [[own[0], across], [across, own[1]]]


def as_array(X: Any) -> np.ndarray:
    rows = X.tolist() if hasattr(X, "tolist") else X
    return np.array(rows, dtype=object)


@cache
def symbols_of(shape: tuple[int, int, int]) -> tuple[Any, Any, Any, Any, Any]:
    """W_1, W_2, Z_1, Z_2, T of symbols; inputs, hidden, outputs."""
    a, b, c = shape
    m = taylor_terms.matrix
    return m("w", b, a), m("v", c, b), m("x", b, a), m("y", c, b), m("t", c, a)


def parts(W_1: Any, W_2: Any, Z_1: Any, Z_2: Any, T: Any, residual: int = 1) -> tuple[Any, Any]:
    """The formulas for within and across; `residual` multiplies what stands on E."""
    E, first, second = W_2 * W_1 - T, W_2 * Z_1, Z_2 * W_1
    inner = taylor_terms.inner
    within = inner(first, first) + inner(second, second)
    return within, 2 * inner(first, second) + 2 * residual * inner(E, Z_2 * Z_1)


@check(NDS_D3a)
def curvature_of_two_layers(shape: tuple[int, int, int], residual: int = 1) -> Evidence:
    """The second derivative of the loss, by sympy entry by entry and by labs' jets, against the formula."""
    import sympy

    W_1, W_2, Z_1, Z_2, T = symbols_of(shape)
    at, update = [*W_1, *W_2], [*Z_1, *Z_2]
    derived = taylor_terms.curvature(taylor_terms.two_layers(W_1, W_2, T), at, update)
    first = W_2 * Z_1 + Z_2 * W_1
    E = W_2 * W_1 - T
    form = taylor_terms.inner(first, first) + 2 * residual * taylor_terms.inner(E, Z_2 * Z_1)
    return every(exact(derived, form), exact(sympy.expand(jet_terms((W_1, W_2), (Z_1, Z_2), T)[0]), form))


@check(NDS_D3b)
def split_of_two_layers(shape: tuple[int, int, int], residual: int = 1) -> Evidence:
    """labs' layers, and the blocks of second derivatives, against the formulas."""
    W_1, W_2, Z_1, Z_2, T = symbols_of(shape)
    loss = taylor_terms.two_layers(W_1, W_2, T)
    own = sum(taylor_terms.curvature(loss, [*W], [*Z]) for W, Z in ((W_1, Z_1), (W_2, Z_2)))
    whole = taylor_terms.curvature(loss, [*W_1, *W_2], [*Z_1, *Z_2])
    within, cross = parts(W_1, W_2, Z_1, Z_2, T, residual)
    _, q = jet_terms((W_1, W_2), (Z_1, Z_2), T)
    return every(
        exact(own, within),
        exact(whole - own, cross),
        exact(q[0][0] + q[1][1], within),
        exact(2 * q[0][1], cross),
    )


@check(NDS_D3c)
def half_where_it_fits(shape: tuple[int, int, int]) -> Evidence:
    """T = W_2 W_1: within - cross is a square, for all matrices."""
    W_1, W_2, Z_1, Z_2, _ = symbols_of(shape)
    within, cross = parts(W_1, W_2, Z_1, Z_2, W_2 * W_1)
    difference = W_2 * Z_1 - Z_2 * W_1
    return exact(within - cross, taylor_terms.inner(difference, difference))


@check(NDS_D3c)
def half_on_fractions(W: Sequence[Any], Z: Sequence[Any], T: Any, factor: Fraction = ONE) -> Evidence:
    """rho_within >= factor/2, by labs' jets."""
    arrays = [as_array(X) for X in (*W, T)]
    require(bool(np.all(arrays[1] @ arrays[0] == arrays[2])), "E = 0")
    whole, q = jet_terms(W, Z, T)
    return exact(Fraction(q[0][0] + q[1][1]) / Fraction(whole), factor / 2, ">=")


@verifies(NDS_D3a, NDS_D3b, NDS_D3c)
def test_two_linear_layers() -> None:
    for shape in ((2, 2, 1), (1, 2, 2), (1, 1, 1)):
        curvature_of_two_layers(shape)
        split_of_two_layers(shape)
        half_where_it_fits(shape)
    half_where_it_fits((2, 2, 2))
    W = ([[1, 2], [3, -1]], [[2, 0], [1, 1]])
    fits = (as_array(W[1]) @ as_array(W[0])).tolist()
    for Z in (([[1, 0], [0, 1]], [[1, 1], [0, 2]]), ([[1, 2], [3, -1]], [[2, 0], [1, 1]])):
        half_on_fractions(W, Z, fits)


@control(NDS_D3a, changes="2 <E, Z_2 Z_1> left out")
def test_the_residual_counts() -> None:
    curvature_of_two_layers((1, 2, 1), residual=0)


@control(NDS_D3b, changes="2 <E, Z_2 Z_1> left out")
def test_the_residual_counts_across() -> None:
    split_of_two_layers((1, 2, 1), residual=0)


@control(NDS_D3c, drops="E = 0")
def test_with_a_residual_the_share_is_below_one_half() -> None:
    half_on_fractions(([[1]], [[1]]), ([[1]], [[1]]), [[0]])


@control(NDS_D3c, sharpens="1/2 -> 0.51")
def test_one_half_is_attained() -> None:
    half_on_fractions(([[1]], [[1]]), ([[1]], [[1]]), [[1]], Fraction(102, 100))


def test_the_scalar_counterexample_in_numbers() -> None:
    """W = Z = 1, T = 0: 1/3; without the residual's part 1/2."""
    whole, q = jet_terms(([[1]], [[1]]), ([[1]], [[1]]), [[0]])
    assert Fraction(q[0][0] + q[1][1]) / Fraction(whole) == Fraction(1, 3)
    assert Fraction(q[0][0] + q[1][1]) / Fraction(whole - 2) == Fraction(1, 2)
