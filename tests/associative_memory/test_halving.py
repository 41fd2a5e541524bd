"""AML-X3: gradient descent with a halving step learns all items exponentially well."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.bounds import critical_step, halving_guarantee
from labs.associative_memory.descent import gd_errors
from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin
from labs.associative_memory.schedules import halving
from tests.associative_memory import margin_balls as balls
from tests.referee import check, control, verifies
from theory.associative_memory import AML_X3a, AML_X3b
from theory.associative_memory import margin_descent as derived
from theory.evidence import Evidence, enclosed, every, exact, measured, require

LONG_ENOUGH, FAR_ENOUGH = "n >= Gam/gam_1", "m* >= 1/2"


def errors_after(masses: np.ndarray, K: int, alpha: float, each: int) -> np.ndarray:
    """The errors of all groups (of equal size) after all stages of the guarantee."""
    plan = halving_guarantee(K, alpha, each, float(masses[0] / masses[-1]))
    eta = plan.first * masses[0] / masses[-1]
    shape = halving(plan.stages, each)
    return gd_errors(masses / masses[0], K, alpha, eta, [len(shape)], schedule=shape)[0]


@check(AML_X3a)
def guarantee_in_floats(masses: np.ndarray, K: int, alpha: float, each: int) -> Evidence:
    """|e| and the excess of every item against the guarantee."""
    plan = halving_guarantee(K, alpha, each, float(masses[0] / masses[-1]))
    require(optimal_margin(K, alpha) >= 0.5, FAR_ENOUGH)
    require(each >= plan.smallest, LONG_ENOUGH)
    errors = errors_after(masses, K, alpha, each)
    # The last steps contract; what they round is eps of the errors at the start of their stages, about 1.
    return every(
        measured(np.max(np.abs(errors)), plan.error, 1e-15, "<="),
        measured(float(np.max(item_excess(errors, K, alpha))), plan.excess, 1e-30, "<="),
    )


@check(AML_X3a)
def guarantee_in_balls(M: int, beta: int, C: int, alpha: Fraction, each: int) -> Evidence:
    """The same for every group, with the steps of the guarantee rounded to fractions and the run enclosed.

    The steps are those of the code: eta_0 p_min and halves of it; Gam <= 2 eta_0 p_min Gam/m* <= 2 is checked, too.
    """
    K = M * C
    spread = M**beta
    plan = halving_guarantee(K, float(alpha), each, float(spread))
    require(optimal_margin(K, float(alpha)) >= 0.5, FAR_ENOUGH)
    require(each >= plan.smallest, LONG_ENOUGH)
    pi = balls.peak(K, alpha)
    reach = max(alpha, pi * K / (K - 1))
    first = Fraction(plan.first).limit_denominator(10**6)
    parts = []
    with balls.bits(each * plan.stages):
        best = balls.best(K, alpha)
        rounded = balls.ball(first * reach) / best - 1
        parts.append(enclosed(abs(rounded) - balls.ball(Fraction(1, 10**5)), "<"))

        def gamma(e: int) -> Any:
            return -balls.drift(best + e, K, alpha)

        two = min((gamma(2) / 2, -gamma(-2) / 2), key=float)
        exponent = two * each / (balls.ball(2 * reach))
        bound = 2 * (-exponent).exp()
        for i in range(1, M + 1):
            top = first * Fraction(spread, i**beta)
            sizes = [top / 2**s for s in range(plan.stages) for _ in range(each)]
            e = balls.margins(sizes, K, alpha)[-1] - best
            parts += [enclosed(e - bound, "<"), enclosed(e + bound, ">")]
            parts.append(enclosed(balls.excess(best + e, K, alpha) - bound * bound / 8, "<"))
    return every(*parts)


def test_two_lemmas_of_the_proof() -> None:
    """gamma is convex and then concave; and Gam >= K/(2 (K - 1)), twice the slope of gamma at its steepest."""
    import sympy

    alpha, x, K = sympy.symbols("alpha x K", positive=True)
    pi = derived.peak(K, alpha)
    gamma = derived.error_drift(x, K, alpha)
    bend = derived.by_margin(derived.by_margin(gamma, x), x)
    bent = alpha * pi * x * (1 - pi - pi * x) / (1 - pi + pi * x) ** 3
    for size in (2, 3, 1000):
        assert exact(sympy.cancel((bend - bent).subs(K, size)), 0).verdict == "holds"
    assert exact(alpha + pi * K / (K - 1), K / (K - 1)).verdict == "holds"  # Gam is the larger of the two


@verifies(AML_X3a)
def test_the_guarantee() -> None:
    guarantee_in_balls(6, 2, 3, Fraction(1, 5), 12)
    guarantee_in_balls(4, 1, 2, Fraction(1, 2), 20)


@verifies(AML_X3a)
@pytest.mark.parametrize("alpha", [0.02, 0.2, 0.6, 0.9])
def test_the_guarantee_for_power_laws(alpha: float) -> None:
    for beta, M, C in ((1.2, 100, 5), (2.0, 50, 1), (8.0, 6, 4), (0.0, 4, 3)):
        masses = masses_of_power_law(beta, M)
        smallest = halving_guarantee(M * C, alpha, 1, 1.0).smallest
        for each in (smallest, 2 * smallest):
            guarantee_in_floats(masses, M * C, alpha, each)


@control(AML_X3a, drops=FAR_ENOUGH)
def test_a_best_margin_below_one_half() -> None:
    guarantee_in_floats(masses_of_power_law(1.5, 3), 6, 0.99, 400)


def test_the_numbers_of_the_control() -> None:
    masses = masses_of_power_law(1.5, 3)
    found = float(np.sum(masses * item_excess(errors_after(masses, 6, 0.99, 400), 6, 0.99)))
    assert found == pytest.approx(8e-9, abs=5e-10)
    assert halving_guarantee(6, 0.99, 400, 3**1.5).excess == pytest.approx(1.6e-16, abs=5e-18)
    assert optimal_margin(6, 0.99) < 0.5


# --- numbers of the comparison -----------------------------------------------------------------------------------


@check(AML_X3b)
def halving_is_enough(beta: float, stages: int, each: int = 10) -> Evidence:
    """The excess after stages * each steps is below 1e-26 (in logarithms)."""
    masses = masses_of_power_law(beta, 2000)
    plan = halving_guarantee(10**5, 0.2, each, float(masses[0] / masses[-1]))
    found = float(np.sum(masses * item_excess(errors_after(masses, 10**5, 0.2, each), 10**5, 0.2)))
    return every(
        # Whole numbers: a hundredth stands for equality.
        measured(float(plan.stages), float(stages), 0.005),
        measured(math.log10(found), -26.0, 0.1, "<="),
    )


@verifies(AML_X3b)
def test_halving_needs_few_steps() -> None:
    for beta, stages in ((1.2, 18), (1.5, 22), (2.0, 27)):
        halving_is_enough(beta, stages)


@control(AML_X3b, changes="n = 10 -> 3")
def test_three_steps_a_stage_are_too_few() -> None:
    halving_is_enough(1.5, 21, 3)


def test_constant_steps_are_far_behind() -> None:
    masses = masses_of_power_law(1.5, 2000)
    p = masses / masses[0]
    for step, printed in ((1.0, 1.85), (0.99 * critical_step(10**5, 0.2), 0.71)):
        errors = gd_errors(p, 10**5, 0.2, step, [230])[0]
        assert float(np.sum(masses * item_excess(errors, 10**5, 0.2))) == pytest.approx(printed, abs=5.1e-3)
    plans = [halving_guarantee(10**5, 0.2, n, 2000**1.5).excess for n in (10, 305)]
    assert plans[0] == pytest.approx(0.18, abs=5e-3)
    assert plans[1] < 1e-14


def test_bad_arguments() -> None:
    for change, message in (
        ({"each": 0}, "each must be"),
        ({"each": 1.0}, "each must be"),
        ({"spread": 0.5}, "spread must be"),
        ({"alpha": 0.0}, "alpha must be in"),
        ({"K": 1}, "K must be"),
    ):
        with pytest.raises(ValueError, match=message):
            halving_guarantee(**({"K": 10, "alpha": 0.2, "each": 5, "spread": 3.0} | change))
    # One frequency: from Gam h = m* = 3.7 two halvings lead below 1.
    assert halving_guarantee(10, 0.2, 5, 1.0).stages == 3
