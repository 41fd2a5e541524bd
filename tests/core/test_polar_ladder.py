"""The constants of labs/core/polar/_ladder.py are the minimax polynomials that it says they are."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from labs.core.polar import _products
from labs.core.polar._ladder import DOUBLE, GAIN, LIFT, SINGLE, Ladder
from labs.core.polar.minimax import minimax_quintic
from labs.core.polar.ranges import polynomial_range
from labs.core.polar.schedules import CUBIC, iterate

LADDERS = [pytest.param(DOUBLE, 2.0**-52, id="double"), pytest.param(SINGLE, 2.0**-23, id="single")]


def test_the_lift_is_a_minimax_quintic_scaled_to_098() -> None:
    best = minimax_quintic(Fraction("0.12"), 1)
    scale = Fraction("0.98") / (1 + best.error)
    assert [float(scale * c) for c in best.coefficients] == pytest.approx(LIFT, rel=1e-15)


@pytest.mark.parametrize(("ladder", "eps"), LADDERS)
def test_a_rung_is_the_minimax_quintic_from_there_and_leads_to_the_next(ladder: Ladder, eps: float) -> None:
    rungs = [Fraction(str(rung)) for rung, _ in ladder.finish]
    e = Fraction(math.sqrt(eps / 12))
    goals = [*rungs[1:], None]
    for rung, goal, (_, quintic) in zip(rungs, goals, ladder.finish, strict=True):
        best = minimax_quintic(rung, 1)
        top = 1 if goal is None else 1 + best.error
        assert quintic == pytest.approx([float(c / top) for c in best.coefficients], rel=1e-15)
        if goal is None:
            assert best.error <= e
        else:
            assert (1 - best.error) / (1 + best.error) >= goal


@pytest.mark.parametrize(("ladder", "eps"), LADDERS)
def test_the_ladder_leads_to_one(ladder: Ladder, eps: float) -> None:
    """Enclosed, from every height: rungs, and the heights that so many lifts serve."""
    for lifts in range(4):
        low = Fraction(ladder.finish[0][0]) / Fraction(GAIN) ** lifts
        count = lifts + len(ladder.finish)
        least, greatest = polynomial_range([*ladder.steps(count), CUBIC], (low, 1))
        # The cubic's 3/2 e^2 = eps/8, and coefficients rounded to eps/2, which the last step squares away.
        assert least - 1 > -eps / 7.9
        assert greatest - 1 < eps / 7.9
    for count, (rung, _) in enumerate(reversed(ladder.finish), 1):
        least, greatest = polynomial_range([*ladder.steps(count), CUBIC], (Fraction(rung), 1))
        assert abs(least - 1) < eps / 7.9
        assert abs(greatest - 1) < eps / 7.9


def test_a_lift_gains_and_lowers_nothing_large() -> None:
    """p(x) >= min(GAIN x, 0.42), p <= 0.98 and a little beyond 1 still below 1: certain on small boxes."""
    for i in range(400):
        low, high = Fraction(i, 400), Fraction(i + 1, 400)
        least, greatest = polynomial_range(LIFT, (low, high))
        bound = min(Fraction(GAIN) * high, Fraction("0.42"))
        if low > Fraction(1, 400):
            assert least > float(bound - Fraction(GAIN) / 400)
        assert greatest < 0.98000001
    for x in np.linspace(1e-4, 0.42 / GAIN, 500):
        assert iterate(LIFT, float(x)) > GAIN * x
    assert polynomial_range(LIFT, (1, Fraction("1.002")))[1] < 1
    # Positive everywhere, so that no sign is ever lost.
    for a, b, c in (LIFT, *(q for ladder in (DOUBLE, SINGLE) for _, q in ladder.finish)):
        assert b * b < 4.0 * a * c
        assert a > 0


@pytest.mark.parametrize(("ladder", "eps"), LADDERS)
def test_steps_and_counts_belong_together(ladder: Ladder, eps: float) -> None:
    finish = tuple(quintic for _, quintic in ladder.finish)
    assert ladder.steps(0) == ()
    assert ladder.steps(1) == finish[-1:]
    assert ladder.steps(len(finish)) == finish
    assert ladder.steps(len(finish) + 2) == (LIFT, LIFT, *finish)
    first, last = ladder.finish[0][0], ladder.finish[-1][0]
    low = np.array(
        [1.0, last, last * 0.999, first, first * 0.999, first / GAIN**3 * 1.001, first / GAIN**3 * 0.999]
    )
    k = len(finish)
    assert ladder.count(low, np).tolist() == [1, 1, 2, k, k + 1, k + 3, k + 4]
    assert [ladder.lifts(x) for x in (1.0, first, first * 0.999, first / GAIN**3 * 0.999)] == [0, 0, 1, 4]


def test_what_the_finish_does_to_small_values_in_passing() -> None:
    """At least FINISH lifts' worth in double; in single, where it is shorter, a little less than two."""
    for ladder, least in ((DOUBLE, _products.FINISH), (SINGLE, _products.FINISH - 0.5)):
        gain = 1.5 * math.prod(a for _, (a, _, _) in ladder.finish)
        worth = math.log(gain) / math.log(LIFT[0])
        assert least < worth < least + 0.5
