"""ICM-X3: for power laws the shape of the update does not know the dimension, and scale and value are closed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import matrix
from labs.core.streams import stream
from labs.isotropic_curvature import Polynomial, Power
from tests.isotropic_curvature.device import expect, solve, solve_matrix
from tests.isotropic_curvature.menu import spectra
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import ICM_X3a, ICM_X3b, ICM_X3c, even_powers, matrices, powers

LAW = "power law"
# KKT residuals are at most 1e-12 relative; log q is at most 1/min(1, p-1) as far off (newton.py's bound).
SHAPE_ERROR = 1e-11

# Shapes of the optimal update for g = (1, 0.6, 0.3), to seven digits.
SHAPES = {
    2.5: (0.6602461, 0.3596495),
    4.0: (0.7654639, 0.4951110),
    10.0: (0.8943445, 0.7341002),
}


def _is_power(H: Any) -> bool:
    return len(H.terms) == 1


# --- the shape -------------------------------------------------------------------------------------------------


@check(ICM_X3a)
def ratios_do_not_know_the_dimension(H: dict[int, Any]) -> Evidence:
    """lambda_1(n) lambda_2(N) = lambda_2(n) lambda_1(N) for all n and N, three coordinates."""
    import sympy

    require(len(H) == 1, LAW)
    n, N = sympy.symbols("n N", positive=True)
    q = sympy.symbols("q1:4", positive=True)
    here, there = even_powers.weights(H, q, n), even_powers.weights(H, q, N)
    return exact(sympy.expand(here[0] * there[1]), sympy.expand(here[1] * there[0]))


@verifies(ICM_X3a)
@pytest.mark.parametrize("power", [4, 6])
def test_even_powers_have_a_shape(power: int) -> None:
    ratios_do_not_know_the_dimension({power: 1})


@check(ICM_X3a)
def one_shape(H: Any, g: np.ndarray, others: tuple[tuple[Any, int, int, int], ...]) -> Evidence:
    """The shape q/q_1 is the same for (H, m, n, appended zeros) in `others` as for a square problem."""
    require(all(_is_power(h) for h in (H, *(h for h, *_ in others))), LAW)
    shape = solve(g, H).q
    found = []
    for other, m, n, zeros in others:
        q = solve(np.append(g, np.zeros(zeros)), other, m=m, n=n).q
        found.append(measured(q[: len(g)] / q[0], shape / shape[0], SHAPE_ERROR * shape / shape[0]))
        found += [measured(q[len(g) :], 0.0, 0.0)] if zeros else []
    return every(*found)


@verifies(ICM_X3a)
@pytest.mark.parametrize("p", [1.3, 2.5, 4.0, 40.0])
def test_shapes_of_padded_and_rescaled_problems(p: float) -> None:
    for g in spectra(4, "shape"):
        one_shape(
            Power(p),
            g,
            ((Power(p, 7.0), 4, 4, 0), (Power(p), 4, 9, 0), (Power(p), 9, 4, 0), (Power(p), 8, 300, 3)),
        )


@restates(ICM_X3a)
def test_shapes_of_scaled_and_shuffled_gradients() -> None:
    g = np.array([1.0, 0.6, 0.3])
    one_shape(Power(3.0), g * 1e6, ((Power(3.0, 1e-3), 5, 6, 2),))
    one_shape(Power(3.0), g[[2, 0, 1]], ((Power(3.0), 3, 5, 0), (Power(3.0), 5, 3, 0)))


@check(ICM_X3a)
def shape_quoted(p: float, n: int) -> Evidence:
    """q_2/q_1 and q_3/q_1 to the seven digits given."""
    q = solve(np.array([1.0, 0.6, 0.3]), Power(p), n=n).q
    return measured(q[1:] / q[0], SHAPES[p], 5.01e-8)


@verifies(ICM_X3a)
@pytest.mark.parametrize("p", SHAPES)
def test_quoted_shapes(p: float) -> None:
    for n in (3, 50):
        shape_quoted(p, n)


@control(ICM_X3a, drops=LAW)
def test_a_sum_of_two_powers_has_no_shape() -> None:
    ratios_do_not_know_the_dimension({2: Fraction(1, 100), 4: 1})
    H = Polynomial({2: 0.5, 4: 1.0})
    one_shape(H, np.array([1.0, 0.6, 0.3]), ((H, 3, 4, 0),))


# --- scale and value -------------------------------------------------------------------------------------------


@check(ICM_X3b)
def minimum_along_a_ray(p: int, numerator: Fraction) -> Evidence:
    """t^(p-1) = <s, g>/(p c N_p^p) and F = -(numerator/p) t <s, g>, with everything a symbol."""
    scale, value, (t, c, inner, norm_power) = powers.ray_minimum(p)
    return every(exact(scale, inner / (p * c * norm_power)), exact(value, -numerator / p * t * inner))


@check(ICM_X3b)
def scale_and_value(H: Any, g: np.ndarray, numerator: float) -> Evidence:
    """The same for the solver: t = q_1 and s = q/q_1; F* = -(numerator/p) <q, g>."""
    require(_is_power(H), LAW)
    ((p, c),) = H.terms
    best = solve(g, H)
    shape = best.q / best.q.max()
    norm_power = expect(Power(p), shape, order=0)[0]
    scale = (shape @ g / (p * c * norm_power)) ** (1 / (p - 1))
    return every(
        measured(best.q.max() / scale, 1.0, SHAPE_ERROR),
        measured(best.value / (best.q @ g), -numerator / p, SHAPE_ERROR),
    )


@verifies(ICM_X3b)
def test_scale_and_value() -> None:
    for p in (2, 3, 4, 7):
        minimum_along_a_ray(p, Fraction(p - 1))
    for real in (1.3, 2.5, 4.0, 10.0, 40.0):
        for g in spectra(5, "scale"):
            scale_and_value(Power(real, 0.7), g, real - 1)


@control(ICM_X3b, changes="(p-1)/p -> (p-2)/p")
def test_value_with_a_wrong_factor() -> None:
    minimum_along_a_ray(4, Fraction(2))
    scale_and_value(Power(4.0), np.array([1.0, 0.6, 0.3]), 2.0)


# --- the transpose ---------------------------------------------------------------------------------------------


@check(ICM_X3c)
def gradients_of_transposes(H: dict[int, Any], entries: tuple[Any, ...]) -> Evidence:
    """Stationarity of Q (2 x 3) and of Q^T: the two gradients are proportional.

    With gradients G and K^T, that is G_1 K_i = K_1 G_i for all entries i.
    """
    import sympy

    require(len(H) == 1, LAW)
    Q = sympy.Matrix(2, 3, entries)
    G = sum((c * matrices.matrix_gradient(p, Q) for p, c in H.items()), sympy.zeros(2, 3))
    K = sum((c * matrices.matrix_gradient(p, Q.T).T for p, c in H.items()), sympy.zeros(2, 3))
    return every(*(exact(sympy.expand(G[0] * K[i]), sympy.expand(K[0] * G[i])) for i in range(1, 6)))


@check(ICM_X3c)
def updates_of_transposes(H: Any, G: np.ndarray) -> Evidence:
    """Q*(G^T)^T and Q*(G) have the same direction; rounding of an SVD on top of that of the shape."""
    require(_is_power(H), LAW)
    here, there = solve_matrix(G, H), solve_matrix(G.T, H).T
    return measured(here / np.linalg.norm(here), there / np.linalg.norm(there), SHAPE_ERROR)


@verifies(ICM_X3c)
@pytest.mark.parametrize("p", [1.5, 2.5, 4.0, 10.0])
def test_updates_of_transposes(p: float) -> None:
    draw = stream("transposes", p)
    for shape in ((3, 5), (5, 2), (1, 4)):
        updates_of_transposes(Power(p), draw.standard_normal(shape))
    updates_of_transposes(Power(p), matrix(np.array([1.0, 1e-3, 1e-6]), 5, 4, draw))


@verifies(ICM_X3c)
def test_gradients_of_transposes() -> None:
    import sympy

    gradients_of_transposes({4: 1}, sympy.symbols("a1:7", real=True))
    gradients_of_transposes({6: 1}, (1, 2, -1, 0, 3, 5))


@control(ICM_X3c, drops=LAW)
def test_a_sum_of_two_powers_distinguishes_wide_from_tall() -> None:
    gradients_of_transposes({2: Fraction(1, 100), 4: 1}, (1, 2, -1, 0, 3, 5))
    updates_of_transposes(
        Polynomial({2: 0.5, 4: 1.0}), matrix(np.array([1.0, 0.3]), 2, 5, stream("transposes"))
    )
