"""Exact ranges of compositions: against whole polynomials, against floats, and at every kind of end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar.ranges import ball, escape_radius, float_range, polynomial_range, smallest_preimage
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, SOFT5, TUNED, as_schedule, iterate
from labs.core.streams import stream
from tests.core.whole_polynomials import range_of_whole_polynomial

CLASSICAL: dict[str, Any] = {"cubic": CUBIC, "pade5": PADE5, "soft5": SOFT5, "tuned": TUNED}


def _random_schedules(count: int) -> Iterator[tuple[list[Any], Fraction, Fraction]]:
    """Coefficients of every sign, some of them zero, and intervals on both sides of 0."""
    draw = stream("polar ranges: schedules")
    for _ in range(count):
        triples = draw.integers(-30, 31, (2, 3))
        ends = sorted(draw.integers(-12, 13, 2))
        schedule = [tuple(Fraction(int(z), 10) for z in triple) for triple in triples]
        yield schedule, Fraction(int(ends[0]), 10), Fraction(int(ends[1]), 10)


def _agree(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return all(x.overlaps(y) and abs(x - y) < 1e-12 * (1 + abs(x)) for x, y in zip(one, other, strict=True))


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("steps", [1, 2])
def test_the_whole_polynomial_has_the_same_range(name: str, steps: int) -> None:
    for lo, hi in (
        (Fraction(1, 100), Fraction(1)),
        (Fraction(-1, 2), Fraction(6, 5)),
        (Fraction(0), Fraction(1)),
    ):
        ours = polynomial_range(CLASSICAL[name], (lo, hi), steps)
        assert _agree(ours, range_of_whole_polynomial([CLASSICAL[name]] * steps, lo, hi))


def test_the_whole_polynomial_has_the_same_range_for_any_coefficients() -> None:
    for schedule, lo, hi in _random_schedules(40):
        assert _agree(polynomial_range(schedule, (lo, hi)), range_of_whole_polynomial(schedule, lo, hi))


@pytest.mark.long
def test_the_whole_polynomial_of_degree_125_has_the_same_range() -> None:
    for name, triple in CLASSICAL.items():
        ours = polynomial_range(triple, (Fraction(1, 100), Fraction(1)), 3)
        assert _agree(ours, range_of_whole_polynomial([triple] * 3, Fraction(1, 100), Fraction(1))), name


@pytest.mark.parametrize("name", [*CLASSICAL, "polar express"])
def test_a_dense_grid_lies_inside_and_comes_near(name: str) -> None:
    schedule = CLASSICAL.get(name, POLAR_EXPRESS)
    for lo, hi, steps in ((0.002, 1.0, 5), (-0.3, 0.9, 3), (0.5, 1.0, 8)):
        least, greatest = (float(end) for end in polynomial_range(schedule, (lo, hi), steps))
        values = iterate(as_schedule(schedule, steps), np.linspace(lo, hi, 200_001))
        # Rounding: 8 steps of slope at most 10 on the way; spacing h: (slope 4^8 at most at an end) h.
        assert least - 1e-9 <= values.min() <= least + 1e-3
        assert greatest - 1e-3 <= values.max() <= greatest + 1e-9


def test_floats_in_batches_agree_with_balls() -> None:
    lo = np.array([[-1.0], [0.0], [1e-6], [0.01]])
    hi = np.array([0.02, 0.5, 0.9, 1.0])
    for schedule in (*CLASSICAL.values(), POLAR_EXPRESS):
        found = float_range(schedule, lo, hi, 6)
        for index in np.ndindex(4, 4):
            exact = polynomial_range(schedule, (float(lo[index[0], 0]), float(hi[index[1]])), 6)
            # Six steps with slopes below 9 magnify rounding errors of 1e-15 on an end that meets no critical point.
            for got, expected in zip((found[0][index], found[1][index]), map(float, exact), strict=True):
                assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_critical_point_near_zero_is_found_in_floats() -> None:
    """x (1e-15 - x^2 + x^4) turns at x^2 = 1e-15/3: nothing cancels on the way there."""
    triple = (1e-15, -1.0, 1.0)
    _, greatest = float_range(triple, np.asarray(0.0), np.asarray(1e-3))
    assert float(greatest) == pytest.approx(float(polynomial_range(triple, (0.0, 1e-3))[1]), rel=1e-12, abs=0)
    assert float(greatest) == pytest.approx(2e-15 / 3 * math.sqrt(1e-15 / 3), rel=1e-12, abs=0)


def test_every_interval_of_one_point_is_the_value() -> None:
    x = Fraction(1, 3)
    least, greatest = polynomial_range(TUNED, (x, x), 2)
    assert least.overlaps(greatest)
    assert abs(least - ball(iterate([TUNED] * 2, x))) < 1e-15
    assert polynomial_range(TUNED, (0, 0), 5) == (0, 0)


def test_how_many_steps_are_meant() -> None:
    schedule = [TUNED, CUBIC, PADE5]
    interval = (Fraction(1, 10), Fraction(9, 10))

    def same(one: Any, other: Any) -> bool:
        return all(x.overlaps(y) for x, y in zip(one, other, strict=True))

    assert same(polynomial_range(schedule, interval), polynomial_range(schedule, interval, 3))
    assert same(polynomial_range(schedule, interval, 1), polynomial_range(TUNED, interval))
    assert same(
        polynomial_range(schedule, interval, 5), polynomial_range([*schedule, PADE5, PADE5], interval)
    )
    assert same(polynomial_range(schedule, interval, 0), tuple(map(ball, interval)))


def test_odd_maps_reflect_intervals() -> None:
    for schedule in (*CLASSICAL.values(), POLAR_EXPRESS):
        least, greatest = polynomial_range(schedule, (Fraction(1, 50), Fraction(11, 10)), 4)
        other_least, other_greatest = polynomial_range(schedule, (Fraction(-11, 10), Fraction(-1, 50)), 4)
        assert (-other_greatest).overlaps(least)
        assert (-other_least).overlaps(greatest)


@pytest.mark.parametrize("bits", [10, 128, 1000])
def test_the_radii_keep_their_promise(bits: int) -> None:
    """Also where slopes magnify errors: 60 steps of the tuned map at a repelling fixed point (slope 6.5)."""
    for interval in ((0.002, 1.0), (1.2637290, 1.2637291), (-1.0, 1e-200)):
        for end in polynomial_range(TUNED, interval, 60 if interval[1] < 1.2 else 12, bits=bits):
            assert end.rad() <= abs(end.mid()) * ball(Fraction(1, 2**bits))


def test_more_bits_are_taken_where_slopes_or_cancellation_cost_them() -> None:
    """60 steps at the repelling fixed point cost 160 bits; x - x^3 near 1 cancels 200."""
    mantissa, exponent = (int(z) for z in escape_radius(TUNED, bits=600).mid().man_exp())
    x = mantissa * Fraction(2) ** exponent
    least, greatest = polynomial_range(TUNED, (x, x), 60, bits=10)
    assert greatest.rad() < 1e-3
    assert abs(least - escape_radius(TUNED)) < 1e-2
    least, _ = polynomial_range((1, -1, 0), (Fraction(1, 2), 1 - Fraction(1, 10**60)))
    assert abs(least * 10**60 - 2) < 1e-15
    assert least.rad() <= least * ball(Fraction(1, 2**127))


def test_ends_may_be_balls() -> None:
    from flint import arb

    wide = arb(0.5, 1e-3)
    least, greatest = polynomial_range(TUNED, (wide, 1.0))
    inside = polynomial_range(TUNED, (0.5005, 1.0))
    assert least.contains(inside[0])
    assert greatest.contains(inside[1])
    # The local maximum is at 0.5545: if the end may lie on either side of it, the maximum may or may not count.
    _, greatest = polynomial_range(TUNED, (arb(0.5545, 0.1), 1.0))
    assert greatest.contains(polynomial_range(TUNED, (0.5, 1.0))[1])
    assert greatest.contains(polynomial_range(TUNED, (0.65, 1.0))[1])
    # The same for the local minimum at 1.0501.
    least, _ = polynomial_range(TUNED, (1.0, arb(1.0501, 1e-3)))
    assert least.contains(polynomial_range(TUNED, (1.0, 1.0495))[0])
    assert least.contains(polynomial_range(TUNED, (1.0, 1.051))[0])


def test_degenerate_maps() -> None:
    assert polynomial_range((0, 0, 0), (-1, 2)) == (0, 0)
    assert polynomial_range((2, 0, 0), (-1, 2), 3) == (-8, 16)
    # x^3 has a critical point that is no extreme; 5 x - 10 x^3 + 5 x^5 = 5 x (1 - x^2)^2 has a double zero at 1.
    assert polynomial_range((0, 1, 0), (-1, 2)) == (-1, 8)
    least, greatest = polynomial_range((5, -10, 5), (0, 1))
    assert least == 0
    assert abs(greatest - 16 * ball(Fraction(1, 5)).sqrt() / 5) < 1e-15


def test_beyond_the_escape_radius_values_run_away() -> None:
    from flint import arb

    radius = escape_radius(TUNED)
    assert radius.str(15, radius=False) == "1.26372906729838"
    assert escape_radius(CUBIC).overlaps(arb(5).sqrt())
    assert escape_radius(PADE5).overlaps((arb(7) / 3).sqrt())
    assert escape_radius((1, 1, 0)) == 0
    assert escape_radius((2, -2, 1)) == 1  # |p(x)| = x in one point only: the graph touches the diagonal
    assert escape_radius((-2, 0, 1)).overlaps(arb(3).sqrt().sqrt())
    for triple in (TUNED, CUBIC, PADE5, SOFT5):
        edge = escape_radius(triple)
        # Nothing inside leaves: [-R, R] is mapped into itself, so that R is sharp.
        _, greatest = polynomial_range(triple, (0, edge))
        assert not greatest > edge
        assert abs(iterate(triple, edge * ball(Fraction(101, 100)))) > edge * ball(Fraction(101, 100))
    assert polynomial_range(TUNED, (1, Fraction(127, 100)), 12)[1] > 1e30


def test_what_ends_at_a_value_first() -> None:
    lowest = polynomial_range(TUNED, (Fraction(1, 2), Fraction(6, 5)))[0]
    for steps in (1, 5, 10):
        x = smallest_preimage(TUNED, lowest, steps)
        assert iterate([TUNED] * steps, x).overlaps(lowest)
        assert x.rad() < 1e-30 * x
    assert smallest_preimage(CUBIC, Fraction(11, 16), 1).overlaps(ball(Fraction(1, 2)))
    assert smallest_preimage([PADE5, (2, 0, 0)], 1).overlaps(smallest_preimage(PADE5, Fraction(1, 2)))
    assert smallest_preimage((1, 1, 0), 10).overlaps(ball(2))  # no maximum at all
    assert iterate(PADE5, smallest_preimage(PADE5, Fraction(6, 5))).overlaps(
        ball(Fraction(6, 5))
    )  # flat at 1


@pytest.mark.parametrize(
    ("value", "message"),
    [(1.3, "below the first maximum"), (0.0, "value must be positive"), (-1.0, "value must be positive")],
)
def test_what_is_not_reached(value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        smallest_preimage(TUNED, value)
    with pytest.raises(ValueError, match="below the first maximum"):
        smallest_preimage((-1, 0, 1), 0.5)


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ((1.0, 0.5), "finite ends lo <= hi"),
        ((0.0, math.nan), "interval must be finite"),
        ((-math.inf, 0.0), "interval must be finite"),
        ((0.0,), "interval must be a pair"),
        (1.0, "interval must be a pair"),
        ((0, "1"), "interval must be finite"),
        ((False, 1), "interval must be finite"),
    ],
)
def test_bad_intervals(interval: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        polynomial_range(TUNED, interval)


def test_bad_coefficients() -> None:
    from flint import arb

    for bad in ((math.nan, 0, 0), (1.0, math.inf, 0.0), (1, True, 0), (1, "2", 3)):
        with pytest.raises(ValueError, match="coefficients must be"):
            polynomial_range(bad, (0, 1))
    with pytest.raises(ValueError, match="coefficients must be a triple"):
        polynomial_range((1, 2), (0, 1))
    with pytest.raises(ValueError, match="finite ends"):
        polynomial_range(TUNED, (arb(1), arb(0)))
    with pytest.raises(ValueError, match="cubic or quintic term"):
        escape_radius((2, 0, 0))
