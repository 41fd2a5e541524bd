"""POL-X9: what exact alignment with a buffer of gradients would cost."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.operators import Operator, dense_sensing, mask_sensing, regression
from labs.polar_flow.spreads import decay
from tests.polar_flow.rational_models import Rational, frame, inner, off
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_X9_a, POL_X9_b, POL_X9_r


def sensed(m: int, n: int, mu: Sequence[int], extra: int, *, inside: bool = True) -> Rational:
    """M with singular values mu, and measurements of which M is the first one (inside), and `extra` others."""
    import sympy

    u, v = frame(m, len(mu), 3), frame(n, len(mu), 4)
    rows = stream("buffer: rows", m, n, extra).integers(-2, 3, (extra, m * n)).tolist()
    if inside:
        rows.append(list(u * sympy.diag(*mu) * v.T))
    return Rational(u, tuple(map(sympy.Integer, mu)), v, off(sympy.Matrix(rows)))


def regressed(d: int, k: int, mu: Sequence[int], others: int, *, inside: bool = True) -> Rational:
    """The same for X W = Y: the rows of X span the left singular vectors of M, and `others`."""
    import sympy

    u, v = frame(d, len(mu), 3), frame(k, len(mu), 4)
    X = sympy.Matrix(stream("buffer: X", d, others).integers(-2, 3, (others, d)))
    rows = sympy.Matrix.vstack(u.T, X) if inside else X
    return Rational(u, tuple(map(sympy.Integer, mu)), v, sympy.kronecker_product(off(rows), sympy.eye(k)))


def is_gradient(model: Rational) -> bool:
    return model.projected(model.matrix) == 0 * model.matrix


@check(POL_X9_a)
def weighted_sum(model: Rational) -> Evidence:
    """sum mu_i alpha_i = <M, P_perp P(M)> = 0, in rational numbers."""
    require(is_gradient(model), "M in range(A*)")
    total = sum(mu * a for mu, a in zip(model.sigma, model.decay(), strict=True))
    direct = inner(model.matrix, model.projected(model.factor))
    return every(exact(total, direct), exact(total, 0))


@check(POL_X9_b)
def kernel_of_the_gram(model: Rational) -> Evidence:
    """K mu = 0 row by row, so det K = 0; sum mu_i alpha_i = 0, and not all alpha_i > 0; W has the frames of M."""
    import sympy

    require(is_gradient(model), "M in range(A*)")
    require(all(mu > 0 for mu in model.sigma), "SF")
    r = len(model.sigma)
    elements = [model.element(i) for i in range(r)]
    K = sympy.Matrix(r, r, lambda i, j: inner(elements[i], model.projected(elements[j])))
    alpha = [sum(K.row(i)) for i in range(r)]
    return every(
        *(exact(row, 0) for row in K * sympy.Matrix(model.sigma)),
        exact(K.det(), 0),
        exact(sum(mu * a for mu, a in zip(model.sigma, alpha, strict=True)), 0),
        exact(min(alpha), 0, "<="),
    )


@check(POL_X9_r)
def nothing_moves(model: Rational) -> Evidence:
    """alpha = 0, each."""
    require(is_gradient(model), "M in range(A*)")
    require(all(mu > 0 for mu in model.sigma), "SF")
    return every(*(exact(a, 0) for a in model.decay()))


def plane(inside: bool) -> Rational:
    """POL-X1': ker A spanned by diag(2, -1), M = diag(1, 2), or diag(1, 1)."""
    import sympy

    kernel = sympy.Matrix([2, 0, 0, -1])
    mu = (sympy.Integer(1), sympy.Integer(2 if inside else 1))
    return Rational(sympy.eye(2), mu, sympy.eye(2), kernel * kernel.T / 5)


@verifies(POL_X9_a, POL_X9_b)
def test_a_buffer_of_gradients() -> None:
    for model in (
        plane(True),
        sensed(3, 2, (3, 1), 2),
        sensed(3, 3, (2, 2, 1), 4),
        regressed(4, 3, (3, 1), 1),
    ):
        weighted_sum(model)
        kernel_of_the_gram(model)
    assert plane(True).decay() == [Fraction(2, 5), Fraction(-1, 5)]


@verifies(POL_X9_r)
def test_in_a_regression_nothing_moves() -> None:
    nothing_moves(regressed(4, 3, (3, 2, 1), 0))
    nothing_moves(regressed(5, 2, (3, 1), 1))


@control(POL_X9_a, drops="M in range(A*)")
def test_other_matrices_have_another_sum() -> None:
    weighted_sum(plane(False))
    weighted_sum(sensed(3, 2, (3, 1), 2, inside=False))


@control(POL_X9_b, drops="M in range(A*)")
def test_other_matrices_are_not_in_the_kernel() -> None:
    kernel_of_the_gram(plane(False))


@control(POL_X9_r, drops="M in range(A*)")
def test_other_matrices_move() -> None:
    nothing_moves(regressed(5, 2, (3, 1), 2, inside=False))


@control(POL_X9_r, changes="regression -> sensing")
def test_in_sensing_something_may_move() -> None:
    nothing_moves(plane(True))


@check(POL_X9_a)
def weighted_sum_on(operator: Operator, M: np.ndarray) -> Evidence:
    """The same in floating point."""
    require(np.linalg.norm(operator.perp(M)) <= 1e-12 * np.linalg.norm(M), "M in range(A*)")
    mu, alpha = decay(operator, M)
    # Projection and factor are known to about eps cond; these matrices have conditions below 100.
    return measured(float(mu @ alpha), 0.0, 1e-13 * float(np.sum(mu)))


def operators() -> dict[str, Operator]:
    random = stream("buffer: operators")
    return {
        "regression": regression(random.standard_normal((6, 9))),
        "gaussian": dense_sensing(random.standard_normal((30, 54)), (9, 6)),
        "mask": mask_sensing(random.random((9, 6)) < 0.5),
    }


@verifies(POL_X9_a)
@pytest.mark.parametrize("kind", ["regression", "gaussian", "mask"])
def test_random_gradients(kind: str) -> None:
    operator = operators()[kind]
    random = stream("buffer: gradients", kind)
    for _ in range(20):
        weighted_sum_on(operator, operator.parallel(random.standard_normal((9, 6))))


@control(POL_X9_a, drops="M in range(A*)")
def test_random_matrices_are_no_gradients() -> None:
    random = stream("buffer: matrices")
    for operator in operators().values():
        weighted_sum_on(operator, random.standard_normal((9, 6)))
