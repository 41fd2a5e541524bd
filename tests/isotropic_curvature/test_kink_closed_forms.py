"""ICM-T4c.a-d: how sharp a kink has to be, in closed form: two singular values, two levels, a linear density."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.isotropic_curvature.kink_closed_forms import linear_density, pair_kink, plane_kink, two_level_kink
from tests.isotropic_curvature.kinks import KINK_ERROR, bracket_within, least
from tests.isotropic_curvature.menu import rationals
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import arcs, dirichlet, two_levels
from theory.isotropic_curvature.minimal_kink import (
    ICM_T4ca,
    ICM_T4cb,
    ICM_T4cc,
    ICM_T4cd,
)

ONE = Fraction(1)
LINEAR = "A <= b_n and b_1 <= B"


# --- ICM-T4c.a: n = 2 ------------------------------------------------------------------------------------------


@check(ICM_T4ca)
def sine_formula(factor: Fraction) -> Evidence:
    """Arcs attain |g_1 - g_2| = factor (J/pi) sin(pi (sum g - A)/J), and (Z) at a with a.u = 0 at their ends no more.

    Less is attained by averages with the mirrored arc, for which the difference is the opposite.
    """
    import sympy

    w, A, J, spread = sympy.symbols("w A J spread", positive=True)
    arc = arcs.arc(w)
    require(J.is_positive, "A3")
    g = arcs.spectrum(arc, A, A + J)
    total = sum(g)
    claimed = factor * J / sympy.pi * sympy.sin(sympy.expand(sympy.pi * (total - A) / J))
    require(len(g) == 2, "k = n")
    other = ((total + spread) / 2, (total - spread) / 2)
    inner = sum(a * x for a, x in zip(arc.normal, other, strict=True))
    slack = A / 2 * sum(arc.normal) + J * arc.support - inner
    turned = sympy.cos(2 * w)  # there u = (1 + turned, 1 - turned)/2
    at_the_end = arc.normal[0] * (1 + turned) + arc.normal[1] * (1 - turned)
    return every(exact(claimed, g[0] - g[1]), exact(slack, (claimed - spread) / 2), exact(at_the_end, 0))


@check(ICM_T4ca)
def sine_quoted(g: tuple[str, str], A: str, digits: str) -> Evidence:
    """(Z) fails half a unit below the digits quoted, and holds half a unit above: by the sine formula in balls."""
    from flint import arb

    first, second, start = arb(g[0]), arb(g[1]), arb(A)
    half = arb(10) ** -len(digits.partition(".")[2]) / 2
    require(True, "k = n")
    require(float(A) >= 0, "A3")

    def room(B: Any) -> Any:
        jump = B - start
        return jump / arb.pi() * (arb.pi() * (first + second - start) / jump).sin() - (first - second)

    return every(enclosed(room(arb(digits) - half), "<"), enclosed(room(arb(digits) + half), ">"))


@check(ICM_T4ca, ICM_T4cb)
def three_ways_in_the_plane(g: tuple[float, float], share: float) -> Evidence:
    """labs three times: the sine formula, incomplete beta functions (k0 = 1, n = 2), contour and convex gauge."""
    A = share * 2 * min(g)
    sine, beta = plane_kink(np.array(g), A), two_level_kink(max(g), min(g), 1, 2, A)
    gauge = least(g, A)[0]
    require(sine > A, "A3")
    require(len(g) == 2, "k = n")
    # B - A, where there is a jump, is as accurate as B.
    return every(
        measured((gauge - A) / (sine - A), 1.0, KINK_ERROR),
        measured((beta - A) / (sine - A), 1.0, KINK_ERROR),
    )


@check(ICM_T4ca, ICM_T4cb)
def law_of_the_squares(sphere: bool) -> Evidence:
    """B_min/(n gbar) = 1.65740024 for n = 2, g = (1.5, 0.5); u uniform on the simplex instead gives 2.

    Uniform on a simplex are the sums of two squares of n = 4.
    """
    require(True, "k = n")
    require(True, "A3")
    simplex = float(pair_kink(Fraction(3, 4), Fraction(1, 4), Fraction(4)))
    B = plane_kink(np.array([1.5, 0.5])) if sphere else simplex
    return measured(B / 2, 1.65740024, 5e-9)


PLANE: list[tuple[float, float]] = [(1.0, 0.5), (1.0, 1e-6), (1.0, 0.97), (0.65, 0.35)]


@verifies(ICM_T4ca)
def test_the_sine_formula() -> None:
    sine_formula(ONE)
    sine_quoted(("0.65", "0.35"), "0.2", "1.35142776927")


@verifies(ICM_T4ca, ICM_T4cb)
def test_three_ways_in_the_plane() -> None:
    for g in PLANE:
        for share in (0.0, 0.5):
            three_ways_in_the_plane(g, share)
    law_of_the_squares(sphere=True)


@verifies(ICM_T4ca, ICM_T4cb)
@pytest.mark.long
def test_three_ways_in_the_plane_on_the_zoo() -> None:
    for g in zoo(2, stream("three ways")).values():
        if np.min(g) > 0 and np.ptp(g) > 0:
            for share in (0.0, 0.1, 0.999):
                three_ways_in_the_plane((float(g[0]), float(g[1])), share)


@control(ICM_T4ca, sharpens="the sine -> 0.99 of it")
def test_a_smaller_sine() -> None:
    sine_formula(Fraction(99, 100))


@control(ICM_T4ca, changes="the sphere -> u uniform on the simplex: 2, not 1.65740024")
def test_another_law_in_the_plane() -> None:
    law_of_the_squares(sphere=False)


# --- ICM-T4c.b: two levels -------------------------------------------------------------------------------------


@check(ICM_T4cb)
def law_of_the_upper_block(offset: Fraction) -> Evidence:
    """t times the density of Beta(k0/2, (n-k0)/2) is k0/n times that of Beta(k0/2 + offset, (n-k0)/2); all k0, n."""
    import sympy

    t, k0, rest = sympy.symbols("t k0 rest", positive=True)
    a, b = k0 / 2, rest / 2
    more = a + sympy.Rational(offset.numerator, offset.denominator)
    require(rest.is_positive, "k = n")
    require(True, "A3")
    # The common factor (1 - t)^(b - 1) is left out.
    left = t**a * sympy.gamma(a + b) / (sympy.gamma(a) * sympy.gamma(b))
    right = k0 / (k0 + rest) * t ** (more - 1) * sympy.gamma(more + b) / (sympy.gamma(more) * sympy.gamma(b))
    return exact(sympy.gammasimp(right / left), 1)


@check(ICM_T4cb)
def even_blocks(k0: int, n: int, factor: Fraction) -> Evidence:
    """g = E[h u] for h = A + J 1{t > tau}, tau = s/(1 + s): (Z) is an equality at the normal of two levels.

    E[t | t > tau] rises with tau and exceeds it, so that there is one root; `factor` scales the first equation.
    """
    import sympy

    s, A, J = sympy.symbols("s A J", positive=True)
    tau = s / (1 + s)
    tails = two_levels.even_tails(k0, n, tau)
    g = two_levels.spectrum(tails, k0, n, A, A + J)
    total = k0 * g[0] + (n - k0) * g[1]
    mean = sympy.cancel(tails.first / tails.mass)
    require(0 < k0 < n, "k = n")
    require(J.is_positive, "A3")
    return every(
        exact(A + factor * J * tails.mass, total),
        exact(two_levels.slack(tails, tau, k0, n, g, A, A + J), 0),
        exact(mean.diff(s), 0, ">"),
        exact(mean, tau, ">"),
        exact(k0 * (g[0] - A / n) / (total - A), mean),
    )


@check(ICM_T4cb)
def halves_quoted(n: int, digits: str, weight: int = 1) -> Evidence:
    """B_min/(n gbar) for g = (3/2 on one half, 1/2 on the other), A = 0, in balls.

    Below: <a, g>/S(a) at a normal a = (1 - tau, -tau).  Above: 1/P(t > tau) at a tau where g_a/gbar =
    2 E[t | t > tau] exceeds 3/2, since averages with the constant density have every smaller ratio.  The two tau are
    1e-13 apart.
    weight 2 puts Beta(k0, n - k0) in place of Beta(k0/2, (n - k0)/2).
    """
    from flint import arb
    from scipy.optimize import brentq

    k0, size = weight * n // 2, weight * n
    require(n % 2 == 0, "k = n")
    require(True, "A3")

    def spread(tau: Any) -> Any:
        tails = two_levels.ball_tails(k0, size, tau)
        return 2 * tails.first / tails.mass - arb("1.5")

    tau = arb(brentq(lambda x: float(spread(arb(x))), 1e-9, 0.9, xtol=1e-15))
    later = tau + arb("1e-13")
    lower = (3 * (1 - tau) - tau) / (4 * two_levels.ball_tails(k0, size, tau).support)
    upper = 1 / two_levels.ball_tails(k0, size, later).mass
    return every(enclosed(spread(later), ">"), bracket_within(lower, upper, digits))


@check(ICM_T4cb)
def beta_against_the_gauge(g_a: float, g_b: float, k0: int, n: int, share: float) -> Evidence:
    """labs twice: incomplete beta functions, and contour and convex gauge."""
    A = share * n * g_b
    B = two_level_kink(g_a, g_b, k0, n, A)
    gauge = least((g_a,) * k0 + (g_b,) * (n - k0), A)[0]
    require(A < B, "A3")
    require(0 < k0 < n, "k = n")
    return measured((gauge - A) / (B - A), 1.0, KINK_ERROR)


@check(ICM_T4cb)
def beta_in_rationals(k0: int, n: int, tau: Fraction, A: Fraction) -> Evidence:
    """labs' B_min for the g of a jump 1 at tau, which theory gives in rational numbers, is A + 1."""
    g = two_levels.spectrum(two_levels.even_tails(k0, n, tau), k0, n, A, A + 1)
    require(0 < k0 < n, "k = n")
    require(A >= 0, "A3")
    # g is rounded; B' is a power of g'_b, at most the n-th, and g'_b = g_b - A/n loses what A/n makes up of g_b.
    tolerance = KINK_ERROR + 2.0**-52 * n * float(g[1] / (g[1] - A / n))
    return measured(two_level_kink(float(g[0]), float(g[1]), k0, n, float(A)), float(A + 1), tolerance)


@verifies(ICM_T4cb)
def test_two_levels_by_algebra() -> None:
    law_of_the_upper_block(ONE)
    even_blocks(4, 6, ONE)


@verifies(ICM_T4cb)
@pytest.mark.parametrize(
    ("n", "digits"),
    [
        (2, "1.65740024"),
        (4, "2.00000000"),
        (8, "2.93207446"),
        (16, "6.05070821"),
        (32, "23.3919045"),
        (64, "299.340342"),
    ],
)
def test_quoted_halves(n: int, digits: str) -> None:
    halves_quoted(n, digits)


@verifies(ICM_T4cb)
def test_two_levels_in_floats() -> None:
    for k0, n in ((1, 3), (5, 8), (32, 64)):
        beta_against_the_gauge(1.5, 0.5, k0, n, 0.3)
    for k0, n in ((4, 8), (2, 16)):
        for tau in rationals("1/10", "1/2", "4/5"):
            beta_in_rationals(k0, n, tau, Fraction(1, 5))


@verifies(ICM_T4cb)
@pytest.mark.long
@pytest.mark.parametrize("n", [3, 8, 33, 128])
def test_two_levels_on_a_grid(n: int) -> None:
    for k0 in {1, 2, n // 2, n - 1}:
        for low in (0.99, 0.5, 0.1, 1e-3, 1e-6):
            for share in (0.0, 0.5):
                if two_level_kink(1.0, low, k0, n, share * n * low) < 1e150:
                    beta_against_the_gauge(1.0, low, k0, n, share)


@control(ICM_T4cb, changes="k0/2 + 1 -> k0/2 + 1.05, J -> 1.01 J, Beta(k0/2, .) -> Beta(k0, .)")
def test_another_law_of_the_upper_block() -> None:
    law_of_the_upper_block(Fraction(105, 100))
    even_blocks(4, 6, Fraction(101, 100))
    halves_quoted(2, "1.65740024", weight=2)
    law_of_the_squares(sphere=False)


# --- ICM-T4c.c: two above the others ---------------------------------------------------------------------------


@check(ICM_T4cc)
def power_formula(exponent: Fraction) -> Evidence:
    """labs' pair_kink is A + J for g = E[h u], h = A + J 1{t > tau}, for all n, and (gbar'/g'_b)^((n-2) exponent)."""
    import sympy

    p, y, power, A, J = sympy.symbols("p y power A J", positive=True)
    n = 2 * p + 2
    high, low = two_levels.spectrum(two_levels.pair_tails(p, y, power), 2, n, A, A + J)
    require(n.is_positive, "k = n")
    require(J.is_positive, "A3")
    reduced = low - A / n
    total = 2 * high + (n - 2) * low - A
    base = sympy.cancel(total / n / reduced)  # gbar'/g'_b, which is 1/y
    found = two_levels.name_power(pair_kink(high, low, n, A), y, p, power)
    stated = A + total * (1 / power) ** (2 * sympy.Rational(exponent.numerator, exponent.denominator))
    return every(exact(base, 1 / y), exact(found, A + J), exact(stated, A + J))


@check(ICM_T4cc)
def doubled_levels_at_four(power: int) -> Evidence:
    """n = 4, A = 0: (g_a + g_b)^power/g_b^(power - 1), in symbols and at (3/4, 1/4)."""
    import sympy

    high, low = sympy.symbols("high low", positive=True)
    require(True, "k = n")
    require(low.is_positive, "A3")
    found = pair_kink(Fraction(3, 4), Fraction(1, 4), Fraction(4))
    return every(
        exact(pair_kink(high, low, sympy.Integer(4)), (high + low) ** power / low ** (power - 1)),
        exact(found, Fraction(4) ** (power - 1)),
    )


@check(ICM_T4cc)
def powers_against_the_gauge(g_a: float, g_b: float, n: int, share: float) -> Evidence:
    """labs three times: the power, incomplete beta functions, contour and convex gauge."""
    A = share * n * g_b
    jump = pair_kink(g_a, g_b, n, A) - A
    require(n > 2, "k = n")
    require(jump > 0, "A3")
    gauge = least((g_a, g_a) + (g_b,) * (n - 2), A)[0]
    return every(
        measured((gauge - A) / jump, 1.0, KINK_ERROR),
        measured((two_level_kink(g_a, g_b, 2, n, A) - A) / jump, 1.0, KINK_ERROR),
    )


@verifies(ICM_T4cc)
def test_the_power_formula() -> None:
    power_formula(Fraction(1, 2))
    doubled_levels_at_four(2)
    powers_against_the_gauge(0.6, 0.25, 4, 0.2)
    powers_against_the_gauge(1.0, 1e-3, 7, 0.0)


@control(ICM_T4cc, changes="exponent (n-2)/2 -> 0.51 (n-2)")
def test_another_power() -> None:
    power_formula(Fraction(51, 100))


@control(ICM_T4cc, changes="square -> cube")
def test_a_cube() -> None:
    doubled_levels_at_four(3)


# --- ICM-T4c.d: a linear density -------------------------------------------------------------------------------


@check(ICM_T4cd)
def linear_densities(offset: int, count: int = 2) -> Evidence:
    """E[(b.u) u_i] = g_i for all n: `count` different values, one coordinate of each and all others of their own.

    E u_i^2 and E u_i u_j from Dirichlet moments; labs' b for offset 2, b_i = n ((n + offset) g_i - sum g)/2.
    """
    import sympy

    n = sympy.Symbol("n", positive=True)
    g, rest = sympy.symbols(f"g1:{count + 1}", positive=True), sympy.Symbol("rest", positive=True)
    total = sum(g) + rest
    b = [n * ((n + offset) * gi - total) / 2 for gi in g]
    whole = n * ((n + offset) * total - n * total) / 2  # sum of all b
    same, mixed = dirichlet.moment((2,), n), dirichlet.moment((1, 1), n)
    require(n.is_positive, "k = n")
    require(True, "A3")
    require(True, LINEAR)
    found = [same * bi + mixed * (whole - bi) for bi in b]
    agree = [exact(linear_density(gi, total, n), n * ((n + 2) * gi - total) / 2) for gi in g]
    return every(*agree, *(exact(f, gi) for f, gi in zip(found, g, strict=True)))


@check(ICM_T4cd)
def linear_density_suffices(g: tuple[float, ...], A: float) -> Evidence:
    """B_min(g, A) <= b_1 if A <= b_n."""
    b = linear_density(np.array(g), sum(g), len(g))
    require(A >= 0, "A3")
    require(len(g) > 0, "k = n")
    require(float(np.min(b)) >= A, LINEAR)
    return measured(least(g, A)[0], float(np.max(b)), KINK_ERROR * float(np.max(b)), "<=")


@verifies(ICM_T4cd)
def test_linear_densities() -> None:
    linear_densities(2)
    linear_density_suffices((0.40, 0.36, 0.33), 0.2)


@control(ICM_T4cd, changes="n + 2 -> n + 3")
def test_another_linear_density() -> None:
    linear_densities(3)


@control(ICM_T4cd, drops=LINEAR)
def test_a_linear_density_that_becomes_negative() -> None:
    linear_density_suffices((1.0, 0.02), 0.0)
