"""AML-T10: sign descent in the task basis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.margins import margin_drift, masses_of_power_law
from labs.associative_memory.memory import answers
from labs.core.spectrum import zoo
from labs.core.streams import stream
from tests.referee import check, control, verifies
from theory.associative_memory import coordinates
from theory.associative_memory.coordinates import (
    AML_T10a,
    AML_T10b,
    AML_T10c,
)
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
NOISE = 0.2


# --- T10.a: one margin, whatever the frequencies -----------------------------------------------------------------


@check(AML_T10a)
def two_signs_in_a_column(signs: int = -1) -> Evidence:
    """Own and other entries of a column are -p ((K - 1)/K) g and p g/K: signs opposite, for all K, margins, noise."""
    import sympy

    others, E, p, n = sympy.symbols("others E p n", positive=True)
    facts, alpha = others + 1, 1 / (1 + n)
    own, other = (p * x for x in coordinates.column_gradient(facts, E, alpha))
    g = coordinates.drift(facts, E, alpha)
    point = {others: 2, E: 3, p: 1, n: 5}
    parts = [
        exact(own, signs * p * others / facts * g, witness=point),
        exact(other, p * g / facts, witness=point),
    ]
    noiseless = [part.subs(n, sympy.oo) for part in (own, other, g)]
    return every(*parts, exact(noiseless[0], signs * others * noiseless[1], witness={others: 2, E: 3, p: 1}))


@check(AML_T10a)
def margins_follow_the_recursion(
    p: np.ndarray, alpha: float, eta: float, steps: int, factor: float = 2.0
) -> Evidence:
    """Margins of a run of labs, all items, against m + factor eta sgn(g(m)) in plain floats."""
    size = p.shape[-1]
    found = simulate(p, alpha, eta, steps, "tra-signgd").margins
    m = [0.0]
    for _ in range(steps):
        m.append(m[-1] + factor * eta * math.copysign(1.0, size / (math.exp(m[-1]) + size - 1) - alpha))
    # Each step rounds logits of size steps eta, and the margin a mean of exponentials.
    return measured(found, np.array(m)[:, None], 8 * (steps + size) * EPS * (1 + eta * steps))


@verifies(AML_T10a)
def test_a_column_of_one_margin_has_two_signs() -> None:
    two_signs_in_a_column()


@verifies(AML_T10a)
@pytest.mark.parametrize("alpha", [0.0, NOISE, 0.7])
def test_margins_do_not_know_the_frequencies(alpha: float) -> None:
    for spectrum in zoo(11, stream("zoo of frequencies")).values():
        kept = np.maximum(spectrum, 1e-12)  # a query that is not asked is not learned
        margins_follow_the_recursion(kept / np.sum(kept), alpha, 0.0731, 60)


@control(AML_T10a, changes="2 eta -> eta")
def test_a_margin_moves_by_twice_the_step() -> None:
    margins_follow_the_recursion(np.full(7, 1 / 7), NOISE, 0.0731, 60, factor=1.0)


@control(AML_T10a, changes="the sign of the own entry")
def test_the_two_signs_are_opposite() -> None:
    two_signs_in_a_column(1)


# --- T10.b: one group --------------------------------------------------------------------------------------------


@check(AML_T10b)
def one_group_in_symbols(ratio: int = 2) -> Evidence:
    """G = -(g/K)(I - J/K) K/K for one group: msgn(G) = -sgn(g)(I - J/K) moves a margin by eta, the signs by 2 eta.

    In the algebra of I and J, J^2 = K J: P = I - J/K is a projection, so that it is its own polar factor.
    """
    import sympy

    facts, E, alpha, eta, lived = sympy.symbols("K E alpha eta sigma", positive=True)
    own, other = coordinates.column_gradient(facts, E, alpha)
    # a I + b J, as (a, b); the square of (a, b) is (a^2, 2 a b + K b^2).
    projection = (1, -1 / facts)
    square = (projection[0] ** 2, 2 * projection[0] * projection[1] + facts * projection[1] ** 2)
    gradient = (own - other, other)
    g = coordinates.drift(facts, E, alpha)
    muon = lived * eta * projection[0]  # own less other entry of eta sgn(g) P, sgn(g) = sigma
    signs = ratio * lived * eta
    return every(
        *(exact(a, b) for a, b in zip(square, projection, strict=True)),
        *(exact(a, -g * b) for a, b in zip(gradient, projection, strict=True)),
        exact(signs, 2 * muon, witness={lived: 1, eta: 1}),
    )


@check(AML_T10b)
def one_group_in_floats(size: int, alpha: float, eta: float, steps: int, ratio: float = 2.0) -> Evidence:
    """Losses and margins of sign descent and of Muon at `ratio` times its step."""
    p = np.full(size, 1 / size)
    one, two = simulate(p, alpha, eta, steps, "tra-signgd"), simulate(p, alpha, ratio * eta, steps, "muon")
    # A polar factor is right to K eps, and the run adds `steps` of them; losses have slopes below 1.
    tolerance = 8 * steps * size * EPS * eta
    return every(measured(one.margins, two.margins, tolerance), measured(one.loss, two.loss, tolerance))


@verifies(AML_T10b)
def test_one_group_is_muon_at_twice_the_step() -> None:
    one_group_in_symbols()
    for size, alpha in ((2, NOISE), (9, 0.0), (40, NOISE)):
        one_group_in_floats(size, alpha, 0.0731, 60)


def test_printed_difference_of_the_losses() -> None:
    p = np.full(20, 1 / 20)
    one, two = simulate(p, NOISE, 0.1, 60, "tra-signgd"), simulate(p, NOISE, 0.2, 60, "muon")
    assert np.max(np.abs(one.loss - two.loss)) < 5e-15  # of losses of size 3: eps is 4e-16 there


@control(AML_T10b, changes="2 eta -> eta")
def test_at_equal_steps_they_differ() -> None:
    one_group_in_symbols(1)
    one_group_in_floats(9, NOISE, 0.0731, 60, ratio=1.0)


# --- T10.c: several groups ---------------------------------------------------------------------------------------


@check(AML_T10c)
def step_across_groups(factor: Any = 1) -> Evidence:
    """A step h of Muon moves own - cross by h (1 - (1 - u + v)/C), u = Q_bb, v = Q_ab, and |1 - u + v| <= 1 + sqrt 2.

    Where u^2 + v^2 = 1 - w, w >= 0, 2 - (v - u)^2 = (u + v)^2 + 2 w.  `factor` multiplies 1 + sqrt 2.
    """
    import sympy

    u, v = sympy.symbols("u v", real=True)
    w, h, size = sympy.symbols("w h C", positive=True)
    own, cross = h + (h * u - h) / size, h * v / size
    moved = exact(own - cross, h * (1 - (1 - u + v) / size))
    room = exact(
        (2 - (v - u) ** 2).subs(u**2, 1 - w - v**2).expand().subs(u**2, 1 - w - v**2), _room(u, v, w)
    )
    points = [sympy.Rational(7, 10), sympy.Rational(12, 17), sympy.Rational(1, 2), sympy.Rational(-3, 5)]
    bounds = [exact(1 + 2 * x, factor * (1 + sympy.sqrt(2)), "<=") for x in points if 2 * x**2 <= 1]
    return every(moved, room, *bounds)


def _room(u: Any, v: Any, w: Any) -> Any:
    """(u + v)^2 + 2 w with u^2 written as 1 - w - v^2: a square and a positive number."""
    return (1 - w - v**2) + 2 * u * v + v**2 + 2 * w


@check(AML_T10c)
def logits_across_groups(
    sizes: tuple[int, ...], masses: np.ndarray, alpha: float, eta: float, steps: int, factor: float = 1.0
) -> Evidence:
    """Every difference own - other of a column after `steps` steps 2 eta of Muon, against sign descent's 2 eta t."""
    C, size, ends = sizes[0], sum(sizes), np.cumsum(sizes)
    require(len(set(sizes)) == 1, "equal C")
    p = np.repeat(masses / np.array(sizes), sizes)
    group = np.repeat(np.arange(len(sizes)), sizes)
    across = group[:, None] != group[None, :]
    inside = ~across & ~np.eye(size, dtype=bool)
    contrasts = [int(end - own) for end, own in zip(ends, sizes, strict=True) if own > 1]
    logits, parts = np.zeros((size, size)), []
    for t in range(1, steps + 1):
        G = answers(logits, p, alpha).gradient
        require(all(G[j, j] - G[j + 1, j] < 0 for j in contrasts), "r_a < 0")
        logits = simulate(p, alpha, 2 * eta, 1, "muon", start=logits).logits
        gap = np.diag(logits) - logits - 2 * eta * t
        bound = factor * (1 + math.sqrt(2)) * 2 * eta * t / C
        # A polar factor is accepted with errors up to 50 K eps; differences of two entries, t steps.
        rounding = 100 * size * EPS * 2 * eta * t
        parts += [measured(np.abs(gap[across]), bound, rounding, "<="), measured(gap[inside], 0.0, rounding)]
    return every(*parts)


@verifies(AML_T10c)
def test_the_step_across_groups() -> None:
    step_across_groups()


@verifies(AML_T10c)
def test_muon_and_sign_descent_agree_to_one_over_c() -> None:
    for C, alpha, steps in ((2, 0.0, 12), (5, 0.0, 12), (5, NOISE, 12), (20, NOISE, 10)):
        for beta in (0.5, 2.0, 6.0):
            logits_across_groups((C,) * 3, masses_of_power_law(beta, 3), alpha, 0.1, steps)


@control(AML_T10c, sharpens="1 + sqrt 2 -> 0.99 (1 + sqrt 2)")
def test_the_distance_across_groups_is_sharp_for_one_step() -> None:
    import sympy

    step_across_groups(sympy.Rational(99, 100))


@control(AML_T10c, drops="equal C")
def test_an_item_of_its_own_group_is_further_away() -> None:
    logits_across_groups((9, 1), np.array([1 - 1e-6, 1e-6]), 0.0, 0.1, 6)


def test_margin_drift_is_the_one_of_the_theory() -> None:
    import sympy

    K, E, alpha = 7, sympy.Rational(5, 2), sympy.Rational(1, 5)
    assert float(margin_drift(math.log(2.5), K, 0.2)) == pytest.approx(
        float(coordinates.drift(K, E, alpha)), rel=1e-14
    )
