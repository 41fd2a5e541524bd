"""POL-T1iii: the rate of a spread along the self-polar flow, and what decides its sign."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.polar_flow.operators import Operator, dense_sensing, mask_sensing, regression
from labs.polar_flow.spreads import decay, frame_gram, participation_slope, spread
from tests.polar_flow import rational_models
from tests.polar_flow.rational_models import Rational, inner
from tests.polar_flow.spread_exact import positive_symbols as symbols
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import (
    POL_T1iii_a,
    POL_T1iii_c,
    POL_T1iii_d,
    POL_T1iii_e,
    POL_T1iii_f,
    measures,
    pairwise,
)

KINDS = [("entropy", 1), ("squared entropy", 1), ("participation", 1), ("pairwise", 1), ("pairwise", 2)]


# --- the rate -----------------------------------------------------------------------------------------------------


@check(POL_T1iii_a)
def traces_move(model: Rational, diagonal: bool = False) -> Evidence:
    """d/dt tr (W^T W)^k = -2 k sum sigma_i^(2k-1) alpha_i for k = 1, ..., r: no singular vector on the left side.

    These traces determine all symmetric functions.  diagonal: |P_perp E_i|^2 in place of alpha_i.
    """
    require(all(s > 0 for s in model.sigma), "A3")
    W, velocity = model.matrix, -model.projected(model.factor)
    alpha = model.diagonal() if diagonal else model.decay()
    parts, power = [], W
    for k in range(1, len(model.sigma) + 1):
        weighted = sum(a * s ** (2 * k - 1) for a, s in zip(alpha, model.sigma, strict=True))
        parts.append(exact(2 * k * inner(power, velocity), -2 * k * weighted))
        power = power * (W.T * W)
    return every(*parts)


@check(POL_T1iii_a)
def spread_moves(
    kind: str, power: int, operator: Operator, W: np.ndarray, diagonal: bool = False
) -> Evidence:
    """A difference quotient of F(svdvals) along the flow's velocity against -sum alpha_i q_i."""
    sigma, alpha = decay(operator, W)
    require(sigma[-1] > 1e-6 * sigma[0], "A3")
    if diagonal:
        alpha = np.diagonal(frame_gram(operator, W))
    u, _, vt = np.linalg.svd(W, full_matrices=False)
    velocity = -operator.perp(u @ vt)
    h = 1e-4 * sigma[-1]

    def value(t: float) -> float:
        return float(spread(np.linalg.svdvals(W + t * h * velocity), kind, power)[0])

    found = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * h)
    q = spread(sigma, kind, power)[1]
    # Error of the formula: h^4/30 times the fifth derivative, relatively (1e-4)^4; rounding: eps |F|/h.
    error = 1e-10 * float(np.sum(np.abs(q))) + 1e-14 * (1 + abs(value(0))) / h
    return measured(found, -float(alpha @ q), error)


MODELS = [
    rational_models.sensing(3, 2, (3, 1), 2, 0),
    rational_models.sensing(2, 3, (2, 2), 3, 1),  # repeated
    rational_models.sensing(3, 3, (5, 2, 2), 4, 2),
    rational_models.regression(4, 3, (4, Fraction(5, 2), 1), 2, 3),
]


def operators(m: int, n: int) -> list[Operator]:
    """One of each kind; half of what there is to measure."""
    draw = stream("criterion: operators", m, n)
    return [
        regression(draw.standard_normal((m // 2, m))),
        dense_sensing(draw.standard_normal((m * n // 2, m * n)), (m, n)),
        mask_sensing(draw.random((m, n)) < 0.5),
    ]


@verifies(POL_T1iii_a)
def test_symmetric_functions_move_as_the_decay_vector_says() -> None:
    for model in MODELS:
        traces_move(model)


@verifies(POL_T1iii_a)
@pytest.mark.parametrize(("kind", "power"), KINDS)
def test_spreads_move_as_the_decay_vector_says(kind: str, power: int) -> None:
    for m, n in ((5, 5), (8, 4), (4, 8)):
        for sigma in ("flat", "geometric", "power law", "two-level", "repeated"):
            W = matrix(zoo(4, stream("criterion", m))[sigma], m, n, stream("criterion: frames", m, n))
            if min(m, n) > 4:
                W = W + matrix(np.ones(1), m, n, stream("criterion: fifth", m)) + np.eye(m, n) * 2
            for operator in operators(m, n):
                spread_moves(kind, power, operator, W)


@control(POL_T1iii_a, changes="alpha_i -> |P_perp E_i|^2")
def test_the_diagonal_of_k_is_not_enough_in_sensing() -> None:
    traces_move(MODELS[0], diagonal=True)
    W = matrix(np.array([1.0, 0.5, 0.2]), 4, 4, stream("criterion: control")) + np.eye(4)
    spread_moves("participation", 1, operators(4, 4)[1], W, diagonal=True)


# --- POL-X1': the sign changes where the spectrum is flat ----------------------------------------------------------


@check(POL_T1iii_a)
def passes_through_flat(last: Fraction) -> Evidence:
    """W = diag(2 - 2t/5, 1 + t/5), alpha = (2/5, -1/5): dPR/dt by time, by q, and its sign up to `last` <= 5/3."""
    t, u = symbols("t"), symbols("u", nonnegative=True)
    alpha = (Fraction(2, 5), Fraction(-1, 5))
    sigma = (2 - alpha[0] * t, 1 - alpha[1] * t)
    total, squares = sum(sigma), sum(s**2 for s in sigma)
    q = [participation_slope(s, total, squares) for s in sigma]
    by_time = measures.functional("participation", sigma).diff(t)
    criterion = sum(a * x for a, x in zip(alpha, q, strict=True))
    # For t = last u/(1 + u), from 0 to last.
    return every(
        exact(by_time, -criterion), exact(criterion.subs(t, last * u / (1 + u)), 0, "<=", witness={u: 1000})
    )


@verifies(POL_T1iii_a)
def test_the_criterion_holds_until_the_spectrum_is_flat() -> None:
    passes_through_flat(Fraction(5, 3))


@control(POL_T1iii_a, sharpens="until t = 5/3 -> until t = 17/10")
def test_it_fails_from_then_on() -> None:
    passes_through_flat(Fraction(17, 10))


# --- entropy ------------------------------------------------------------------------------------------------------


@check(POL_T1iii_c)
def top_heavy_form(r: int, sign: int) -> Evidence:
    """S sum alpha q = sum(alpha)(sum p log p - sum (alpha/sum alpha) log p), for derived q."""
    import sympy

    sigma, alpha = symbols(f"s1:{r + 1}"), symbols(f"a1:{r + 1}", real=True)
    q = measures.gradient("entropy", sigma)
    logs = [sympy.log(s) - sympy.log(sum(sigma)) for s in sigma]
    own = sum(s * l for s, l in zip(sigma, logs, strict=True)) / sum(sigma)
    decayed = sum(a * l for a, l in zip(alpha, logs, strict=True))
    found = sympy.expand_log(sum(a * x for a, x in zip(alpha, q, strict=True)) * sum(sigma))
    return exact(found, sum(alpha) * own - sign * decayed)


@verifies(POL_T1iii_c)
def test_entropy_grows_where_the_decay_is_top_heavy() -> None:
    for r in (2, 3):
        top_heavy_form(r, 1)


@control(POL_T1iii_c, changes="sign of the second sum")
def test_another_sign_is_no_identity() -> None:
    top_heavy_form(2, -1)


@check(POL_T1iii_d)
def replicator(r: int, factor: int) -> Evidence:
    """dp_i/dt = -p_i (f_i - sum p f), dH/dt = factor Cov_p(f, log sigma), by the chain rule."""
    import sympy

    sigma, alpha = symbols(f"s1:{r + 1}"), symbols(f"a1:{r + 1}", real=True)
    total = sum(sigma)
    p = [s / total for s in sigma]
    f = [a / s for a, s in zip(alpha, sigma, strict=True)]
    mean = sum(x * y for x, y in zip(p, f, strict=True))
    shares = [
        exact(pairwise.rate(share, sigma, alpha), -share * (rate - mean))
        for share, rate in zip(p, f, strict=True)
    ]
    logs = [sympy.log(s) for s in sigma]
    covariance = sum(x * y * l for x, y, l in zip(p, f, logs, strict=True)) - mean * sum(
        x * l for x, l in zip(p, logs, strict=True)
    )
    entropy = sympy.expand_log(pairwise.rate(measures.functional("entropy", sigma), sigma, alpha))
    return every(*shares, exact(entropy, factor * covariance))


@verifies(POL_T1iii_d)
def test_shares_follow_a_replicator_equation() -> None:
    for r in (2, 3):
        replicator(r, 1)


@control(POL_T1iii_d, changes="Cov -> 2 Cov")
def test_another_factor_of_the_covariance() -> None:
    replicator(2, 2)


def rounding(value: np.ndarray, q: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """How well each q_i is known: to a few eps r (1 + |value|)/max sigma, and relatively."""
    return 1e-15 * (sigma.size * (1 + np.abs(value)) / np.max(sigma) + np.abs(q))


# --- all spreads at once ------------------------------------------------------------------------------------------


@check(POL_T1iii_e)
def chebyshev(r: int, shift: int) -> Evidence:
    """sum(w) sum f_i w_i y_i = sum_{i<j} w_i w_j (f_i - f_j)(y_i - y_j) where sum w_i y_i = shift."""
    w, f = symbols(f"w1:{r + 1}"), symbols(f"f1:{r + 1}", real=True)
    y = list(symbols(f"y1:{r}", real=True))
    y.append((shift - sum(a * b for a, b in zip(w, y, strict=False))) / w[-1])
    left = sum(w) * sum(a * b * c for a, b, c in zip(w, f, y, strict=True))
    pairs = combinations(range(r), 2)
    return exact(left, sum(w[i] * w[j] * (f[i] - f[j]) * (y[i] - y[j]) for i, j in pairs))


@check(POL_T1iii_e)
def ordered_decay(kind: str, power: int, sigma: np.ndarray, rates: np.ndarray) -> Evidence:
    """sum alpha_i q_i <= 0 for alpha_i = rates_i sigma_i, both in descending order."""
    require(np.all(np.diff(rates) <= 0) and np.all(np.diff(sigma) <= 0), "alpha/sigma nondecreasing")
    require(kind != "stable rank", "Schur-concave")
    value, q = spread(sigma, kind, power)
    terms = rates * sigma * q
    return measured(float(np.sum(terms)), 0.0, float(rounding(value, q, sigma) @ np.abs(rates * sigma)), "<=")


@check(POL_T1iii_e)
def diagonal_example(t: Fraction) -> Evidence:
    """POL-X1' at time t: participation, exactly; there alpha/sigma is nondecreasing in sigma until t = 5/3."""
    sigma, alpha = (2 - 2 * t / 5, 1 + t / 5), (Fraction(2, 5), Fraction(-1, 5))
    rates = [a / s for a, s in zip(alpha, sigma, strict=True)]
    ordered = (rates[0] - rates[1]) * (sigma[0] - sigma[1]) >= 0
    require(ordered, "alpha/sigma nondecreasing")
    total, squares = sum(sigma), sum(s**2 for s in sigma)
    q = [participation_slope(s, total, squares) for s in sigma]
    return exact(sum(a * x for a, x in zip(alpha, q, strict=True)), 0, "<=")


@verifies(POL_T1iii_e)
def test_top_heavy_decay_flattens_for_every_spread() -> None:
    for r in (2, 3, 5):
        chebyshev(r, 0)
    for t in (Fraction(0), Fraction(1), Fraction(8, 5), Fraction(5, 3)):
        diagonal_example(t)


@verifies(POL_T1iii_e)
@pytest.mark.parametrize(("kind", "power"), KINDS)
def test_top_heavy_decay_on_the_zoo(kind: str, power: int) -> None:
    for n in (2, 8, 64):
        rates = np.sort(stream("criterion: rates", n).standard_normal(n))[::-1]
        for sigma in zoo(n, stream("criterion", n)).values():
            ordered_decay(kind, power, np.sort(sigma[sigma > 0])[::-1], rates[: np.sum(sigma > 0)])


@control(POL_T1iii_e, drops="alpha/sigma nondecreasing")
def test_after_the_flat_spectrum_the_order_is_the_other() -> None:
    diagonal_example(Fraction(17, 10))
    diagonal_example(Fraction(3))


@control(POL_T1iii_e, changes="sum w y = 0 -> 1")
def test_the_identity_needs_degree_zero() -> None:
    chebyshev(3, 1)


@check(POL_T1iii_f)
def constant_decay(sigma: Sequence[int], kind: str, power: int, sign: int) -> Evidence:
    """sum q_i > 0 at an exact point that is not flat, by derived gradients."""
    import sympy

    require(kind in measures.KINDS, "Schur-concave")
    names = symbols(f"s1:{len(sigma) + 1}")
    at = dict(zip(names, map(sympy.Integer, sigma), strict=True))
    total = sum(x.subs(at) for x in measures.gradient(kind, names, power))
    return exact(sign * total, 0, ">")


@check(POL_T1iii_f)
def constant_decay_of_participation(r: int, factor: Fraction) -> Evidence:
    """sum q = 2 S/F^2 (r F - factor S^2), and r F - S^2 = sum_{i<j} (sigma_i - sigma_j)^2."""
    sigma = symbols(f"s1:{r + 1}")
    total, squares = sum(sigma), sum(s**2 for s in sigma)
    q = sum(participation_slope(s, total, squares) for s in sigma)
    gaps = sum((a - b) ** 2 for a, b in combinations(sigma, 2))
    return every(
        exact(q, 2 * total / squares**2 * (r * squares - factor * total**2)),
        exact(r * squares - factor * total**2, gaps),
    )


@check(POL_T1iii_f)
def constant_decay_on_the_zoo(kind: str, power: int, sigma: np.ndarray) -> Evidence:
    """sum q_i >= 0."""
    require(kind in measures.KINDS, "Schur-concave")
    value, q = spread(sigma, kind, power)
    return measured(float(np.sum(q)), 0.0, float(np.sum(rounding(value, q, sigma))), ">=")


@verifies(POL_T1iii_f)
@pytest.mark.parametrize(("kind", "power"), KINDS)
def test_constant_decay_concentrates(kind: str, power: int) -> None:
    for point in ((2, 1), (5, 3, 1), (101, 100, 99), (9, 1, 1, 1)):
        constant_decay(point, kind, power, 1)
    for n in (2, 8, 64):
        for sigma in zoo(n, stream("criterion", n)).values():
            constant_decay_on_the_zoo(kind, power, sigma)


@verifies(POL_T1iii_f)
def test_constant_decay_concentrates_participation() -> None:
    for r in (2, 3, 5):
        constant_decay_of_participation(r, Fraction(1))


@control(POL_T1iii_f, changes="sign of the decay")
def test_constant_growth_flattens() -> None:
    for kind, power in KINDS:
        constant_decay((5, 3, 1), kind, power, -1)


@control(POL_T1iii_f, changes="S^2 -> 1.01 S^2")
def test_another_factor_of_the_squared_sum() -> None:
    constant_decay_of_participation(3, Fraction(101, 100))


# --- the decay vector itself --------------------------------------------------------------------------------------


def test_the_decay_vector_of_labs_is_the_exact_one() -> None:
    for model in MODELS:
        m, n = model.matrix.shape
        perp = np.array(model.perp.tolist(), dtype=float)
        values, vectors = np.linalg.eigh(perp)
        operator = dense_sensing(np.ascontiguousarray(vectors[:, values < 0.5].T), (m, n))
        W = np.array(model.matrix.tolist(), dtype=float)
        sigma, alpha = decay(operator, W)
        np.testing.assert_allclose(sigma, [float(s) for s in model.sigma], rtol=1e-13)
        gram = frame_gram(operator, W)
        np.testing.assert_allclose(np.sum(gram, axis=-1), alpha, atol=1e-14)
        exact_alpha = [float(a) for a in model.decay()]
        # At repeated values the frame is not unique: sums over a cluster are.
        for s in set(model.sigma):
            cluster = [i for i, x in enumerate(model.sigma) if x == s]
            assert np.sum(alpha[cluster]) == pytest.approx(sum(exact_alpha[i] for i in cluster), abs=1e-13)


def test_zeros_have_no_decay() -> None:
    operator = operators(5, 4)[1]
    W = matrix(np.array([2.0, 1.0]), 5, 4, stream("criterion: deficient"))
    sigma, alpha = decay(operator, W)
    assert np.all(sigma[2:] < 1e-14)
    assert np.all(alpha[2:] == 0)
    gram = frame_gram(operator, W)
    assert np.all(gram[2:] == 0)
    assert np.all(gram[:, 2:] == 0)
