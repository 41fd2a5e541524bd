"""AML-T4, several groups: Muon without label noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.associative_memory.margins import masses_of_power_law
from labs.associative_memory.reduced import Reduced
from tests.referee import check, control, verifies
from theory.associative_memory import AML_T4a, AML_T4b, AML_T4c, AML_T4f
from theory.associative_memory import sign_descent as derived
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
NOISELESS = "alpha = 0"
Matrix = Sequence[Sequence[Fraction]]


def memory(sizes: Sequence[int], beta: float, alpha: float = 0.0) -> Reduced:
    return Reduced(tuple(sizes), masses_of_power_law(beta, len(sizes)), alpha)


# Sizes and exponents: one group, groups of one item, steep and flat, wide.
MEMORIES = [
    ((6,), 1.0),
    ((3, 3), 2.0),
    ((1, 4, 1), 1.5),
    ((4, 4, 4, 4, 4), 1.5),
    ((2, 2, 2, 2, 2, 2), 8.0),
    ((50, 50, 50), 3.0),
    ((5, 1, 30), 0.0),
]


# --- (a) contrasts -----------------------------------------------------------------------------------------------


@check(AML_T4a)
def residual_is_negative(M: int, noise: Fraction = Fraction(0)) -> Evidence:
    """r_b < 0 for a column with any weights and sizes."""
    import sympy

    require(noise == 0, NOISELESS)
    X, others = sympy.Symbol("X", positive=True), sympy.symbols(f"v1:{M + 1}", positive=True)
    sizes = [1 + v for v in others]
    weights = sympy.symbols(f"w2:{M + 1}", positive=True)
    residual, _ = derived.contrast_residual(X, sympy.Rational(noise), sizes, weights)
    large = None if noise == 0 else {X: 1000, **dict.fromkeys((*others, *weights), 1)}
    return exact(residual, 0, "<", witness=large)


@check(AML_T4a)
def contrasts_grow_by_eta(
    sizes: Sequence[int], beta: float, eta: float, steps: int, alpha: float = 0.0
) -> Evidence:
    """x_b(t) = eta t in the reduced memory, late as well (margins of many hundreds)."""
    require(alpha == 0, NOISELESS)
    found = memory(sizes, beta, alpha).simulate(eta, steps, "muon").contrasts
    grown = eta * np.arange(steps + 1.0)[:, None] * (np.asarray(sizes) > 1)
    # Each of the additions is rounded to half an ulp of at most eta * steps.
    return measured(found, grown, steps**2 * eta * EPS)


@verifies(AML_T4a)
def test_residuals_are_negative() -> None:
    for M in (1, 2, 3):
        residual_is_negative(M)


@verifies(AML_T4a)
@pytest.mark.parametrize(("sizes", "beta"), MEMORIES, ids=str)
def test_contrasts_grow_by_eta(sizes: Sequence[int], beta: float) -> None:
    contrasts_grow_by_eta(sizes, beta, 0.3, 40)
    contrasts_grow_by_eta(sizes, beta, 20.0, 30)


@control(AML_T4a, drops=NOISELESS)
def test_with_noise_contrasts_stop() -> None:
    residual_is_negative(2, Fraction(1, 10))
    contrasts_grow_by_eta((3, 3), 2.0, 0.3, 40, alpha=0.1)


@check(AML_T4a)
def contrasts_of_a_rule(sizes: Sequence[int], beta: float, eta: float, steps: int, rule: str) -> Evidence:
    """The contrasts of all groups are the same, whatever their frequencies."""
    x = memory(sizes, beta).simulate(eta, steps, rule, last=True).contrasts[-1]
    return measured(x, eta * steps, steps**2 * eta * EPS)


@verifies(AML_T4a)
def test_all_contrasts_are_the_same() -> None:
    contrasts_of_a_rule((4,) * 5, 1.5, 0.3, 10, "muon")


@control(AML_T4a, changes="the exact polar factor -> five Newton-Schulz steps")
def test_newton_schulz_contrasts_depend_on_the_group() -> None:
    contrasts_of_a_rule((4,) * 5, 1.5, 0.3, 10, "muon-ns5")


# --- (b) margins against other groups ----------------------------------------------------------------------------


@check(AML_T4b)
def margins_by_blocks(sizes: Sequence[int], sign: int = 1) -> Evidence:
    """The margins of What, entry by entry, are x_b (1 - 1/C_b) + v^T S e_b/sqrt(C_b)."""
    import sympy

    M = len(sizes)
    x, S = sympy.symbols(f"x:{M}"), sympy.Matrix(M, M, lambda a, b: sympy.Symbol(f"s{a}{b}"))
    What = derived.logits(sizes, x, S)
    first = [sum(sizes[:a]) for a in range(M)]
    parts = []
    for a in range(M):
        for b in range(M):
            if a != b:
                here, there = derived.margin_by_blocks(sizes, x, S, a, b)
                parts.append(exact(What[first[b], first[b]] - What[first[a], first[b]], here + sign * there))
    return every(*parts)


@check(AML_T4b)
def cauchy_schwarz(M: int, sharper: Fraction = Fraction(1)) -> Evidence:
    """(v^T s)^2 <= |v|^2 |s|^2 as a sum of squares, for the vectors of M numbers that v and S e_b are."""
    import sympy

    v, s = sympy.symbols(f"v:{M}", real=True), sympy.symbols(f"s:{M}", real=True)
    room, squares = derived.lagrange(v, s)
    return exact(room, sympy.Rational(sharper) * squares)


@check(AML_T4b)
def within_rays(sizes: Sequence[int], S: Matrix, s: Fraction, sharper: Fraction = Fraction(1)) -> Evidence:
    """(margin - s (1 - 1/C_b))^2 <= s^2 (1/C_b^2 + 1/(C_a C_b)) in rationals; sizes are squares, |S|_op <= s."""
    import sympy

    block = sympy.Matrix([[sympy.Rational(entry) for entry in row] for row in S])
    gram = sympy.Rational(s) ** 2 * sympy.eye(len(sizes)) - block.T * block
    require(gram.is_positive_semidefinite, "x_b = eta t, |S|_op <= eta t")
    M = len(sizes)
    parts = []
    for a in range(M):
        for b in range(M):
            if a != b:
                _, deviation = derived.margin_by_blocks(sizes, [s] * M, block, a, b)
                room = sympy.Rational(1, sizes[b] ** 2) + sympy.Rational(1, sizes[a] * sizes[b])
                parts.append(exact(deviation**2, sympy.Rational(sharper * s**2) * room, "<="))
    return every(*parts)


@check(AML_T4b)
def trajectory_within_rays(sizes: Sequence[int], beta: float, eta: float, steps: int) -> Evidence:
    """The margins between groups of every item, at several times of a run."""
    require(len(sizes) > 1, "A4")
    at, C = memory(sizes, beta), np.asarray(sizes, dtype=float)
    parts = []
    for t in sorted({1, 2, 3, steps // 4, steps}):
        end = at.simulate(eta, t, "muon", last=True)
        What = at.logits(end)
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        margins = np.diag(What)[first][None, :] - What[np.ix_(first, first)]
        deviation = np.abs(margins - eta * t * (1 - 1 / C))
        room = eta * t * np.sqrt(1 / C**2 + 1 / (C[:, None] * C))
        apart = ~np.eye(len(sizes), dtype=bool)
        # t sums of numbers of at most eta; polar factors right to 50 M eps.
        tolerance = (t + 50 * len(sizes)) * t * eta * EPS
        parts.append(measured(deviation[apart], room[apart], tolerance, "<="))
    return every(*parts)


# A sum of three contractions; and the rank-one S = s v e_b^T/|v| that reaches the end of the ray, |v| = 5/12.
TURN = [[Fraction(3, 5), Fraction(-4, 5)], [Fraction(4, 5), Fraction(3, 5)]]
FLIP = [[Fraction(5, 13), Fraction(12, 13)], [Fraction(12, 13), Fraction(-5, 13)]]
MIXED = [[2 * TURN[i][j] + FLIP[i][j] for j in range(2)] for i in range(2)]
SHARP = [[Fraction(0), Fraction(-4, 5)], [Fraction(0), Fraction(3, 5)]]


@verifies(AML_T4b)
def test_margins_between_groups() -> None:
    for sizes in ((2, 3), (1, 2, 4), (3, 3, 3)):
        margins_by_blocks(sizes)
    for M in (2, 3, 5):
        cauchy_schwarz(M)
    within_rays((4, 9), MIXED, Fraction(3))
    within_rays((9, 16), SHARP, Fraction(1))


@verifies(AML_T4b)
@pytest.mark.parametrize(("sizes", "beta"), MEMORIES[1:], ids=str)
def test_trajectories_stay_between_the_rays(sizes: Sequence[int], beta: float) -> None:
    trajectory_within_rays(sizes, beta, 0.3, 40)


@control(AML_T4b, sharpens="sqrt(1/C_b^2 + 1/(C_a C_b)) -> 0.99 of it")
def test_the_rays_have_no_room() -> None:
    within_rays((9, 16), SHARP, Fraction(1), Fraction(99, 100) ** 2)


# --- (c) losses --------------------------------------------------------------------------------------------------


@check(AML_T4c)
def slopes(root: Fraction | None = None) -> Evidence:
    """h-+ of equal sizes are the ends of AML-T4.b: (1 - 1/C - h)^2 = 1/C^2 + 1/C^2 (root: in place of sqrt 2)."""
    import sympy

    C = sympy.Symbol("C", positive=True)
    two = sympy.sqrt(2) if root is None else sympy.Rational(root)
    return every(
        *(exact((1 - 1 / C - h) ** 2, 2 / C**2) for h in (1 - (1 + two) / C, 1 + (two - 1) / C)),
    )


@check(AML_T4c)
def loss_from_margins(C: int, M: int) -> Evidence:
    """exp L_j, the inverse of the softmax of its column, lies between the two sides if the margins lie between
    rays.
    """
    import sympy

    X, low = sympy.symbols("X low", positive=True)  # e^s, and e^(-h s) at one end
    extra = sympy.symbols(f"v2:{M + 1}", positive=True)
    parts = []
    for sense, margins in (("<", [low / (1 + v) for v in extra]), (">", [low * (1 + v) for v in extra])):
        weights = [1, *([1 / X] * (C - 1)), *(w for w in margins for _ in range(C))]
        parts.append(exact(sum(weights), 1 + (C - 1) / X + (M * C - C) * low, sense))
    return every(*parts)


@check(AML_T4c)
def losses_within(
    C: int, M: int, beta: float, eta: float, steps: int, root: float = math.sqrt(2.0)
) -> Evidence:
    """Both bounds on the loss of every group along a run."""
    run = memory((C,) * M, beta).simulate(eta, steps, "muon")
    s = eta * np.arange(steps + 1.0)
    inside, K = (C - 1) * np.exp(-s), M * C
    upper = np.log1p(inside + (K - C) * np.exp(-(1 - (1 + root) / C) * s))
    lower = np.log1p(inside + (K - C) * np.exp(-(1 + (root - 1) / C) * s))
    L = run.group_excess
    # Logits are right to 50 M eps (1 + s) t, the loss to as much relative to itself.
    tolerance = (50 * M + steps) * EPS * (1 + s[:, None]) * upper[:, None]
    return every(
        measured(L, upper[:, None], tolerance, "<="),
        measured(L, lower[:, None], tolerance, ">="),
    )


@verifies(AML_T4c)
def test_losses_between_two_exponentials() -> None:
    slopes()
    for C, M in ((2, 2), (3, 4)):
        loss_from_margins(C, M)


@verifies(AML_T4c)
@pytest.mark.parametrize(
    ("C", "M", "beta"), [(4, 5, 1.5), (2, 6, 8.0), (50, 3, 3.0), (3, 2, 1.2), (1, 8, 2.0)]
)
def test_losses_of_runs(C: int, M: int, beta: float) -> None:
    losses_within(C, M, beta, 0.3, 60)


@control(AML_T4c, sharpens="sqrt 2 -> 1.4")
def test_the_slopes_have_no_room() -> None:
    slopes(Fraction(7, 5))


# --- (f) rates ---------------------------------------------------------------------------------------------------

RATES = {30: (".955", "1.026"), 300: (".9950", "1.0031"), 600: (".9975", "1.0015")}


@check(AML_T4f)
def margin_rates(s: int, alpha: float = 0.0) -> Evidence:
    """The least and the largest margin over eta t, for steps of .1 and of 1 together, to the digits printed."""
    require(alpha == 0, NOISELESS)
    at, rates = memory((4,) * 5, 1.5, alpha), []
    for eta in (0.1, 1.0):
        end = at.simulate(eta, round(s / eta), "muon", last=True)
        What = at.logits(end)
        rates.append((np.diag(What) - What)[~np.eye(20, dtype=bool)] / s)
    # Half a unit of the last digit printed; with noise margins stop at m*, far from it.
    half = [0.5 * 10.0 ** -len(text.split(".")[1]) for text in RATES[s]]
    found = [np.min(rates), np.max(rates)]
    return measured(found, [float(text) for text in RATES[s]], half, margin=0.1)


@verifies(AML_T4f)
def test_margin_rates() -> None:
    margin_rates(30)


@verifies(AML_T4f)
@pytest.mark.long
@pytest.mark.parametrize("s", [300, 600])
def test_margin_rates_later(s: int) -> None:
    margin_rates(s)


@control(AML_T4f, drops=NOISELESS)
def test_with_noise_margins_stop() -> None:
    margin_rates(30, alpha=0.1)
