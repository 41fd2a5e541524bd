"""NDS-X16, X15: the loss of GD with line search on any spectrum, and what does better."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.curvature_nds import spectra
from labs.curvature_nds.baselines import conjugate_gradients
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.matrices import fractions
from tests.curvature_nds.test_line_search_gd import spectra_of_the_zoo, state_of
from tests.referee import check, control, restates, verifies
from tests.tightness import worst_case
from theory.curvature_nds import (
    NDS_X15a,
    NDS_X15b,
    NDS_X15c,
    NDS_X16a,
    NDS_X16b,
    NDS_X16c,
    NDS_X16d,
    NDS_X16e,
    modes,
    moments,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured

ONE = Fraction(1)
EPS = 2.0**-52

# --- X16: the loss -----------------------------------------------------------------------------------------------


@check(NDS_X16a)
def product_two_apart(missing: Fraction = Fraction(0)) -> Evidence:
    """<R_t, H^{-1} R_{t+2}> = 2 Phi_{t+1} in moments, for any spectrum; the first step is off by `missing`."""
    now = moments.symbols(-1, 5)
    first = moments.searched(now) * (1 + missing)
    after = moments.moved(now, first)
    second = moments.searched(after)
    # R_{t+2} = (1 - first w)(1 - second w) R_t.
    product = now[-1] - (first + second) * now[0] + first * second * now[1]
    return exact(product, 2 * moments.loss(after))


@check(NDS_X16b)
def log_convex(
    w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int, rule: modes.Update = modes.gd
) -> Evidence:
    """Phi_{t+1}^2 <= Phi_t Phi_{t+2} along a run in fractions."""
    losses = [modes.loss(x) for x in modes.run(state_of(w, sigma), rule, steps)]
    triples = zip(losses, losses[1:], losses[2:], strict=False)
    return every(*(exact(b * b, a * c, "<=") for a, b, c in triples))


@check(NDS_X16b, NDS_X16c)
def convexity_is_a_sum_of_squares(curvatures: int, sense: str) -> Evidence:
    """Phi_t Phi_{t+2} - Phi_{t+1}^2 by Lagrange, here for q = 4, as <R_t, H^{-1} R_{t+2}> is 2 Phi_{t+1}.

    After two steps r_i is multiplied by f(w_i), f a quadratic polynomial, so that the terms are
    (r_i r_j)^2 (f(w_i) - f(w_j))^2/(4 w_i w_j).  All vanish on one or two curvatures, not on three.
    """
    import sympy

    r, w, f = (sympy.symbols(f"{name}1:5", positive=True) for name in "rwf")
    Phi = [sum(x * x * y**k / c for x, y, c in zip(r, f, w, strict=True)) / 2 for k in (0, 1, 2)]
    squares = sum(
        (r[i] * r[j] * (f[i] - f[j])) ** 2 / (4 * w[i] * w[j]) for i, j in combinations(range(4), 2)
    )
    start = [Mode(ONE, Fraction(c), Fraction(1, 1 + i)) for i, c in enumerate([3, 1, 2][:curvatures] * 2)]
    a, b, c = (modes.loss(x) for x in modes.run(start, modes.gd, 2))
    return every(exact(Phi[0] * Phi[2] - Phi[1] ** 2, squares), exact(a * c, b * b, sense))


@check(NDS_X16c)
def parallel_after_two(curvatures: int) -> Evidence:
    """R_{t+2} is a multiple of R_t exactly if at most two curvatures have energy: by how much f differs on them."""
    w = fractions("5", "2", "1")[:curvatures]
    start = state_of(w, fractions("1", "-1/3", "2")[:curvatures])
    after = modes.run(start, modes.gd, 2)[2]
    f = [x.r / y.r for x, y in zip(after, start, strict=True)]
    return every(*(exact(x, f[0]) for x in f))


@check(NDS_X16b)
def log_convex_in_floats(w: np.ndarray, sigma: np.ndarray, steps: int) -> Evidence:
    """Phi_{t+1}^2/(Phi_t Phi_{t+2}) <= 1 by labs."""
    log = descend(w, sigma, "gd", steps).log_loss
    ratio = np.exp(2 * log[..., 1:-1] - log[..., :-2] - log[..., 2:])
    # A step leaves errors of some eps |d| in d, so some eps/sqrt(factor) in the loss that is left, relatively.
    least = np.exp(np.min(np.diff(log, axis=-1), axis=-1, keepdims=True))
    return measured(ratio, 1.0, 16 * steps * EPS / np.sqrt(least), "<=")


@check(NDS_X16d)
def bounded_below(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int, which: int = 0) -> Evidence:
    """Labs' bound from the factor of the first step (or of another one), along a run in fractions."""
    losses = [modes.loss(x) for x in modes.run(state_of(w, sigma), modes.gd, steps)]
    after_one = losses[0] * losses[which + 1] / losses[which]
    bounds = [spectra.gd_lower_bound(losses[0], after_one, T) for T in range(steps + 1)]
    return every(*(exact(loss, bound, ">=") for loss, bound in zip(losses, bounds, strict=True)))


@check(NDS_X16e)
def bounded_above(sharper: Fraction = ONE) -> Evidence:
    """For any q: w + rho/w <= 1 + rho for every mode with 1 <= w <= rho, so m_1 + rho m_{-1} <= (1 + rho) m_0, and

    4 rho m_1 m_{-1} <= (m_1 + rho m_{-1})^2 <= (1 + rho)^2 m_0^2; 1 - m_0^2/(m_1 m_{-1}) is GD's factor.
    """
    import sympy

    v, u, t = sympy.symbols("v u t", nonnegative=True)
    rho, w = 1 + v, (1 + u * (1 + v)) / (1 + u)
    m = moments.symbols(-1, 1)
    after = moments.moved(moments.symbols(-1, 3), moments.searched(m))
    R = sympy.Symbol("R", positive=True)
    # The factor where m_0 = sharper (m_1 + R m_{-1} + t)/(1 + R), t >= 0.
    equal = {m[0]: sharper * (m[1] + R * m[-1] + t) / (1 + R)}
    room = (spectra.kantorovich_factor(R) * m[-1] - 2 * moments.loss(after)).subs(equal)
    return every(
        exact(1 + rho - w - rho / w, 0, ">="),
        # m_1 (room) is a square and terms in t with positive coefficients.
        exact(
            sympy.expand(room * m[1] * (1 + R) ** 2),
            (m[1] - R * m[-1]) ** 2 + sympy.expand(t * t + 2 * t * (m[1] + R * m[-1])),
        ),
    )


@check(NDS_X16e)
def bounded_above_in_floats(w: np.ndarray, sigma: np.ndarray, steps: int) -> Evidence:
    """Phi_{t+1}/Phi_t against labs' factor, along descents."""
    log = descend(w, sigma, "gd", steps).log_loss
    factor = np.exp(np.diff(log, axis=-1))
    rho = np.max(w, axis=-1) / np.min(w, axis=-1)
    bound = spectra.kantorovich_factor(rho)[..., None] * np.ones_like(factor)
    return measured(factor, bound, steps * EPS * float(np.max(rho)), "<=")


@verifies(NDS_X16a, NDS_X16b, NDS_X16d)
def test_gd_is_log_convex() -> None:
    product_two_apart()
    convexity_is_a_sum_of_squares(3, ">")
    for w, sigma in (
        (fractions("9", "4", "1", "1/1000"), fractions("1", "-3", "1/5", "2")),
        (fractions("1000000", "3", "2", "1"), fractions("1000", "1", "1", "1/10")),
    ):
        log_convex(w, sigma, 5)
        bounded_below(w, sigma, 5)


@verifies(NDS_X16c)
def test_gd_is_geometric_on_two_curvatures_alone() -> None:
    convexity_is_a_sum_of_squares(2, "==")
    convexity_is_a_sum_of_squares(3, ">")
    parallel_after_two(2)


@verifies(NDS_X16e)
def test_gd_is_bounded_by_its_spectrum() -> None:
    bounded_above()
    w, sigma = spectra_of_the_zoo(12)
    bounded_above_in_floats(w, sigma, 50)


@restates(NDS_X16b)
def test_log_convexity_on_the_zoo() -> None:
    log_convex_in_floats(*spectra_of_the_zoo(12), 50)


@restates(NDS_X16b)
def test_log_convexity_is_sharp() -> None:
    def instance(x: np.ndarray) -> tuple[Any, ...]:
        return np.array([1.0, 1.0 + x[0], 1.0 + x[0] + x[1]]), x[2:], 2

    found = worst_case(
        log_convex_in_floats,
        instance,
        dimension=5,
        lower=1e-2,
        upper=10.0,
        stream=stream("log-convexity"),
        starts=3,
    )
    assert 0.999 < found < 1 + 1e-9


@control(NDS_X16a, changes="line search -> 1.01 of it")
def test_the_product_needs_the_line_search() -> None:
    product_two_apart(Fraction(1, 100))


@control(NDS_X16b, changes="GD -> Muon, both with line search")
def test_muon_is_not_log_convex() -> None:
    """a = 1/3, s = 2, rho = 12: the factors are 1/2, then 9/25."""
    w, sigma = fractions("12", "1", "1", "1"), fractions("2", "1", "1", "1")
    losses = [modes.loss(x) for x in modes.run(state_of(w, sigma), modes.muon, 2)]
    assert [losses[1] / losses[0], losses[2] / losses[1]] == fractions("1/2", "9/25")
    log_convex(w, sigma, 2, modes.muon)


@control(NDS_X16c, changes="two curvatures -> three")
def test_three_curvatures_are_not_geometric() -> None:
    convexity_is_a_sum_of_squares(3, "==")
    parallel_after_two(3)


@control(NDS_X16d, changes="the first factor -> the second one")
def test_a_bound_from_a_later_factor() -> None:
    bounded_below(fractions("9", "4", "1"), fractions("1", "-3", "1/5"), 3, which=1)


@control(NDS_X16e, sharpens="m_0 -> 99/100 m_0")
def test_the_upper_bound_is_sharp() -> None:
    bounded_above(Fraction(99, 100))


# --- X15: what does better ---------------------------------------------------------------------------------------


@check(NDS_X15a, NDS_X15b)
def steps_of_inverse_curvatures(levels: int, steps: int) -> Evidence:
    """Levels w_1, ..., w_k (symbols), any r: what the first `steps` of the steps 1/w_j leave, in any order."""
    import sympy

    w, r = sympy.symbols(f"w1:{levels + 1}", positive=True), sympy.Symbol("r", positive=True)
    found = []
    for order in permutations(w):
        state: modes.State = [Mode(1, x, r) for x in w]
        for curvature in order[:steps]:
            state = modes.moved(state, modes.gd, 1 / curvature)
        found += [exact(mode.r, 0) for mode in state]
    return every(*found)


@check(NDS_X15c)
def krylov(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> Evidence:
    """The least loss in `steps` gradients of the start, in fractions."""
    return exact(moments.least_loss(moments.of(state_of(w, sigma), -1, 2 * steps), steps), 0)


@check(NDS_X15c)
def by_conjugate_gradients(w: np.ndarray, sigma: np.ndarray, steps: int) -> Evidence:
    """Labs' conjugate gradients; rounding of a few eps in each displacement, times the ratio of the curvatures."""
    losses = conjugate_gradients(w, sigma, steps)
    return measured(losses[-1] / losses[0], 0.0, (100 * EPS * np.max(w) / np.min(w)) ** 2)


LEVELS = fractions("100", "7", "7", "7", "1/10", "2"), fractions("1", "2", "-3", "1/2", "5", "1/7")


@verifies(NDS_X15a)
def test_two_steps_for_two_levels() -> None:
    steps_of_inverse_curvatures(2, 2)


@verifies(NDS_X15b)
def test_as_many_steps_as_levels() -> None:
    for k in (1, 2, 3, 4):
        steps_of_inverse_curvatures(k, k)


@verifies(NDS_X15c)
def test_conjugate_gradients_find_the_steps() -> None:
    krylov(*LEVELS, 4)
    krylov(fractions("12", "1", "1"), fractions("2", "1", "1"), 2)
    by_conjugate_gradients(np.array([12.0, 1.0, 1.0, 1.0]), np.array([2.0, 1.0, 1.0, 1.1]), 2)


@control(NDS_X15a, changes="two levels -> three")
def test_two_steps_for_three_levels() -> None:
    steps_of_inverse_curvatures(3, 2)


@control(NDS_X15b, changes="k steps -> k - 1")
def test_a_step_too_few() -> None:
    steps_of_inverse_curvatures(3, 2)


@control(NDS_X15c, changes="k steps -> k - 1")
def test_a_direction_too_few() -> None:
    krylov(*LEVELS, 3)
    by_conjugate_gradients(np.array([3.0, 2.0, 1.0]), np.ones(3), 2)


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_conjugate_gradients_are_the_least_losses(steps: int) -> None:
    w, sigma = LEVELS
    least = [moments.least_loss(moments.of(state_of(w, sigma), -1, 2 * T), T) for T in range(steps + 1)]
    curvatures, gradient = (np.array([float(x) for x in values]) for values in LEVELS)
    found = conjugate_gradients(curvatures, gradient, steps)
    # Three steps with a ratio of curvatures of 1000: rounding 1e-13.
    np.testing.assert_allclose(found, [float(x) for x in least], rtol=1e-12, atol=1e-13 * float(least[0]))
