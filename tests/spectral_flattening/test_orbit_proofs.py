"""The machinery behind the proofs about polynomial iterations refuses what it cannot prove."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.core.polar import TUNED, iterate, minimax_quintic
from labs.core.polar.ranges import ball
from tests.spectral_flattening.tuned import FOUR, landmarks, the_cycle
from theory.spectral_flattening import equioscillation, orbits, preimages


def test_interval_newton_does_not_decide_on_wide_boxes() -> None:
    """Nor with a solution at the edge; beside the point of the cycle it proves that there is none."""
    with pytest.raises(ArithmeticError, match="undecided"):
        orbits.cycle(TUNED, Fraction(3, 4), Fraction(2, 5), 4)
    edge = Fraction(1, 10**6)
    with pytest.raises(ArithmeticError, match="undecided"):
        orbits.cycle(TUNED, Fraction(FOUR[0]) + edge, edge, 4)
    assert orbits.cycle(TUNED, Fraction("0.6820"), Fraction(1, 10**6), 4) is None


def test_a_fixed_point_is_no_cycle_of_two() -> None:
    with pytest.raises(ArithmeticError, match="told apart"):
        orbits.cycle(TUNED, Fraction("0.868025797655531"), Fraction(1, 10**9), 2)


def test_neighbourhoods_are_mapped_into_each_other() -> None:
    traps = orbits.neighbourhood(TUNED, the_cycle(TUNED), Fraction(1, 500))
    for trap, following in zip(traps, traps[1:] + traps[:1], strict=True):
        for x in (trap.lower(), trap.mid(), trap.upper()):
            assert following.contains(iterate(TUNED, x))
    for radius in (Fraction(3, 1000), Fraction(1, 100)):
        with pytest.raises(ArithmeticError, match="not mapped into itself"):
            orbits.neighbourhood(TUNED, the_cycle(TUNED), radius)
    two = orbits.cycle(TUNED, Fraction("0.709264"), Fraction(1, 10**5), 2)
    assert two is not None
    with pytest.raises(ArithmeticError, match="not mapped into itself"):
        orbits.neighbourhood(TUNED, two, Fraction(1, 10**6))


def test_no_start_is_caught_that_is_not() -> None:
    """What is left is at least what a grid says, also where only the local maximum itself is outside."""
    traps = orbits.neighbourhood(TUNED, the_cycle(TUNED), Fraction(1, 500))
    lo, hi, steps = 0.2, 1.2, 6
    left, pieces = preimages.caught(TUNED, traps, Fraction(lo), Fraction(hi), steps, 6)
    x = np.linspace(lo, hi, 200_001)
    free = np.ones(x.shape, dtype=bool)
    for _ in range(steps + 1):
        for trap in traps:
            free &= ~((x >= float(trap.lower())) & (x <= float(trap.upper())))
        x = iterate(TUNED, x)
    assert pieces > 0
    assert np.mean(free) - 1e-4 <= left / (hi - lo) < np.mean(free) + 0.05

    top = float(iterate(TUNED, landmarks(TUNED)[2]))
    below = ball(Fraction(11, 10)).union(ball(Fraction(top - 1e-7)))
    left, _ = preimages.caught(TUNED, [below], Fraction(1, 2), Fraction(3, 5), 1, 0)
    assert left > 2e-4  # |x - x_1| < 1.3e-4 lands above


def test_preimages_are_the_solutions() -> None:
    target = (ball(Fraction(99, 100)), ball(Fraction(101, 100)))
    found = preimages.preimage(TUNED, [target], (ball(0), ball(Fraction(5, 4))))
    assert len(found) == 3
    for low, high in found:
        values = sorted(float(iterate(TUNED, x)) for x in (low, high))
        assert values == pytest.approx([0.99, 1.01], abs=1e-14)
    at_the_top = iterate(TUNED, landmarks(TUNED)[2])
    with pytest.raises(ArithmeticError, match="end of the branch"):
        preimages.preimage(TUNED, [(at_the_top, ball(2))], (ball(0), ball(1)))


def test_references_must_not_span_more_than_an_image() -> None:
    first = minimax_quintic(0.01, 1.0).points
    assert len(equioscillation.composition_bound([first])) == 1
    with pytest.raises(ValueError, match="more than the image must"):
        equioscillation.composition_bound([first, first])
    with pytest.raises(ValueError, match="positive and increasing"):
        equioscillation.levelled_error(first[::-1])
