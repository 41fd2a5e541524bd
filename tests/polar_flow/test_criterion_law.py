"""POL-X3: exact probabilities of the criterion, their bounds, the near-flat edge, the normal approximation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.core.spectrum import geometric, power_law
from labs.polar_flow import criterion
from labs.polar_flow.spreads import spread
from tests.polar_flow.spread_exact import positive_symbols as symbols
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.polar_flow import (
    POL_X3_d,
    POL_X3_e,
    POL_X3_f,
    POL_X3_g,
    POL_X3_h,
    haar,
    measures,
)

GEOMETRIC = geometric(10, 0.9)


def entropy_gradient(sigma: np.ndarray) -> np.ndarray:
    return spread(sigma, "entropy")[1]


# --- bounds and exact probabilities -------------------------------------------------------------------------------


@check(POL_X3_d)
def cantelli(mean_sign: int, factor: Fraction) -> Evidence:
    """The square lies above the indicator, and its mean is factor times the bound of labs."""
    mean, variance, u = symbols("m v u")
    mean = mean_sign * mean
    require(mean.is_positive, "positive mean")
    a = variance / mean
    # E (mean + a - x)^2 = variance + a^2, and (mean + a + u)^2 >= (mean + a)^2 for x = -u <= 0.
    bound = (variance + a**2) / (mean + a) ** 2
    return every(
        exact(bound, factor * criterion.cantelli_bound(mean, variance)),
        exact((mean + a + u) ** 2, (mean + a) ** 2, ">="),
    )


@check(POL_X3_d)
def below_cantelli(sigma: np.ndarray, p: int, n: int, factor: float = 1.0) -> Evidence:
    """The exact probability against the bound."""
    q = entropy_gradient(sigma)
    require(np.sum(q) > 0, "positive mean")
    variance = criterion.sensing_variance(n, p, q.size, float(np.sum(q)), float(q @ q))
    bound = criterion.cantelli_bound((1 - p / n) * float(np.sum(q)), variance)
    return measured(criterion.sensing_probability(q, p, n), factor * bound, 1e-10, "<=")


@verifies(POL_X3_d)
def test_mean_and_variance_bound_the_probability() -> None:
    cantelli(1, Fraction(1))
    for sigma in (GEOMETRIC, power_law(10), np.linspace(1.1, 0.9, 10)):
        for p in (10, 50, 90, 99):
            below_cantelli(sigma, p, 100)


@control(POL_X3_d, changes="Var -> Var/2")
def test_half_the_bound_is_no_bound() -> None:
    cantelli(1, Fraction(1, 2))


@control(POL_X3_d, sharpens="bound -> 0.49 bound")
def test_near_flat_spectra_reach_half_the_bound() -> None:
    below_cantelli(np.linspace(1.001, 0.999, 10), 50, 100, factor=0.49)


@control(POL_X3_d, drops="positive mean")
def test_a_negative_mean_has_no_bound() -> None:
    cantelli(-1, Fraction(1, 2))


@check(POL_X3_e)
def share_of_angles(factor: Fraction) -> Evidence:
    """The share of angles between two sign changes is phi/pi, for every phi."""
    import sympy

    c = symbols("c", real=True)
    return exact(haar.sign_change_share(c), factor * sympy.acos(c) / sympy.pi)


@check(POL_X3_e)
def printed_angle(text: str) -> Evidence:
    """arccos(sum q/(sqrt r |q|))/pi for the entropy of 0.9^i, r = 10, as a ball."""
    from flint import arb

    ratio = arb(9) / 10
    sigma = [ratio**i for i in range(10)]
    total = sum(sigma[1:], sigma[0])
    logs = [(s / total).log() for s in sigma]
    H = -sum((s / total * l for s, l in zip(sigma[1:], logs[1:], strict=True)), sigma[0] / total * logs[0])
    q = [-(l + H) / total for l in logs]
    cosine = sum(q[1:], q[0]) / (10 * sum((x * x for x in q[1:]), q[0] ** 2)).sqrt()
    value, printed = cosine.acos() / arb.pi(), arb(text)
    half = arb(10) ** -len(text.partition(".")[2]) / 2
    return every(enclosed(half - (value - printed), ">="), enclosed(half + (value - printed), ">="))


@check(POL_X3_e, POL_X3_f)
def one_direction_left(sigma: np.ndarray, n: int, factor: float = 1.0) -> Evidence:
    """The integral at k = 1 against phi/pi, for every n."""
    q = entropy_gradient(sigma)
    phi = np.arccos(np.sum(q) / np.sqrt(q.size * (q @ q)))
    return measured(criterion.sensing_probability(q, n - 1, n), factor * phi / np.pi, 1e-9)


@verifies(POL_X3_e, POL_X3_f)
def test_one_direction_left() -> None:
    for n in (100, 101, 400):
        one_direction_left(GEOMETRIC, n)
        one_direction_left(np.linspace(1.01, 0.99, 10), n)
    one_direction_left(np.array([2.0, 1.0]), 4)


@verifies(POL_X3_e)
def test_the_share_of_angles() -> None:
    share_of_angles(Fraction(1))
    printed_angle("0.4081")


@control(POL_X3_e, changes="phi/pi -> 1.01 phi/pi")
def test_another_share() -> None:
    share_of_angles(Fraction(101, 100))


@check(POL_X3_f)
def law_has_the_moments(offset: int) -> Evidence:
    """b and sqrt(b (1-b)) z have the moments of <e, P e> and <f, P e>, f orthogonal to e: all n, k."""
    n, k = symbols("n k")
    a, b = haar.second_moments(n, k)
    first, second, crossed = haar.split_moments(n, k)
    return every(
        exact(first, k / n), exact(second, a + 2 * b), exact(crossed, b * (n - 1) / (n - 1 + offset))
    )


@check(POL_X3_f)
def planes_in_four_dimensions(factor: Fraction) -> Evidence:
    """The integral at n = 4, p = 2 against a derivation by quaternions, for every angle."""
    t = symbols("t")
    return exact(haar.law_in_four_dimensions(t), factor * haar.plane_in_four_dimensions(t))


@check(POL_X3_f)
def law_of_labs(sigma: np.ndarray, factor: float = 1.0) -> Evidence:
    """n = 4, p = 2: (1 - phi cot phi)/2, which is that integral."""
    q = entropy_gradient(sigma)
    phi = np.arccos(np.sum(q) / np.sqrt(2 * (q @ q)))
    return measured(criterion.sensing_probability(q, 2, 4), factor * (1 - phi / np.tan(phi)) / 2, 1e-10)


@check(POL_X3_f)
def against_simulation(sigma: np.ndarray, p: int, n: int, factor: float = 1.0) -> Evidence:
    """The integral against the frequency of a plain simulation by projections, within five standard errors."""
    frequency, error = simulated(sigma, p, n, 40_000)
    return measured(
        frequency,
        factor * criterion.sensing_probability(entropy_gradient(sigma), p, n),
        5 * error,
        margin=6 * error,
    )


def simulated(sigma: np.ndarray, p: int, n: int, draws: int) -> tuple[float, float]:
    """(frequency, standard error) of sum alpha_i q_i <= 0: P_perp spanned by n - p Gaussian vectors, E_i = e_i."""
    from labs.core.streams import stream

    q, r, k, held = entropy_gradient(sigma), sigma.size, n - p, 0
    ones, weights = np.zeros(n), np.zeros(n)
    ones[:r], weights[:r] = 1.0, q
    random = stream("criterion: simulation", p, n)
    for _ in range(draws // 1000):
        Z = random.standard_normal((1000, n, k))
        gram = np.swapaxes(Z, 1, 2) @ Z
        inside = np.linalg.solve(gram, np.swapaxes(Z, 1, 2) @ ones[:, None])
        held += int(np.sum((weights @ Z)[:, None, :] @ inside <= 0))
    share = held / draws
    return share, float(np.sqrt(share * (1 - share) / draws))


@verifies(POL_X3_f)
def test_the_law_of_sensing() -> None:
    law_has_the_moments(0)
    planes_in_four_dimensions(Fraction(1))
    for sigma in ([3.0, 2.0], [1.0, 1e-3], [1.001, 1.0]):
        law_of_labs(np.array(sigma))
    against_simulation(np.array([3.0, 2.0]), 2, 4)
    against_simulation(np.array([3.0, 2.0, 1.0]), 7, 9)


@pytest.mark.long
@verifies(POL_X3_f)
def test_the_law_of_sensing_at_the_printed_size() -> None:
    against_simulation(GEOMETRIC, 90, 100)
    against_simulation(np.linspace(1.1, 0.9, 10), 95, 100)


@control(POL_X3_f, changes="n - 1 -> n in the direction's dimension")
def test_another_dimension_of_the_direction() -> None:
    law_has_the_moments(1)


@control(POL_X3_f, changes="1/2 -> 0.55")
def test_another_factor_is_another_law() -> None:
    planes_in_four_dimensions(Fraction(11, 10))
    law_of_labs(np.array([3.0, 2.0]), factor=1.1)
    against_simulation(np.array([3.0, 2.0]), 2, 4, factor=1.1)


# --- near-flat spectra --------------------------------------------------------------------------------------------


@check(POL_X3_g)
def orders_of_vanishing(kind: str, power: int, order: int) -> Evidence:
    """At sigma = 1 + eps x: q = O(eps), not smaller, and sum q = O(eps^order), at an exact x of sum 0."""
    import sympy

    eps = sympy.Symbol("eps")
    names = symbols("s1:4")
    at = dict(zip(names, (1 + 2 * eps, 1 - eps, 1 - eps), strict=True))
    q = [x.subs(at) for x in measures.gradient(kind, names, power)]
    total = sum(q)
    derivatives = [total.diff(eps, i).subs(eps, 0) for i in range(order)]
    return every(
        exact(q[0].subs(eps, 0), 0),
        exact(q[0].diff(eps).subs(eps, 0), 0, "!="),
        *(exact(sympy.expand_log(d), 0) for d in derivatives),
    )


@check(POL_X3_g)
def near_half(eps: float, p: int, slope: float) -> Evidence:
    """|Prob - 1/2| <= slope eps for the linear spectrum 1 +- eps, r = 10, 100 entries."""
    q = entropy_gradient(np.linspace(1 + eps, 1 - eps, 10))
    return measured(abs(criterion.sensing_probability(q, p, 100) - 0.5), slope * eps, 1e-10, "<=")


@verifies(POL_X3_g)
def test_near_flat_spectra_are_a_coin_toss() -> None:
    for kind, power in (("entropy", 1), ("participation", 1), ("pairwise", 1), ("squared entropy", 1)):
        orders_of_vanishing(kind, power, 2)
    for p in (10, 50, 90):
        for eps in (1e-2, 1e-3, 1e-4):
            near_half(eps, p, 10.0)


@control(POL_X3_g, changes="second order -> third order")
def test_the_sum_is_of_second_order_only() -> None:
    orders_of_vanishing("entropy", 1, 3)


def test_printed_probabilities_near_flat_spectra() -> None:
    """Printed, from 300 draws each: 0.03, 0.25, 0.42, 0.46; the law itself is within their standard errors (0.03)."""
    found = [
        criterion.sensing_probability(entropy_gradient(np.linspace(1 + e, 1 - e, 10)), 50, 100)
        for e in (0.3, 0.1, 0.03, 0.01)
    ]
    assert [f"{x:.4f}" for x in found] == ["0.0319", "0.2629", "0.4243", "0.4746"]


# --- the normal approximation -------------------------------------------------------------------------------------


@check(POL_X3_h)
def normal_is_close(sigma: np.ndarray, p: int, n: int, within: float = 0.03) -> Evidence:
    """The normal approximation of the law of sensing."""
    q = entropy_gradient(sigma)
    variance = criterion.sensing_variance(n, p, q.size, float(np.sum(q)), float(q @ q))
    normal = criterion.normal_probability((1 - p / n) * float(np.sum(q)), variance)
    return measured(abs(normal - criterion.sensing_probability(q, p, n)), within, 0.0, "<=", margin=1e-4)


@verifies(POL_X3_h)
def test_the_normal_approximation() -> None:
    for sigma in (GEOMETRIC, geometric(10, 0.5), power_law(10), np.linspace(1.1, 0.9, 10)):
        for p in (10, 30, 50, 70, 90):
            normal_is_close(sigma, p, 100)


@control(POL_X3_h, changes="p <= 0.9 mn -> p = 0.98 mn")
def test_with_two_directions_left_the_sum_is_far_from_normal() -> None:
    normal_is_close(geometric(10, 0.5), 98, 100)


def test_printed_normal_probabilities() -> None:
    q = entropy_gradient(GEOMETRIC)
    total, squares = float(np.sum(q)), float(q @ q)
    # Regression, d = 20, N = 18, k = 10: 0.161.  Sensing, 10 x 10, p = 90: 0.179, where the law itself has 0.1737.
    in_regression = criterion.normal_probability(
        0.1 * total, criterion.regression_variance(20, 18, total, squares)
    )
    in_sensing = criterion.normal_probability(
        0.1 * total, criterion.sensing_variance(100, 90, 10, total, squares)
    )
    assert (f"{in_regression:.3f}", f"{in_sensing:.3f}") == ("0.161", "0.179")
    assert f"{criterion.sensing_probability(q, 90, 100):.4f}" == "0.1737"


def test_bad_input() -> None:
    q = np.array([-1.0, 3.0])
    for bad in (np.zeros(3), np.ones(1), np.ones((2, 2)), np.array([np.nan, 1.0])):
        with pytest.raises(ValueError, match=r"^q must"):
            criterion.sensing_probability(bad, 2, 100)
    for p, n in ((0, 4), (4, 4), (1, 3), (1.5, 4)):
        with pytest.raises(ValueError, match=r"^p and n must"):
            criterion.sensing_probability(q, p, n)  # type: ignore[arg-type]
    for variance in (0.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"^variance must"):
            criterion.normal_probability(1.0, variance)
    with pytest.raises(ValueError, match=r"^mean must"):
        criterion.normal_probability(np.nan, 1.0)
    # A multiple of 1: <P, P_perp P> is positive, almost surely.
    assert criterion.sensing_probability(np.ones(2), 2, 100) == 0.0
    assert criterion.sensing_probability(-np.ones(7), 2, 100) == 1.0
    assert 0 < criterion.sensing_probability(q, 1, 4) < criterion.sensing_probability(q, 3, 4)
    assert criterion.sensing_probability(-q, 2, 4) == pytest.approx(
        1 - criterion.sensing_probability(q, 2, 4)
    )
