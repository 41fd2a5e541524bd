"""SF-T2: how long one step of Muon may be under Kronecker curvature."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.spectrum import haar, matrix, zoo
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from labs.spectral_flattening.thresholds import spectral_smoothness, stable_step
from tests.referee import check, control, verifies
from tests.spectral_flattening.curvatures import turned
from tests.spectral_flattening.rationals import fractions, frame, gradient, inner, semidefinite
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import partial_isometries
from theory.spectral_flattening.steps import SF_T2a, SF_T2b, SF_T2d, SF_T2e

EPS = 2.0**-52
ONE, NEAR = Fraction(1), Fraction(101, 100)
POSITIVE = "A, B >= 0"
Spectrum = Sequence[Fraction]

# Spectra of (B, A): graded, repeated, one spike, singular; m = 3, n = 4 and the other way round.
FACTORS: list[tuple[Spectrum, Spectrum]] = [
    (fractions("5", "2", "1/10"), fractions("3", "1", "1/5", "1/1000")),
    (fractions("2", "2", "1", "1"), fractions("1", "1", "1/2")),
    (fractions("1", "0", "0"), fractions("100", "1", "1", "0")),
]
RANKS = [fractions("1"), fractions("2", "1/3"), fractions("3", "1", "1/1000")]


# --- the exact threshold -----------------------------------------------------------------------------------------


SHARES = {"<": fractions("1/100", "99/100"), "==": [ONE], ">": fractions("101/100", "3")}


@check(SF_T2a)
def sign_of_the_change(
    s: Spectrum, b: Spectrum, a: Spectrum, bend: Fraction = Fraction(0), factor: Fraction = ONE
) -> Evidence:
    """f(W - eta Q) - f(W) has the sign of share - 1 at eta = share * factor * eta_exact, for several shares.

    H[D] = B D A - bend <G, D> G: for bend > 0 not of Kronecker's form, nor positive.
    """
    G, Q = gradient(s, len(b), len(a))
    gain = inner(G, Q)
    curvature = inner(Q, semidefinite(b) @ Q @ semidefinite(a, 2)) - bend * gain**2
    require(curvature > 0, "<Q, H[Q]> > 0")
    end = factor * one_step.largest_step(gain, curvature)
    changes = [
        (-eta * gain + eta**2 * curvature / 2, sense) for sense in SHARES for eta in steps_at(sense, end)
    ]
    return every(*(exact(change, 0, sense) for change, sense in changes))


def steps_at(sense: str, end: Fraction) -> list[Fraction]:
    return [share * end for share in SHARES[sense]]


@verifies(SF_T2a)
def test_exact_threshold() -> None:
    for b, a in FACTORS:
        for s in RANKS:
            sign_of_the_change(s, b, a)
            sign_of_the_change(s, b, a, bend=Fraction(1, 1000))


@control(SF_T2a, sharpens="2 -> 2.02")
def test_the_exact_threshold_has_no_room() -> None:
    sign_of_the_change(RANKS[2], *FACTORS[0], factor=NEAR)


@control(SF_T2a, drops="<Q, H[Q]> > 0")
def test_without_curvature_no_step_is_too_long() -> None:
    sign_of_the_change(RANKS[1], *FACTORS[0], bend=Fraction(100))


# --- the largest curvature of a partial isometry -----------------------------------------------------------------


@check(SF_T2b, SF_T2e)
def summation_by_parts(m: int, n: int, rank: int | None) -> Evidence:
    """L_(rank) less the curvature, for all spectra and all weights w, as a sum of terms that are not negative.

    With `rank` the weights have this total (a partial isometry); without, only rows and columns are bounded, and
    rank = min(m, n) stands in the bound.
    """
    of = partial_isometries.weights(m, n)
    total = min(m, n) if rank is None else rank

    def corner(k: int, l: int) -> object:
        return min(k, l, total) - partial_isometries.corner_sum(of.w, k, l)

    parts = [
        exact(
            partial_isometries.largest(of, total) - partial_isometries.curvature(of),
            partial_isometries.room(of, total, corner),
        )
    ]
    for k in range(1, m + 1):
        for l in range(1, n + 1):
            rooms = partial_isometries.corner_rooms(of.w, k, l)
            name = "rows" if k <= min(l, total) else "columns" if l <= total else "total"
            bound, terms = rooms[name]
            if name != "total":
                parts.append(exact(bound, min(k, l, total)))
            parts.append(exact(bound - partial_isometries.corner_sum(of.w, k, l), sum(terms)))
    return every(*parts)


@check(SF_T2b)
def weights_of_a_partial_isometry(s: Spectrum, m: int, n: int) -> Evidence:
    """w_ij = (b_i^T Q a_j)^2 has rows and columns of sum at most 1 and total r, in rational numbers."""
    _, Q = gradient(s, m, n)
    w = (frame(m, start=1).T @ Q @ frame(n, start=2)) ** 2
    sums = [*w.sum(axis=0), *w.sum(axis=1)]
    return every(
        exact(w.sum(), len(s)), *(exact(x, 1, "<=") for x in sums), *(exact(x, 0, ">=") for x in w.flat)
    )


@check(SF_T2b)
def curvature_is_at_most(
    s: Spectrum, b: Spectrum, a: Spectrum, top: bool = False, reverse: bool = False
) -> Evidence:
    """<Q, B Q A> <= sum of the first r products lambda_i(B) lambda_i(A), or, reversed, lambda_{r+1-i}(A)."""
    r = len(s)
    _, Q = gradient(s, len(b), len(a))
    if top:
        Q = frame(len(b), r) @ frame(len(a), r, 2).T
    require(min(*a, *b) >= 0, POSITIVE)
    products = [x * y for x, y in zip(b[:r], a[:r][::-1] if reverse else a[:r], strict=True)]
    return exact(inner(Q, semidefinite(b) @ Q @ semidefinite(a, 2)), sum(products), "<=")


@check(SF_T2b)
def zoo_curvature_is_at_most(G: np.ndarray, B: np.ndarray, A: np.ndarray, factor: float = 1.0) -> Evidence:
    """The same in floating point, by labs."""
    Q = msign(G)
    rank = round(float(np.sum(Q * Q)))
    most = factor * float(spectral_smoothness(B, A, rank))
    # |Q|_F^2 = r up to (m + n) eps r; every entry of B Q A is right to (m + n) eps lambda_1(A) lambda_1(B).
    tolerance = 8 * EPS * sum(G.shape) * rank * float(spectral_smoothness(B, A, 1))
    return measured(np.sum(Q * (B @ Q @ A)), most, tolerance, "<=")


@verifies(SF_T2b)
@pytest.mark.parametrize(("m", "n"), [(1, 3), (2, 2), (3, 2), (3, 4)])
def test_summation_by_parts(m: int, n: int) -> None:
    for rank in range(1, min(m, n) + 1):
        summation_by_parts(m, n, rank)
    for s in RANKS[: min(m, n)]:
        weights_of_a_partial_isometry(s, m, n)


@verifies(SF_T2b)
def test_rational_curvatures() -> None:
    for b, a in FACTORS:
        for s in RANKS:
            curvature_is_at_most(s, b, a)
            curvature_is_at_most(s, b, a, top=True)


@verifies(SF_T2b)
@pytest.mark.parametrize("shape", [(5, 5), (4, 9), (9, 4)], ids=str)
def test_zoo_of_curvatures(shape: tuple[int, int]) -> None:
    draw = stream("curvature, zoo", *shape)
    spectra = zoo(min(shape), draw).values()
    for b, a in zip(zoo(shape[0], draw).values(), reversed(zoo(shape[1], draw).values()), strict=True):
        B, A = turned(b, draw), turned(a, draw)
        for s in spectra:
            zoo_curvature_is_at_most(matrix(s, *shape, draw), B, A)


@control(SF_T2b, changes="eigenvalues in opposite order: lambda_i(A) lambda_{r+1-i}(B)")
def test_eigenvalues_are_paired_in_order() -> None:
    for b, a in FACTORS[:1]:
        curvature_is_at_most(RANKS[1], b, a, top=True, reverse=True)


# --- attained ----------------------------------------------------------------------------------------------------


@check(SF_T2d)
def top_eigenvectors_attain(b: Spectrum, a: Spectrum, r: int, swapped: bool = False) -> Evidence:
    """<Q, B Q A> = L_(r) at Q = sum b_i a_i^T, which is the gradient of an error Delta; `swapped`: b_1 a_2^T, ..."""
    require(min(*a, *b) > 0, "A, B > 0")
    B, A = semidefinite(b), semidefinite(a, 2)
    right = frame(len(a), r, 2)
    Q = frame(len(b), r) @ (right[:, ::-1] if swapped else right).T
    error = semidefinite([1 / x for x in b]) @ Q @ semidefinite([1 / x for x in a], 2)
    attained = exact(inner(Q, B @ Q @ A), sum(x * y for x, y in zip(b[:r], a[:r], strict=True)))
    gap = B @ error @ A - Q
    return every(attained, exact(inner(gap, gap), 0))


@check(SF_T2d)
def labs_attains(b: np.ndarray, a: np.ndarray, r: int, draw: np.random.Generator) -> Evidence:
    """labs: rank and exact threshold agree for a gradient with this polar factor."""
    require(min(*a, *b) > 0, "A, B > 0")
    left, right = haar(len(b), draw), haar(len(a), draw)
    B, A = (left * b) @ left.T, (right * a) @ right.T
    G = (left[:, :r] * np.arange(1.0, r + 1)) @ right[:, :r].T
    steps = stable_step(G, B, A, rtol=1e-12)
    return measured(float(steps.exact / steps.rank), 1.0, 1e-13)


@verifies(SF_T2d)
def test_top_eigenvectors() -> None:
    for b, a in FACTORS[:2]:
        for r in (1, 2, 3):
            top_eigenvectors_attain(b, a, r)
    for n in (2, 6):
        labs_attains(np.geomspace(1, 1e-3, n), np.arange(9.0, 0.0, -1), 2, stream("attained", n))


@control(SF_T2d, changes="b_1 a_1^T + b_2 a_2^T -> b_1 a_2^T + b_2 a_1^T")
def test_swapped_eigenvectors_do_not() -> None:
    top_eigenvectors_attain(*FACTORS[0], 2, swapped=True)


@check(SF_T2e)
def ascent_reaches(b: np.ndarray, a: np.ndarray, factor: float = 1.0) -> Evidence:
    """The largest value of D <- polar(B D A), 200 starts, is factor * labs' L_op; no step decreases it."""
    draw = stream("ascent")
    B, A = turned(b, draw), turned(a, draw)
    D = draw.standard_normal((200, len(b), len(a)))
    D = D / np.linalg.norm(D, 2, axis=(-2, -1), keepdims=True)
    values = [np.sum(D * (B @ D @ A), axis=(-2, -1))]
    for _ in range(60):
        D = msign(B @ D @ A)
        values.append(np.sum(D * (B @ D @ A), axis=(-2, -1)))
    expected = factor * float(spectral_smoothness(B, A))
    rising = measured(
        values[:-1], values[1:], 1e-12 * expected, "<="
    )  # rounding of products of 4 x 4 matrices
    # An eigenvector found to an error e changes the value by e^2; after 60 steps e is below 1e-5.
    return every(rising, measured(np.max(values[-1]), expected, 1e-9 * expected))


@check(SF_T2e)
def rational_frames_reach(b: Spectrum, a: Spectrum, factor: Fraction = ONE) -> Evidence:
    """<D, B D A> <= factor * L_(min(m, n)) for D = t Q + (1 - t) Q', |D|_op <= 1, with equality at the top."""
    k = min(len(a), len(b))
    B, A = semidefinite(b), semidefinite(a, 2)
    most = factor * sum(x * y for x, y in zip(b[:k], a[:k], strict=True))
    top = frame(len(b), k) @ frame(len(a), k, 2).T
    other = gradient([ONE] * k, len(b), len(a))[1]
    mixed = [t * top + (1 - t) * other for t in fractions("1", "1/2", "0")]
    return every(*(exact(inner(D, B @ D @ A), most, "<=") for D in mixed))


@verifies(SF_T2e)
def test_spectral_smoothness() -> None:
    for m, n in ((2, 2), (3, 4)):
        summation_by_parts(m, n, None)
    for b, a in FACTORS:
        rational_frames_reach(b, a)


@verifies(SF_T2e)
def test_ascent_reaches_the_spectral_smoothness() -> None:
    ascent_reaches(np.array([5.0, 2.0, 1.0, 0.1]), np.array([3.0, 1.0, 0.2]))
    for bases in range(3):  # any eigenvectors
        draw = stream("17.2", bases)
        B, A = turned(np.array([5.0, 2.0, 1.0, 0.1]), draw), turned(np.array([3.0, 1.0, 0.2]), draw)
        assert float(spectral_smoothness(B, A)) == pytest.approx(17.2, rel=1e-14)


@control(SF_T2e, sharpens="L_op -> 0.99 L_op")
def test_the_spectral_smoothness_has_no_room() -> None:
    rational_frames_reach(*FACTORS[0], 1 / NEAR)
    ascent_reaches(np.array([5.0, 2.0, 1.0, 0.1]), np.array([3.0, 1.0, 0.2]), 0.99)
