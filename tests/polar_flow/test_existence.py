"""POL-T1i: the field of the self-polar flow is analytic, the flow keeps the measurements, the inclusion is solved."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from labs.core.spectrum import matrix
from labs.core.streams import stream
from labs.polar_flow.diagonal_model import DiagonalEvent, diagonal_flow
from tests.polar_flow.flows import (
    DIAGONALS,
    EXAMPLE,
    KINDS,
    Diagonal,
    followed,
    kernel_projector,
    polar,
    zoo_matrices,
)
from tests.referee import check, control, verifies
from theory.evidence import EPS, Evidence, every, exact, measured, require
from theory.polar_flow import (
    POL_T1i_a,
    POL_T1i_b,
    POL_T1i_c,
    frames,
)


@check(POL_T1i_a)
def polar_of_any_two_by_two(other: bool = False) -> Evidence:
    """Q^T Q = I; Q^T W symmetric, with trace sqrt(x^2 + y^2) > 0 and determinant det W: positive where that is."""
    import sympy

    W, Q = frames.polar_of_two_by_two()
    if other:  # the reflection, which is the factor where det W < 0
        Q = Q * sympy.diag(1, -1)
    H = (Q.T * W).applyfunc(sympy.simplify)
    orthogonal = [exact(entry, goal) for entry, goal in zip(Q.T * Q, sympy.eye(2), strict=True)]
    length = sympy.sqrt((W[0, 0] + W[1, 1]) ** 2 + (W[1, 0] - W[0, 1]) ** 2)
    return every(*orthogonal, exact(H[0, 1], H[1, 0]), exact(H.trace(), length), exact(H.det(), W.det()))


@check(POL_T1i_a)
def holomorphic(W: np.ndarray, E: np.ndarray, radius: float) -> Evidence:
    """z -> W_z (W_z^T W_z)^{-1/2}, W_z = W + z E, on a circle: no negative powers of z, and P(W) in the middle."""
    s = np.linalg.svd(W, compute_uv=False)
    require(s[-1] > EPS * max(W.shape) * s[0], "A3")
    count = 64
    z = radius * np.exp(2j * np.pi * np.arange(count) / count)[:, None, None]
    X = W + z * E
    # Newton's iteration, with transposes and no conjugation: analytic in z.  40 steps: conditions up to 1e9.
    for _ in range(40):
        X = 0.5 * (X + X @ np.linalg.inv(X.swapaxes(-1, -2) @ X))
    powers = np.fft.fft(X, axis=0) / count
    # Rounding of W is eps |W|, and a step of that size moves X by that over the radius; the k-th power decays as
    # (radius/convergence)^k <= 0.3^k, so that of the 48th, aliased to -16, is below 1e-25.
    tolerance = 1e3 * EPS * s[0] / (radius * np.linalg.norm(E, 2))
    return every(
        measured(np.abs(powers[-16:]), 0.0, tolerance), measured(powers[0].real, polar(W), tolerance)
    )


@verifies(POL_T1i_a)
def test_polar_factor_is_analytic() -> None:
    polar_of_any_two_by_two()
    drawn = stream("polar flow: analytic")
    for m, n, names in (
        (3, 3, ("graded", "repeated", "nearly equal", "flat")),
        (5, 3, ("repeated", "power law")),
    ):
        for name in names:
            W, E = zoo_matrices(m, n)[name], drawn.standard_normal((m, n))
            holomorphic(W, E, 0.3 * np.linalg.svd(W)[1][-1] / np.linalg.norm(E, 2))


@control(POL_T1i_a, drops="A3")
def test_polar_factor_is_not_analytic_at_a_lower_rank() -> None:
    drawn = stream("polar flow: not analytic")
    holomorphic(matrix(np.array([1.0, 0.5, 0.0]), 3, 3, drawn), drawn.standard_normal((3, 3)), 0.05)


@control(POL_T1i_a, changes="the rotation -> a reflection")
def test_polar_factor_of_two_by_two_is_a_rotation() -> None:
    polar_of_any_two_by_two(other=True)


@check(POL_T1i_b)
def rows_vanish_on_the_projector(p: int, n: int, projected: bool = True) -> Evidence:
    """A P_perp = 0 for every A of p rows and n columns (p = 1), or for one of integers (p > 1)."""
    import sympy

    if p == 1:
        A = sympy.Matrix([sympy.symbols(f"a1:{n + 1}", positive=True)])
    else:
        A = sympy.Matrix(stream("polar flow: integer rows", p, n).integers(-3, 4, (p, n)))
    Pi = frames.kernel_projector(A) if projected else sympy.eye(n)
    return every(*(exact(entry, 0) for entry in A * Pi))


@check(POL_T1i_b)
def constraints_are_kept(example: Diagonal, projected: bool = True) -> Evidence:
    """B x(t) = B x(0) at all events and between them, in rationals; not projected: the flow of x' = -sign(x)."""
    flow = diagonal_flow(example.B if projected else (), example.x0)
    times = [event.time for event in flow.events]
    times += [(a + b) / 2 for a, b in pairwise(times)]
    rows = [
        exact(sum(b * (x - x0) for b, x, x0 in zip(row, flow.at(t), example.x0, strict=True)), 0)
        for t in times
        for row in example.B
    ]
    return every(*rows)


@check(POL_T1i_b)
def measurements_are_kept(kind: str, method: str) -> Evidence:
    """The affine residual of a computed flow, whose every stage is projected: a few eps |W| a step."""
    found = followed(kind, method)
    steps = 1e3
    size = float(np.linalg.norm(found.W0))
    limit = 1e-6 * size if method == "proximal" else steps * EPS * size
    return measured(found.flow.invariants["affine residual"], 0.0, limit)


@verifies(POL_T1i_b)
def test_measurements_are_kept() -> None:
    rows_vanish_on_the_projector(1, 4)
    rows_vanish_on_the_projector(3, 9)
    for example in DIAGONALS[:-1]:
        constraints_are_kept(example)
    for kind in KINDS:
        measurements_are_kept(kind, "explicit")
    measurements_are_kept("mask", "proximal")


@control(POL_T1i_b, changes="P_perp -> I")
def test_without_projection_the_residual_grows() -> None:
    rows_vanish_on_the_projector(1, 3, projected=False)
    constraints_are_kept(EXAMPLE, projected=False)


@check(POL_T1i_c)
def solves_inclusion(example: Diagonal, events: tuple[DiagonalEvent, ...]) -> Evidence:
    """x' = -Pi s with s in sign(x) on every piece, continuously, and at rest in the end: a solution for all times."""
    import sympy

    Pi = kernel_projector(example)
    evidence = []
    for k, event in enumerate(events):
        pulled = Pi * sympy.Matrix(event.selection)
        evidence += [exact(v, -p) for v, p in zip(event.velocity, pulled, strict=True)]
        span = events[k + 1].time - event.time if k + 1 < len(events) else Fraction(1)
        for i, (x, v, s) in enumerate(zip(event.state, event.velocity, event.selection, strict=True)):
            middle = x + v * span / 2
            inside = exact(s**2, 1, "<=") if middle == 0 else exact(s, 1 if middle > 0 else -1)
            evidence.append(inside)
            if k + 1 < len(events):
                evidence.append(exact(x + v * span, events[k + 1].state[i]))
    return every(*evidence, *(exact(v, 0) for v in events[-1].velocity))


@verifies(POL_T1i_c)
@pytest.mark.parametrize("example", DIAGONALS, ids=str)
def test_the_diagonal_flow_solves_the_inclusion(example: Diagonal) -> None:
    solves_inclusion(example, diagonal_flow(example.B, example.x0).events)


@control(POL_T1i_c, changes="the selection (1/2, 1) -> the polar factor (0, 1)")
def test_the_polar_factor_is_no_solution_at_a_lower_rank() -> None:
    """X1': on from t = 5 with the canonical partial isometry."""
    first, last = diagonal_flow(EXAMPLE.B, EXAMPLE.x0).events
    canonical = (Fraction(0), Fraction(1))
    velocity = (Fraction(2, 5), Fraction(-1, 5))
    naive = DiagonalEvent(last.time, last.state, velocity, canonical)
    solves_inclusion(EXAMPLE, (first, naive))
