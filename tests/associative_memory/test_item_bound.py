"""AML-P11: no item is learned faster than geometrically, at a rate proportional to its frequency."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.associative_memory.bounds import gd_asymptotic_lower_bound, gd_constant, item_lower_bound
from labs.associative_memory.descent import gd_errors
from labs.associative_memory.margins import item_excess, masses_of_power_law
from labs.core.streams import stream
from tests.associative_memory import margin_balls as balls
from tests.associative_memory.margin_symbols import symbols
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.associative_memory import AML_P11a, AML_P11b
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, enclosed, every, exact, measured

EPS = 2.0**-52
TWO = Fraction(2)

# h, K, alpha: h below 2 (K - 1)/K.
RUNS = [
    (Fraction(1, 4), 2, Fraction(99, 100)),
    (Fraction(9, 10), 2, Fraction(1, 5)),
    (Fraction(3, 2), 50, Fraction(1, 5)),
    (Fraction(1, 100), 1000, Fraction(0)),
    (Fraction(1), 7, Fraction(1, 10**6)),
]


@check(AML_P11a)
def pieces_of_the_proof(factor: Fraction = Fraction(1)) -> Evidence:
    """l' = -((K - 1)/K) g; 0 <= l'' <= factor/4; convexity and l'^2 <= (l - l*)/2 give the rate 1 - h'/2."""
    import sympy

    K, alpha, w = symbols()
    slope = derived.by_margin(derived.loss(w, K, alpha), w)
    curvature = derived.by_margin(slope, w)
    gap, h = sympy.symbols("gap h", positive=True)
    # l(m') >= l(m) - h' l'^2 with l'^2 = (l - l*)/2 less a slack, and h' = h K/(K - 1).
    slack = sympy.Symbol("slack", nonnegative=True)
    after = gap - h * K / (K - 1) * (gap / 2 - slack)
    steepest = dict.fromkeys((*K.free_symbols, *alpha.free_symbols), 1) | {w: 2}
    return every(
        exact(slope, -(K - 1) / K * derived.drift(w, K, alpha)),
        exact(curvature, 0, ">"),
        exact(curvature, factor / 4, "<=", witness=steepest),
        exact(after, gap * (1 - h * K / (2 * (K - 1))), ">="),
    )


@check(AML_P11a)
def run_in_balls(h: Fraction, K: int, alpha: Fraction, steps: int, two: Fraction = TWO) -> Evidence:
    """excess_t >= excess_0 (1 - h K/(two (K - 1)))^t for t = 1..steps, enclosed; `two` is 2."""
    with balls.bits(steps):
        left = [balls.excess(m, K, alpha) for m in balls.margins([h] * steps, K, alpha)]
        rate = balls.ball(1 - h * K / (two * (K - 1)))
        parts = [enclosed(left[t] - left[0] * rate**t, ">") for t in range(1, steps + 1)]
    return every(*parts)


@check(AML_P11a)
def run_in_floats(h: float, K: int, alpha: float, steps: int) -> Evidence:
    """`item_lower_bound` for `gd_errors`; its ratio is how sharp it is."""
    t = np.arange(1.0, steps + 1)
    excess = item_excess(gd_errors(np.array([1.0]), K, alpha, h, steps)[1:, 0], K, alpha)
    ratio = item_lower_bound(t, K, alpha, h) / excess
    # Multipliers in (0, 1) do not amplify rounding, which adds up.
    return measured(float(np.max(ratio)), 1.0, 64 * EPS * steps, "<=")


@verifies(AML_P11a)
def test_an_item_is_learned_at_its_pace() -> None:
    pieces_of_the_proof()
    for run in RUNS:
        run_in_balls(*run, 40)


@verifies(AML_P11a)
def test_how_sharp_the_bound_is() -> None:
    worst = worst_case(
        lambda h, K, alpha: run_in_floats(h, K, alpha, 40),
        lambda x: (min(1.9 * float(x[0]), 1.9) / 2, 2 + round(50 * float(x[1])), min(float(x[2]), 0.999)),
        dimension=3,
        lower=1e-4,
        upper=1.0,
        stream=stream("item bound"),
        starts=2,
        steps=30,
    )
    assert worst > 0.99


@control(AML_P11a, sharpens="2 -> 2.2 in the rate")
def test_the_two_in_the_rate() -> None:
    pieces_of_the_proof(Fraction(9, 10))
    run_in_balls(*RUNS[0], 40, two=Fraction(11, 5))


@pytest.mark.parametrize(
    ("name", "value"), [("K", 1.0), ("h", 1.9), ("h", 0.0), ("t", -1.0), ("alpha", 1.1), ("t", np.nan)]
)
def test_bad_items_are_named(name: str, value: float) -> None:
    good = {"t": 3.0, "K": 10.0, "alpha": 0.2, "h": 0.5}
    with pytest.raises(ValueError, match=f"^{name} must be"):
        item_lower_bound(**(good | {name: value}))


def test_the_numbers_of_the_sharpened_bound() -> None:
    h, K, alpha, t = 0.25, 2, 0.99, 40
    excess = float(item_excess(gd_errors(np.array([1.0]), K, alpha, h, [t])[0, 0], K, alpha))
    bound = item_lower_bound(float(t), K, alpha, h)
    sharpened = item_lower_bound(0.0, K, alpha, h) * (1 - h * K / (2.2 * (K - 1))) ** t
    assert abs(excess / bound - 2.283) < 5e-4
    assert abs(excess / sharpened - 0.692) < 5e-4


@check(AML_P11b)
def sum_is_an_integral(shift: int = 0) -> Evidence:
    """int_0^inf i^-beta exp(-r i^-beta) di = Gamma(1 - 1/beta) r^-(1 - 1/beta)/beta, for every beta > 1 and r."""
    import sympy

    beta, r = 1 + sympy.Symbol("b", positive=True), sympy.Symbol("r", positive=True)
    power = 1 - 1 / beta
    found = derived.exponential_integral(r, beta)
    claimed = sympy.gamma(power + shift) * r**-power / beta
    return exact(sympy.simplify(found / claimed), 1)


@check(AML_P11b)
def sum_over_groups(beta: float, T: int, share: float = 1.0, K: int = 10**5) -> Evidence:
    """The sum of `item_lower_bound` over many groups against `gd_asymptotic_lower_bound`."""
    alpha, kappa, M = 0.2, 1.0, 10**6
    i = np.arange(1.0, M + 1)
    masses = masses_of_power_law(beta, M)
    total = float(np.sum(masses * item_lower_bound(float(T), K, alpha, kappa * i**-beta)))
    # Groups beyond M hold M^(1-beta)/(beta - 1) of the mass, relatively (T M^-beta)^(1-1/beta); log1p(-y) = -y
    # + O(y^2) is right to 1/T where T y is of order one.
    power = 1 - 1 / beta
    error = 4 * (T * M**-beta) ** power + 4 / T
    return measured(total * T**power / gd_asymptotic_lower_bound(K, alpha, beta, kappa), share, error)


@verifies(AML_P11b)
def test_the_sum_over_a_power_law() -> None:
    sum_is_an_integral()
    for beta in (1.5, 2.0, 3.0):
        sum_over_groups(beta, 3000)
    sum_over_groups(2.0, 3000, K=4)  # K/(K - 1) = 4/3


@control(AML_P11b, changes="Gamma(1 - 1/beta) -> Gamma(2 - 1/beta)")
def test_the_gamma_of_the_sum() -> None:
    sum_is_an_integral(1)
    sum_over_groups(2.0, 3000, 0.5)


def share_of_a_run(times: list[int]) -> np.ndarray:
    """The sum of the bounds over the excess of a run: M = 2000, C = 50, beta = 2, kappa = 1, noise 0.2."""
    M, K, alpha = 2000, 10**5, 0.2
    masses = masses_of_power_law(2.0, M)
    h = masses / masses[0]
    found = np.sum(masses * item_excess(gd_errors(h, K, alpha, 1.0, times), K, alpha), axis=-1)
    return np.array([np.sum(masses * item_lower_bound(float(t), K, alpha, h)) for t in times]) / found


def test_the_bound_is_about_half_of_a_run() -> None:
    np.testing.assert_allclose(share_of_a_run([30, 300, 3000]), [0.4867, 0.4994, 0.4964], atol=5e-5)
    ratio = gd_asymptotic_lower_bound(10**5, 0.2, 2.0) / gd_constant(10**5, 0.2, 2.0)
    assert 0.5 < ratio < 0.51  # in the limit of infinitely many groups


@pytest.mark.long
def test_the_bound_when_the_last_group_is_in_sight() -> None:
    np.testing.assert_allclose(share_of_a_run([30000]), [0.484], atol=5e-4)
