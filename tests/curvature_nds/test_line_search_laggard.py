"""NDS-X5, continued: ties, the ray on which one mode lags, and the law of the laggard."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.core.streams import stream
from labs.curvature_nds import spectra
from tests.curvature_nds.matrices import fractions
from tests.curvature_nds.test_line_search_muon import Vector, distances, state_of
from tests.referee import check, control, verifies
from theory.curvature_nds import (
    NDS_X5g,
    NDS_X5h,
    NDS_X5i,
    integers,
    modes,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)

# --- ties and rays -----------------------------------------------------------------------------------------------


@check(NDS_X5g)
def tied_modes_act_as_one(w: Vector, u: Vector, steps: int, weight: Fraction = ONE) -> Evidence:
    """Modes 0 and 1, at the same distance, against one mode of curvature w_0 + weight w_1."""
    two = modes.run(state_of(w, u, [1, -1, *[1] * (len(w) - 2)]), modes.muon, steps)
    one = modes.run(
        state_of([w[0] + weight * w[1], *w[2:]], [u[0], *u[2:]], [1] * (len(w) - 1)), modes.muon, steps
    )
    found = []
    for x, y in zip(map(distances, two), map(distances, one), strict=True):
        found += [exact(a, b) for a, b in zip([x[0], *x[2:]], y, strict=True)] + [exact(x[1], x[0])]
    return every(*found)


@check(NDS_X5h)
def ray_of_one_mode(factor: int = 2) -> Evidence:
    """For any others: the laggard at 1 - pi and the rest, W = sum w_i, at pi; one step, by symbols."""
    import sympy

    w, W = sympy.symbols("w W", positive=True)
    pi = w / (w + W)
    state = [Mode(1, w, w * (1 - pi)), Mode(1, W, W * pi)]
    after = modes.stepped(state, lambda mode: 1)
    shrink = 1 - factor * pi
    return every(
        # The others change sides.
        exact(after[0].r / w, shrink * (1 - pi)),
        exact(after[1].r / W, -shrink * pi),
        exact(modes.loss(after) / modes.loss(state), shrink**2),
    )


@check(NDS_X5h)
def ray_for_hundreds_of_steps(w: Vector, j: int, steps: int, off: Fraction = Fraction(0)) -> Evidence:
    """Phi_T = (1 - 2 pi_j)^(2T) Phi_0 in integers; `off` is added to the first other distance."""
    pi = w[j] / sum(w)
    u = [1 - pi if i == j else pi for i in range(len(w))]
    u[0] += off
    losses = integers.losses(w, [x * y for x, y in zip(w, u, strict=True)], steps)
    return every(*(exact(x, (1 - 2 * pi) ** (2 * T) * losses[0]) for T, x in enumerate(losses)))


@verifies(NDS_X5g)
def test_ties() -> None:
    tied_modes_act_as_one(fractions("5", "2", "1", "3"), fractions("1", "1", "2", "1/3"), 9)
    tied_modes_act_as_one(fractions("1", "1", "1000", "30"), fractions("7", "7", "1/2", "1/3"), 9)


@verifies(NDS_X5h)
def test_every_mode_has_a_ray_on_which_it_lags() -> None:
    ray_of_one_mode()
    ray_for_hundreds_of_steps(fractions("12", "5", "1", "1/7"), 3, 300)
    ray_for_hundreds_of_steps(fractions("12", "5", "9"), 1, 300)


@control(NDS_X5g, changes="w_0 + w_1 -> w_0 + 99/100 w_1")
def test_ties_add_up() -> None:
    tied_modes_act_as_one(fractions("5", "2", "1"), fractions("1", "1", "2"), 2, Fraction(99, 100))


@control(NDS_X5h, changes="1 - 2 pi -> 1 - 4 pi")
def test_the_ray_has_its_own_rate() -> None:
    ray_of_one_mode(4)


@control(NDS_X5h, changes="one other distance by 1/1000")
def test_the_ray_is_a_ray() -> None:
    ray_for_hundreds_of_steps(fractions("12", "5", "1"), 2, 30, Fraction(1, 1000))


# --- the law of the laggard --------------------------------------------------------------------------------------


def late_rate(w: np.ndarray, u: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of -ln(Phi_{t+1}/Phi_t) over first <= t < last, and the place of the largest u at the end."""
    pi = w / np.sum(w, axis=-1, keepdims=True)
    logs, start = np.zeros(len(w), dtype=w.dtype), np.zeros(len(w), dtype=w.dtype)
    for t in range(last + 1):
        if t in (first, last):
            start, before = logs + np.log(np.sum(pi * u * u, axis=-1)), start
        if t < last:
            u = np.abs(u - np.sum(pi * u, axis=-1, keepdims=True))
        if t % 20 == 19:
            top = np.max(u, axis=-1, keepdims=True)
            u, logs = u / top, logs + 2 * np.log(top[:, 0])
    return (before - start) / (last - first), np.argmax(u, axis=-1)


@check(NDS_X5i)
def rate_of_the_laggard(w: np.ndarray, sigma: np.ndarray, tolerance: float, steps: int) -> Evidence:
    """Late rates against labs' law, relative; 10 tolerances beyond it is another law."""
    u = sigma / w
    sorted_u = np.sort(u, axis=-1)
    require(bool(np.all(sorted_u[:, -1] >= 1.2 * sorted_u[:, -2])), "no other mode starts nearly as far")
    rate, _ = late_rate(w, u, steps // 5, steps)
    return measured(rate / spectra.laggard_rate(w, sigma), 1.0, tolerance, margin=10 * tolerance)


def with_laggards(number: int, q: int, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Spectra over 1.5 decades, starts over one and the farthest 1.2 to 2 times as far: those the law is about."""
    draw = stream("laggards", q)
    w, u = 10.0 ** -draw.uniform(0, 1.5, (number, q)), 10.0 ** draw.uniform(-1, 0, (number, q))
    far = u == np.max(u, axis=-1, keepdims=True)
    u *= np.where(far, draw.uniform(1.2, 2.0, (number, 1)), 1.0)
    pi = w / np.sum(w, axis=-1, keepdims=True)
    share = np.sum(far * pi, axis=-1)
    ahead = (np.max(u, axis=-1) >= 1.7 * np.sum(pi * u, axis=-1)) & (np.max(pi, axis=-1) <= 0.14)
    kept = ahead & (low <= share) & (share <= high)
    return w[kept], (w * u)[kept]


@verifies(NDS_X5i)
@pytest.mark.parametrize(("low", "high", "tolerance"), [(0.01, 0.03, 0.004), (0.03, 0.05, 0.007)])
def test_the_laggard_decides_the_late_rate(low: float, high: float, tolerance: float) -> None:
    w, sigma = with_laggards(600, 20, low, high)
    assert len(w) >= 10
    # The ends of the mean differ by less than one unit of log Phi: a thousandth of 15000 steps at these rates.
    rate_of_the_laggard(w, sigma, tolerance, 15_000)
    # It is no identity: a third of the spectra or more are off by more than a thousandth.
    rate, _ = late_rate(w, sigma / w, 3000, 15_000)
    off = rate / spectra.laggard_rate(w, sigma) - 1
    assert np.mean(np.abs(off) > 0.001) > 0.25
    # The one that is farthest off, once more: in the longest floating point numbers, over other steps.
    worst = np.argmax(np.abs(off))
    wide, far = (x[worst : worst + 1].astype(np.longdouble) for x in (w, sigma / w))
    again, _ = late_rate(wide, far, 4000, 20_000)
    assert float(again[0]) / float(rate[worst]) == pytest.approx(1.0, abs=2e-4)


@control(NDS_X5i, drops="no other mode starts nearly as far")
def test_two_tied_laggards_are_faster() -> None:
    """They act as one with 2 pi_j: -ln(1 - 8 pi_j)."""
    w, sigma = with_laggards(100, 20, 0.01, 0.03)
    lag = np.argmax(sigma / w, axis=-1)[:, None]
    w, sigma = (np.concatenate([x, np.take_along_axis(x, lag, axis=-1)], axis=-1) for x in (w, sigma))
    rate, _ = late_rate(w, sigma / w, 1000, 5000)
    pi = np.take_along_axis(w / np.sum(w, axis=-1, keepdims=True), lag, axis=-1)[:, 0]
    np.testing.assert_allclose(rate, -np.log(1 - 8 * pi), rtol=0.02)
    rate_of_the_laggard(w, sigma, 0.004, 3000)


@control(NDS_X5i, changes="pi_j <= 0.05 -> 0.2, a mode that overshoots")
def test_a_heavy_mode_does_not_lag() -> None:
    """w_i = i^-1 with sigma = w^(3/2): the first mode starts farthest and does not stay behind."""
    w = np.arange(1.0, 41.0)[None] ** -1
    rate_of_the_laggard(w, w**1.5, 0.004, 5000)


def test_take_overs_are_rare_for_light_laggards() -> None:
    """Where no gap is asked for, another mode may end as the laggard; how often grows with the share."""
    draw = stream("take-overs")
    w, u = 10.0 ** -draw.uniform(0, 1.5, (400, 20)), 10.0 ** draw.uniform(-1, 0, (400, 20))
    _, last = late_rate(w, u, 1000, 4000)
    taken = last != np.argmax(u, axis=-1)
    share = np.take_along_axis(w, np.argmax(u, axis=-1)[:, None], axis=-1)[:, 0] / np.sum(w, axis=-1)
    light, medium, heavy = share < 0.02, (share > 0.03) & (share < 0.05), share > 0.07
    frequency = [float(np.mean(taken[group])) for group in (light, medium, heavy)]
    assert frequency == sorted(frequency)
    assert frequency[0] < frequency[2] / 4
