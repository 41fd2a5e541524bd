"""ICM-T4.1, ICM-T4.4: when full orthogonalisation is exactly optimal, and that nothing else is then."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.isotropic_curvature import kink_closed_forms
from labs.isotropic_curvature.kinked import Kink, PiecewiseSlope, PiecewiseWeight
from tests.isotropic_curvature.device import expect, solve
from tests.isotropic_curvature.kinks import graded_by, least_at, zoo_of
from tests.isotropic_curvature.menu import ball
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import arcs, two_levels
from theory.isotropic_curvature.orthogonalisation import (
    ICM_T4_1,
    ICM_T4_4,
)

NOT_AT_AN_END = "g is not constant at an end"
ONE = Fraction(1)


# --- ICM-T4.1: the condition -----------------------------------------------------------------------------------


@check(ICM_T4_1)
def pairs_in_every_dimension(factor: Fraction) -> Evidence:
    """k0 = 2 and every n = 2p + 2: g = E[h u] for h = A + J 1{t > tau}, and H with the slopes A, A + J (1 + v).

    F falls at r 1 along the normal a at the rate slack(a), which is v J S(a): for v < 0 r 1 is not optimal.  For
    v >= 0 h is between the slopes, and its dual value -r (E h - A) is the value of r 1, r (A - sum g).
    """
    import sympy

    p, y, power, A, J = sympy.symbols("p y power A J", positive=True)
    v = sympy.Symbol("v", real=True)
    n, tau = 2 * p + 2, 1 - y
    found = two_levels.pair_tails(p, y, power)
    require(J.is_positive, "A3")
    require(n.is_positive, "k = n")
    g = two_levels.spectrum(found, 2, n, A, A + J)
    scaled = found._replace(support=factor * found.support)
    rate = two_levels.slack(scaled, tau, 2, n, g, A, A + (1 + v) * J)
    return every(
        exact(rate, v * J * found.support),
        exact(found.support, 0, ">"),
        exact(2 * g[0] + (n - 2) * g[1], A + J * found.mass),
    )


def _doubled(name: str, x: Any, A: Any, B: Any) -> tuple[Any, Any]:
    """H below and beyond 1 with the slopes A and B there: three of the many that have them."""
    return {
        "linear": (A * x, A + B * (x - 1)),
        "quadratic": (A * x**2 / 2, A / 2 + B * (x**2 - 1) / 2),
        "cubic": (A * x**3 / 3, A / 3 + B * (x - 1) + (x - 1) ** 2),
    }[name]


@check(ICM_T4_1)
def objective_of_doubled_levels(name: str, jump: Fraction, factor: Fraction = ONE) -> Evidence:
    """n = 4, g = (3/5, 3/5, 1/4, 1/4), A = 1/5: F over q = (1 + x s, 1 + x s, 1/(1 + z s), ...) in closed form.

    jump   the kink's, in units of the one in the claim (`factor` times it): from 1 on F rises for all s > 0 along
           the normal, where it is flat to first order, and along another line; below it falls along the normal.
    """
    import sympy

    high, low, A = (sympy.Rational(*pair) for pair in ((3, 5), (1, 4), (1, 5)))
    least_jump = kink_closed_forms.pair_kink(high, low, sympy.Integer(4), A) - A
    B = A + least_jump * sympy.Rational(jump.numerator, jump.denominator)
    x, s = sympy.symbols("x s", positive=True)
    below, beyond = _doubled(name, x, A, B)
    require(below.diff(x).subs(x, 1) == A < B == beyond.diff(x).subs(x, 1), "A3")

    def excess(up: int, down: int) -> Any:
        q = (1 + up * s, 1 / (1 + down * s))
        pieces = [(below, q[1], 1), (beyond, 1, q[0])]
        return two_levels.excess_of_doubled_levels(x, pieces, beyond.subs(x, 1), q, (high, low))

    normal = (8, 7)  # the edge of the zonoid: 1 - tau = sum g' / J
    assert (2 * (high + low) - A) / least_jump == sympy.Rational(normal[0], sum(normal))
    require(True, "k = n")
    if jump >= factor:
        return every(*(exact(excess(*line), 0, ">") for line in (normal, (1, 3))))
    return exact(excess(*normal).subs(s, sympy.Rational(1, 10**4)), 0, "<")


@check(ICM_T4_1)
def arcs_of_the_circle(
    w: Fraction, A: Fraction, J: Fraction, v: Fraction, factor: Fraction = ONE
) -> Evidence:
    """n = 2: g = E[h u] for an arc of half-width w and the jump J; H has the slopes A and A + J (1 + v).

    v > 0: (Z) holds for all a (a box of normals), and F > F(1, 1) on a box of q around the falling diagonal.
    v < 0: (Z) fails at the arc's normal, and F falls along it.  `factor` scales the kink in (Z) only.
    """
    from flint import arb

    require(J > 0, "A3")
    require(True, "k = n")
    width, low, jump = ball(w), ball(A), ball(J)
    arc_mean = 2 * width / arb.pi()
    spread = jump * (2 * width).sin() / arb.pi()
    total = low + jump * arc_mean
    g = ((total + spread) / 2, (total - spread) / 2)
    B = low + jump * ball(1 + v)
    scaled = low + jump * ball((1 + v) * factor)
    if v > 0:

        def side(x: Any) -> Any:
            return arcs.slack(x, g, low, scaled)

        def other_side(x: Any) -> Any:
            return arcs.slack(x, g[::-1], low, scaled)

        quarter = (Fraction(0), Fraction(157079632, 10**8))
        end = (arb.pi() / 2).union(ball(quarter[1]))
        return every(
            *(enclosed(f, ">", box=[quarter]) for f in (side, other_side)),
            *(enclosed(f(end), ">") for f in (side, other_side)),
            enclosed(
                lambda up, down: arcs.excess((1 + up, 1 - down), g, low, B),
                ">",
                box=[(Fraction(1, 4), Fraction(2, 5)), (Fraction(1, 4), Fraction(2, 5))],
            ),
        )
    step = ball(Fraction(1, 1000)) * ball(-v)
    q = (1 + step * width.sin() ** 2, 1 - step * width.cos() ** 2)
    return every(enclosed(arcs.slack(width, g, low, scaled), "<"), enclosed(arcs.excess(q, g, low, B), "<"))


@check(ICM_T4_1)
def kinks_around_the_least(
    kind: str, g: tuple[float, ...], share: float, v: float, r: float = 1.5
) -> Evidence:
    """F at r (1 + t a) against F at r, for a jump 1 + v times the least one and its normal a.

    v < 0: F falls along a; t is small beside the width of the edge, which v tells.  v > 0: it rises along a, and
    along vectors that know nothing of the zonoid.  The relative error of F is 1e-14 times the size of its terms.
    """
    A, B, normal = least_at(g, share)
    H = KINKS[kind](r, A, A + (B - A) * (1 + v))
    require(any(c == r and left < right for c, left, right in H.kinks), "A3")
    require(normal.size == len(g), "k = n")
    longest = float(np.max(np.abs(normal)))
    step = 0.05 * abs(v) * r / longest

    def rise(direction: np.ndarray) -> float:
        q = r + step * direction
        return float(expect(H, q, order=0)[0]) - float(H(r)) - step * float(np.array(g) @ direction)

    rounding = 1e-14 * (float(H(r)) + r * sum(g))
    if v < 0:
        return measured(rise(normal), 0.0, rounding, "<")
    draw = stream("other directions").standard_normal(len(g))
    others = [normal, np.eye(len(g))[0], -np.eye(len(g))[-1], draw / np.max(np.abs(draw))]
    return measured(np.array([rise(longest * d / np.max(np.abs(d))) for d in others]), 0.0, rounding, ">=")


@check(ICM_T4_1)
def solver_around_the_least(kind: str, g: tuple[float, ...], share: float, v: float) -> Evidence:
    """The solver's q, for a jump 1 + v times the least one: all r, or not all equal by more than rounding."""
    A, B, _ = least_at(g, share)
    require(A < B, "A3")
    require(min(g) > 0, "k = n")
    q = solve(np.array(g), KINKS[kind](1.5, A, A + (B - A) * (1 + v))).q
    return measured(float(np.ptp(q)), 0.0, 1e-12, "==" if v > 0 else ">")


@verifies(ICM_T4_1)
def test_pairs_decide_in_every_dimension() -> None:
    pairs_in_every_dimension(ONE)


@verifies(ICM_T4_1)
@pytest.mark.parametrize("name", ["linear", "quadratic", "cubic"])
def test_only_the_slopes_at_the_kink_matter(name: str) -> None:
    for jump in (ONE, Fraction(999, 1000)):
        objective_of_doubled_levels(name, jump)


@verifies(ICM_T4_1)
@pytest.mark.parametrize("w", ["1/5", "7/10", "5/4"])
def test_arcs_decide_in_the_plane(w: str) -> None:
    for v in (Fraction(1, 50), Fraction(-1, 1000)):
        arcs_of_the_circle(Fraction(w), Fraction(1, 5), Fraction(2), v)


KINKS: dict[str, Any] = {
    "linear": Kink,
    "quadratic": lambda r, A, B: PiecewiseWeight((r,), (A / r, B / r)),
    "late": lambda r, A, B: PiecewiseSlope((r / 2, r, 2 * r), (A / 2, A, B, 3 * B)) if A else Kink(r, A, B),
}


@verifies(ICM_T4_1)
def test_the_objective_around_the_least_kink() -> None:
    for g in graded_by(5, 100.0)[:2]:
        for kind, share in (("linear", 0.0), ("quadratic", 0.5)):
            for v in (-0.02, -0.001, 0.001):
                kinks_around_the_least(kind, g, share, v)


@verifies(ICM_T4_1)
def test_the_solver_flips_at_the_least_kink() -> None:
    for v in (-0.02, -0.001, 0.001, 0.02):
        solver_around_the_least("quadratic", (0.5, 0.3, 0.2), 0.5, v)


@verifies(ICM_T4_1)
@pytest.mark.long
@pytest.mark.parametrize("kind", KINKS)
def test_the_zoo_around_the_least_kink(kind: str) -> None:
    for n in (2, 5):
        for g in graded_by(n, 1e3):
            for share, v in ((0.0, -0.02), (0.5, -0.02), (0.5, 0.02)):
                kinks_around_the_least(kind, g, share, v)


@verifies(ICM_T4_1)
@pytest.mark.long
def test_the_solver_flips_at_a_linear_kink() -> None:
    for g in ((1.5, 0.5), (1.0, 0.7, 0.4, 0.2, 0.1)):
        for share, v in ((0.0, -0.001), (0.5, -0.02), (0.5, -0.001), (0.5, 0.001), (0.0, 0.02)):
            solver_around_the_least("linear", g, share, v)


@control(ICM_T4_1, sharpens="B - A -> 1.02 (B - A) in (Z)")
def test_another_kink_does_not_decide() -> None:
    pairs_in_every_dimension(Fraction(51, 50))
    objective_of_doubled_levels("linear", Fraction(101, 100), factor=Fraction(51, 50))
    arcs_of_the_circle(
        Fraction(7, 10), Fraction(1, 5), Fraction(2), Fraction(1, 100), factor=Fraction(49, 50)
    )


@restates(ICM_T4_1)
def test_the_same_kink_in_other_units() -> None:
    """H(L x) in place of H(x), and losses in units of c: r -> r/L, slopes and g times c L."""
    for c, length, v in ((1e-6, 1e3, -0.01), (1e6, 1e-3, 0.01)):
        g = tuple(c * length * x for x in (1.0, 0.5, 0.1))
        kinks_around_the_least("quadratic", g, 0.25, v, r=1 / length)


# --- ICM-T4.4: the only optimum --------------------------------------------------------------------------------


@check(ICM_T4_4)
def excess_over_squares(side: str, factor: Fraction) -> Evidence:
    """n = 4, H' = A x up to 1 and (A + J) x beyond: F(q) - F(1) >= (factor/2) sum g_i (q_i - 1)^2 > 0.

    g = E[h u] for the jump J at t = 7/15, so that the kink is the least one.  What is left over is the slack of (Z)
    at a = (q^2 - 1)/2: a square, or a combination of n g_i - A and B - n g_i.
    """
    import sympy

    x, A, J, up, down = sympy.symbols("x A J up down", positive=True)
    y = sympy.Rational(8, 15)
    found = two_levels.pair_tails(sympy.Integer(1), y, y)
    high, low = two_levels.spectrum(found, 2, 4, A, A + J)
    below, beyond = A * x**2 / 2, A / 2 + (A + J) * (x**2 - 1) / 2
    q = sympy.symbols("q_a q_b", positive=True)
    near, far = 1 / (1 + up), 1 / ((1 + up) * (1 + down))
    pieces, *place = {
        "across": ([(below, q[1], 1), (beyond, 1, q[0])], 1 + down, near),
        "beyond": ([(beyond, q[1], q[0])], 1 + up + down, 1 + up),
        "below": ([(below, q[1], q[0])], near, far),
    }[side]
    at = dict(zip(q, place, strict=True))
    squares = (high * (q[0] - 1) ** 2 + low * (q[1] - 1) ** 2).subs(at)
    excess = sympy.cancel(two_levels.excess_of_doubled_levels(x, pieces, A / 2, q, (high, low))).subs(at)
    require(J.is_positive, "A3")
    require(len(q) == len((high, low)), "k = n")
    require(sympy.expand(high - low).is_positive, NOT_AT_AN_END)
    return every(exact(excess - factor * squares, 0, ">="), exact(squares, 0, ">"))


@check(ICM_T4_4)
def constant_steps(gamma: Any, A: Any, B: Any) -> Evidence:
    """n = 4, g = gamma 1, H = A x + (B - A)(x - 1)_+: F(c 1) > F(1) for all c != 1."""
    import sympy

    s = sympy.Symbol("s", positive=True)
    require(sympy.sympify(B - A).is_positive, "A3")
    require(True, "k = n")
    require(
        sympy.sympify(4 * gamma - A).is_positive and sympy.sympify(B - 4 * gamma).is_positive, NOT_AT_AN_END
    )
    longer, shorter = 1 + s, 1 / (1 + s)
    return every(
        exact(B * (longer - 1), 4 * gamma * (longer - 1), ">"),
        exact(A * (shorter - 1), 4 * gamma * (shorter - 1), ">"),
    )


@check(ICM_T4_4)
def others_are_worse(g: tuple[float, ...], share: float, q: np.ndarray) -> Evidence:
    """F(q) > F(r 1) with the least kink, by more than the relative error of F, 1e-14 times the size of its terms."""
    A, B, _ = least_at(g, share)
    H = Kink(1.0, A, B)
    require(A < B, "A3")
    require(q.size == len(g), "k = n")
    require(np.ptp(g) > 0, NOT_AT_AN_END)
    excess = float(expect(H, q, order=0)[0]) - A - float(np.array(g) @ (q - 1))
    return measured(excess, 0.0, 1e-13 * (A + float(np.array(g) @ q)), ">")


@verifies(ICM_T4_4)
def test_the_excess_grows_like_a_square() -> None:
    for side in ("across", "beyond", "below"):
        excess_over_squares(side, ONE)


@verifies(ICM_T4_4)
def test_no_other_multiple_of_a_constant_spectrum() -> None:
    import sympy

    A, low, high = sympy.symbols("A low high", positive=True)
    constant_steps((A + low) / 4, A, A + low + high)


@verifies(ICM_T4_4)
def test_others_are_worse_on_the_zoo() -> None:
    draw = stream("others are worse")
    for g in zoo_of(5)[:2]:
        others_are_worse(g, 0.0, 1 + 0.3 * draw.uniform(-1, 1, 5))
    others_are_worse((1.0, 0.7, 0.4), 0.5, np.full(3, 0.8))


@control(ICM_T4_4, drops=NOT_AT_AN_END)
def test_a_ray_of_optima_at_an_end() -> None:
    import sympy

    A, J = sympy.symbols("A J", positive=True)
    constant_steps((A + J) / 4, A, A + J)
    constant_steps(A / 4, A, A + J)
