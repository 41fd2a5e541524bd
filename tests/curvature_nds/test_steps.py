"""NDS-X8, X9: constant steps.  GD's sharpness goes to one end of the spectrum, and Muon's loss to a floor."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.curvature_nds import steps as forms
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.algebra import point, symbols
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import (
    NDS_X8a,
    NDS_X8b,
    NDS_X8c,
    NDS_X8d,
    NDS_X9a,
    NDS_X9b,
    NDS_X9c,
    NDS_X9d,
    modes,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

ONE, HALF = Fraction(1), Fraction(1, 2)


def constant(eta: Any) -> Any:
    """The step rule of a constant step, for `modes.run`."""
    return lambda state, update: eta


# --- X8: GD on two levels ------------------------------------------------------------------------------------------


def level_state() -> tuple[Any, Any, Any, modes.State]:
    """a, rho, s, and the state that they are, in units of the low level."""
    import sympy

    a, rho, s = symbols("a rho s")
    one = sympy.Integer(1)
    return a, rho, s, [Mode(a, rho, s), Mode(one, one, one)]


def odds(state: modes.State) -> Any:
    """Energy of the high level over that of the low one."""
    high, low = state
    return high.weight * high.r**2 / (low.weight * low.r**2)


@check(NDS_X8a)
def odds_are_geometric(power: int = 1) -> Evidence:
    """One step of any length from any state multiplies the odds by labs' nu; so t steps by nu^t."""
    _, rho, _, state = level_state()
    eta = symbols("eta")
    after = modes.moved(state, modes.gd, eta)
    return exact(odds(after), odds(state) * forms.odds_factor(eta, rho) ** power)


def threshold(rho: Any) -> Any:
    """2/(w_H + w_L)."""
    return 2 / (rho + 1)


@check(NDS_X8b)
def small_steps(factor: Fraction = ONE) -> Evidence:
    """eta = factor threshold/(1 + v): nu < 1; where S(GD) < S(Muon); the bound of the averages' terms.

    n stands for nu^t: P = x n/(1 + x n), alpha - P has the sign of 1 - s^2 n, and P <= x n.
    """
    a, r, s, v, n = symbols("a r s v n")
    rho = 1 + r
    eta = factor * threshold(rho) / (1 + v)
    x = a * s * s
    P, alpha = x * n / (1 + x * n), a / (1 + a)
    nu = forms.odds_factor(eta, rho)
    return every(
        exact(1 - nu, 0, ">", witness={r: 1, v: Fraction(1, 1000)}),
        exact(alpha - P, a * (1 - s * s * n) / ((1 + a) * (1 + x * n))),
        exact(x * n - P, 0, ">"),
    )


@check(NDS_X8b)
def reversed_along_a_run(a: Fraction, rho: Fraction, s: Fraction, eta: Fraction, steps: int) -> Evidence:
    """Runs in fractions: S(GD) < S(Muon) iff s^2 nu^t < 1, at the end it is; averages keep below their bound.

    And so below Muon's from the T on at which the bound is: x/((1 - nu) T) < alpha.
    """
    require(eta < threshold(rho), "eta < 2/(w_H + w_L)")
    start = [Mode(a, rho, s), Mode(ONE, ONE, ONE)]
    sharp = [modes.sharpness(x, modes.gd) for x in modes.run(start, modes.gd, steps, constant(eta))[:-1]]
    muon = (a * rho + 1) / (a + 1)
    nu, x = forms.odds_factor(eta, rho), a * s * s
    total = sum(sharp) / steps
    late = [T for T in range(1, steps + 1) if x * (a + 1) < a * (1 - nu) * T]
    return every(
        exact(sharp[-1], muon, "<"),
        *(exact(int(muon > S), int(s * s * nu**t < 1)) for t, S in enumerate(sharp)),
        *(exact(S, forms.constant_step_sharpness(x, rho, eta, t)) for t, S in enumerate(sharp)),
        exact((total - 1) * (1 - nu) * steps, (rho - 1) * x, "<="),
        *(exact(sum(sharp[:T]) / T, muon, "<") for T in late),
    )


@check(NDS_X8c)
def large_steps(factor: Fraction = ONE) -> Evidence:
    """eta = factor 2/(rho + 1/(1 + v)), between the threshold and 2/rho: nu > 1, and 1 - P <= 1/(x nu^t)."""
    r, v, x, n = symbols("r v x n")
    rho = 1 + r
    nu = forms.odds_factor(factor * 2 / (rho + 1 / (1 + v)), rho)
    return every(
        exact(nu - 1, 0, ">", witness={r: 1, v: Fraction(1, 1000)}),
        exact(1 / (x * n) - 1 / (1 + x * n), 0, ">"),
    )


@check(NDS_X8c)
def sharpest_along_a_run(a: Fraction, rho: Fraction, s: Fraction, eta: Fraction, steps: int) -> Evidence:
    """A run in fractions ends nearer to w_H than 1 % of w_H - w_L, and within the bound from nu."""
    require(eta > threshold(rho), "eta > 2/(w_H + w_L)")
    start = [Mode(a, rho, s), Mode(ONE, ONE, ONE)]
    end = modes.run(start, modes.gd, steps, constant(eta))[-1]
    missing = rho - modes.sharpness(end, modes.gd)
    bound = (rho - 1) / (a * s * s * forms.odds_factor(eta, rho) ** steps)
    return every(exact(missing, (rho - 1) / 100, "<"), exact(missing, bound, "<"))


@check(NDS_X8d)
def step_of_constant_sharpness(factor: Fraction = ONE) -> Evidence:
    """At eta = factor times the threshold nu = 1, and one step keeps the sharpness p w_H + (1 - p) w_L."""
    a, rho, s, state = level_state()
    after = modes.moved(state, modes.gd, factor * threshold(rho))
    p = a * s * s / (1 + a * s * s)
    return every(
        exact(forms.odds_factor(factor * threshold(rho), rho), 1),
        *(exact(modes.sharpness(x, modes.gd), p * rho + 1 - p) for x in (state, after)),
    )


@check(NDS_X8a, NDS_X8d)
def sharpness_by_simulation(m: int, q: int, rho: float, s: float, eta: float, steps: int) -> Evidence:
    """labs' simulation against labs' formula; steps eps/|1 - eta w| relative in the odds."""
    high = np.arange(q) < m
    w, sigma = np.where(high, rho, 1.0), np.where(high, s, 1.0)
    found = descend(w, sigma, "gd", steps, step=eta).nds
    form = [forms.constant_step_sharpness(m / (q - m) * s * s, rho, eta, t) for t in range(steps)]
    least = min(abs(1 - eta * rho), abs(1 - eta))
    return measured(found, np.array(form), 8 * steps * 2.0**-52 / least * rho)


SETTING = point("1/3", "12", "2")


@verifies(NDS_X8a, NDS_X8b, NDS_X8c, NDS_X8d)
def test_constant_steps_of_gd() -> None:
    odds_are_geometric()
    small_steps()
    large_steps()
    step_of_constant_sharpness()
    for eta in ("1/100", "1/10", "3/20"):
        reversed_along_a_run(*SETTING, Fraction(eta), 20 if eta != "1/100" else 10)
    for eta in ("4/25", "83/500"):
        sharpest_along_a_run(*SETTING, Fraction(eta), 40)
    for length in (0.01, 0.1, 2 / 13, 0.16):
        sharpness_by_simulation(1, 4, 12.0, 2.0, length, 300)


@control(NDS_X8a, changes="nu -> nu^2")
def test_another_power_of_the_odds() -> None:
    odds_are_geometric(2)


@control(NDS_X8b, sharpens="2/(w_H + w_L) -> 2.02/(w_H + w_L)")
def test_the_threshold_of_small_steps_is_sharp() -> None:
    small_steps(Fraction(101, 100))


@control(NDS_X8b, drops="eta < 2/(w_H + w_L)")
def test_at_the_threshold_nothing_is_reversed() -> None:
    reversed_along_a_run(*SETTING, threshold(Fraction(12)), 20)


@control(NDS_X8c, sharpens="2/(w_H + w_L) -> 1.98/(w_H + w_L)")
def test_the_threshold_of_large_steps_is_sharp() -> None:
    large_steps(Fraction(99, 100))


@control(NDS_X8c, drops="eta > 2/(w_H + w_L)")
def test_at_the_threshold_the_sharpness_stays() -> None:
    sharpest_along_a_run(*SETTING, threshold(Fraction(12)), 40)


@control(NDS_X8d, sharpens="2/(w_H + w_L) -> 2.02/(w_H + w_L)")
def test_the_sharpness_moves_beside_the_threshold() -> None:
    step_of_constant_sharpness(Fraction(101, 100))


# --- X9: Muon ------------------------------------------------------------------------------------------------------


def distances(distance: Fraction, eta: Fraction, steps: int) -> list[Fraction]:
    """|d_t| for t = 0, ..., steps along a run."""
    return [abs(x[0].r) for x in modes.run([Mode(ONE, ONE, distance)], modes.muon, steps, constant(eta))]


@check(NDS_X9a)
def walk_and_hop(distance: Fraction, eta: Fraction, *, steps: int, early: int = 0) -> Evidence:
    """Every |d_t| of a run in fractions; `early` ends the walk that many steps before."""
    h = forms.last_distance(abs(distance), eta)
    n = (abs(distance) - h) / eta - early
    hops = (h, eta - h) if h else (0, 0)
    predicted = [abs(distance) - t * eta if t <= n else hops[int(t - n) % 2] for t in range(steps + 1)]
    return every(*(exact(x, y) for x, y in zip(distances(distance, eta, steps), predicted, strict=True)))


@check(NDS_X9a)
def one_step() -> Evidence:
    """|d| = eta + v goes to v, |d| = h = eta/(1 + v) to eta - h, on both sides of the minimum, for all eta and v."""
    import sympy

    eta, v = symbols("eta v")
    found = []
    for sign in (1, -1):
        for size, after in ((eta + v, v), (eta / (1 + v), eta - eta / (1 + v))):
            state = [Mode(sympy.Integer(1), sympy.Integer(1), sign * size)]
            moved = modes.moved(state, modes.sign_by(lambda r: r.is_positive), eta)[0].r
            found.append(exact(moved**2, after**2))
    return every(*found)


def late_losses(
    w: Sequence[Fraction], d: Sequence[Fraction], eta: Fraction
) -> tuple[Fraction, list[Fraction]]:
    """The mean loss of two steps of a run after all modes have arrived, and the h_i."""
    arrival = max(int(abs(x) // eta) for x in d)
    start = [Mode(ONE, c, c * x) for c, x in zip(w, d, strict=True)]
    losses = [modes.loss(x) for x in modes.run(start, modes.muon, arrival + 2, constant(eta))]
    return (losses[-1] + losses[-2]) / 2, [forms.last_distance(abs(x), eta) for x in d]


@check(NDS_X9b)
def floor_of_the_loss(w: Sequence[Fraction], d: Sequence[Fraction], eta: Fraction) -> Evidence:
    """The late loss of a run against labs' sum, and its two bounds."""
    mean, left = late_losses(w, d, eta)
    require(all(left), "h_i > 0")
    form = sum(forms.floor_of_mode(c, h, eta) for c, h in zip(w, left, strict=True))
    scale = eta * eta * sum(w)
    return every(exact(mean, form), exact(mean, scale / 8, ">="), exact(mean, scale / 4, "<"))


@check(NDS_X9b)
def bounds_of_the_floor(lower: Fraction = Fraction(1, 8), upper: Fraction = Fraction(1, 4)) -> Evidence:
    """One mode's floor between its bounds, h = eta/(1 + v): for all eta, w and 0 < h < eta."""
    import sympy

    w, eta, v = symbols("w eta v")
    floor = forms.floor_of_mode(w, eta / (1 + v), eta)
    middle, end = {w: 1, eta: 1, v: 1}, {w: 1, eta: 1, v: Fraction(1, 1000)}
    assert sympy.cancel(floor - w * eta**2 / 8 - w * (eta / (1 + v) - eta / 2) ** 2 / 2) == 0
    return every(
        exact(floor, lower * w * eta**2, ">=", witness=middle),
        exact(floor, upper * w * eta**2, "<", witness=end),
    )


@check(NDS_X9c)
def mean_floor(sixth: Fraction = Fraction(1, 6)) -> Evidence:
    """The mean over h uniform on (0, eta), by integration."""
    import sympy

    w, eta, h = symbols("w eta h")
    mean = sympy.integrate(sympy.expand(forms.floor_of_mode(w, h, eta)), (h, 0, eta)) / eta
    return exact(mean, sixth * w * eta**2)


@check(NDS_X9d)
def gd_ends_lower(
    w: Sequence[Fraction], d: Sequence[Fraction], eta_gd: Fraction, eta: Fraction, steps: int
) -> Evidence:
    """Runs in fractions: Muon's loss never falls below its bound, GD's does and is lower from then on.

    Muon's sharpness is the mean curvature all the while.
    """
    require(eta_gd < 2 / max(w), "eta_GD < 2/w_max")
    left = [forms.last_distance(abs(x), eta) for x in d]
    require(any(left), "h_i > 0")
    start = [Mode(ONE, c, c * x) for c, x in zip(w, d, strict=True)]
    gd = [modes.loss(x) for x in modes.run(start, modes.gd, steps, constant(eta_gd))]
    states = modes.run(start, modes.muon, steps, constant(eta))
    muon = [modes.loss(x) for x in states]
    bound = sum(c * min(h, eta - h) ** 2 for c, h in zip(w, left, strict=True)) / 2
    contraction = max((1 - eta_gd * c) ** 2 for c in w)
    first = next((T for T in range(steps) if contraction**T * gd[0] < bound), steps)
    mean = sum(w) / len(w)
    return every(
        *(exact(x, bound, ">=") for x in muon),
        *(exact(gd[T], muon[T], "<") for T in range(first, steps + 1)),
        *(exact(modes.sharpness(x, modes.muon), mean) for x in states if all(y.r for y in x)),
    )


W, D = fractions("12", "3", "1"), fractions("1/6", "-2/3", "2")


@verifies(NDS_X9a, NDS_X9b, NDS_X9c, NDS_X9d)
def test_constant_steps_of_muon() -> None:
    one_step()
    for distance, eta in (("2", "3/10"), ("-2", "1/4"), ("1/10", "1"), ("1", "3/7"), ("7/3", "2/3")):
        walk_and_hop(*fractions(distance, eta), steps=14)
    bounds_of_the_floor()
    mean_floor()
    for step in fractions("3/11", "3/10", "3/13"):
        floor_of_the_loss(W, D, step)
    gd_ends_lower(W, D, Fraction(1, 7), Fraction(3, 10), 40)
    # Steps of 4/9 bring the first two modes to their minimum; the last one is left with half a step.
    gd_ends_lower(W, fractions("4/9", "8/9", "2"), Fraction(1, 7), Fraction(4, 9), 40)


@restates(NDS_X9a)
def test_labs_simulation_walks_and_hops() -> None:
    """The same in floating point: |d| of one mode from its loss, beside the run in fractions."""
    eta, distance = Fraction(3, 10), Fraction(2)
    found = np.sqrt(2 * descend(np.ones(1), np.array([2.0]), "muon", 14, step=0.3).loss)
    np.testing.assert_allclose(found, [float(x) for x in distances(distance, eta, 14)], rtol=1e-12)
    walk_and_hop(distance, eta, steps=14)


@control(NDS_X9a, changes="n -> n - 1")
def test_the_walk_ends_at_the_last_whole_step() -> None:
    walk_and_hop(*fractions("2", "3/10"), steps=14, early=1)


@control(NDS_X9b, sharpens="1/8 -> 0.126, and 1/4 -> 0.249")
def test_both_bounds_of_the_floor_are_sharp() -> None:
    bounds_of_the_floor(lower=Fraction(126, 1000))
    bounds_of_the_floor(upper=Fraction(249, 1000))


@control(NDS_X9b, drops="h_i > 0")
def test_a_mode_that_arrives_has_no_floor() -> None:
    floor_of_the_loss(W, D, Fraction(1, 6))


@control(NDS_X9c, sharpens="1/6 -> 0.165")
def test_another_mean_floor() -> None:
    mean_floor(Fraction(165, 1000))


@control(NDS_X9d, drops="h_i > 0")
def test_muon_that_arrives_everywhere_ends_lower() -> None:
    """Steps of 1/6 divide every distance: the floor is 0, and is reached."""
    gd_ends_lower(W, D, Fraction(1, 7), Fraction(1, 6), 20)


@control(NDS_X9d, drops="eta_GD < 2/w_max")
def test_unstable_gd_does_not_end_lower() -> None:
    gd_ends_lower(W, D, Fraction(1, 5), Fraction(3, 10), 20)


@pytest.mark.parametrize("eta", [0.01, 0.003])
def test_generic_floor(eta: float) -> None:
    """About eta^2 sum w/6 for many modes without a pattern: the mean of 500 independent h, 3 standard errors."""
    d = np.sqrt(np.arange(2.0, 502.0))
    w = 1.0 / np.arange(1.0, 501.0) ** 0.1
    left = forms.last_distance(d, eta)
    floor = float(np.sum(forms.floor_of_mode(w, left, eta)))
    # h^2 + (eta - h)^2 has the standard deviation eta^2/sqrt(45) where h is uniform.
    assert floor == pytest.approx(
        eta**2 * np.sum(w) / 6, abs=3 * eta**2 / 4 / 45**0.5 * np.sqrt(np.sum(w**2))
    )
