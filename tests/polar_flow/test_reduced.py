"""POL-X2: the flow of a regression in k x k matrices, and its limit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from labs.core.streams import stream
from labs.polar_flow.operators import regression
from labs.polar_flow.reduced import commuting_flow, reduced_flow
from labs.polar_flow.self_polar import self_polar_flow
from tests.referee import check, control, verifies
from theory.evidence import EPS, Evidence, every, exact, measured, require
from theory.polar_flow import (
    POL_X2_a,
    POL_X2_b,
    POL_X2_e,
    POL_X2_f,
    POL_X2_g,
    frames,
)


def rational_regression(d: int, k: int, seed: int) -> tuple[Any, Any, Any]:
    """U (d x k) with orthonormal columns, H (k x k) positive definite, and X (1 x d), all rational: W = U H."""
    import sympy

    drawn = stream("polar flow: rational regression, polar form", d, k, seed)
    skew = [sympy.Rational(int(x), 5) for x in drawn.integers(-7, 8, d * (d - 1) // 2)]
    L = sympy.Matrix(drawn.integers(-2, 3, (k, k)))
    return (
        frames.orthogonal(skew, d)[:, :k],
        L * L.T + sympy.eye(k),
        sympy.Matrix(drawn.integers(1, 4, (1, d))),
    )


# --- the closed system -------------------------------------------------------------------------------------------


@check(POL_X2_a)
def system_in_rationals(d: int, k: int, seed: int, power: int = -1) -> Evidence:
    """C + B = H^2, Z' = -Pi U = -Z H^power and B' = -(B H^power + H^power B), where P(U H) = U."""
    U, H, X = rational_regression(d, k, seed)
    Pi = frames.kernel_projector(X)
    W = U * H
    Z, par = Pi * W, W - Pi * W
    inverse = H**power
    slope = -Pi * U
    moved = slope.T * Z + Z.T * slope
    pairs = [
        (par.T * Z, 0 * moved),
        (par.T * par + Z.T * Z, H * H),
        (slope, -Z * inverse),
        (moved, -(Z.T * Z * inverse + inverse * Z.T * Z)),
    ]
    return every(*(exact(a, b) for left, right in pairs for a, b in zip(left, right, strict=True)))


@check(POL_X2_a)
def system_against_the_flow(N: int, d: int, k: int, eta: float = 1.0) -> Evidence:
    """Singular values of the flow of d x k matrices, and of the k x k system; wrong for another eta."""
    drawn = stream("polar flow: reduced", N, d, k)
    operator, W0 = regression(drawn.standard_normal((N, d))), drawn.standard_normal((d, k))
    par, Z, times = operator.parallel(W0), operator.perp(W0), np.linspace(0.0, 5.0, 11)
    full = self_polar_flow(operator, W0, times)
    small = reduced_flow(par.T @ par, Z.T @ Z, times, eta=eta)
    # Local errors of 1e-9 and 1e-10 of the largest singular value, some hundred steps; contraction.
    return measured(small.sigma, full.spectra, 1e-6 * full.spectra.max())


@verifies(POL_X2_a)
def test_the_system_is_closed() -> None:
    for seed in range(2):
        system_in_rationals(3, 2, seed)
    for sizes in ((5, 8, 3), (20, 40, 10)):
        system_against_the_flow(*sizes)


@control(POL_X2_a, changes="(C + B)^{-1/2} -> (C + B)^{-1}; eta -> 1.02 eta")
def test_another_system_is_not_the_flow() -> None:
    system_in_rationals(3, 2, 0, power=-2)
    system_against_the_flow(5, 8, 3, eta=1.02)


# --- the limit ---------------------------------------------------------------------------------------------------


@check(POL_X2_b)
def least_singular_values(k: int, drop: bool = False) -> Evidence:
    """eigenvalue_i(C + B) >= eigenvalue_i(C), k = 2, C = diag(c, c + v), B = [[x, y], [y, (y^2 + z)/x]], all >= 0.

    The least: C + B - c I has trace and determinant >= 0.  The largest: the second diagonal entry is >= c + v.
    """
    import sympy

    v, x, z = sympy.symbols("v x z", positive=True)
    y = sympy.Symbol("y", real=True)
    B = sympy.Matrix([[x, y], [y, (y**2 + z) / x]])
    if drop:  # B need not be positive semidefinite
        B = sympy.Matrix([[x, y], [y, -(y**2 + z) / x]])
    above = B + sympy.diag(0, v)
    return every(
        exact(sympy.expand(above.det()), 0, ">="),
        exact(above.trace(), 0, ">="),
        exact(B[1, 1], 0, ">="),
    )


@cache
def problem(N: int, d: int, k: int, seed: int) -> tuple[Any, np.ndarray]:
    drawn = stream("polar flow: regression limits", N, d, k, seed)
    return regression(drawn.standard_normal((N, d))), drawn.standard_normal((d, k))


def self_polar(operator: Any, W0: np.ndarray, t: float) -> np.ndarray:
    return self_polar_flow(operator, W0, np.array([t])).states[-1]


def gradient_flow(operator: Any, W0: np.ndarray, t: float) -> np.ndarray:
    """dW/dt = -X^T (X W - Y), from W0 off the data by P_par W0: Z stays as it is."""
    values, vectors = np.linalg.eigh(operator.matrix.T @ operator.matrix)
    missed = -operator.parallel(W0)
    decayed = (vectors * np.exp(-t * np.maximum(values, 0.0))) @ vectors.T @ missed
    return W0 + operator.parallel(decayed)


@check(POL_X2_b)
def limit_of_the_flow(sizes: tuple[int, ...], seed: int, follow: Callable[..., np.ndarray]) -> Evidence:
    """|W(t) - pinv(X) Y|_F within the bound of POL-X2.c, and sigma_i(W(t)) above those of the limit."""
    operator, W0 = problem(*sizes, seed)
    top, Z0 = np.linalg.norm(W0, 2), np.linalg.norm(operator.perp(W0))
    t = 12.0 * top
    W = follow(operator, W0, t)
    y = operator.apply(W0)
    limit = np.linalg.pinv(operator.matrix) @ y.reshape(-1, W0.shape[1])
    error = 1e-6 * top
    s, least = (np.linalg.svd(M, compute_uv=False) for M in (W, limit))
    return every(
        measured(np.linalg.norm(W - limit), 0.0, Z0 * np.exp(-12.0) + error, margin=0.1 * Z0),
        measured(s, least, error, ">="),
    )


@verifies(POL_X2_b)
def test_the_limit_is_the_least_interpolant() -> None:
    least_singular_values(2)
    for sizes, seed in (((5, 8, 3), 0), ((5, 8, 3), 1), ((2, 5, 3), 0)):
        limit_of_the_flow(sizes, seed, self_polar)


@control(POL_X2_b, changes="the self-polar flow -> gradient flow, which keeps Z; B >= 0 -> B indefinite")
def test_gradient_flow_keeps_what_is_in_the_kernel() -> None:
    least_singular_values(2, drop=True)
    limit_of_the_flow((5, 8, 3), 0, gradient_flow)


@check(POL_X2_e)
def gram_of_the_limit(N: int, d: int, k: int, power: int = -1) -> Evidence:
    """(pinv(X) Y)^T pinv(X) Y = Y^T (X X^T)^{-1} Y, for integers; N = 1: for all X and Y."""
    import sympy

    if N == 1:
        X, Y = (
            sympy.Matrix([sympy.symbols(f"{name}1:{n + 1}", positive=True)])
            for name, n in (("x", d), ("y", k))
        )
    else:
        drawn = stream("polar flow: limits of regression", N, d, k)
        X, Y = (sympy.Matrix(drawn.integers(-3, 4, (N, n))) for n in (d, k))
    least = X.T * (X * X.T).inv() * Y
    right = Y.T * (X * X.T) ** power * Y
    return every(*(exact(a, b) for a, b in zip(least.T * least, right, strict=True)))


@check(POL_X2_e)
def spectrum_of_the_limit(sizes: tuple[int, ...], power: float = -1.0) -> Evidence:
    """Singular values at the end of the flow, against those of (X X^T)^{-1/2} Y."""
    operator, W0 = problem(*sizes, 0)
    end = self_polar(operator, W0, 16.0 * float(np.linalg.norm(W0, 2)))
    X = operator.matrix
    values, vectors = np.linalg.eigh(X @ X.T)
    Y = operator.apply(W0).reshape(len(X), -1)
    expected = np.linalg.svd((values ** (power / 2))[:, None] * (vectors.T @ Y), compute_uv=False)
    found = np.linalg.svd(end, compute_uv=False)
    error = 1e-6 * np.linalg.norm(W0) + np.linalg.norm(W0) * np.exp(-16.0)
    return measured(found[: len(expected)], expected[: len(found)], error)


@verifies(POL_X2_e)
def test_the_limiting_spectrum_is_that_of_the_data() -> None:
    gram_of_the_limit(1, 3, 2)
    gram_of_the_limit(2, 4, 2)
    spectrum_of_the_limit((5, 8, 3))


@control(POL_X2_e, changes="(X X^T)^{-1} -> (X X^T)^{-2}")
def test_another_power_is_not_the_limit() -> None:
    gram_of_the_limit(1, 2, 2, power=-2)
    spectrum_of_the_limit((5, 8, 3), power=-2.0)


@check(POL_X2_f)
def column_space_in_rationals(d: int, k: int, seed: int, on_the_left: bool = True) -> Evidence:
    """rank [Z, Z'] = rank Z: Z' lies in the column space of Z."""
    import sympy

    require(on_the_left, "regression")
    U, H, X = rational_regression(d, k, seed)
    W = U * H
    if on_the_left:
        Pi = frames.kernel_projector(X)
        Z, slope = Pi * W, -Pi * U
    else:
        rows = sympy.Matrix(stream("polar flow: rows", d, k).integers(-2, 3, (2, d * k)))
        full = frames.kernel_projector(rows)
        Z, slope = ((full * frames.flat(M)).reshape(d, k) for M in (W, -U))
    return exact(sympy.Matrix.hstack(Z, slope).rank(), Z.rank())


@check(POL_X2_f)
def column_space_of_the_flow(sizes: tuple[int, ...]) -> Evidence:
    """What of Z(t) leaves the column space of Z(0), along a computed flow."""
    operator, W0 = problem(*sizes, 0)
    flow = self_polar_flow(operator, W0, np.linspace(0.0, 4.0, 9))
    basis = np.linalg.qr(operator.perp(W0))[0]
    Z = operator.perp(flow.states)
    outside = Z - basis @ (basis.T @ Z)
    return measured(np.linalg.norm(outside, axis=(-2, -1)), 0.0, 1e3 * EPS * np.linalg.norm(W0))


@verifies(POL_X2_f)
def test_the_column_space_stays() -> None:
    column_space_in_rationals(4, 2, 0)
    column_space_of_the_flow((3, 8, 2))


@control(POL_X2_f, drops="regression")
def test_the_column_space_does_not_stay_for_general_measurements() -> None:
    column_space_in_rationals(4, 2, 0, on_the_left=False)


@check(POL_X2_g)
def determinant_stays_positive(c: int) -> Evidence:
    """det(C + B) > 0 for C = diag(c, c + v), c > 0, and B >= 0 with the diagonal x, w, the determinant z; k = 2."""
    import sympy

    require(c > 0, "C nonsingular")
    v, x, w, z = sympy.symbols("v x w z", nonnegative=True)
    level = c * sympy.Symbol("c", positive=True)
    det = level * (level + v) + level * w + (level + v) * x + z
    return exact(det, 0, ">", witness=dict.fromkeys(det.free_symbols, 0) | {v: 1} if c == 0 else None)


@check(POL_X2_g)
def never_vanishes(sigma0: float, kappa: float) -> Evidence:
    """The closed form stays above half the larger of kappa and a tenth of sigma(0), for all t."""
    require(kappa >= 0.1 * sigma0, "C nonsingular")
    s = commuting_flow(np.array(sigma0), np.array(kappa), np.array([0.0, 1.0, 10.0, 100.0]) * sigma0)
    return measured(s, 0.05 * sigma0, 1e-9 * sigma0, ">", margin=0.01 * sigma0)


@check(POL_X2_g)
def least_value_of_the_flow(sizes: tuple[int, ...], sharper: float = 1.0) -> Evidence:
    operator, W0 = problem(*sizes, 1)
    C = operator.parallel(W0)
    floor = np.linalg.svd(C, compute_uv=False)[-1]
    require(floor > 1e-6, "C nonsingular")
    t = 10.0 * float(np.linalg.norm(W0, 2))
    flow = self_polar_flow(operator, W0, np.linspace(0.0, t, 9))
    return measured(flow.spectra[:, -1], sharper * floor, 1e-6 * np.linalg.norm(W0), ">=")


@verifies(POL_X2_g)
def test_no_rank_drop_where_the_limit_has_full_rank() -> None:
    determinant_stays_positive(1)
    least_value_of_the_flow((5, 8, 3))
    never_vanishes(1.0, 0.2)
    never_vanishes(3.0, 3.0)


@control(POL_X2_g, drops="C nonsingular")
def test_rank_drops_where_the_limit_is_singular() -> None:
    determinant_stays_positive(0)
    never_vanishes(1.0, 0.0)
