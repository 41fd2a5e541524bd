"""POL-X7: which subgradient the flow selects where W is rank-deficient."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import matrix
from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow, projector, selection
from labs.polar_flow.operators import Operator, dense_sensing, diagonal, regression
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.sliding import nuclear_norm_bound, sliding_velocity
from tests.polar_flow.flows import (
    DIAGONALS,
    EXAMPLE,
    LINES,
    Diagonal,
    kernel_of,
    kernel_projector,
    operator_of,
)
from tests.referee import check, control, verifies
from theory.evidence import EPS, Evidence, certified, every, exact, measured, require
from theory.polar_flow import POL_X7_a, POL_X7_b, POL_X7_c, POL_X7_d, POL_X7_e, POL_X7_f, frames

Vector = tuple[Fraction, ...]


def frames_of(W: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(W) at this rank, and bases of the null spaces."""
    u, _, vt = np.linalg.svd(W)
    return u[:, :rank] @ vt[:rank], u[:, rank:], vt[rank:].T


# --- the least projection ----------------------------------------------------------------------------------------


@check(POL_X7_a)
def least_among_vertices(example: Diagonal, state: Vector, s: Vector) -> Evidence:
    """<Pi s, s' - s> >= 0 for every vertex s' of the box: |Pi s| is least, by convexity.  Pi is theory's."""
    import sympy

    Pi = kernel_projector(example)
    pulled = Pi * sympy.Matrix(s)
    sides = [[(x > 0) - (x < 0)] if x else [-1, 1] for x in state]
    return every(
        *(
            exact(sum(p * (v - w) for p, v, w in zip(pulled, vertex, s, strict=True)), 0, ">=")
            for vertex in product(*sides)
        )
    )


@check(POL_X7_a)
def least_by_duality(operator: Operator, W: np.ndarray, rank: int, canonical: bool = False) -> Evidence:
    """Half the squared norm at labs' N, or at 0, against its value less the largest <G, N - M>, |M|_op <= 1."""
    P, U0, V0 = frames_of(W, rank)
    choice = sliding_velocity(operator, W)
    N = 0.0 * P if canonical else choice.normal
    pulled = operator.perp(P + N)
    G = U0.T @ pulled @ V0
    upper = float(np.sum(pulled**2)) / 2
    gap = float(np.sum((U0.T @ N @ V0) * G) + np.linalg.svd(G, compute_uv=False).sum())
    shorter = float(np.sum(choice.velocity**2)) / 2
    defects = [
        np.linalg.norm(N, 2) - 1 - 1e3 * EPS,
        np.linalg.norm(N - U0 @ (U0.T @ N @ V0) @ V0.T) - 1e3 * EPS,
    ]
    # The gap is the square of the error: 1e-6, the limit at which the routine raises.
    tolerance = 1e-12 * (rank + 1)
    return certified(upper, upper - gap, tolerance, defects=defects, refutation=(upper, shorter + tolerance))


@check(POL_X7_a)
def least_by_a_proximal_step(operator: Operator, W: np.ndarray, factor: float = 1.0) -> Evidence:
    """(W(h) - W)/h by implicit Euler from W: the least element in the limit of small h."""
    h = 1e-3
    end = self_polar_flow(operator, W, np.array([h]), "proximal", step=h, tolerance=1e-11).states[-1]
    velocity = factor * sliding_velocity(operator, W).velocity
    speed = np.linalg.norm(velocity)
    # The speed does not grow, and the inclusion turns by about h |W'|/sigma, sigma >= 1/2, with |W'| <= 2; the solver
    # adds its tolerance over h.
    return measured((end - W) / h, velocity, 10 * h * speed + 1e-7, margin=max(0.015 * speed, 1e-6))


CASES = [
    (kind, share, rank)
    for kind, share in (("gaussian", 0.3), ("gaussian", 0.8), ("mask", 0.6))
    for rank in (1, 3)
]


def low_rank(m: int, n: int, rank: int) -> np.ndarray:
    return matrix(np.linspace(2.0, 1.0, rank), m, n, stream("polar flow: low rank", m, n, rank))


@verifies(POL_X7_a)
def test_the_selection_is_the_shortest_projection() -> None:
    for example in DIAGONALS:
        for event in diagonal_flow(example.B, example.x0).events:
            least_among_vertices(example, event.state, event.selection)
    for kind, share, rank in CASES:
        operator, W = operator_of(kind, 5, 4, share, "sliding"), low_rank(5, 4, rank)
        least_by_duality(operator, W, rank)
        least_by_a_proximal_step(operator, W)


@control(POL_X7_a, changes="the selection -> the polar factor; 1 -> 1.05")
def test_the_polar_factor_is_not_the_shortest() -> None:
    last = diagonal_flow(EXAMPLE.B, EXAMPLE.x0).events[-1]
    least_among_vertices(EXAMPLE, last.state, (Fraction(0), Fraction(1)))
    least_by_duality(operator_of("gaussian", 5, 4, 0.3, "sliding"), low_rank(5, 4, 3), 3, canonical=True)
    least_by_a_proximal_step(operator_of("gaussian", 5, 4, 0.3, "sliding"), low_rank(5, 4, 1), factor=1.05)


@check(POL_X7_b)
def cross_term_vanishes(seed: int, on_the_left: bool = True) -> Evidence:
    """<Pi P, U0 X V0^T> = 0 for all X: rational frames, d = 4, k = 3, rank 1."""
    import sympy

    require(on_the_left, "regression")
    drawn = stream("polar flow: cross terms", seed)
    U, V = (
        frames.orthogonal([sympy.Rational(int(x), 3) for x in drawn.integers(-4, 5, n * (n - 1) // 2)], n)
        for n in (4, 3)
    )
    rows = sympy.Matrix(drawn.integers(-2, 3, (2, 4) if on_the_left else (5, 12)))
    Pi = frames.left_projector(rows, 3) if on_the_left else frames.kernel_projector(rows)
    X = sympy.Matrix(3, 2, lambda i, j: sympy.Symbol(f"x{i}{j}"))
    inner = frames.flat(U[:, 1:] * X * V[:, 1:].T).T * Pi * frames.flat(U[:, :1] * V[:, :1].T)
    return exact(sympy.expand(inner[0]), 0)


@check(POL_X7_b)
def canonical_velocity(operator: Operator, W: np.ndarray, rank: int) -> Evidence:
    """labs' velocity against -P_perp P(W)."""
    P, _, _ = frames_of(W, rank)
    return measured(sliding_velocity(operator, W).velocity, -operator.perp(P), 1e3 * EPS)


@verifies(POL_X7_b)
def test_in_regression_the_polar_factor_is_selected() -> None:
    cross_term_vanishes(0)
    for N, rank in ((2, 1), (4, 2)):
        X = stream("polar flow: sliding regression", N).standard_normal((N, 6))
        canonical_velocity(regression(X), low_rank(6, 4, rank), rank)


@control(POL_X7_b, drops="regression")
def test_in_general_the_cross_term_does_not_vanish() -> None:
    cross_term_vanishes(0, on_the_left=False)


@check(POL_X7_c)
def canonical_is_wrong(naive: tuple[Fraction, Fraction]) -> Evidence:
    """At diag(0, 2): labs selects rest, while -Pi (0, 1) is the velocity given."""
    import sympy

    x = (Fraction(0), Fraction(2))
    Pi = projector(((Fraction(1), Fraction(2)),), 2)
    s = selection(Pi, x)
    at_rest = [sum(p * v for p, v in zip(row, s, strict=True)) for row in Pi]
    pulled = -frames.kernel_projector(sympy.Matrix(EXAMPLE.B)) * sympy.Matrix([0, 1])
    return every(*(exact(v, 0) for v in at_rest), *(exact(p, v) for p, v in zip(pulled, naive, strict=True)))


@verifies(POL_X7_c)
def test_the_polar_factor_leaves_the_limit() -> None:
    canonical_is_wrong((Fraction(2, 5), Fraction(-1, 5)))


@control(POL_X7_c, changes="(2/5, -1/5) -> (0, 0)")
def test_the_polar_factor_does_not_rest() -> None:
    canonical_is_wrong((Fraction(0), Fraction(0)))


# --- sliding and leaving -----------------------------------------------------------------------------------------


@check(POL_X7_d)
def zeros_stay_inside_the_box(example: Diagonal, closed: bool = False) -> Evidence:
    """An entry that is zero with |s_i| < 1 (closed: <= 1) has no velocity."""
    evidence = [exact(0, 0)]
    for event in diagonal_flow(example.B, example.x0).events:
        for x, v, s in zip(event.state, event.velocity, event.selection, strict=True):
            if x == 0 and (abs(s) < 1 or (closed and abs(s) == 1)):
                evidence.append(exact(v, 0))
            if x == 0 and v != 0:
                evidence.append(exact(abs(s), 1))
    return every(*evidence)


@check(POL_X7_d)
def null_block_of_the_velocity(
    operator: Operator, W: np.ndarray, rank: int, closed: bool = False
) -> Evidence:
    """U0^T W' V0 = 0 where |N|_op < 1 (closed: <= 1); else it pairs with N to its nuclear norm."""
    _, U0, V0 = frames_of(W, rank)
    choice = sliding_velocity(operator, W)
    block, N = U0.T @ choice.velocity @ V0, U0.T @ choice.normal @ V0
    error = 10 * max(float(choice.error), 1e-7)
    if choice.norm < 1 - 1e-6 or closed:
        return measured(block, 0.0, error)
    return measured(np.sum(block * N), np.linalg.svd(block, compute_uv=False).sum(), error)


@verifies(POL_X7_d)
def test_zero_singular_values_stay_zero_inside_the_ball() -> None:
    for example in DIAGONALS:
        zeros_stay_inside_the_box(example)
    for kind, share, rank in CASES:
        null_block_of_the_velocity(operator_of(kind, 5, 4, share, "sliding"), low_rank(5, 4, rank), rank)


@control(POL_X7_d, changes="|X|_op < 1 -> |X|_op <= 1")
def test_zero_singular_values_may_leave_at_the_boundary() -> None:
    zeros_stay_inside_the_box(DIAGONALS[6], closed=True)
    null_block_of_the_velocity(
        operator_of("gaussian", 5, 4, 0.3, "sliding"), low_rank(5, 4, 1), 1, closed=True
    )


# --- kernels of one dimension ------------------------------------------------------------------------------------


@check(POL_X7_e)
def speed_on_a_line(example: Diagonal, free: bool = True) -> Evidence:
    """|x'| |k| = max(0, |<sign x, k>| - sum |k_i| over the zeros), at every event; free: zeros help."""
    require(len(example.B) == len(example.x0) - 1, "one dimension")
    k = kernel_of(example)
    evidence = []
    for event in diagonal_flow(example.B, example.x0).events:
        signed = (v if x > 0 else -v for x, v in zip(event.state, k, strict=True) if x)
        pull = abs(sum(signed, Fraction(0)))
        stuck = (abs(v) for x, v in zip(event.state, k, strict=True) if not x and free)
        held = sum(stuck, Fraction(0))
        speed = sum(v * v for v in event.velocity) * sum(v * v for v in k)
        evidence.append(exact(speed, (pull - held) ** 2 if pull > held else 0))
    return every(*evidence)


def line_operator(K: np.ndarray) -> Operator:
    """Measurements whose kernel is spanned by K."""
    return dense_sensing(np.linalg.svd(K.reshape(1, -1))[2][1:], (K.shape[0], K.shape[1]))


@check(POL_X7_e)
def speed_on_a_line_of_matrices(W: np.ndarray, rank: int, K: np.ndarray, canonical: bool = False) -> Evidence:
    P, U0, V0 = frames_of(W, rank)
    held = 0.0 if canonical else np.linalg.svd(U0.T @ K @ V0, compute_uv=False).sum()
    expected = max(0.0, abs(np.sum(P * K)) - held)
    choice = sliding_velocity(line_operator(K), W)
    return measured(np.linalg.norm(choice.velocity), expected, float(choice.error) + 1e-12)


def unit_kernel(*cell: Any, near: np.ndarray | None = None) -> np.ndarray:
    K = stream("polar flow: lines", *cell).standard_normal((4, 3))
    K = K if near is None else near + 0.2 * K
    return K / np.linalg.norm(K)


@verifies(POL_X7_e)
def test_the_speed_on_a_line() -> None:
    for example in LINES:
        speed_on_a_line(example)
    for rank in (1, 2):
        W = low_rank(4, 3, rank)
        for K in (unit_kernel(rank), unit_kernel(rank, 1, near=frames_of(W, rank)[0])):
            speed_on_a_line_of_matrices(W, rank, K)


@control(POL_X7_e, changes="|<P, K>| - |U0^T K V0|_* -> |<P, K>|")
def test_the_speed_of_the_polar_factor_is_too_large() -> None:
    speed_on_a_line(EXAMPLE, free=False)
    W = low_rank(4, 3, 1)
    speed_on_a_line_of_matrices(W, 1, unit_kernel(1, 1, near=frames_of(W, 1)[0]), canonical=True)


@check(POL_X7_f)
def quadrature_in_rationals(example: Diagonal, factor: int = 1) -> Evidence:
    """dz/dt = -N'/(k.k) along x = x0 + z k: the spans between events are k.k dz/(-N'), exactly."""
    k = kernel_of(example)
    square = sum(v * v for v in k)
    i = next(i for i, v in enumerate(k) if v)
    evidence = []
    for a, b in pairwise(diagonal_flow(example.B, example.x0).events):
        middle = [(x + y) / 2 for x, y in zip(a.state, b.state, strict=True)]
        slope = sum(v if x > 0 else -v for x, v in zip(middle, k, strict=True) if x)
        z = (b.state[i] - a.state[i]) / k[i]
        evidence.append(exact((b.time - a.time) * -slope, factor * z * square))
    return every(*evidence)


@check(POL_X7_f)
def quadrature_of_matrices(
    W0: np.ndarray, K: np.ndarray, method: str, error: float, eta: float = 1.0
) -> Evidence:
    """Times of a computed flow against the integral of -1/N' up to the z it has reached; wrong for another eta."""
    from scipy.integrate import quad

    def slope(x: float) -> float:
        u, _, vt = np.linalg.svd(W0 + x * K, full_matrices=False)
        return float(np.sum(u @ vt * K))

    times = np.array([0.2, 0.5, 0.8])
    flow = self_polar_flow(line_operator(K), W0, times, method, step=2e-3)
    reached = np.sum((flow.states - W0) * K, axis=(-2, -1))
    predicted = [quad(lambda x: -1 / slope(x), 0.0, z, epsabs=1e-11)[0] / eta for z in reached]
    return measured(times, predicted, error)


@verifies(POL_X7_f)
def test_the_flow_on_a_line_is_a_quadrature() -> None:
    for example in LINES:
        quadrature_in_rationals(example)
    W0 = low_rank(4, 3, 3)
    K = unit_kernel("quadrature", near=frames_of(W0, 3)[0])
    # Slopes are between 1 and sqrt 3.  Explicit: steps of tolerance 1e-9, some hundred of them.  Proximal: of first
    # order in the step 2e-3, over a time of 1.
    quadrature_of_matrices(W0, K, "explicit", 1e-6)
    quadrature_of_matrices(W0, K, "proximal", 1e-2)


@control(POL_X7_f, changes="t -> 2 t, eta -> 1.02 eta")
def test_the_quadrature_has_its_factor() -> None:
    quadrature_in_rationals(EXAMPLE, factor=2)
    W0 = low_rank(4, 3, 3)
    quadrature_of_matrices(
        W0, unit_kernel("quadrature", near=frames_of(W0, 3)[0]), "explicit", 1e-6, eta=1.02
    )


# --- the routine -------------------------------------------------------------------------------------------------


def test_what_the_routine_says_at_full_rank_and_at_zero() -> None:
    operator = diagonal(np.array([[1.0, 2.0, 1.0]]))
    full = sliding_velocity(operator, np.diag([3.0, 2.0, 1.0]))
    assert int(full.rank) == 3
    assert float(full.norm) == 0.0
    nothing = sliding_velocity(operator, np.zeros((3, 3)))
    assert int(nothing.rank) == 0
    assert np.linalg.norm(nothing.velocity) == 0.0


def test_a_batch_of_ranks() -> None:
    operator = operator_of("gaussian", 5, 4, 0.3, "sliding")
    stack = np.stack([low_rank(5, 4, rank) for rank in (1, 2, 4)])
    together = sliding_velocity(operator, stack)
    for W, velocity, rank in zip(stack, together.velocity, together.rank, strict=True):
        alone = sliding_velocity(operator, W)
        assert int(alone.rank) == int(rank)
        np.testing.assert_allclose(velocity, alone.velocity, atol=1e-7)


def test_the_bound_is_below_every_interpolant() -> None:
    drawn = stream("polar flow: lower bounds")
    for rank in (1, 3, 4):
        operator = operator_of("mask", 5, 4, 0.5, "bound")
        W = low_rank(5, 4, rank)
        bound = float(nuclear_norm_bound(operator, W))
        for _ in range(5):
            other = W + operator.perp(drawn.standard_normal((5, 4)) * 0.3)
            assert bound <= np.linalg.svd(other, compute_uv=False).sum() + 1e-12


def test_uncertain_selections_are_refused() -> None:
    counts: tuple[Any, ...] = (0, 2.0, True)
    for most_steps in counts:
        with pytest.raises(ValueError, match=r"^most_steps must be an integer >= 1, got "):
            sliding_velocity(
                operator_of("gaussian", 5, 4, 0.3, "sliding"), low_rank(5, 4, 1), most_steps=most_steps
            )
    with pytest.raises(RuntimeError, match="not certain"):
        sliding_velocity(operator_of("gaussian", 5, 4, 0.3, "sliding"), low_rank(5, 4, 1), most_steps=1)
