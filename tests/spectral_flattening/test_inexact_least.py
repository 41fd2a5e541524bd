"""SF-T5.mix, SF-T5.tuned: how low the threshold ratio of Muon's five steps can be: multipliers verified in balls."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from labs.core.polar.ranges import polynomial_range
from labs.core.polar.schedules import CUBIC, TUNED, iterate
from labs.spectral_flattening import one_step
from labs.spectral_flattening.worst_spectra import Multipliers, ratio_multipliers, worst_two_levels
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact
from theory.spectral_flattening import least_ratio
from theory.spectral_flattening.steps_inexact import SF_T5mix, SF_T5tuned

MUON = [TUNED] * 5
FACTOR = Fraction("3.4445") ** 5  # the slope of five steps at 0


def image(lo: Any, hi: Any) -> Any:
    """p^5([lo, hi]) as a ball."""
    low, high = polynomial_range(MUON, (lo, hi), bits=53)
    return low.union(high)


@cache
def outputs() -> least_ratio.Outputs:
    return least_ratio.Outputs(image)


def ball(x: Any) -> Any:
    from flint import arb, fmpq

    return arb(fmpq(Fraction(x).numerator, Fraction(x).denominator))


def gaps(intervals: list[tuple[float, float]], lo: Fraction, hi: Fraction) -> int:
    """How often consecutive intervals fail to share an end, or the ends lo and hi are not reached."""
    ordered = sorted(intervals)
    missed = sum(after[0] > before[1] for before, after in pairwise(ordered))
    return missed + (Fraction(ordered[0][0]) > lo) + (Fraction(ordered[-1][1]) < hi)


def groundwork() -> list[Evidence]:
    """What any target needs: multipliers change nothing, and phi <= a x on [0, 1], a = 3.4445^5.

    p(x)/x <= 3.4445 as long as x^2 <= -b/c, which every step keeps.
    """
    _, b, c = TUNED
    ranges = [polynomial_range([TUNED] * steps, (0, 1)) for steps in range(1, 6)]
    within = [enclosed(ball(-b / c) - high * high, ">") for _, high in ranges]
    unchanged = [exact(*least_ratio.both_sides(r)) for r in (1, 2, 3)]
    return [*unchanged, *within, *(enclosed(low, ">=") for low, _ in ranges)]


def two_levels(x: Fraction, n: int, y: Any = None, weight: Fraction | None = None) -> Any:
    """tau of (y, x, ..., x), by default with y^2 + n x^2 = 1; or of a mixture with weights 1 - weight and weight."""
    top = (1 - ball(n) * ball(x) ** 2).sqrt() if y is None else ball(y)
    share = ball(n) if weight is None else ball(weight) / (1 - ball(weight))
    one, many = iterate(MUON, top), iterate(MUON, ball(x))
    gain, squares = top * one + share * ball(x) * many, one * one + share * many * many
    return one_step.inexact_ratio(1 + share, top + share * ball(x), gain, squares)


@check(SF_T5mix)
def no_mixture_is_below(target: str) -> Evidence:
    """tau >= target for all mixtures: first two levels that might refute it, then k > 0 on [0, 1] for all means."""
    instance = enclosed(
        two_levels(Fraction("0.0040621"), 0, "0.9012645", Fraction("0.93616")) - ball(target), ">"
    )
    if instance.verdict != "holds":
        return instance
    pieces = ratio_multipliers(MUON, float(target), normalised=False)
    return every(
        instance,
        *groundwork(),
        *(positive(piece, target, 0, 1) for piece in pieces),
        covering(pieces, target, 1),
    )


@check(SF_T5tuned)
def no_spectrum_is_below(target: str) -> Evidence:
    """tau >= target for all spectra over their Frobenius norm: the worst two levels known, then multipliers."""
    _, _, x, n = worst_two_levels(MUON)
    instance = enclosed(two_levels(Fraction(x), n) - ball(target), ">")
    if instance.verdict != "holds":
        return instance
    pieces = ratio_multipliers(MUON, float(target))
    parts = [
        instance,
        *groundwork(),
        enclosed(1 / iterate(MUON, ball(1)) - ball(target), ">"),
    ]  # the last: r = 1
    for piece in pieces:
        below = (1 - ball(piece.tops[0]) ** 2).sqrt().upper()
        parts += [positive(piece, target, 0, below), positive(piece, target, *piece.tops, more=piece.zeta)]
        parts += [exact(Fraction(piece.e), 0, ">="), exact(Fraction(piece.zeta), 0, ">=")]
    root_half = Fraction("0.70710678118654752441")  # above sqrt(1/2)
    for means in {piece.means for piece in pieces}:
        tops = [piece.tops for piece in pieces if piece.means == means]
        parts.append(exact(gaps(tops, root_half - Fraction(1, 10**15), Fraction(1)), 0))
    return every(*parts, covering(pieces, target, root_half))


def positive(piece: Multipliers, target: str, lo: Any, hi: Any, more: Any = 0) -> Evidence:
    """k + more > 0 on [lo, hi] for all means of the piece."""
    lo, hi = (end if hasattr(end, "mid") else ball(end) for end in (lo, hi))
    means = (ball(piece.means[0]), ball(piece.means[1]))
    multipliers = ball(piece.e), ball(piece.zeta), ball(target)
    return enclosed(least_ratio.least(outputs(), means, *multipliers, lo, hi, ball(more)), ">")


def covering(pieces: list[Multipliers], target: str, most: Fraction | int) -> Evidence:
    """The means of the pieces cover [1/(target a), most], without a gap."""
    return exact(gaps([piece.means for piece in pieces], 1 / (Fraction(target) * FACTOR), Fraction(most)), 0)


@check(SF_T5tuned)
def worst_known(ratio: str, top: str, faint: str, count: int) -> Evidence:
    """The worst two levels as printed, and their ratio below 0.52378, in balls."""
    tau, y, x, n = worst_two_levels(MUON)
    half = ball(Fraction(1, 2 * 10**6))
    found = two_levels(Fraction(x), n)
    digits = [
        enclosed(abs(ball(value) - ball(text)) - half, "<")
        for value, text in ((tau, ratio), (y, top), (x, faint))
    ]
    return every(
        *digits,
        enclosed(abs(found - ball(ratio)) - half, "<"),
        enclosed(found - ball("0.52378"), "<"),
        exact(n, count),
    )


@check(SF_T5mix)
def worst_mixture(value: str) -> Evidence:
    """Two levels with a ratio below the value given."""
    return enclosed(two_levels(Fraction("0.0040621"), 0, "0.9012645", Fraction("0.93616")) - ball(value), "<")


@verifies(SF_T5mix)
def test_least_ratio_of_mixtures() -> None:
    worst_mixture("0.51645")
    no_mixture_is_below("0.5163")


@verifies(SF_T5tuned)
def test_least_ratio_of_spectra() -> None:
    worst_known("0.523779", "0.999868", "0.0040647", 16)
    no_spectrum_is_below("0.523")


@pytest.mark.long
@verifies(SF_T5tuned)
def test_least_ratio_of_spectra_nearer() -> None:
    no_spectrum_is_below("0.5236")


@control(SF_T5mix, sharpens="0.5163 -> 0.5165")
def test_mixtures_come_near() -> None:
    no_mixture_is_below("0.5165")


@control(SF_T5tuned, sharpens="0.523 -> 0.52378")
def test_spectra_come_near() -> None:
    no_spectrum_is_below("0.52378")


def test_what_cannot_be_shown_is_said() -> None:
    with pytest.raises(RuntimeError, match=r"^no multipliers for target 0\.517 and means near"):
        ratio_multipliers(MUON, 0.517, normalised=False)
    with pytest.raises(ValueError, match=r"^most must be an integer >= 1, got 0"):
        worst_two_levels(MUON, 0)


def test_an_iteration_that_keeps_the_order_stays_above_one() -> None:
    tau, _, _, _ = worst_two_levels([CUBIC] * 5, 8)
    assert tau > 1.0
    assert ratio_multipliers([CUBIC] * 5, 0.9)
