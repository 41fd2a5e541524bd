"""ICM-C1.a, ICM-C3: the objective is convex, and when its minimiser is the only one."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.isotropic_curvature import Polynomial, Power
from tests.isotropic_curvature.device import dual_norm, expect, solve
from tests.isotropic_curvature.menu import FLAT, Plane, ball, dual_norm_ball
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import ICM_C1a, ICM_C3a, ICM_C3b, even_powers, plane

Even = Mapping[int, Any]
TRIPLE = np.array([1.0, 0.4, 0.1])
PLANE: list[Plane] = [(Fraction(8, 10), Fraction(3, 10)), (Fraction(1), Fraction(1, 1000))]


# --- convexity -------------------------------------------------------------------------------------------------


def _curvatures(H: Even, count: int, **assumed: bool) -> list[Any]:
    """Polynomials that are all positive where the Hessian of Phi is, `count` singular values q among any n.

    Its eigenvalues at a matrix are those of the Hessian of phi (leading minors), and (g_i -+ g_j)/(q_i -+ q_j)
    with g = grad phi for the pairs of off-diagonal entries; the sum needs no quotient.
    """
    import sympy

    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols(f"q1:{count + 1}", **assumed)
    hessian = sympy.Matrix(even_powers.hessian(H, q, n))
    g = even_powers.gradient(H, q, n)
    minors = [sympy.expand(hessian[:k, :k].det()) for k in range(1, count + 1)]
    return [*minors, sympy.cancel((g[0] - g[1]) / (q[0] - q[1])), g[0] + g[1]]


@check(ICM_C1a)
def curvatures_are_nonnegative(H: Even, count: int) -> Evidence:
    """Phi is convex: for all q >= 0, hence at all matrices."""
    require(all(c > 0 for c in H.values()), "A1")
    return every(*(exact(x, 0, ">=") for x in _curvatures(H, count, nonnegative=True)))


@check(ICM_C1a)
def chords_lie_above(H: Any, first: np.ndarray, second: np.ndarray, t: float) -> Evidence:
    """Phi((1-t) Q_0 + t Q_1) <= (1-t) Phi(Q_0) + t Phi(Q_1); the trace is linear."""
    n = first.shape[1]

    def phi(Q: np.ndarray) -> float:
        return float(expect(H, np.linalg.svd(Q, compute_uv=False), n, order=0)[0])

    require(float(H.slope(1e-3)) >= 0, "A1")
    chord = (1 - t) * phi(first) + t * phi(second)
    return measured(phi((1 - t) * first + t * second), chord, 1e-13 * chord, "<=")


@verifies(ICM_C1a)
def test_convexity_by_algebra() -> None:
    curvatures_are_nonnegative({4: 1}, 3)
    curvatures_are_nonnegative({2: Fraction(1, 2), 6: Fraction(3)}, 2)


@verifies(ICM_C1a)
@pytest.mark.parametrize("H", [Power(1.0), Power(1.3), Power(40.0), Polynomial({1: 1, 5: 2})], ids=str)
def test_convexity_on_segments(H: Any) -> None:
    draw = stream("convexity")
    for shape in ((3, 3), (2, 4), (4, 2)):
        first, second = draw.standard_normal((2, *shape))
        for other in (second, first * 1e-3 + second * 1e-6, -first):
            chords_lie_above(H, first, other, 0.37)


@control(ICM_C1a, drops="A1")
def test_a_shallow_dip_is_not_convex() -> None:
    curvatures_are_nonnegative({4: 1, 2: Fraction(-1, 100)}, 2)


# --- uniqueness ------------------------------------------------------------------------------------------------


def _is_minimiser(H: Any, g: np.ndarray, q: np.ndarray) -> bool:
    """Stationary to 1e-7 of g, which for a convex F is all there is to it."""
    return bool(np.all(np.abs(expect(H, q, order=1)[1] - g) <= 1e-7 * np.maximum(g, 1.0)))


def _from(H: Any, g: np.ndarray, start: np.ndarray) -> np.ndarray:
    """A minimiser by Powell's hybrid method in log q from `start`: a search that knows nothing of the solver."""
    from scipy.optimize import root

    def defect(x: np.ndarray) -> np.ndarray:
        return np.log(expect(H, np.exp(x), order=1)[1] / g)

    return np.exp(root(defect, np.log(start), method="hybr", options={"xtol": 1e-13}).x)


@check(ICM_C3a)
def curvatures_are_positive(H: Even, count: int) -> Evidence:
    """Phi is strictly convex: for all q > 0, at all matrices of full rank."""
    require(all(c > 0 for c in H.values()), "A1")
    require(any(p > 1 for p in H), "strictly convex")
    return every(*(exact(x, 0, ">") for x in _curvatures(H, count, positive=True)))


@check(ICM_C3a)
def minimisers_are_equal(H: Any, g: np.ndarray, first: np.ndarray, second: np.ndarray) -> Evidence:
    """Two minimisers of a strictly convex problem, each found to about 1e-12."""
    require(_is_minimiser(H, g, first) and _is_minimiser(H, g, second), "A1")
    require(H.strictly_convex, "strictly convex")
    return measured(first, second, 1e-10)


@check(ICM_C3b)
def minimisers_are_parallel(H: Any, g: np.ndarray, first: np.ndarray, second: np.ndarray) -> Evidence:
    """Two minimisers of a strictly increasing problem point the same way, as far as they are stationary."""
    require(_is_minimiser(H, g, first) and _is_minimiser(H, g, second), "A1")
    require(float(H.slope(1e-3)) > 0, "strictly increasing")
    return measured(first / np.linalg.norm(first), second / np.linalg.norm(second), 1e-6)


@check(ICM_C3b)
def only_one_ray(g: Plane, away: Fraction) -> Evidence:
    """H = N*(g) x at n = 2: F(1, t) > 0 for all t in [0.01, 1] further than `away` from the minimising ray.

    N*(g) is replaced by a lower bound, so F is at least what is enclosed.
    """
    from flint import arb

    value, q = dual_norm_ball(g)
    slope = arb(value.lower())
    ray = Fraction(float(q[1] / q[0]))
    sides = [(Fraction(1, 100), ray - away), (ray + away, Fraction(1))]

    def objective(t: Any) -> Any:
        return slope * plane.ball(plane.AVERAGE, arb(1) / 2, 1 - t * t) - ball(g[0]) - ball(g[1]) * t

    return every(*(enclosed(objective, ">", box=[side]) for side in sides if side[0] < side[1]))


def _linear(g: np.ndarray) -> tuple[Power, np.ndarray]:
    """H = N*(g) x, and a spectrum on its ray of minimisers."""
    value, q = dual_norm(g)
    return Power(1.0, float(value)), q


@verifies(ICM_C3a)
def test_strict_convexity_by_algebra() -> None:
    curvatures_are_positive({4: 1}, 3)
    curvatures_are_positive({6: 1}, 2)


@verifies(ICM_C3a)
@pytest.mark.parametrize("H", [Power(1.5), Power(4.0), Polynomial({2: 0.5, 5: 1.0})], ids=str)
def test_one_minimiser(H: Any) -> None:
    starts = [np.full(3, 0.5), np.array([0.1, 1.0, 2.0])]
    minimisers_are_equal(H, TRIPLE, *(_from(H, TRIPLE, start) for start in starts))
    minimisers_are_equal(H, TRIPLE, _from(H, TRIPLE, starts[0]), solve(TRIPLE, H).q)


@control(ICM_C3a, drops="strictly convex")
def test_a_linear_penalty_has_a_ray_of_minimisers() -> None:
    H, q = _linear(TRIPLE)
    minimisers_are_equal(H, TRIPLE, q, 1.01 * q)


@verifies(ICM_C3b)
def test_one_ray_of_minimisers() -> None:
    H, q = _linear(TRIPLE)
    minimisers_are_parallel(H, TRIPLE, q, 3 * q)
    for start in ([0.3, 1.0, 0.5], [1.0, 1.0, 1.0]):
        minimisers_are_parallel(H, TRIPLE, q, _from(H, TRIPLE, np.array(start)))
    for g in PLANE:
        only_one_ray(g, Fraction(1, 100))


@control(ICM_C3b, drops="strictly increasing")
def test_a_flat_start_has_minimisers_in_all_directions() -> None:
    minimisers_are_parallel(FLAT, np.zeros(2), np.array([0.5, 0.2]), np.array([0.2, 0.5]))
