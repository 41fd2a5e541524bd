"""SF-T1: how long one step may be, from smoothness in Frobenius norm alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.polar import polar
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import fractions, gradient, identity, inner
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import descent
from theory.spectral_flattening.steps import SF_T1a, SF_T1b, SF_T1c, SF_T1d, SF_T1e

EPS = 2.0**-52
ONE, NEAR = Fraction(1), Fraction(101, 100)  # NEAR: the constant 2.02 in place of 2
SPECTRA = [
    fractions("1"),
    fractions("2", "1/3"),
    fractions("1", "1", "1/1000"),
    fractions("3", "2", "1/7", "1/7"),
]
SHAPES = [(4, 4), (4, 6), (5, 4)]
Loss = Callable[[np.ndarray], Fraction]
Matrices = tuple[np.ndarray, np.ndarray]  # a gradient and its polar factor


# --- any rank: algebra on formal norms ---------------------------------------------------------------------------


@check(SF_T1a, SF_T1c)
def bound_is_negative_below_the_threshold(optimiser: str, factor: Fraction = ONE) -> Evidence:
    """The bound, at every fraction of `factor` times labs' threshold, for every r, N, F, L > 0; theory's root."""
    import sympy

    of = descent.norms()
    D = descent.directions(of)[optimiser]
    curvature = of.L * D.squares
    longest = factor * one_step.largest_step(D.gain, curvature)
    v = sympy.Symbol("v", positive=True)  # the fraction is 1/(1 + v)
    below = one_step.change(longest / (1 + v), D.gain, curvature)
    just_below = dict.fromkeys(below.free_symbols, 1) | {v: Fraction(1, 1000)}
    return every(
        exact(below, 0, "<", witness=just_below), exact(longest, factor * descent.root(D.gain, curvature))
    )


@check(SF_T1b, SF_T1c)
def nothing_better_is_guaranteed(optimiser: str, factor: Fraction = ONE) -> Evidence:
    """bound(eta) >= -factor (labs' best decrease) for every eta; the value and the step that theory finds."""
    import sympy

    of = descent.norms()
    D = descent.directions(of)[optimiser]
    curvature = of.L * D.squares
    best = factor * one_step.best_decrease(D.gain, curvature)
    step, value = descent.least(D.gain, curvature)
    bound = descent.bound(sympy.Symbol("eta", positive=True), D.gain, curvature)
    return every(
        exact(bound + best, 0, ">="),
        exact(best, -value),
        exact(2 * step, one_step.largest_step(D.gain, curvature)),
    )


@verifies(SF_T1a)
def test_every_shorter_step_of_muon_decreases_the_bound() -> None:
    bound_is_negative_below_the_threshold("muon")


@verifies(SF_T1b)
def test_best_guarantee_of_muon() -> None:
    nothing_better_is_guaranteed("muon")


@verifies(SF_T1c)
def test_gradient_descent() -> None:
    bound_is_negative_below_the_threshold("gd")
    nothing_better_is_guaranteed("gd")


@control(SF_T1a, sharpens="2 -> 2.02")
def test_a_longer_step_of_muon_is_not_guaranteed() -> None:
    bound_is_negative_below_the_threshold("muon", NEAR)


@control(SF_T1b, sharpens="N^2/(2 L r) -> 0.99 of it")
def test_the_best_guarantee_of_muon_is_attained() -> None:
    nothing_better_is_guaranteed("muon", 1 / NEAR)


@control(SF_T1c, sharpens="2 -> 2.02, and F^2/(2L) -> 0.99 of it")
def test_gradient_descent_is_sharp() -> None:
    bound_is_negative_below_the_threshold("gd", NEAR)
    nothing_better_is_guaranteed("gd", 1 / NEAR)


# --- losses, in rational numbers ---------------------------------------------------------------------------------


def bent(G: np.ndarray, L: Fraction, M: np.ndarray) -> Loss:
    """<G, W> + (L |W|^2 - <M, W>^2)/2: L-smooth for every M, not convex where |M|^2 > L."""
    return lambda W: inner(G, W) + (L * inner(W, W) - inner(M, W) ** 2) / 2


@check(SF_T1a)
def step_decreases(
    loss: Loss, W: np.ndarray, GQ: Matrices, L: Fraction, share: Fraction, smooth: bool
) -> Evidence:
    """f(W - eta Q) is at most the bound and less than f(W), at eta = share * eta_T1."""
    G, Q = GQ
    require(smooth, "A1")
    require((Q @ Q.T @ Q == Q).all() and (Q.T @ G == G.T @ Q).all(), "A2")
    gain, curvature = inner(G, Q), L * inner(Q, Q)
    eta = share * one_step.largest_step(gain, curvature)
    after = loss(W - eta * Q)
    bound = loss(W) + one_step.change(eta, gain, curvature)
    return every(exact(after, bound, "<="), exact(after, loss(W), "<"))


@check(SF_T1d)
def sign_on_the_isotropic_quadratic(
    s: Sequence[Fraction],
    shape: tuple[int, int],
    share: Fraction,
    factor: Fraction = ONE,
    rank: int | None = None,
) -> Evidence:
    """f(W - eta Q) - f(W) has the sign of share - 1 at eta = share * factor * 2 N/(L rank), L = 3."""
    G, Q = gradient(s, *shape)
    loss = bent(G, Fraction(3), 0 * G)
    eta = share * factor * one_step.largest_step(sum(s), 3 * (len(s) if rank is None else rank))
    return exact(loss(-eta * Q), 0, "<" if share < 1 else "==" if share == 1 else ">")


@check(SF_T1e)
def sign_on_the_rank_one_quadratic(
    s: Sequence[Fraction], shape: tuple[int, int], share: Fraction, factor: Fraction = ONE
) -> Evidence:
    """The same for the Hessian (L/r) <Q, .> Q, L = 3, and its smoothness: 0 <= L |D|^2 - (L/r) <Q, D>^2."""
    G, Q = gradient(s, *shape)
    r = len(s)
    eta = share * factor * one_step.largest_step(sum(s), Fraction(3 * r))
    step = -eta * Q
    change = inner(G, step) + Fraction(3, r) * inner(Q, step) ** 2 / 2
    across = G + inner(G, G) * identity(max(shape))[: shape[0], : shape[1]]
    smooth = [exact(inner(Q, D) ** 2, r * inner(D, D), "<=") for D in (Q, G, across)]
    return every(exact(change, 0, "<" if share < 1 else "==" if share == 1 else ">"), *smooth)


SHARES = fractions("1/100", "1/2", "99/100", "1", "101/100", "5")


@verifies(SF_T1a)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_smooth_quadratics_decrease(shape: tuple[int, int]) -> None:
    for s in SPECTRA:
        G, Q = gradient(s, *shape)
        for M in (0 * G, 3 * Q, G - 2 * Q):
            for L in fractions("1/2", "7"):
                for share in SHARES[1:3]:
                    step_decreases(bent(G, L, M), 0 * G, (G, Q), L, share, True)


@control(SF_T1a, drops="A1")
def test_the_nuclear_norm_is_not_smooth() -> None:
    """f = |W|_* at W = d 1, d < 1/2, as if L were 1: eta_T1 = 2, but f rises for eta > 2 d."""
    one = identity(2)
    step_decreases(lambda W: 2 * abs(W[0, 0]), one / 10, (one, one), ONE, Fraction(1, 2), False)


@verifies(SF_T1d)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_longer_steps_decrease_nothing(shape: tuple[int, int]) -> None:
    for s in SPECTRA:
        for share in SHARES:
            sign_on_the_isotropic_quadratic(s, shape, share)


@verifies(SF_T1e)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nor_where_one_direction_is_curved(shape: tuple[int, int]) -> None:
    for s in SPECTRA:
        for share in SHARES:
            sign_on_the_rank_one_quadratic(s, shape, share)


@control(SF_T1d, sharpens="2 -> 2.02")
def test_the_threshold_of_the_isotropic_quadratic_is_exact() -> None:
    sign_on_the_isotropic_quadratic(SPECTRA[2], (4, 4), ONE, NEAR)


@control(SF_T1d, changes="r -> m, with a gradient of rank 3 and m = 4")
def test_the_rank_counts_and_not_the_size() -> None:
    sign_on_the_isotropic_quadratic(SPECTRA[2], (4, 6), ONE, rank=4)


@control(SF_T1e, sharpens="2 -> 2.02")
def test_the_threshold_of_the_rank_one_quadratic_is_exact() -> None:
    sign_on_the_rank_one_quadratic(SPECTRA[3], (4, 6), ONE, NEAR)


# --- floating point: the zoo, and a loss that is no quadratic ----------------------------------------------------


@check(SF_T1d)
def sign_changes_at_the_threshold(G: np.ndarray, L: float, offset: float) -> Evidence:
    """(f(W - eta Q) - f(W))/(eta N) = offset at eta = (1 + offset) eta_T1, on the isotropic quadratic."""
    factor = polar(G)
    Q, r = factor.q, float(factor.rank)
    nuclear = float(np.sum(np.linalg.svd(G, compute_uv=False)))
    eta = (1 + offset) * one_step.largest_step(nuclear, L * r)
    step = -eta * Q
    change = float(np.sum(G * step) + L * np.sum(step * step) / 2)
    # <G, Q>/N and |Q|^2/r are each right to about (m + n) eps sqrt(r); both enter with weight 1 + offset.
    return measured(change / (eta * nuclear), offset, 4 * EPS * sum(G.shape) * r)


@check(SF_T1a)
def cosines_never_rise(W: np.ndarray, L: float, share: float) -> Evidence:
    """f = L sum (1 - cos W_ij), not convex: no ascent at share * eta_T1, for a batch of matrices."""
    G = L * np.sin(W)
    factor = polar(G)
    nuclear = np.sum(np.linalg.svd(G, compute_uv=False), axis=-1)
    eta = share * one_step.largest_step(nuclear, L * factor.rank)

    def loss(X: np.ndarray) -> np.ndarray:
        return 2 * L * np.sum(np.sin(X / 2) ** 2, axis=(-2, -1))

    after = loss(W - eta[:, None, None] * factor.q)
    # The loss is a sum of m n terms, each right to a few eps.
    return measured(after, loss(W), 8 * EPS * W[0].size * (loss(W) + after), "<=")


@verifies(SF_T1d)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (12, 9), (9, 12)], ids=str)
def test_zoo_changes_sign_at_the_threshold(shape: tuple[int, int]) -> None:
    streams = stream("threshold, zoo", *shape)
    for s in zoo(min(shape), streams).values():
        G = matrix(s, *shape, streams)
        for offset in (-0.5, -1e-10, 0.0, 1e-10, 1.0):
            sign_changes_at_the_threshold(G, 2.5, offset)


@verifies(SF_T1a)
def test_a_loss_that_is_not_convex_never_rises() -> None:
    draw = stream("cosines")
    for shape, count in (((1, 1), 500), ((3, 2), 500), ((4, 6), 500), ((12, 9), 500)):
        W = draw.standard_normal((count, *shape)) * 10.0 ** draw.uniform(-2, 1, (count, 1, 1))
        for share in (0.5, 0.99, 1.0):
            cosines_never_rise(W, 0.3, share)


@restates(SF_T1d)
def test_padded_scaled_and_transposed_gradients() -> None:
    G = matrix(np.array([1.0, 0.2, 1e-3]), 3, 4, stream("padded"))
    for X in (np.pad(G, ((2, 0), (0, 3))), G.T.copy(), 1e-150 * G, 1e140 * G):
        sign_changes_at_the_threshold(X, 1.0, 1e-10)
