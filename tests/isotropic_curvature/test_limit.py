"""ICM-X1: homogenisation is limited by the elasticity of the weight, and for power laws the limit is sharp."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law
from labs.core.streams import stream
from labs.isotropic_curvature import Power, closed_forms
from tests.isotropic_curvature.device import expect, solve
from tests.isotropic_curvature.menu import (
    COSH,
    MIXED,
    RATIO_ERROR,
    SIZES,
    SUBQUADRATIC,
    SUPERQUADRATIC,
    elasticity_range,
    gradient_of,
    pairs,
    spectra,
    weights,
)
from tests.referee import check, control, restates, verifies
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_X1a,
    ICM_X1b,
    ICM_X1c,
    ICM_X1d,
    ICM_X1e,
    any_dimension,
    even_powers,
    plane,
    powers,
)

BETWEEN = "kappa_- <= kappa <= kappa_+"
SMOOTH = "w absolutely continuous"
ONE_SPIKE = np.array([1.0, 1e-3, 1e-3])
RATIONAL_SPIKE = [Fraction(1), Fraction(1, 1000), Fraction(1, 1000)]
Side = tuple[Fraction, Fraction]


# --- any number of coordinates, even powers: algebra -----------------------------------------------------


@check(ICM_X1b)
def sharper_form_for_all_n(power: int, factor: Fraction) -> Evidence:
    """g_i/g_j <= t + factor (p-2)(t - 1/t), t = q_i/q_j >= 1, for any other coordinates; labs' closed form."""
    import sympy

    first = any_dimension.pair(power)
    v = sympy.Symbol("v", nonnegative=True)
    t = 1 + v
    at = {first.x_i: t**2 * first.x_j}
    bound = closed_forms.largest_gradient_ratio(t, factor * (power - 2))
    spike = {v: 999, first.x_j: 1} | dict.fromkeys(first.rest, 0)  # where it fails first, if it does
    return exact(t * first.weight_i.subs(at), bound * first.weight_j.subs(at), "<=", witness=spike)


@check(ICM_X1a)
def limit_for_all_n(power: int, factor: Fraction) -> Evidence:
    """lambda_i/lambda_j <= factor (p - 1) for x_i >= x_j and any other coordinates."""
    import sympy

    first = any_dimension.pair(power)
    at = any_dimension.gap_over(first, sympy.Symbol("v", nonnegative=True))
    return exact(first.weight_i.subs(at), (factor * (power - 1) * first.weight_j).subs(at), "<=")


@verifies(ICM_X1a, ICM_X1b)
@pytest.mark.parametrize("power", [4, 6, 8])
def test_even_powers_in_every_dimension(power: int) -> None:
    limit_for_all_n(power, Fraction(1))
    sharper_form_for_all_n(power, Fraction(1))


# --- two coordinates, real powers: balls -----------------------------------------------------------------


@check(ICM_X1b)
def sharper_form_in_the_plane(p: Side, t: Side, factor: Fraction) -> Evidence:
    """|lambda_1 - lambda_2| < factor |p-2| (1 - t^2) lambda_2 at n = 2, q = (1, t), on a box of (p, t)."""
    sign = 1 if p[0] > 2 else -1

    def room(p: Any, t: Any) -> Any:
        first, second = plane.weight_balls(p, t)
        share = (1 - t * t) * factor.numerator / factor.denominator
        return sign * (second * (1 + (p - 2) * share) - first)

    return enclosed(room, ">", box=[p, t], budget=2**15)


@verifies(ICM_X1b)
@pytest.mark.parametrize(
    ("p", "t"),
    [
        (("2.1", "8"), ("0.6", "0.95")),
        (("2.5", "2.5"), ("0.001", "0.99")),
        (("3", "3"), ("0.001", "0.99")),
        (("1.4", "1.4"), ("0.001", "0.99")),
        (("1.2", "1.9"), ("0.6", "0.95")),
    ],
)
def test_real_powers_in_the_plane(p: tuple[str, str], t: tuple[str, str]) -> None:
    ends = [(Fraction(a), Fraction(b)) for a, b in (p, t)]
    sharper_form_in_the_plane(ends[0], ends[1], Fraction(1))


# --- the zoo: floating point -------------------------------------------------------------------------------


def _unrated(evidence: Evidence) -> Evidence:
    """Without its ratio: the bound is 1 and is attained by equal singular values, which says nothing."""
    return replace(evidence, ratio=None)


@check(ICM_X1a)
def within_limits(H: Any, q: np.ndarray, n: int, factor: float = 1.0) -> Evidence:
    """1 + kappa_- <= (g_i/g_j)/(q_i/q_j) <= 1 + kappa_+, the limit that is not 1 times `factor`."""
    low, high = elasticity_range(H, q, n)
    require(low > -1, BETWEEN)
    require(not getattr(H, "breaks", ()), SMOOTH)
    moved = pairs(weights(H, q, n))
    above = measured(moved, (1 + high) * (factor if high else 1), RATIO_ERROR * (1 + high), "<=")
    below = measured(moved, (1 + low) / (factor if low else 1), RATIO_ERROR, ">=")
    return every(above if high else _unrated(above), below if low else _unrated(below))


@check(ICM_X1b)
def within_sharper_limits(H: Any, q: np.ndarray, n: int, factor: float = 1.0) -> Evidence:
    """kappa_- (1 - q_j^2/q_i^2) <= lambda_i/lambda_j - 1 <= kappa_+ (1 - q_j^2/q_i^2)."""
    low, high = elasticity_range(H, q, n)
    require(low > -1, BETWEEN)
    require(not getattr(H, "breaks", ()), SMOOTH)
    moved, room = pairs(weights(H, q, n)) - 1, 1 - pairs(q) ** -2
    error = RATIO_ERROR * (1 + high)
    # Both signs turned for the lower limit, so that the ratio is that of two positive numbers.
    return every(
        measured(moved, factor * high * room, error, "<="),
        measured(-moved, -factor * low * room, error, "<="),
    )


@check(ICM_X1a)
def optimum_within_limits(p: float, g: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """The same for the solver's update of a power law: kappa = p - 2 everywhere."""
    require(p > 1, BETWEEN)
    moved = pairs(g) / pairs(solve(g, Power(p), m=m, n=n).q)
    if p > 2:
        return measured(moved, factor * (p - 1), RATIO_ERROR * p, "<=")
    return measured(moved, (p - 1) / factor, RATIO_ERROR, ">=")


MENU = {**SUPERQUADRATIC, **SUBQUADRATIC, "x^1.5 + x^4": MIXED}


@verifies(ICM_X1a, ICM_X1b)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("H", MENU.values(), ids=MENU)
def test_zoo_stays_within_limits(H: Any, sizes: tuple[int, ...]) -> None:
    for k in sizes:
        for q in spectra(k, "limit"):
            for n in (k, k + 3):
                within_limits(H, q, n)
                within_sharper_limits(H, q, n)


@verifies(ICM_X1a, ICM_X1b)
def test_hyperbolic_cosine_stays_within_limits() -> None:
    for q in ([3.0, 2.9999], [3.0, 1e-6]):
        within_limits(COSH, np.array(q), 3)
        within_sharper_limits(COSH, np.array(q), 3)


@verifies(ICM_X1a)
def test_only_the_range_of_rho_matters() -> None:
    """k = n: w rises on [1, 3], so the spectrum homogenises, although w falls near 0."""
    H, q = MIXED, np.array([3.0, 1.5, 1.0])
    assert H.elasticity(0.01) < 0 < H.elasticity(1.0)
    within_limits(H, q, 3)


@verifies(ICM_X1a)
@pytest.mark.parametrize("p", [1.2, 1.4, 2.5, 4.0, 10.0, 40.0])
def test_optimum_stays_within_limits(p: float) -> None:
    for m, n in ((6, 6), (6, 9), (9, 6)):
        for g in spectra(6, "limit, solved"):
            optimum_within_limits(p, g, m, n)
    for n in (64, 256):
        optimum_within_limits(p, power_law(n), n, n)


@verifies(ICM_X1a)
@pytest.mark.parametrize("p", [1.4, 2.5, 4.0])
def test_worst_spectrum_is_a_spike(p: float) -> None:
    def instance(ratios: np.ndarray) -> tuple[Any, ...]:
        q = np.cumprod([1.0, *ratios])  # descending, over up to 21 decades
        return Power(p), q, len(q)

    best = worst_case(
        within_limits,
        instance,
        dimension=3,
        lower=1e-7,
        upper=1.0,
        stream=stream("limit, worst", p),
        starts=3,
    )
    assert best > 0.99


@control(ICM_X1a, sharpens="1 + kappa -> 0.99 (1 + kappa)")
def test_limit_is_sharp() -> None:
    limit_for_all_n(4, Fraction(99, 100))
    for p in (1.4, 2.5, 4.0):
        within_limits(Power(p), np.array([1.0, 1e-8, 1e-8]), 3, factor=0.99)
    optimum_within_limits(4.0, gradient_of(Power(4.0), ONE_SPIKE), 3, 3, factor=0.99)
    within_limits(Power(4.0), ONE_SPIKE, 3, factor=2.5 / 3)  # the constant p - 1.5


@control(ICM_X1b, sharpens="kappa -> 0.99 kappa")
def test_sharper_form_is_sharp() -> None:
    sharper_form_for_all_n(4, Fraction(99, 100))
    sharper_form_in_the_plane(
        (Fraction(4), Fraction(4)), (Fraction(1, 1000), Fraction(1, 1000)), Fraction(99, 100)
    )
    for p in (2.5, 4.0):
        within_sharper_limits(Power(p), ONE_SPIKE, 3, factor=0.99)


@restates(ICM_X1a)
def test_condition_numbers_of_scaled_and_padded_gradients() -> None:
    """cond(Q*) of c G with a row and a column of zeros appended: one more singular value, 0, which is dropped."""
    g = np.array([1.0, 0.3, 1e-3])
    for c in (1e-8, 1e8):
        padded = c * np.append(g, 0.0)
        q = solve(padded, Power(4.0)).q
        within_limits(Power(4.0), q[:3], 4)


# --- the sharp constant ------------------------------------------------------------------------------------


@check(ICM_X1c)
def spike_limit(offset: Fraction) -> Evidence:
    """E u_1^(p/2) / E u_1^(p/2-1) u_2 = p - offset, for every real p > 1 and every n."""
    import sympy

    p = sympy.Symbol("p", positive=True)
    return exact(powers.spike_ratio(p), p - offset)


@check(ICM_X1c)
def spike_attains(q: list[Fraction], power: int, within: Fraction) -> Evidence:
    """(1 - within)(p - 1) <= lambda_1/lambda_2 at a spike, in rational numbers."""
    lam = even_powers.weights({power: 1}, q, len(q))
    return exact(lam[0] / lam[1], (1 - within) * (power - 1), ">=")


@verifies(ICM_X1c)
def test_spikes_attain_the_limit() -> None:
    spike_limit(Fraction(1))
    for power in (4, 6, 10):
        spike_attains(RATIONAL_SPIKE, power, Fraction(1, 100))


@control(ICM_X1c, changes="p - 1 -> p - 11/10")
def test_another_constant_is_not_the_limit() -> None:
    spike_limit(Fraction(11, 10))


# --- consequences ------------------------------------------------------------------------------------------


@check(ICM_X1d)
def condition_number_bound(H: Any, g: np.ndarray, factor: float = 1.0) -> Evidence:
    """cond(G) <= (1 + K) cond(Q*), and (q_j/g_j)/(q_1/g_1) <= 1 + K for all j."""
    require(H.superquadratic, "A2")
    q = solve(g, H).q
    limit = (1 + elasticity_range(H, q, len(q))[1]) * factor
    require(limit >= factor, "kappa <= K")
    condition = measured((g[0] / g[-1]) / (q[0] / q[-1]), limit, RATIO_ERROR * limit, "<=")
    return every(condition, measured((q / g) / (q[0] / g[0]), limit, RATIO_ERROR * limit, "<="))


@check(ICM_X1d)
def condition_number_in_rationals(power: int, q: list[Fraction], factor: Fraction) -> Evidence:
    """g_1/g_k <= factor (p-1) q_1/q_k for the g whose optimal update is q; amplification is its j = k."""
    require(power >= 2, "A2")
    g = even_powers.gradient({power: 1}, q, len(q))
    return exact((g[0] / g[-1]) / (q[0] / q[-1]), factor * (power - 1), "<=")


@check(ICM_X1d)
def conditions_printed(n: int, p: float, cond: float, factor: float) -> Evidence:
    """g_i = 1/i: cond(Q*) and cond(G)/cond(Q*) to the digits printed, the latter below p - 1."""
    q = solve(power_law(n), Power(p)).q
    require(p >= 2, "A2")
    found = q[0] / q[-1]
    return every(
        measured([found, n / found], [cond, factor], 5e-6),
        measured(n / found, p - 1, 0.0, "<="),
    )


@verifies(ICM_X1d)
@pytest.mark.parametrize("H", [*SUPERQUADRATIC.values()], ids=[*SUPERQUADRATIC])
def test_condition_numbers(H: Any) -> None:
    for n in (2, 64):
        for g in spectra(n, "condition"):
            condition_number_bound(H, g)


@verifies(ICM_X1d)
def test_condition_numbers_in_rationals() -> None:
    for power in (4, 6, 10):
        condition_number_in_rationals(power, RATIONAL_SPIKE, Fraction(1))
        condition_number_in_rationals(power, [Fraction(1, i) for i in range(1, 6)], Fraction(1))


@verifies(ICM_X1d)
def test_printed_condition_numbers() -> None:
    conditions_printed(16, 4.0, 8.75979, 1.82653)


@control(ICM_X1d, sharpens="1 + K -> 0.99 (1 + K)")
def test_condition_number_bound_is_sharp() -> None:
    condition_number_bound(Power(4.0), gradient_of(Power(4.0), ONE_SPIKE), factor=0.99)
    condition_number_in_rationals(4, RATIONAL_SPIKE, Fraction(99, 100))


# --- shares -------------------------------------------------------------------------------------------------


@check(ICM_X1e)
def weights_are_linear_in_shares(power: int, count: int, offset: int) -> Evidence:
    """(n+p-2) E[rho^(p-2) u_i] = E rho^(p-2) (1 + (p - offset) a_i), and sum a_i = 1, for all n."""
    import sympy

    n = sympy.Symbol("n", positive=True)
    q = sympy.symbols(f"q1:{count + 1}", positive=True)
    x = [qi**2 for qi in q]
    lam = even_powers.weights({power: 1}, q, n)
    whole = even_powers.penalty({power - 2: 1}, q, n)
    shares = powers.shares(power, x, n)
    linear = [
        exact((n + power - 2) * li / power, whole * (1 + (power - offset) * a))
        for li, a in zip(lam, shares, strict=True)
    ]
    return every(exact(sum(shares), 1), *(exact(a, 0, ">") for a in shares), *linear)


@check(ICM_X1e)
def shares_of_real_powers(p: float, q: np.ndarray, offset: float = 2.0) -> Evidence:
    """lambda_i/lambda_j from the shares, which are the relative gradient of E rho^(p-2); p > 2."""
    value, slope, _ = expect(Power(p - 2), q, order=1)
    share = q * slope / ((p - 2) * value)
    relative = pairs(weights(Power(p), q)) / pairs(1 + (p - offset) * share)
    return every(measured(relative, 1.0, RATIO_ERROR), measured(share.sum(), 1.0, RATIO_ERROR))


@verifies(ICM_X1e)
@pytest.mark.parametrize(("power", "count"), [(4, 3), (6, 3), (8, 2)])
def test_shares_of_even_powers(power: int, count: int) -> None:
    weights_are_linear_in_shares(power, count, 2)


@verifies(ICM_X1e)
@pytest.mark.parametrize("p", [3.0, 3.5, 5.0, 11.0])
def test_shares_of_real_powers(p: float) -> None:
    for q in spectra(6, "shares"):
        shares_of_real_powers(p, q)


@control(ICM_X1e, changes="p - 2 -> p - 1")
def test_shares_with_a_wrong_factor() -> None:
    weights_are_linear_in_shares(4, 2, 1)
    shares_of_real_powers(3.5, np.array([1.0, 0.4, 0.1]), 1.0)
