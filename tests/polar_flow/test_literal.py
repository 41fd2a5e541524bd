"""Claim X5: what literal Muon cannot change in a regression; and the optimisers themselves."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import TUNED
from labs.core.streams import stream
from labs.polar_flow.literal import PROFILES, RULES, descend, profile
from labs.polar_flow.operators import dense_sensing, regression
from labs.polar_flow.problems import sensing_problems
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_X5_a, POL_X5_b, POL_X5_c, POL_X5_d
from theory.polar_flow.muon_flow import unseen

EPS = 2.0**-52
Rule = Callable[[np.ndarray], np.ndarray]


def symbols(name: str, rows: int, columns: int) -> Any:
    import sympy

    return sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"{name}{i}{j}", real=True))


def instance(d: int, k: int, N: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X, Y and W(0) of a regression."""
    draw = stream("literal: regression", d, k, N)
    X = draw.standard_normal((N, d))
    return X, X @ draw.standard_normal((d, k)), draw.standard_normal((d, k))


def in_row_space(X: np.ndarray) -> Rule:
    """P(M) of an M in the range of X^T, polarised in coordinates of this range: no rank has to be decided."""
    Q = np.linalg.svd(X, full_matrices=False)[2]
    return lambda M: Q.T @ msign(Q @ M)


def uncut(M: np.ndarray) -> np.ndarray:
    """U V^T with every singular direction, those of the null spaces included."""
    u, _, vt = np.linalg.svd(M, full_matrices=False)
    return u @ vt


# --- what the data do not see ------------------------------------------------------------------------------------


@check(POL_X5_a)
def keeps_its_range(N: int, d: int, k: int) -> Evidence:
    """P_perp M S = 0 for every X of full rank, M = X^T Z and S: Muon has S = (M^T M)^{+1/2}, descent a number."""
    X, Z, S = symbols("x", N, d), symbols("z", N, k), symbols("s", k, k)
    return every(*(exact(entry, 0) for entry in unseen(X) * (X.T * Z) * S))


@check(POL_X5_a)
def drift(
    rule: str | Rule, d: int, k: int, N: int, momentum: float, nesterov: bool, count: int = 400
) -> Evidence:
    """P_perp (W(t) - W(0)) after `count` steps.

    Each step adds rounding, eps sqrt(r) h times the condition number of the buffer on its range: with a sum of steps
    of 20 and conditions up to 1e3 less than 1e-11.
    """
    X, Y, W0 = instance(d, k, N)
    operator = regression(X)
    steps = 40 / count * profile("cosine", count)
    run = descend(operator, Y.ravel(), W0, steps, rule, momentum=momentum, nesterov=nesterov)
    require(rule != "sign", "the update is the buffer times a matrix from the right")
    gap = np.linalg.norm(operator.perp(run.W - W0)) / np.linalg.norm(operator.perp(W0))
    return measured(gap, 0.0, 1e-11)


@verifies(POL_X5_a)
@pytest.mark.parametrize(("N", "d", "k"), [(1, 2, 2), (1, 3, 2), (2, 3, 1)])
def test_the_range_is_kept(N: int, d: int, k: int) -> None:
    keeps_its_range(N, d, k)


SIZES = [(8, 3, 5), (8, 4, 2), (20, 10, 6), (40, 10, 20)]
FEW = [*SIZES[:2], *(pytest.param(*size, marks=pytest.mark.long) for size in SIZES[2:])]


@verifies(POL_X5_a)
@pytest.mark.parametrize(("d", "k", "N"), SIZES)
def test_muon_does_not_move_what_the_data_do_not_see(d: int, k: int, N: int) -> None:
    rule = in_row_space(instance(d, k, N)[0])
    for momentum, nesterov in ((0.0, False), (0.9, True)):
        drift(rule, d, k, N, momentum, nesterov)


@verifies(POL_X5_a)
@pytest.mark.parametrize(
    "rule", ["norm-matched", "gradient", "muon, five tuned steps", "muon, polar express"]
)
def test_nor_do_descent_and_the_polynomial_maps(rule: str) -> None:
    """The polynomial maps amplify rounding of the range by their slopes at zero, 3.4^5 and 1e4: at full rank only."""
    drift(rule, 8, 3, 5, 0.9, True)


@pytest.mark.long
@verifies(POL_X5_a)
@pytest.mark.parametrize(("d", "k", "N"), SIZES)
def test_nor_does_it_move_over_2000_steps(d: int, k: int, N: int) -> None:
    rule = in_row_space(instance(d, k, N)[0])
    for momentum, nesterov in ((0.0, False), (0.9, True)):
        drift(rule, d, k, N, momentum, nesterov, 2000)


@control(POL_X5_a, drops="the update is the buffer times a matrix from the right")
def test_the_sign_of_the_gradient_moves_it() -> None:
    drift("sign", 8, 3, 5, 0.0, False)


@control(POL_X5_a, changes="the canonical factor -> U V^T without a rank cut, N < k")
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_whole_factor_moves_it(momentum: float) -> None:
    drift(uncut, 8, 4, 2, momentum, False)


@verifies(POL_X5_a)
@pytest.mark.long
def test_so_does_a_rank_cut_well_above_rounding() -> None:
    """With momentum a buffer's smallest singular value on its range comes near rounding now and then.

    A cut at max(m, n) eps then keeps a direction that is rounding: d, k, N = 8, 4, 2 drifted by 8e-3.
    """
    drift(lambda M: msign(M, rtol=1e-10), 8, 4, 2, 0.9, True, 2000)


@check(POL_X5_b)
def end_point(N: int, d: int, k: int, seen: int = 1) -> Evidence:
    """W = pinv(X) Y + P_perp W(0) from X W = Y and P_perp W = P_perp W(0), for all W: Y = X W is put in."""
    import sympy

    X, W = symbols("x", N, d), symbols("w", d, k)
    pinv = sympy.eye(d) - unseen(X)  # pinv(X) X
    return every(*(exact(entry, 0) for entry in W - seen * pinv * W - unseen(X) * W))


@check(POL_X5_b)
def ends(rule: str | Rule, d: int, k: int, N: int) -> Evidence:
    """The end of a run with steps that die out, to |pinv(X)| times the residual that is left."""
    X, Y, W0 = instance(d, k, N)
    operator = regression(X)
    run = descend(operator, Y.ravel(), W0, 0.3 * profile("cosine", 500), rule, momentum=0.5)
    predicted = np.linalg.pinv(X) @ Y + operator.perp(W0)
    tolerance = 1.01 * run.residuals[-1] / np.linalg.svd(X, compute_uv=False)[-1] + 1e-11
    assert run.residuals[-1] < 1e-3 * run.residuals[0]
    return measured(np.linalg.norm(run.W - predicted), 0.0, tolerance)


@verifies(POL_X5_b)
@pytest.mark.parametrize(
    ("N", "d", "k"), [(1, 2, 1), (1, 3, 2), pytest.param(2, 3, 1, marks=pytest.mark.long)]
)
def test_the_end_is_determined(N: int, d: int, k: int) -> None:
    end_point(N, d, k)


@verifies(POL_X5_b)
@pytest.mark.parametrize(("d", "k", "N"), FEW)
def test_all_optimisers_end_there(d: int, k: int, N: int) -> None:
    for rule in (in_row_space(instance(d, k, N)[0]), "norm-matched"):
        ends(rule, d, k, N)


@control(POL_X5_b, changes="pinv(X) Y -> 2 pinv(X) Y")
def test_the_end_is_not_another() -> None:
    end_point(1, 2, 1, seen=2)


@control(POL_X5_b, changes="Muon -> the sign of the gradient")
def test_the_sign_of_the_gradient_ends_elsewhere() -> None:
    ends("sign", 8, 3, 5)


@check(POL_X5_c)
def projected(d: int, k: int, N: int, update: Rule | None = None) -> Evidence:
    """P_perp P(G), to rounding over the smallest singular value of G on its range."""
    X, Y, W0 = instance(d, k, N)
    G = X.T @ (X @ W0 - Y)
    s = np.linalg.svd(G, compute_uv=False)[: min(N, k)]
    factor = (update or (lambda M: msign(M, rtol=1e-12)))(G)
    return measured(np.linalg.norm(regression(X).perp(factor)), 0.0, 100 * d * EPS * s[0] / s[-1])


@check(POL_X5_c)
def projected_exactly(N: int, d: int, power: int = 1) -> Evidence:
    """P_perp P(g) = 0 for all X and every gradient g = X^T z, k = 1: P(g) = g/|g|; the entries of g to a power."""
    X, z = symbols("x", N, d), symbols("z", N, 1)
    g = (X.T * z).applyfunc(lambda entry: entry**power)
    return every(*(exact(entry, 0) for entry in unseen(X) * g))


@verifies(POL_X5_c)
def test_the_projected_polarised_gradient_vanishes() -> None:
    for d, k, N in SIZES:
        projected(d, k, N)


@verifies(POL_X5_c)
@pytest.mark.parametrize(("N", "d"), [(1, 2), (1, 4), pytest.param(2, 3, marks=pytest.mark.long)])
def test_the_projected_polarised_gradient_vanishes_exactly(N: int, d: int) -> None:
    projected_exactly(N, d)


@control(POL_X5_c, changes="the canonical factor -> U V^T without a rank cut; g -> g^3, entry by entry")
def test_other_updates_do_not_vanish() -> None:
    projected(8, 4, 2, uncut)
    projected_exactly(1, 2, 3)


@check(POL_X5_d)
def decays(N: int, d: int, k: int, factor: int = 1) -> Evidence:
    """P_perp of two steps with decay w is (1 - h1 w)(1 - h2 w) P_perp W for all X, W, and updates X^T Z."""
    import sympy

    X, W = symbols("x", N, d), symbols("w", d, k)
    h1, h2, w = sympy.symbols("h1 h2 w", positive=True)
    now = W
    for h, name in ((h1, "u"), (h2, "v")):
        now = (1 - h * w) * now - h * X.T * symbols(name, N, k)
    left = unseen(X) * (now - (1 - h1 * w * factor) * (1 - h2 * w * factor) * W)
    somewhere = {s: Fraction(i + 1, 7) for i, s in enumerate(sorted(left.free_symbols, key=str))}
    return every(*(exact(e, 0, witness={s: somewhere[s] for s in e.free_symbols}) for e in left))


@check(POL_X5_d)
def decayed_run(d: int, k: int, N: int, w: float, factor: float = 1.0) -> Evidence:
    """The same for a run; rounding as in `drift`."""
    X, Y, W0 = instance(d, k, N)
    operator, steps = regression(X), 0.05 * profile("inverse sqrt", 300)
    run = descend(operator, Y.ravel(), W0, steps, in_row_space(X), momentum=0.9, decay=w)
    predicted = np.prod(1 - steps * w * factor) * operator.perp(W0)
    return measured(operator.perp(run.W), predicted, 1e-11)


@verifies(POL_X5_d)
def test_weight_decay_shrinks_it() -> None:
    decays(1, 2, 1)
    decays(1, 3, 1)
    for d, k, N in SIZES:
        decayed_run(d, k, N, 0.1)


@control(POL_X5_d, changes="w -> 0 in the prediction: it is not kept")
def test_weight_decay_does_not_keep_it() -> None:
    decays(1, 2, 1, factor=0)
    decayed_run(8, 3, 5, 0.1, factor=0.0)


# --- the optimisers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("nesterov", [False, True])
def test_descend_is_the_loop_that_one_would_write(rule: str, nesterov: bool) -> None:
    sensed = sensing_problems((4, 3), 7, 1, [stream("literal: loop")])
    A, y = sensed.operator.matrix[0], sensed.y[0]
    W, M = 0.1 * sensed.noise[0], np.zeros((4, 3))
    steps = 0.2 * profile("inverse sqrt", 6)
    run = descend(dense_sensing(A, (4, 3)), y, W, steps, rule, momentum=0.8, nesterov=nesterov, decay=0.5)
    for h in steps:
        G = (A.T @ (A @ W.ravel() - y)).reshape(4, 3)
        M = 0.8 * M + 0.2 * G
        B = 0.8 * M + 0.2 * G if nesterov else M
        update: Any = {
            "muon": uncut,
            "muon, five tuned steps": lambda B: newton_schulz(B, [TUNED] * 5),
            "norm-matched": lambda B: np.sqrt(3) * B / np.linalg.norm(B),
            "gradient": lambda B: B,
            "sign": np.sign,
        }.get(rule, RULES[rule])
        W = (1 - 0.5 * h) * W - h * update(B)
    np.testing.assert_allclose(run.W, W, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(run.buffer, M, rtol=1e-11, atol=1e-12)
    assert run.residuals[-1] == pytest.approx(np.linalg.norm(A @ W.ravel() - y), rel=1e-10)
    assert run.spent == pytest.approx(steps.sum(), rel=1e-14)
    assert run.moved == pytest.approx(np.linalg.norm(run.W - 0.1 * sensed.noise[0], 2), rel=1e-13)


def test_items_stop_one_by_one_and_no_sooner() -> None:
    sensed = sensing_problems((5, 5), 15, 1, [stream("literal: stop", i) for i in range(3)])
    steps = np.full(400, 0.05)
    run = descend(sensed.operator, sensed.y, 0 * sensed.noise, steps, stop=0.05)
    limit = 0.05 * np.linalg.norm(sensed.y, axis=-1)
    first = np.argmax(run.residuals <= limit[:, None], axis=-1)
    np.testing.assert_allclose(run.spent, 0.05 * first, rtol=1e-12)
    assert len(set(first)) > 1
    for i, k in enumerate(first):
        assert np.all(run.residuals[i, k:] == run.residuals[i, k])
    np.testing.assert_allclose(run.moved, np.linalg.norm(run.W, 2, axis=(-2, -1)), rtol=1e-13)
    assert np.all(run.moved <= run.spent * (1 + 1e-13))


def test_a_constant_step_leaves_a_residual_of_its_size() -> None:
    sensed = sensing_problems((5, 5), 15, 1, [stream("literal: floor")])
    left = [
        descend(sensed.operator, sensed.y, 0 * sensed.noise, np.full(int(20 / h), h)).residuals[0, -1]
        for h in (0.1, 0.025)
    ]
    assert 0.05 * 0.1 < left[0] < 0.1 * np.sqrt(5)
    assert 0.05 * 0.025 < left[1] < 0.025 * np.sqrt(5)


def test_profiles_end_and_begin_as_they_say() -> None:
    for kind in PROFILES:
        steps = profile(kind, 100)
        assert steps[0] == 1.0
        assert np.all(np.diff(steps) <= 0)
    assert profile("cosine", 100)[50] == pytest.approx(0.5, abs=1e-15)
    assert profile("inverse sqrt", 100)[99] == pytest.approx(0.1, rel=1e-15)
    with pytest.raises(ValueError, match=r"kind must be one of .* got 'linear'"):
        profile("linear", 3)
    with pytest.raises(ValueError, match=r"count must be an integer >= 1, got 0"):
        profile("cosine", 0)


def test_a_run_that_diverges_says_so() -> None:
    sensed = sensing_problems((3, 3), 5, 1, [stream("literal: diverging")])
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match="the steps are too large"):
        descend(sensed.operator, sensed.y, 0 * sensed.noise, np.full(3000, 5.0), "gradient")


def test_problems_are_what_they_say_and_refuse_bad_sizes() -> None:
    sensed = sensing_problems((5, 4), 7, 2, [stream("problems", i) for i in range(2)])
    rows = sensed.operator.matrix
    np.testing.assert_allclose(rows @ rows.mT, np.broadcast_to(np.eye(7), (2, 7, 7)), atol=1e-14)
    assert np.all(np.linalg.matrix_rank(sensed.target) == 2)
    np.testing.assert_allclose(sensed.operator.apply(sensed.target), sensed.y)
    streams = [stream("problems")]
    for arguments, name in (
        ((21, 1, streams), "p"),
        ((2.0, 1, streams), "p"),
        ((7, 0, streams), "rank"),
        ((7, True, streams), "rank"),
        ((7, 1, []), "streams"),
    ):
        with pytest.raises(ValueError, match=rf"^{name} must .* got"):
            sensing_problems((5, 4), *arguments)
    with pytest.raises(ValueError, match=r"^shape must be two integers >= 1, got"):
        sensing_problems((5, 0), 7, 1, streams)
