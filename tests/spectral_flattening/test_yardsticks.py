"""SF-T3: which optimiser is the more stable one depends on the yardstick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from labs.spectral_flattening.one_step import yardsticks
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import decreasing, formal_rows, fractions, frame, gradient, inner
from theory.evidence import Evidence, every, exact, measured
from theory.spectral_flattening import descent, sums
from theory.spectral_flattening.steps_yardsticks import (
    SF_T3_1,
    SF_T3_2,
    SF_T3_3,
    SF_T3_4,
    SF_T3_5,
    SF_T3_6,
    SF_T3_7,
    SF_T3_5a,
    SF_T3_5b,
    SF_T3d,
)

ONE, NEAR = Fraction(1), Fraction(101, 100)
ROWS = {1: SF_T3_1, 2: SF_T3_2, 3: SF_T3_3, 4: SF_T3_4, 5: SF_T3_5, 6: SF_T3_6, 7: SF_T3_7}


# --- the seven rows, for every rank ------------------------------------------------------------------------------


@check(*ROWS.values())
def row_is_derived(number: int, factor: Fraction = ONE) -> Evidence:
    """labs' entries, times `factor`, are theory's solutions of the bound."""
    of = descent.norms()
    row = formal_rows(of)[number - 1]
    return every(
        *(exact(factor * getattr(row, name), descent.yardstick(number, name, of)) for name in vars(row))
    )


@check(*ROWS.values())
def ratio_is(number: int, expected: Callable[[descent.Norms], Any]) -> Evidence:
    """Muon's entry over that of GD."""
    of = descent.norms()
    row = formal_rows(of)[number - 1]
    return exact(row.muon / row.gd, expected(of))


RATIOS: dict[int, Callable[[descent.Norms], Any]] = {
    1: lambda of: of.N / of.q**2,
    2: lambda of: of.N / (of.q**2 * of.s1),
    3: lambda of: of.N / (of.q * of.F),
    4: lambda of: of.N**2 / (of.q * of.F) ** 2,
    5: lambda of: one_step.spectral_advantage(of.N, of.F, of.s1),
    6: lambda of: one_step.spectral_advantage(of.N, of.F, of.s1) ** 2,
    7: lambda of: (of.N / of.F) ** 2 * of.L / of.L_op,
}


def each(*numbers: int) -> Any:
    """A test per row, bound to the claim of that row."""
    return pytest.mark.parametrize(
        "number", [pytest.param(n, marks=verifies(ROWS[n])) for n in numbers or ROWS]
    )


@each()
def test_rows_follow_from_the_bound(number: int) -> None:
    row_is_derived(number)
    ratio_is(number, RATIOS[number])


# --- every entry is a supremum: quadratics that are as curved as A1, or A1', allows ------------------------------

# F and sqrt(r) are rational, so everything is.
ROUND = [fractions("5", "3", "1", "1"), fractions("7", "5", "5", "1"), fractions("2", "2", "2", "2")]
L, L_OP = Fraction(3), Fraction(2)


@check(*ROWS.values())
def entry_is_attained(number: int, optimiser: str, s: Sequence[Fraction], factor: Fraction = ONE) -> Evidence:
    """On a loss that satisfies the hypothesis, with nothing to spare along D, the entry times `factor` is exact.

    A1: <G, D> + (L/2)|D|^2.  A1': <G, D> + (L_op/2) <P, D>^2/|P|_*^2, P = Q for Muon, else u_1 v_1^T.
    """
    G, Q = gradient(s, 4, 5)
    root = {16: Fraction(4), 36: Fraction(6), 100: Fraction(10)}[int(inner(G, G))]
    top = frame(4, 1) @ frame(5, 1, 1).T
    D, size = (Q, ONE) if optimiser == "muon" else (G, s[0])
    scale = 2 / root if optimiser == "ngd" else ONE  # sqrt(r)/F
    D, size = scale * D, scale * size
    flat = number in (5, 6) or (number == 7 and optimiser == "muon")
    P, nuclear = (Q, 4) if optimiser == "muon" else (top, 1)
    curvature = L_OP * inner(P, D) ** 2 / nuclear**2 if flat else L * inner(D, D)
    entry = factor * getattr(yardsticks(sum(s), root, s[0], Fraction(2), L, L_OP)[number - 1], optimiser)
    if number in (4, 6, 7):
        best = inner(G, D) / curvature
        return exact(-one_step.change(best, inner(G, D), curvature), entry)
    measure = {1: ONE, 2: size, 3: 2 if optimiser == "muon" else scale * root, 5: size}[number]
    return exact(one_step.change(entry / measure, inner(G, D), curvature), 0)


@each()
def test_entries_are_attained(number: int) -> None:
    for s in ROUND:
        for optimiser in ("gd", "muon", "ngd"):
            entry_is_attained(number, optimiser, s)


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=control(c, changes="a coefficient by 1 %")) for n, c in ROWS.items()]
)
def test_entries_are_exact(number: int) -> None:
    row_is_derived(number, NEAR)
    for optimiser in ("gd", "muon"):
        entry_is_attained(number, optimiser, ROUND[0], NEAR)


# --- which side is larger, for every rank ------------------------------------------------------------------------


@check(SF_T3_1, SF_T3_7)
def larger_if_and_only_if(number: int, threshold: Fraction = ONE) -> Evidence:
    """Muon's entry less GD's has the sign of sbar - threshold (row 1), of nr(G) - threshold L_op/L (row 7)."""
    import sympy

    of = descent.norms()
    row = formal_rows(of)[number - 1]
    v = sympy.Symbol("v", positive=True)
    mean = of.N / of.q**2 if number == 1 else of.N**2 / of.F**2 * of.L / of.L_op
    (nuclear,) = sympy.solve(mean - sympy.Rational(threshold.numerator, threshold.denominator), of.N)
    above, at, below = (
        row.muon.subs(of.N, x) - row.gd for x in (nuclear * (1 + v), nuclear, nuclear / (1 + v))
    )
    return every(exact(above, 0, ">"), exact(at, 0), exact(below, 0, "<"))


@check(SF_T3_2)
def average_is_at_most_the_largest(r: int, factor: Fraction = ONE) -> Evidence:
    """sbar <= factor s_1 for all s_1 >= ... >= s_r > 0."""
    s = decreasing(r)
    return exact(sum(s) / r, factor * s[0], "<=", witness=flat(s))


def flat(s: Sequence[Any]) -> dict[Any, int]:
    """All gaps 0: s = (1, ..., 1)."""
    return dict.fromkeys(s[0].free_symbols, 0) | {s[-1]: 1}


@check(SF_T3_3, SF_T3_4, SF_T3d)
def nuclear_norm_is_at_most(r: int, factor: Fraction = ONE) -> Evidence:
    """N^2 <= factor r F^2 for r modes, by Lagrange's identity; the identity for r + 1 modes from that for r."""
    import sympy

    s = decreasing(r)
    ones = [1] * r
    N, F2 = sum(s), sum(x * x for x in s)
    step = exact(*sums.determinant_step())
    identity = exact(sums.determinant(s, ones), sums.minors(s, ones))
    larger = exact(N**2, factor * r * F2, "<=", witness=flat(s))
    q, F = sympy.sqrt(r), sympy.sqrt(F2)
    _, _, by_length, by_decrease, *_ = yardsticks(N, F, s[0], q, 1, 1)
    ratios = exact(by_length.muon**2 / by_length.gd**2, by_decrease.muon / by_decrease.gd)
    return every(step, identity, larger, ratios)


@check(SF_T3_5a, SF_T3_6)
def advantage_is_at_least_one(r: int, factor: Fraction = ONE) -> Evidence:
    """factor rho >= 1, with > as soon as one gap is open; the square is the ratio of row 6."""
    import sympy

    s = decreasing(r)
    squares = sum(x * x for x in s)
    rho = one_step.spectral_advantage(sum(s), sympy.sqrt(squares), s[0])
    row = yardsticks(sum(s), sympy.sqrt(squares), s[0], sympy.sqrt(r), 1, 1)[5]
    gaps = sorted(s[0].free_symbols - s[-1].free_symbols, key=str)
    open_gaps = [exact(rho.subs(gap, sympy.Symbol("gap", positive=True)), 1, ">") for gap in gaps]
    at_least = exact(factor * rho, 1, ">=", witness=flat(s))
    return every(at_least, exact(row.muon / row.gd, rho**2), exact(rho.subs(flat(s)), 1), *open_gaps)


@check(SF_T3_5b)
def advantage_is_at_most(factor: Fraction = ONE) -> Evidence:
    """(1 + q) F^2/2 - s_1 N = ((1 + q)/2) sum_{i >= 2} (s_i - s_1/(1 + q))^2 for every r = q^2, mode by mode.

    `factor` on the left: at the spectrum (1, t, ..., t) of rank 4.
    """
    import sympy

    q, s1, x = sympy.symbols("q s_1 x", positive=True)
    half = (1 + q) / 2
    square = half * (x - s1 / (1 + q)) ** 2
    rest = sympy.expand(
        square - half * x**2 + s1 * x
    )  # what each of the q^2 - 1 squares adds besides its mode
    first = half * s1**2 - s1**2
    t = Fraction(1, 3)
    rho = one_step.spectral_advantage(1 + 3 * t, 1, 1) / (1 + 3 * t * t)
    return every(
        exact(first, (q**2 - 1) * rest), exact(rho, factor * Fraction(3, 2), "<="), exact(square, 0, ">=")
    )


@check(SF_T3_5b)
def advantage_peaks(r: int, factor: float = 1.0) -> Evidence:
    """The largest rho over (1, t, ..., t) is factor (1 + sqrt r)/2, at t = 1/(1 + sqrt r): golden section."""
    from scipy.optimize import minimize_scalar

    def fall(t: float) -> float:
        return -one_step.spectral_advantage(1 + (r - 1) * t, (1 + (r - 1) * t * t) ** 0.5, 1.0)

    found = minimize_scalar(fall, bracket=(0.0, 0.3, 1.0), method="golden", options={"xtol": 1e-10})
    root = r**0.5
    # A maximum found to an error of sqrt(eps) in t is right to eps; t itself to sqrt(eps).
    return every(
        measured(-found.fun, factor * (1 + root) / 2, 1e-13 * root), measured(found.x * (1 + root), 1.0, 1e-6)
    )


@verifies(SF_T3_1, SF_T3_7)
def test_larger_if_and_only_if() -> None:
    for number in (1, 7):
        larger_if_and_only_if(number)


@verifies(SF_T3_2, SF_T3_3, SF_T3_4, SF_T3d, SF_T3_5a, SF_T3_6)
@pytest.mark.parametrize("r", [1, 2, 3, 5])
def test_every_spectrum(r: int) -> None:
    average_is_at_most_the_largest(r)
    nuclear_norm_is_at_most(r)
    advantage_is_at_least_one(r)


@verifies(SF_T3_5b)
def test_largest_advantage() -> None:
    advantage_is_at_most()
    for r in (2, 3, 16, 300):
        advantage_peaks(r)


@control(SF_T3_1, sharpens="sbar > 1 -> sbar > 1.01")
def test_the_average_has_to_exceed_one() -> None:
    larger_if_and_only_if(1, NEAR)


@control(SF_T3_7, sharpens="nr > L_op/L -> nr > 1.01 L_op/L")
def test_the_nuclear_rank_has_to_exceed_the_ratio() -> None:
    larger_if_and_only_if(7, NEAR)


@control(SF_T3_2, sharpens="1 -> 0.99")
def test_flat_spectra_have_their_average_at_the_top() -> None:
    average_is_at_most_the_largest(3, 1 / NEAR)


@pytest.mark.parametrize(
    "r", [pytest.param(3, marks=control(c, sharpens="1 -> 0.99")) for c in (SF_T3_3, SF_T3_4, SF_T3d)]
)
def test_flat_spectra_have_the_largest_nuclear_norm(r: int) -> None:
    nuclear_norm_is_at_most(r, 1 / NEAR)


@pytest.mark.parametrize(
    "r", [pytest.param(3, marks=control(c, sharpens="1 -> 1.01")) for c in (SF_T3_5a, SF_T3_6)]
)
def test_flat_spectra_have_no_advantage(r: int) -> None:
    advantage_is_at_least_one(r, 1 / NEAR)


@control(SF_T3_5b, sharpens="(1 + sqrt r)/2 -> 0.99 of it")
def test_the_largest_advantage_is_attained() -> None:
    advantage_is_at_most(1 / NEAR)
    advantage_peaks(9, 0.99)


# --- many spectra ------------------------------------------------------------------------------------------------


@check(SF_T3_2, SF_T3_3, SF_T3_4, SF_T3_5a, SF_T3_5b, SF_T3_6, SF_T3d)
def spectra_obey(s: np.ndarray, smooth: float = 0.7) -> Evidence:
    """The signs of rows 2, 3, 4, 6, of rho and of NGD against Muon, for a batch of spectra (..., r)."""
    r = s.shape[-1]
    N, F, s1 = np.sum(s, axis=-1), np.sqrt(np.sum(s * s, axis=-1)), np.max(s, axis=-1)
    rows = yardsticks(N, F, s1, r**0.5, smooth, 2 * smooth)
    rho = one_step.spectral_advantage(N, F, s1)
    error = 1e-14 * r  # sums of r terms, r eps each
    return every(
        *(measured(rows[i - 1].muon / rows[i - 1].gd, 1.0, error, "<=") for i in (2, 3, 4)),
        measured(rows[5].muon / rows[5].gd, 1.0, error, ">="),
        measured(rows[0].muon / rows[0].ngd, 1.0, error, "<="),
        measured(rho, 1.0, error, ">="),
        measured(rho, (1 + r**0.5) / 2, error, "<="),
    )


@verifies(SF_T3_2, SF_T3_3, SF_T3_4, SF_T3_5a, SF_T3_5b, SF_T3_6, SF_T3d)
def test_zoo_and_ten_thousand_spectra() -> None:
    draw = stream("yardsticks")
    for r in (2, 7, 64):
        for s in zoo(r, draw).values():
            spectra_obey(s[s > 0])
    for r in (2, 3, 8, 40):
        spectra_obey(np.exp(draw.uniform(0, 4, (2500, 1)) * draw.standard_normal((2500, r))))


@restates(SF_T3_2, SF_T3_3, SF_T3_4, SF_T3_5a, SF_T3_5b, SF_T3_6, SF_T3d)
def test_spectra_in_other_orders_and_units() -> None:
    s = stream("yardsticks, other").random((100, 5))
    for other in (1e-100 * s, 1e100 * s, s[:, ::-1].copy()):
        spectra_obey(other)
