"""POL-T2.d, .delta, .angles, .gauge: the polar factor is monotone, and what delta_P is bounded by."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.polar_flow import alignment
from tests.polar_flow.rational_models import frame, inner
from tests.polar_flow.spread_exact import positive_symbols as symbols
from tests.referee import check, control, refutes, restates, verifies
from tests.tightness import worst_case
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_T2_angles, POL_T2_c, POL_T2_d, POL_T2_delta, POL_T2_gauge

NEAR = Fraction(101, 100)


def rotation(t: Any, turned: bool = False) -> Any:
    """Every rotation of the plane but one, or reflection, by a rational parameter."""
    import sympy

    cos, sin = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    return sympy.Matrix([[cos, sin], [sin, -cos]] if turned else [[cos, -sin], [sin, cos]])


# --- full rank: a sum of squares ----------------------------------------------------------------------------------


@check(POL_T2_d, POL_T2_c)
def difference_is_a_sum_of_squares(Q: Any, other: Any, factor: Fraction) -> Evidence:
    """A = Q H, B = Q' H' with H = a 1 + L L^T, H' = b 1 + L' L'^T, for all a, b, L, L' at these Q, Q':

    <Q - Q', A - B> - factor ((a + b)/2) |Q - Q'|^2 = (|(Q - Q') L|^2 + |(Q - Q') L'|^2)/2.
    """
    import sympy

    n = Q.cols
    a, b = symbols("a b")
    L, M = (sympy.Matrix(n, n, symbols(f"{x}1:{n * n + 1}", real=True)) for x in "lm")
    A, B = Q * (a * sympy.eye(n) + L * L.T), other * (b * sympy.eye(n) + M * M.T)
    gap = Q - other
    left = inner(gap, A - B) - factor * (a + b) / 2 * inner(gap, gap)
    return exact(left, (inner(gap * L, gap * L) + inner(gap * M, gap * M)) / 2)


@verifies(POL_T2_d, POL_T2_c)
def test_the_polar_factor_is_monotone() -> None:
    """For POL-T2.c: so that d|V - W|^2/dt <= 2 eta |P_perp Delta| |V - W|, V - W being in ker A."""
    t = symbols("t", real=True)
    for turned in (False, True):
        difference_is_a_sum_of_squares(rotation(t, turned), rotation(Fraction(0)), Fraction(1))
    difference_is_a_sum_of_squares(frame(4, 2, 1), frame(4, 2, 2), Fraction(1))


@control(POL_T2_d, sharpens="1/2 -> 0.505")
def test_the_constant_is_reached() -> None:
    """By multiples of orthogonal matrices: L = L' = 0."""
    difference_is_a_sum_of_squares(frame(3, 2, 1), frame(3, 2, 2), NEAR)


# --- any rank, in rational numbers --------------------------------------------------------------------------------


def polarised(u: Any, sigma: Sequence[Any], v: Any) -> tuple[Any, Any]:
    """(W, P(W)) of W = U diag(sigma) V^T, zeros left out of the factor."""
    import sympy

    kept = sympy.diag(*(1 if s else 0 for s in sigma))
    return u * sympy.diag(*sigma) * v.T, u * kept * v.T


Spectra = tuple[Sequence[int | Fraction], Sequence[int | Fraction]]


def pair(m: int, n: int, spectra: Spectra, seed: int) -> list[tuple[Any, Any]]:
    """Two matrices of these spectra in rational frames, with their factors."""
    return [
        polarised(frame(m, len(s), seed + 3 * i), s, frame(n, len(s), seed + 3 * i + 1))
        for i, s in enumerate(spectra)
    ]


@check(POL_T2_d)
def monotone_in_rationals(
    matrices: Sequence[tuple[Any, Any]], floors: Sequence[Any], spectra: Spectra
) -> Evidence:
    """<P(A) - P(B), A - B> >= ((floor_A + floor_B)/2) |P(A) - P(B)|^2."""
    require(all(f == min(s) for f, s in zip(floors, spectra, strict=True)), "sigma_r")
    (A, P), (B, R) = matrices
    return exact(inner(P - R, A - B), sum(floors) * Fraction(1, 2) * inner(P - R, P - R), ">=")


SPECTRA: list[tuple[int, int, Spectra]] = [
    (3, 3, ((3, 2, 1), (4, 4, Fraction(1, 10)))),
    (3, 3, ((3, 2, 0), (4, 1, 1))),
    (3, 3, ((3, 0, 0), (2, 1, 0))),
    (4, 2, ((2, 1), (5, 0))),
    (2, 4, ((2, 1), (1, 1))),
]


@verifies(POL_T2_d)
def test_it_is_monotone_at_every_rank() -> None:
    for m, n, spectra in SPECTRA:
        for seed in (0, 10):
            monotone_in_rationals(pair(m, n, spectra, seed), [min(s) for s in spectra], spectra)


@control(POL_T2_d, drops="sigma_r")
def test_the_smallest_nonzero_values_do_not_do() -> None:
    import sympy

    spectra = ((1, 0), (1, Fraction(1, 100)))
    plane = sympy.eye(2)
    monotone_in_rationals([polarised(plane, s, plane) for s in spectra], [1, Fraction(1, 100)], spectra)


# --- delta_P ------------------------------------------------------------------------------------------------------


@check(POL_T2_delta)
def bounded_in_rationals(
    matrices: Sequence[tuple[Any, Any]],
    floors: Sequence[Any],
    spectra: Spectra,
    c: Fraction,
    factor: Fraction,
) -> Evidence:
    """delta^2 (floor_M + c floor_V)^2 <= factor^2 4 |M - c V|^2."""
    require(all(f == min(s) for f, s in zip(floors, spectra, strict=True)), "sigma_r")
    (M, P), (V, R) = matrices
    gap = M - c * V
    return exact(
        inner(P - R, P - R) * (floors[0] + c * floors[1]) ** 2, 4 * factor**2 * inner(gap, gap), "<="
    )


@check(POL_T2_delta)
def best_scale_is_stationary(offset: int) -> Evidence:
    """d/dc |M - c W|^2/(b + c a)^2 = 0 at labs' c."""
    c, a, b, cross, squares, other = symbols("c a b x w m")
    found = ((other - 2 * c * cross + c**2 * squares) / (b + c * a) ** 2).diff(c)
    return exact(found.subs(c, alignment.best_scale(cross, squares, a, b, other) + offset), 0)


@check(POL_T2_delta)
def bounded(W: np.ndarray, M: np.ndarray, factor: float = 1.0) -> Evidence:
    """delta_P <= bound, both of labs."""
    distance, bound = alignment.alignment_defect(W, M)
    # A polar factor is known to eps sigma_1/sigma_r, as is the bound; where that is large the bound is 2 sqrt r.
    return measured(distance, factor * bound, 1e-9, "<=")


@verifies(POL_T2_delta)
def test_delta_is_bounded() -> None:
    for m, n, spectra in SPECTRA:
        for c in (Fraction(1, 3), Fraction(1), Fraction(5)):
            bounded_in_rationals(pair(m, n, spectra, 0), [min(s) for s in spectra], spectra, c, Fraction(1))
    best_scale_is_stationary(0)


@verifies(POL_T2_delta)
@pytest.mark.parametrize(("m", "n"), [(6, 6), (8, 5), (5, 8)])
def test_delta_is_bounded_on_the_zoo(m: int, n: int) -> None:
    spectra = zoo(5, stream("alignment: zoo", m, n)).values()
    frames = stream("alignment: frames", m, n)
    W = np.stack([matrix(s, m, n, frames) for s in spectra])
    for size in (1e-8, 1e-3, 0.3, 10.0):
        noise = size * frames.standard_normal((20, 1, m, n))
        bounded(W, W + noise)
        bounded(W, -W + noise)


@verifies(POL_T2_delta)
def test_the_bound_on_delta_is_sharp() -> None:
    def instance(x: np.ndarray) -> tuple[Any, ...]:
        angle = np.array([[1.0, -x[0]], [x[0], 1.0]])
        return np.diag([1.0, x[1]]), angle @ np.diag([x[2], 1.0])

    best = worst_case(
        bounded,
        instance,
        dimension=3,
        lower=0.1,
        upper=10.0,
        stream=stream("alignment: worst"),
        starts=2,
        steps=110,
    )
    assert best > 0.999


@control(POL_T2_delta, sharpens="2 -> 1.98")
def test_the_factor_two_is_reached() -> None:
    spectra = ((2, 2), (3, 3))
    bounded_in_rationals(pair(3, 2, spectra, 0), [2, 3], spectra, Fraction(2, 3), Fraction(99, 100))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    bounded(2 * np.eye(2), 3 * turn, factor=0.99)


@control(POL_T2_delta, drops="sigma_r")
def test_smallest_nonzero_values_give_no_bound() -> None:
    import sympy

    spectra = ((1, 0), (1, Fraction(1, 100)))
    plane = sympy.eye(2)
    matrices = [polarised(plane, s, plane) for s in spectra]
    bounded_in_rationals(matrices, [1, Fraction(1, 100)], spectra, Fraction(1), Fraction(1))


@control(POL_T2_delta, changes="the best scale")
def test_another_scale_is_not_the_best() -> None:
    best_scale_is_stationary(1)


@restates(POL_T2_delta)
def test_scale_and_frames_do_not_matter() -> None:
    random = stream("alignment: scales")
    W, M = random.standard_normal((2, 5, 4))
    left, right = (
        np.linalg.qr(random.standard_normal((5, 5)))[0],
        np.linalg.qr(random.standard_normal((4, 4)))[0],
    )
    expected = alignment.alignment_defect(W, M)
    for scale in (1e-150, 1e150):
        bounded(scale * left @ W @ right, left @ M @ right / scale)
        found = alignment.alignment_defect(scale * left @ W @ right, left @ M @ right / scale)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_deficient_matrices_have_a_bound() -> None:
    """The counterexample to nonzero singular values: delta_P = 1."""
    W, M = np.diag([1.0, 0.0]), np.diag([1.0, 0.01])
    for pair_of in ((W, M), (M, W)):
        delta, bound = alignment.alignment_defect(*pair_of)
        assert delta == 1.0
        assert 1.0 <= bound <= 2 * np.sqrt(2)
    zero = alignment.alignment_defect(W, np.zeros((2, 2)))
    np.testing.assert_allclose(zero, [1.0, 2 * np.sqrt(2)], rtol=1e-15)


# --- angles, gauges -----------------------------------------------------------------------------------------------


@check(POL_T2_angles)
def same_subspaces(W: tuple[Any, Any], M: tuple[Any, Any]) -> Evidence:
    """delta_P^2 = 0 for matrices with the same singular subspaces."""
    for side in (0, 1):
        vectors = [X[0] * X[0].T if side == 0 else X[0].T * X[0] for X in (W, M)]
        require(vectors[0] * vectors[1] == vectors[1] * vectors[0], "same singular vectors")
    gap = W[1] - M[1]
    return exact(inner(gap, gap), 0)


@refutes(POL_T2_angles, corrected=POL_T2_delta)
def test_angles_between_subspaces_miss_the_misalignment() -> None:
    import sympy

    u, v = frame(3, 2, 1), frame(4, 2, 2)
    W = polarised(u, (2, 1), v)
    swapped = u * sympy.Matrix([[0, 1], [1, 0]]) * v.T
    for M, delta_squared in (((-W[0], -W[1]), 8), ((swapped, swapped), 4)):  # (2 sqrt r)^2 and 2^2
        same_subspaces(W, M)
        assert inner(M[1] - W[1], M[1] - W[1]) == delta_squared
        arrays = [np.array(X.tolist(), dtype=float) for X in (W[0], M[0])]
        assert alignment.alignment_defect(*arrays)[0] == pytest.approx(delta_squared**0.5, rel=1e-13)


@check(POL_T2_gauge)
def gauge(sigma: Sequence[int], left: Any, right: Any) -> Evidence:
    """U left (V right)^T = U V^T where both turns leave U diag(sigma) V^T alone; and Q H = W, H^2 = W^T W."""
    import sympy

    u, v, S = frame(4, 3, 1), frame(3, 3, 2), sympy.diag(*sigma)
    W, turned = u * S * v.T, (u * left) * (v * right).T
    H = v * S * v.T
    return every(
        *(exact(x, y) for x, y in zip(turned * H, W, strict=True)),
        *(exact(x, y) for x, y in zip(H * H, W.T * W, strict=True)),
        *(exact(x, y) for x, y in zip(turned, u * v.T, strict=True)),
    )


@verifies(POL_T2_gauge)
def test_the_factor_does_not_depend_on_the_decomposition() -> None:
    import sympy

    turn = sympy.diag(rotation(Fraction(1, 3)), 1)
    gauge((2, 2, 1), turn, turn)
    flip = sympy.diag(-1, 1, -1)
    gauge((3, 2, 1), flip, flip)


@control(POL_T2_gauge, changes="U and V turned alike -> U alone")
def test_one_sided_turns_change_the_factor() -> None:
    import sympy

    gauge((2, 2, 1), sympy.diag(rotation(Fraction(1, 100)), 1), sympy.eye(3))
