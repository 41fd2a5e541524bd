"""NDS-T1: the paper's theorem on average sharpness, for every T; NDS-T1s: its sharp form.  Exact line search."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from labs.curvature_nds import levels as closed
from tests.curvature_nds.algebra import symbols
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, verifies
from theory.curvature_nds import (
    NDS_T1,
    NDS_T1sa,
    NDS_T1sb,
    NDS_T1sc,
    NDS_T1sd,
    NDS_T1se,
    modes,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, require

ONE, HALF = Fraction(1), Fraction(1, 2)


# --- averages of the sharpness -----------------------------------------------------------------------------------


def parts(a: Any, rho: Any, s: Any) -> tuple[Any, Any]:
    """p and alpha."""
    x = a * s * s
    return x / (1 + x), a / (1 + a)


@check(NDS_T1sa)
def averages(odd: bool, extra: int = 0) -> Evidence:
    """Sums over T = 2k or 2k + 1 steps, from two steps of the recursion, against labs and against the formula."""
    import sympy

    a, rho, s = symbols("a rho s")
    k = sympy.Symbol("k", integer=True, positive=True)
    one = sympy.Integer(1)
    start = [Mode(a, rho, s), Mode(one, one, one)]
    second = modes.stepped(start, modes.gd)
    S = [modes.sharpness(state, modes.gd) for state in (start, second)]
    T = 2 * k + 1 if odd else 2 * k
    mean = (k * (S[0] + S[1]) + (S[0] if odd else 0)) / T
    p, alpha = parts(a, rho, s)
    middle = HALF + ((p - HALF) / (T + extra) if odd else 0)
    return every(
        # The share returns after two steps, so the sharpness does.
        exact(
            modes.stepped(second, modes.gd)[0].r * start[1].r,
            modes.stepped(second, modes.gd)[1].r * start[0].r,
        ),
        exact(mean, 1 + (rho - 1) * (middle if odd else middle + extra)),
        exact(closed.mean_sharpness_gd(a, rho, s, T), mean),
        exact(closed.mean_sharpness_muon(a, rho), 1 + (rho - 1) * alpha),
    )


def difference(a: Any, rho: Any, s: Any, T: Any) -> Any:
    """By how much GD's average exceeds Muon's; labs."""
    return closed.mean_sharpness_gd(a, rho, s, T) - closed.mean_sharpness_muon(a, rho)


def parities() -> list[Any]:
    """T = 2k, 2k + 1 for all k, and T = 1."""
    import sympy

    k = sympy.Symbol("k", integer=True, positive=True)
    return [2 * k, 2 * k + 1, sympy.Integer(1)]


@check(NDS_T1)
def muon_is_flatter(lowest_alignment: Fraction = ONE) -> Evidence:
    """For every T, a = 1/(1 + v) < 1, s = lowest + u, rho = 1 + r: no coefficient of the difference is negative."""
    u, v, r = symbols("u v r")
    return every(
        *(exact(difference(1 / (1 + v), 1 + r, lowest_alignment + u, T), 0, ">") for T in parities())
    )


@check(NDS_T1sb, NDS_T1sc)
def sign_of_the_difference(odd: bool, half: Fraction = HALF) -> Evidence:
    """The difference over rho - 1 > 0 is 1/2 - alpha, and (p - 1/2)/T more for odd T."""
    a, r, s = symbols("a r s")
    p, alpha = parts(a, 1 + r, s)
    T = parities()[odd]
    return exact(difference(a, 1 + r, s, T) / r, half - alpha + ((p - half) / T if odd else 0))


@check(NDS_T1sd)
def when_muon_is_always_flatter(power: int = 2) -> Evidence:
    """T = 1 asks for s > 1 (s^power here) and T = 2 for a < 1; both suffice; the bound on T without s > 1."""
    import sympy

    a, r, s, u, v = symbols("a r s u v")
    k = sympy.Symbol("k", integer=True, nonnegative=True)
    p, alpha = parts(a, 1 + r, s)
    T = 2 * k + 1
    first = r * a * (s**power - 1) / ((1 + a) * (1 + a * s * s))
    bound = (HALF - p) / (HALF - alpha)
    return every(
        exact(difference(a, 1 + r, s, 1), first),
        exact(difference(a, 1 + r, s, 2), r * (1 - a) / (2 * (1 + a))),
        *(exact(difference(1 / (1 + v), 1 + r, 1 + u, T), 0, ">") for T in parities()),
        exact(difference(a, 1 + r, s, T), r * (HALF - alpha) * (T - bound) / T),
    )


@verifies(NDS_T1sa, NDS_T1sd)
def test_averages_for_every_number_of_steps() -> None:
    for odd in (False, True):
        averages(odd)
    when_muon_is_always_flatter()


@verifies(NDS_T1sb)
def test_even_numbers_of_steps() -> None:
    sign_of_the_difference(False)


@verifies(NDS_T1sc)
def test_odd_numbers_of_steps() -> None:
    sign_of_the_difference(True)


@verifies(NDS_T1)
def test_muon_is_flatter_on_average() -> None:
    muon_is_flatter()


@control(NDS_T1sa, changes="T -> T + 1 in the odd term")
def test_another_average() -> None:
    averages(True, 1)


@control(NDS_T1sb, sharpens="1/2 -> 0.49")
def test_half_of_the_modes_is_the_limit() -> None:
    sign_of_the_difference(False, Fraction(49, 100))


@control(NDS_T1sc, changes="1/2 -> 0.49")
def test_half_of_the_modes_is_the_limit_at_odd_times() -> None:
    sign_of_the_difference(True, Fraction(49, 100))


@control(NDS_T1sd, changes="s^2 - 1 -> s - 1")
def test_first_step_compares_energies() -> None:
    when_muon_is_always_flatter(1)


# --- along runs, in fractions ------------------------------------------------------------------------------------


def problem(m: int, q: int, rho: Fraction, s: Fraction) -> list[Mode]:
    """Two levels, mode by mode."""
    return [Mode(ONE, rho, s)] * m + [Mode(ONE, ONE, ONE)] * (q - m)


def sharpnesses(
    state: modes.State, update: modes.Update, steps: int, eta: Fraction | None = None
) -> list[Fraction]:
    """S(Z_t) for t < steps; eta: a constant step, None for the exact line search."""
    length = modes.searched if eta is None else lambda state, update: eta
    states = modes.run(state, update, steps, length)[:-1]
    return [modes.sharpness(here, update) for here in states if any(x.r != 0 for x in here)]


def running_means(values: Sequence[Fraction]) -> list[Fraction]:
    return [Fraction(sum(values[: t + 1])) / (t + 1) for t in range(len(values))]


@check(NDS_T1)
def flatter_along_a_run(
    m: int, q: int, rho: Fraction, s: Fraction, *, steps: int, eta: Fraction | None = None
) -> Evidence:
    """Averages of both for T = 1, ..., steps; eta: a constant step for GD in place of the line search.

    A run that has reached the minimum takes no more steps, and its average stays.
    """
    require(2 * m < q, "A3")
    require(s > 1, "A4")
    require(eta is None, "A6")
    start = problem(m, q, rho, s)
    gd = running_means(sharpnesses(start, modes.gd, steps, eta))
    muon = running_means(sharpnesses(start, modes.muon, steps))
    muon += muon[-1:] * (steps - len(muon))
    return every(*(exact(x, y, "<") for x, y in zip(muon, gd, strict=True)))


@check(NDS_T1sd)
def times_at_which_muon_is_not_flatter(m: int, q: int, rho: Fraction, s: Fraction, *, steps: int) -> Evidence:
    """How many T <= steps there are, along runs, against the odd T up to (1/2 - p)/(1/2 - alpha)."""
    start = problem(m, q, rho, s)
    gd = running_means(sharpnesses(start, modes.gd, steps))
    muon = running_means(sharpnesses(start, modes.muon, steps))
    found = [T for T, (x, y) in enumerate(zip(muon, gd, strict=True), 1) if x >= y]
    p, alpha = parts(Fraction(m, q - m), rho, s)
    bound = (HALF - p) / (HALF - alpha)
    predicted = [T for T in range(1, steps + 1, 2) if bound >= T]
    return every(exact(len(found), len(predicted)), exact(sum(found), sum(predicted)))


@check(NDS_T1se)
def only_energies_count(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> Evidence:
    """Averages along runs with gradients that vary within the groups against labs' at s^2 = x/a."""
    high, low = max(w), min(w)
    require(set(w) == {high, low}, "A3")
    start = [Mode(ONE, *pair) for pair in zip(w, sigma, strict=True)]
    m = sum(x == high for x in w)
    a = Fraction(m, len(w) - m)
    x = sum(r * r for c, r in zip(w, sigma, strict=True) if c == high) / sum(
        r * r for c, r in zip(w, sigma, strict=True) if c != high
    )
    gd = running_means(sharpnesses(start, modes.gd, steps))
    muon = running_means(sharpnesses(start, modes.muon, steps))
    # Labs' average with a = x and s = 1 is the one with a and s^2 = x/a: it contains x alone.
    averages_gd = [low * closed.mean_sharpness_gd(x, high / low, ONE, T) for T in range(1, steps + 1)]
    average_muon = low * closed.mean_sharpness_muon(a, high / low)
    return every(
        *(exact(found, form) for found, form in zip(gd, averages_gd, strict=True)),
        *(exact(found, average_muon) for found in muon),
    )


@verifies(NDS_T1, NDS_T1sd)
@pytest.mark.parametrize(
    ("m", "q", "rho", "s"), [(1, 4, "12", "2"), (3, 7, "7/5", "2"), (1, 20, "1000000", "1001/1000")]
)
def test_runs_in_fractions(m: int, q: int, rho: str, s: str) -> None:
    flatter_along_a_run(m, q, *fractions(rho, s), steps=9)
    times_at_which_muon_is_not_flatter(m, q, *fractions(rho, s), steps=9)


@verifies(NDS_T1)
@pytest.mark.parametrize("s", ["3", "2"])
def test_runs_that_end(s: str) -> None:
    """s = rho: Muon takes one step; a rho = 1: two."""
    flatter_along_a_run(1, 4, *fractions("3", s), steps=5)


@check(NDS_T1sb, NDS_T1sc)
def order_after(T: int, m: int, q: int, rho: Fraction, s: Fraction) -> Evidence:
    """Whether Muon's average over T steps of runs is the lower one, against alpha < 1/2 (T odd: + (p - 1/2)/T)."""
    start = problem(m, q, rho, s)
    gd, muon = (running_means(sharpnesses(start, rule, T))[-1] for rule in (modes.gd, modes.muon))
    p, alpha = parts(Fraction(m, q - m), rho, s)
    return exact(int(muon < gd), int(alpha < HALF + T % 2 * (p - HALF) / T))


@verifies(NDS_T1sd)
@pytest.mark.parametrize(("m", "q", "s"), [(1, 4, "1/2"), (1, 4, "1"), (9, 19, "1/2")])
def test_without_alignment(m: int, q: int, s: str) -> None:
    times_at_which_muon_is_not_flatter(m, q, *fractions("6", s), steps=19)


POINTS = [
    (1, 4, "6", "1/2"),
    (1, 4, "6", "2"),
    (2, 4, "3", "2"),
    (2, 4, "3", "1"),
    (3, 5, "3", "1/2"),
    (3, 5, "3", "9"),
]


@verifies(NDS_T1sb)
def test_orders_at_even_times() -> None:
    for m, q, rho, s in POINTS:
        order_after(4, m, q, *fractions(rho, s))


@verifies(NDS_T1sc)
def test_orders_at_odd_times() -> None:
    for m, q, rho, s in POINTS:
        for T in (1, 3):
            order_after(T, m, q, *fractions(rho, s))


@verifies(NDS_T1se)
def test_gradients_that_vary_within_groups() -> None:
    only_energies_count(fractions("9", "9", "2", "2", "2"), fractions("1", "-3", "1/5", "2", "7"), 7)


@control(NDS_T1, drops="A6")
def test_small_constant_steps_reverse_the_theorem() -> None:
    """eta = 1/10 < 2/(w_H + w_L) = 2/13."""
    flatter_along_a_run(1, 4, *fractions("12", "2"), steps=40, eta=Fraction(1, 10))


@control(NDS_T1, drops="A4")
def test_reversed_alignment_at_one_step() -> None:
    flatter_along_a_run(1, 4, *fractions("6", "1/2"), steps=1)


@control(NDS_T1, drops="A3")
def test_half_of_the_modes_on_the_high_level_tie() -> None:
    """alpha = 1/2: Muon's average is the lower one at T = 1, and equal at T = 2."""
    flatter_along_a_run(1, 2, *fractions("3", "2"), steps=2)


@control(NDS_T1se, drops="A3")
def test_three_levels() -> None:
    only_energies_count(fractions("3", "2", "1"), fractions("1", "1", "1"), 3)


def test_printed_averages() -> None:
    """alpha = 1/4, rho = 6, s = 1/2: Muon's 2.25 against 1.3846 at T = 1, and lower at every later T."""
    third = Fraction(1, 3)
    assert closed.mean_sharpness_muon(third, Fraction(6)) == Fraction(9, 4)
    first = sharpnesses(problem(1, 4, *fractions("6", "1/2")), modes.gd, 1)[0]
    assert first == closed.mean_sharpness_gd(third, Fraction(6), HALF, 1) == Fraction(18, 13)
    assert f"{float(first):.4f}" == "1.3846"
    p, alpha = parts(third, 6, HALF)
    assert 1 < (HALF - p) / (HALF - alpha) < 3
