"""POL-T1ii: how singular values move along the self-polar flow, and that K has rows, not only a diagonal."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.operators import Operator, regression
from labs.polar_flow.spreads import decay, frame_gram
from tests.polar_flow.flows import (
    EXAMPLE,
    kernel_projector,
    operator_of,
    polar,
    zoo_matrices,
)
from tests.referee import check, control, verifies
from theory.evidence import EPS, Evidence, every, exact, measured, require
from theory.polar_flow import (
    POL_T1ii_a,
    POL_T1ii_b,
    POL_T1ii_c,
    POL_T1ii_d,
    POL_T1ii_e,
    frames,
)

SHAPES = ((4, 4), (6, 3), (3, 5))


@check(POL_T1ii_a)
def slope_by_implicit_differentiation(m: int, n: int, factor: int = 1) -> Evidence:
    """d sigma_i/dt = <E_i, X> for every velocity X and every simple spectrum."""
    _, X = frames.motion(m, n)
    return every(*(exact(frames.slope(m, n, i), factor * X[i, i]) for i in range(min(m, n))))


@check(POL_T1ii_a)
def slope_by_differences(operator: Operator, W: np.ndarray, factor: float = 1.0) -> Evidence:
    """Central differences of the singular values along -P_perp P(W), against -alpha by labs."""
    s = np.linalg.svd(W, compute_uv=False)
    gap = min(float(np.min(-np.diff(s))), float(s[-1]))
    require(s[-1] > EPS * s[0], "A3")
    require(gap > 1e-9 * s[0], "sigma_i simple")
    velocity = -operator.perp(polar(W))
    # The third derivative of a singular value is at most 6 |velocity|^3/gap^2, and h^2/6 of it remains; rounding of
    # the differences adds 4 eps s_1/h.
    speed = np.linalg.norm(velocity) + 1e-3
    h = (EPS * s[0] * gap**2) ** (1 / 3) / speed
    tolerance = speed**3 * h**2 / gap**2 + 20 * EPS * s[0] / h
    ends = [np.linalg.svd(W + sign * h * velocity, compute_uv=False) for sign in (1, -1)]
    return measured((ends[0] - ends[1]) / (2 * h), -factor * decay(operator, W)[1], tolerance)


@verifies(POL_T1ii_a)
def test_singular_values_move_by_the_decay_vector() -> None:
    for m, n in ((2, 2), (3, 3), (4, 2), (2, 3)):
        slope_by_implicit_differentiation(m, n)
    for m, n in SHAPES:
        for kind in ("regression", "gaussian", "mask", "rank-one"):
            operator = operator_of(kind, m, n, 0.5)
            for name, W in zoo_matrices(m, n).items():
                if name not in ("repeated", "rank-deficient", "flat", "two-level", "near-zero", "spike"):
                    slope_by_differences(operator, W)


@control(POL_T1ii_a, changes="alpha_i -> 1.02 alpha_i")
def test_another_slope_is_rejected() -> None:
    slope_by_implicit_differentiation(2, 2, factor=2)
    slope_by_differences(operator_of("gaussian", 4, 4, 0.5), zoo_matrices(4, 4)["power law"], factor=1.02)


@check(POL_T1ii_b)
def gram_of_a_regression(d: int, k: int, right_too: bool = True) -> Evidence:
    """<u v^T, Pi u' v'^T> = (u^T Pi u')(v^T v') for all vectors and all Pi: diagonal K for orthonormal v."""
    import sympy

    u, w = (sympy.Matrix(sympy.symbols(f"{name}1:{d + 1}")) for name in "uw")
    v, z = (sympy.Matrix(sympy.symbols(f"{name}1:{k + 1}")) for name in "vz")
    Pi = sympy.Matrix(d, d, lambda i, j: sympy.Symbol(f"p{min(i, j)}{max(i, j)}"))
    left = (frames.flat(u * v.T).T * sympy.kronecker_product(Pi, sympy.eye(k)) * frames.flat(w * z.T))[0]
    right = (u.T * Pi * w)[0] * (v.T * z)[0] if right_too else (u.T * Pi * w)[0]
    return exact(sympy.expand(left), sympy.expand(right))


@check(POL_T1ii_b)
def decay_in_rational_frames(seed: int, regression: bool = True) -> Evidence:
    """alpha_i = |Pi u_i|^2 in [0, 1] for rational orthogonal frames and a rational X, 3 x 3."""
    import sympy

    require(regression, "regression")
    drawn = stream("polar flow: rational regression", seed)
    U, V = (
        frames.orthogonal([sympy.Rational(int(x), 4) for x in drawn.integers(-6, 7, 3)], 3) for _ in range(2)
    )
    X = sympy.Matrix(drawn.integers(-3, 4, (1, 3)))
    Pi = frames.left_projector(X, 3)
    if not regression:
        Pi = frames.kernel_projector(sympy.Matrix(drawn.integers(-3, 4, (3, 9))))
    alpha = frames.decay(U, V, Pi)
    lengths = [(frames.kernel_projector(X) * U[:, i]) for i in range(3)]
    squares = [(x.T * x)[0] for x in lengths]
    pairs = zip(alpha, squares, strict=True)
    return every(
        *(exact(a, square) for a, square in pairs),
        *(exact(a, 0, ">=") for a in alpha),
        *(exact(a, 1, "<=") for a in alpha),
    )


@check(POL_T1ii_b)
def no_singular_value_grows(N: int, d: int, k: int) -> Evidence:
    """labs' decay vector in regression: K diagonal and entries in [0, 1], to rounding."""
    drawn = stream("polar flow: regression", N, d, k)
    operator = regression(drawn.standard_normal((N, d)))
    K = frame_gram(operator, drawn.standard_normal((d, k)))
    tolerance = 100 * EPS * k
    diagonal = np.diagonal(K)
    return every(
        measured(K, np.diag(diagonal), tolerance),
        measured(diagonal, 0.0, tolerance, ">="),
        measured(diagonal, 1.0, tolerance, "<="),
    )


@verifies(POL_T1ii_b)
def test_regression_has_a_diagonal_gram_matrix() -> None:
    gram_of_a_regression(3, 2)
    for seed in range(3):
        decay_in_rational_frames(seed)
    for sizes in ((5, 8, 3), (20, 40, 10), (1, 6, 6)):
        no_singular_value_grows(*sizes)


@control(POL_T1ii_b, drops="regression")
def test_general_measurements_have_other_decay_vectors() -> None:
    decay_in_rational_frames(0, regression=False)


@control(POL_T1ii_b, changes="v_j^T v_i -> 1")
def test_the_right_singular_vectors_matter() -> None:
    gram_of_a_regression(2, 2, right_too=False)


@check(POL_T1ii_c)
def decay_of_the_example(formula: str = "rows") -> Evidence:
    """K of ker = span diag(2, -1) at diag(2, 1): its row sums, or its diagonal, are (2/5, -1/5)."""
    import sympy

    Pi = kernel_projector(EXAMPLE)
    alpha = [sum(Pi.row(i)) if formula == "rows" else Pi[i, i] for i in range(2)]
    velocity = diagonal_flow(EXAMPLE.B, EXAMPLE.x0).events[0].velocity
    return every(
        *(exact(a, -v) for a, v in zip(alpha, velocity, strict=True)),
        exact(alpha[0], sympy.Rational(2, 5)),
        exact(alpha[1], -sympy.Rational(1, 5)),
        exact(Pi[1, 1], sympy.Rational(1, 5)),
    )


@check(POL_T1ii_c)
def row_sums_for_all_kernels(n: int) -> Evidence:
    """<E_i, Pi P> = sum_j K_ij for rational frames and every symmetric Pi: 2 x 2."""
    import sympy

    t = sympy.symbols("t1:3", positive=True)
    U, V = (frames.orthogonal([x], n) for x in t)
    Pi = sympy.Matrix(n * n, n * n, lambda i, j: sympy.Symbol(f"p{min(i, j)}{max(i, j)}"))
    K, alpha = frames.gram(U, V, Pi), frames.decay(U, V, Pi)
    return every(*(exact(a, sum(K.row(i))) for i, a in enumerate(alpha)))


@check(POL_T1ii_c)
def decay_of_labs(operator: Operator, W: np.ndarray, formula: str = "rows") -> Evidence:
    K = frame_gram(operator, W)
    sigma, alpha = decay(operator, W)
    require(sigma[-1] > 1e-12 * sigma[0], "A3")
    return measured(K.sum(axis=-1) if formula == "rows" else np.diagonal(K), alpha, 100 * EPS * len(K))


@verifies(POL_T1ii_c)
def test_the_decay_vector_is_the_row_sums() -> None:
    decay_of_the_example()
    row_sums_for_all_kernels(2)
    for kind in ("gaussian", "mask", "rank-one"):
        for W in (zoo_matrices(6, 6)["graded"], zoo_matrices(6, 6)["repeated"]):
            decay_of_labs(operator_of(kind, 6, 6, 0.5), W)


@control(POL_T1ii_c, changes="sum_j K_ij -> K_ii = |P_perp E_i|^2")
def test_the_diagonal_alone_is_not_the_decay_vector() -> None:
    decay_of_the_example("diagonal")
    decay_of_labs(operator_of("gaussian", 6, 6, 0.5), zoo_matrices(6, 6)["graded"], "diagonal")


@cache
def mean_error_of_the_diagonal(p: int, draws: int = 600) -> float:
    """Over Haar kernels and frames: max |alpha_i - K_ii|/mean K_ii."""
    drawn = stream("polar flow: diagonal formula", p)
    errors = []
    for _ in range(draws):
        W = drawn.standard_normal((6, 6))
        K = frame_gram(gaussian_sensing(p, (6, 6), drawn), W)
        errors.append(np.max(np.abs(K.sum(axis=-1) - np.diagonal(K))) / np.mean(np.diagonal(K)))
    return float(np.mean(errors))


@check(POL_T1ii_d)
def error_of_the_diagonal(p: int, expected: float, within: float) -> Evidence:
    """The mean, to a share `within`: its tails are heavy."""
    return measured(mean_error_of_the_diagonal(p), expected, within * expected, margin=2 * within * expected)


@verifies(POL_T1ii_d)
@pytest.mark.parametrize(("p", "expected"), [(7, 0.3), (18, 0.6), (29, 1.2)])
def test_errors_of_the_diagonal_formula(p: int, expected: float) -> None:
    error_of_the_diagonal(p, expected, 0.2)


@control(POL_T1ii_d, changes="p/36 = 0.5 -> 0.8")
def test_errors_of_the_diagonal_formula_grow() -> None:
    error_of_the_diagonal(29, 0.6, 0.2)


@check(POL_T1ii_e)
def parting_of_equal_values(n: int, symmetric: bool = True) -> Evidence:
    """det(W^T W - (s + t mu)^2 I) to leading order in t: the characteristic polynomial of sym(X)."""
    import sympy

    (left, right), X, mu = frames.parting(n), frames.motion(n, n)[1], sympy.Symbol("mu", real=True)
    if not symmetric:
        right = (X - mu * sympy.eye(n)).det(method="berkowitz")
    skew = {mu: 0} | {X[i, j]: int((i, j) == (0, 1)) for i in range(n) for j in range(n)}
    return exact(sympy.expand(left), sympy.expand(right), witness=skew)


@check(POL_T1ii_e)
def parting_by_differences(
    operator: Operator, s: list[float], cluster: slice, aligned: bool = True
) -> Evidence:
    """One-sided differences at W = diag(s), m x n, along -P_perp P(W); aligned: by eigenvalues, else by entries."""
    m, n = operator.shape[0], operator.shape[1] or len(s)
    W = np.zeros((m, n))
    W[range(len(s)), range(len(s))] = s
    velocity = -operator.perp(polar(W))
    inner = velocity[cluster, cluster]
    slopes = np.linalg.eigvalsh((inner + inner.T) / 2)[::-1] if aligned else np.sort(np.diagonal(inner))[::-1]
    h = 1e-6
    moved = np.linalg.svd(W + h * velocity, compute_uv=False)
    # Second order: |velocity|^2 <= r, over the distance to the other values and over s itself, both at least 1/2.
    return measured((moved[cluster] - s[0]) / h, slopes, 10 * h * len(s) + 10 * EPS / h)


@verifies(POL_T1ii_e)
def test_equal_singular_values_part_by_eigenvalues() -> None:
    for n in (2, 3):
        parting_of_equal_values(n)
    for kind in ("regression", "gaussian", "mask"):
        parting_by_differences(operator_of(kind, 5, 4, 0.5, "cluster"), [2.0, 2.0, 1.0, 0.5], slice(0, 2))
        parting_by_differences(operator_of(kind, 5, 4, 0.5, "cluster"), [1.0] * 4, slice(0, 4))


@control(POL_T1ii_e, changes="eigenvalues of sym(U^T X V) -> its diagonal, in any frame")
def test_equal_singular_values_do_not_part_by_entries() -> None:
    parting_of_equal_values(2, symmetric=False)
    parting_by_differences(
        operator_of("gaussian", 5, 4, 0.5, "cluster"), [1.0] * 4, slice(0, 4), aligned=False
    )
