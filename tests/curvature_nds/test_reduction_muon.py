"""NDS-P3: Muon with line search on two levels, by algebra for every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from labs.curvature_nds import levels as closed
from tests.curvature_nds.matrices import fractions
from tests.curvature_nds.test_reduction import levels
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_P3a, NDS_P3b, NDS_P3c, NDS_P3d, NDS_P3e, NDS_P3f, modes
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, require

ONE = Fraction(1)


def by_level(high: int, low: int, rho: Any) -> Callable[[Mode], int]:
    """Muon's update where the signs of the two levels are known."""
    return lambda mode: high if mode.w == rho else low


def after_first() -> tuple[Any, Any, Any, modes.State, modes.State]:
    """a, rho, s, and the states before and after Muon's first step; sigma_L = 1."""
    import sympy

    s = sympy.Symbol("s", positive=True)
    a, rho, _, (high, low) = levels()
    start = [high._replace(r=s), low]
    return a, rho, s, start, modes.stepped(start, by_level(1, 1, rho))


@check(NDS_P3a)
def first_step_balances(sign: int = 1) -> Evidence:
    """Both residuals after the first step; they cancel in sum."""
    a, rho, s, _, (high, low) = after_first()
    found = (rho - s) / (a * rho + 1)
    return every(exact(high.r, -found), exact(low.r, sign * a * found), exact(a * high.r + low.r, 0))


def balanced(high: int, low: int) -> tuple[Any, Any, modes.State, modes.State]:
    """a, rho, and the states before and after a step from (r_H, r_L) = (high, low a), for signs high and low."""
    a, rho, _, (above, below) = levels()
    state = [above._replace(r=high + 0 * a), below._replace(r=low * a)]
    return a, rho, state, modes.stepped(state, by_level(high, low, rho))


SIGNS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]


@check(NDS_P3b, NDS_P3d)
def balance_shrinks(high: int, low: int, flipped: int = 0) -> Evidence:
    """(r_H, r_L) <- g (-r_H, r_L) with labs' g, whatever the signs: |r| shrinks by |g|, g decides who flips."""
    a, rho, before, after = balanced(high, low)
    g = closed.muon_root_factor(a, rho)
    ratios = [-g, g]
    return every(*(exact(after[i].r, ratios[i - flipped] * before[i].r) for i in range(2)))


@check(NDS_P3d)
def who_changes_sign(limit: Fraction = ONE) -> Evidence:
    """r_H goes to -g r_H, r_L to g r_L: the sign of g for a rho = limit (1 + v) and limit/(1 + v); and |g| < 1."""
    import sympy

    a, rho, _, _ = levels()
    v = sympy.Symbol("v", positive=True)
    g, near = closed.muon_root_factor(a, rho), {v: Fraction(1, 1000), rho: 2}
    return every(
        exact(g.subs(a, limit * (1 + v) / rho), 0, ">", witness=near),
        exact(g.subs(a, limit / ((1 + v) * rho)), 0, "<", witness=near),
        exact(closed.muon_gain(a, rho), 0, ">"),
    )


@check(NDS_P3c)
def loss_of_muon_is_geometric(exponent: int = 2) -> Evidence:
    """gamma from the first step, g^2 from every balanced state, both labs'; and 1 - gamma, 1 - g^2."""
    a, rho, s, start, first = after_first()
    gamma, g = closed.muon_first_factor(a, rho, s), closed.muon_root_factor(a, rho)
    later = [balanced(*signs) for signs in SIGNS]
    return every(
        exact(modes.loss(first), gamma * modes.loss(start)),
        exact(1 - closed.muon_first_gain(a, rho, s), gamma),
        exact(1 - closed.muon_gain(a, rho), g**exponent),
        *(exact(modes.loss(after), g**exponent * modes.loss(before)) for *_, before, after in later),
    )


@check(NDS_P3e)
def sharpness_of_muon(high: int, low: int, more: Fraction = Fraction(0)) -> Evidence:
    """alpha w_H + (1 - alpha) w_L, alpha = a/(1 + a), whatever the signs; labs' mean."""
    a, rho, before, _ = balanced(high, low)
    alpha = (a + more) / (1 + a)
    found = modes.sharpness(before, by_level(high, low, rho))
    return every(exact(found, alpha * rho + (1 - alpha)), exact(found, closed.mean_sharpness_muon(a, rho)))


@check(NDS_P3f)
def when_muon_is_exact(shift: Fraction = Fraction(0)) -> Evidence:
    """gamma = 0 and the step is Newton's (all d_i equal) at s = rho only; g = 0 at a rho = 1 only."""
    import sympy

    a, rho, s, start, first = after_first()
    gamma, g = closed.muon_first_factor(a, rho, s), closed.muon_root_factor(a, rho)
    v = sympy.Symbol("v", positive=True)
    at = {s: rho + shift}
    return every(
        exact(gamma.subs(at), 0),
        exact((start[0].r / start[0].w - start[1].r).subs(at), 0),
        *(exact(mode.r.subs(at), 0) for mode in first),
        exact(gamma.subs(s, rho + v), 0, ">"),
        exact(gamma.subs(rho, s + v), 0, ">"),
        exact(g.subs(a, 1 / rho), 0),
        exact(g.subs(a, (1 + v) / rho), 0, ">"),
        exact(g.subs(a, 1 / (rho * (1 + v))), 0, "<"),
    )


@verifies(NDS_P3a, NDS_P3b, NDS_P3c, NDS_P3d, NDS_P3e, NDS_P3f)
def test_every_step_of_muon() -> None:
    first_step_balances()
    loss_of_muon_is_geometric()
    when_muon_is_exact()
    who_changes_sign()
    for high, low in SIGNS:
        balance_shrinks(high, low)
        sharpness_of_muon(high, low)


@control(NDS_P3a, changes="sign of r_L")
def test_residuals_of_the_levels_cancel() -> None:
    first_step_balances(-1)


@control(NDS_P3b, changes="g (-r_H, r_L) -> g (r_H, -r_L)")
@control(NDS_P3d, changes="the high level flips -> the low level flips")
def test_the_other_level_flips() -> None:
    balance_shrinks(1, -1, flipped=1)


@control(NDS_P3d, sharpens="a rho > 1 -> a rho > 0.99, and a rho < 1 -> a rho < 1.01")
def test_the_traces_decide_who_flips() -> None:
    who_changes_sign(Fraction(99, 100))
    who_changes_sign(Fraction(101, 100))


@control(NDS_P3c, changes="g^2 -> g^4")
def test_the_factor_is_the_square_of_g() -> None:
    loss_of_muon_is_geometric(4)


@control(NDS_P3e, changes="alpha -> alpha + 1/(100 (1 + a))")
def test_another_mean() -> None:
    sharpness_of_muon(1, -1, Fraction(1, 100))


@control(NDS_P3f, changes="s = rho -> s = rho + 1/100")
def test_muon_is_exact_at_one_alignment_only() -> None:
    when_muon_is_exact(Fraction(1, 100))


@check(NDS_P3c)
def losses_of_muon(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> Evidence:
    """Phi_T = gamma g^(2(T-1)) Phi_0 along a run in fractions; the first mode is on the high level, the last not."""
    high, low = (w[0], sigma[0]), (w[-1], sigma[-1])
    pairs = list(zip(w, sigma, strict=True))
    require(set(pairs) == {high, low}, "A4")
    a = Fraction(pairs.count(high), len(w) - pairs.count(high))
    rho, s = high[0] / low[0], high[1] / low[1]
    losses = [modes.loss(x) for x in modes.run([Mode(ONE, x, y) for x, y in pairs], modes.muon, steps)]
    gamma, g = closed.muon_first_factor(a, rho, s), closed.muon_root_factor(a, rho)
    return every(*(exact(x, gamma * g ** (2 * t) * losses[0]) for t, x in enumerate(losses[1:])))


@verifies(NDS_P3c)
def test_hundreds_of_steps_of_muon_in_fractions() -> None:
    losses_of_muon(fractions("12", "1", "1", "1"), fractions("2", "1", "1", "1"), 200)
    losses_of_muon(fractions("1000000", "1", "1"), fractions("3", "1/1000", "1/1000"), 100)


@restates(NDS_P3c)
def test_muon_does_not_know_units() -> None:
    losses_of_muon(fractions("3/1000", "1/4000", "1/4000", "1/4000"), fractions("14", "7", "7", "7"), 20)


@control(NDS_P3c, drops="A4")
def test_spread_within_a_group_breaks_the_recursion() -> None:
    losses_of_muon(fractions("12", "1", "1", "1"), fractions("2", "101/100", "1", "1"), 12)


def test_printed_rates() -> None:
    """a = 1/3, s = 2, rho = 12: kappa = 121/170, gamma = 1/2, g^2 = 9/25; from labs and from the recursion."""
    third = Fraction(1, 3)
    printed = fractions("121/170", "1/2", "9/25")
    forms = closed.gd_factor(third, 12, 2), closed.muon_first_factor(third, 12, 2)
    assert [*forms, closed.muon_root_factor(third, 12) ** 2] == printed
    start = modes.two_levels(1, 4, Fraction(12), Fraction(2))
    gd = [modes.loss(x) for x in modes.run(start, modes.gd, 2)]
    muon = [modes.loss(x) for x in modes.run(start, modes.muon, 2)]
    assert [gd[2] / gd[1], muon[1] / muon[0], muon[2] / muon[1]] == printed
