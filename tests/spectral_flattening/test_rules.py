"""SF-T8: steps tied to the average, to the largest, or to another size of the singular values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar import polar
from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from tests.referee import check, control, verifies
from tests.spectral_flattening.rationals import decreasing, fractions
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import descent
from theory.spectral_flattening.steps_rules import (
    SF_T8i,
    SF_T8iia,
    SF_T8iib,
    SF_T8iic,
    SF_T8iid,
    SF_T8iii,
    SF_T8iso,
    SF_T8ns,
    SF_T8pl,
)

ONE, NEAR = Fraction(1), Fraction(101, 100)
ROUND = (
    fractions("5", "3", "1", "1"),
    fractions("7", "5", "5", "1"),
    fractions("2", "2", "2", "2"),
)  # rational F


# --- c times the average: algebra --------------------------------------------------------------------------------


@check(SF_T8i)
def decrease_of_the_rule(factor: Fraction = ONE) -> Evidence:
    """The bound at eta = c sbar/L is -factor c (2 - c) N^2/(2 L r), negative for c = 2/(1 + v), v > 0."""
    import sympy

    of = descent.norms()
    c, v = sympy.symbols("c v", positive=True)
    bound = descent.bound(c * of.N / (of.q**2 * of.L), of.N, of.L * of.q**2)
    by_labs = c * (2 - c) * one_step.best_decrease(of.N, of.L * of.q**2)
    return every(exact(bound, -factor * by_labs), exact(bound.subs(c, 2 / (1 + v)), 0, "<"))


@check(SF_T8pl, SF_T8iii)
def contraction_of_the_rule(at: Fraction | None = None, factor: Fraction = ONE) -> Evidence:
    """x - c (2-c) N^2/(2 L r) <= (1 - factor c (2-c) nr mu/(L r)) x, given F^2 >= 2 mu x; `at`: c = at and nr >= 1.

    F^2 = 2 mu x (1 + u), N^2 = nr F^2, c = 2/(1 + v); with `at` nr = 1 + w and the right side has nr = 1.
    """
    import sympy

    of = descent.norms()
    mu, x = sympy.symbols("mu x", positive=True)
    u, w = sympy.symbols("u w", nonnegative=True)
    v = sympy.Symbol("v", positive=True)
    c = 2 / (1 + v) if at is None else at
    rank = 1 + w
    squares = 2 * mu * x * (1 + u)
    after = x + descent.bound(c * of.N / (of.q**2 * of.L), of.N, of.L * of.q**2).subs(
        of.N, sympy.sqrt(rank * squares)
    )
    claimed = (1 - factor * c * (2 - c) * (rank if at is None else 1) * mu / (of.L * of.q**2)) * x
    ends = dict.fromkeys((of.q, of.L, mu, x), 1) | {u: 0, w: 0} | ({v: 1} if at is None else {})
    return exact(after, claimed, "<=", witness=ends)


@check(SF_T8iso)
def factor_of_the_rule(r: int, factor: Fraction = ONE) -> Evidence:
    """sum (d - eta)^2/sum d^2 = 1 + factor c (c - 2) nr/r for all d > 0: above 1 for c > 2, 1 at 2, else below."""
    import sympy

    d = sympy.symbols(f"d1:{r + 1}", positive=True)
    c, v = sympy.symbols("c v", positive=True)
    eta = c * sum(d) / r
    after = sum((x - eta) ** 2 for x in d) / sum(x * x for x in d)
    share = sum(d) ** 2 / sum(x * x for x in d) / r
    found = one_step.isotropic_factor(c, share)
    return every(
        exact(after, 1 + factor * (found - 1)),
        exact(found.subs(c, 2), 1),
        exact(found.subs(c, 2 * (1 + v)), 1, ">"),
        exact(found.subs(c, 2 / (1 + v)), 1, "<"),
    )


@check(SF_T8iso)
def recursion(d: np.ndarray, c: float, steps: int, factor: float = 1.0) -> Evidence:
    """f_{t+1}/f_t along the rule on L |d|^2/2, L = 3, by the polar factors of diag(d), for a batch (..., r) of d."""
    found, expected = [], []
    for _ in range(steps):
        size, squares = np.mean(np.abs(d), axis=-1, keepdims=True), np.sum(d * d, axis=-1)
        expected.append(1 + factor * c * (c - 2) * size[..., 0] ** 2 * d.shape[-1] / squares)
        signs = np.diagonal(polar(3 * d[..., None] * np.eye(d.shape[-1])).q, axis1=-2, axis2=-1)
        d = d - c * size * signs
        found.append(np.sum(d * d, axis=-1) / squares)
    # Sums of 8 squares; a cancellation in d - eta costs eps eta relative to |d|, which is below 3 |d|.
    return measured(found, expected, 1e-13)


@verifies(SF_T8i, SF_T8pl, SF_T8iii)
def test_the_rule_decreases_and_contracts() -> None:
    decrease_of_the_rule()
    contraction_of_the_rule()
    contraction_of_the_rule(ONE)


@verifies(SF_T8iso)
@pytest.mark.parametrize("r", [1, 2, 3])
def test_isotropic_factor(r: int) -> None:
    factor_of_the_rule(r)


@verifies(SF_T8iso)
def test_recursion_of_eight_modes() -> None:
    draw = stream("rule, recursion")
    s = np.stack(list(zoo(8, draw).values()))
    for c in (0.5, 1.9, 2.0, 2.1):
        recursion(draw.standard_normal(s.shape) * np.where(s > 1e-10, s, 1.0), c, 40)


@control(SF_T8i, changes="c (2 - c) -> 1.01 c (2 - c)")
def test_decrease_is_exact() -> None:
    decrease_of_the_rule(NEAR)


@control(SF_T8pl, sharpens="c (2 - c) -> 1.01 c (2 - c)")
def test_contraction_has_no_room() -> None:
    contraction_of_the_rule(factor=NEAR)


@control(SF_T8iii, sharpens="mu/(L r) -> 1.01 mu/(L r)")
def test_contraction_at_the_average_has_no_room() -> None:
    contraction_of_the_rule(ONE, NEAR)


@control(SF_T8iso, changes="nr/r -> 1.01 nr/r")
def test_isotropic_factor_is_exact() -> None:
    factor_of_the_rule(2, NEAR)
    recursion(np.array([2.0, 1.0, -0.5]), 2.1, 3, 1.01)


# --- other sizes -------------------------------------------------------------------------------------------------


def size_of(rule: str, s: Sequence[Any]) -> Any:
    """s_1, F/sqrt r, sbar or s_r of a decreasing spectrum, by sympy."""
    import sympy

    r, squares = sympy.Integer(len(s)), sum(x * x for x in s)
    return {"s1": s[0], "rms": sympy.sqrt(squares / r), "average": sum(s) / r, "least": s[-1]}[rule]


RULES = ("s1", "rms", "average", "least")


@check(SF_T8iia, SF_T8iib, SF_T8iic)
def safe_for_every_spectrum(rule: str, r: int, factor: Fraction = ONE) -> Evidence:
    """c Y < 2 sbar for all s: c = factor times the infimum of 2 sbar/Y where it is not attained (s1, rms), else less.

    Squared for rms, whose F is a root.
    """
    import sympy

    require(r >= 2 or rule in ("average", "least"), "r >= 2")
    s = decreasing(r)
    v = sympy.Symbol("v", positive=True)
    spike = dict.fromkeys(s[0].free_symbols, 1) | {min(s[0].free_symbols, key=str): 10**6}
    if rule == "rms":
        c_squared = factor**2 * sympy.Rational(4, r)
        return exact(c_squared * size_of(rule, s) ** 2, (2 * size_of("average", s)) ** 2, "<", witness=spike)
    c = factor * 2 / r if rule == "s1" else factor * 2 / (1 + v)
    near = spike if rule == "s1" else dict.fromkeys(s[0].free_symbols, 0) | {s[-1]: 1, v: Fraction(1, 1000)}
    return exact(c * size_of(rule, s), 2 * size_of("average", s), "<", witness=near)


@check(SF_T8iia, SF_T8iib, SF_T8iic)
def one_step_change(rule: str, r: int, c: Fraction, t: Fraction, rises: bool) -> Evidence:
    """The sign of f(W - eta Q) - f(W), eta = c Y/L, on the isotropic quadratic at s = (1, t, ..., t)."""
    require(r >= 2 or rule in ("average", "least"), "r >= 2")
    s = [ONE, *[t] * (r - 1)]
    eta = c.numerator * size_of(rule, s) / c.denominator
    change = one_step.change(eta, sum(s), r)
    return exact(change, 0, ">=" if rises else "<")


@verifies(SF_T8iia, SF_T8iib, SF_T8iic)
@pytest.mark.parametrize("r", [2, 3])
def test_safe_constants(r: int) -> None:
    for rule in RULES:
        safe_for_every_spectrum(rule, r)


@verifies(SF_T8iia, SF_T8iib, SF_T8iic)
def test_larger_constants_are_not_safe() -> None:
    faint = Fraction(1, 10**9)
    for r, root in ((4, 2), (9, 3), (16, 4)):
        for rule, c, t in (
            ("s1", Fraction(2, r), faint),
            ("rms", Fraction(2, root), faint),
            ("average", 2 * ONE, faint),
        ):
            one_step_change(rule, r, c * Fraction(999999, 10**6), t, rises=False)
            one_step_change(rule, r, c * Fraction(1000001, 10**6), t, rises=True)
        one_step_change("least", r, 2 * ONE, ONE, rises=True)
        one_step_change("least", r, Fraction(199, 100), ONE, rises=False)
        one_step_change("average", r, 2 * ONE, Fraction(1, 3), rises=True)


@control(SF_T8iia, sharpens="2/r -> 2.5/r")
def test_a_step_tied_to_the_largest_singular_value_ascends() -> None:
    for t in fractions("1/1000000000", "1/100"):
        one_step_change("s1", 8, Fraction(5, 16), t, rises=False)
    safe_for_every_spectrum("s1", 3, NEAR)


@control(SF_T8iib, sharpens="2/sqrt r -> 2.02/sqrt r")
def test_a_step_tied_to_the_root_mean_square_ascends() -> None:
    one_step_change("rms", 4, NEAR, Fraction(1, 10**9), rises=False)
    safe_for_every_spectrum("rms", 3, NEAR)


@control(SF_T8iic, sharpens="2 -> 2.02")
def test_a_step_tied_to_the_average_ascends() -> None:
    one_step_change("average", 8, 2 * NEAR, Fraction(1, 3), rises=False)
    safe_for_every_spectrum("least", 3, NEAR)


@check(SF_T8iid)
def gradient_over_its_largest(factor: Fraction = ONE) -> Evidence:
    """theory's root of the bound along D = G/s_1 is factor 2 s_1/L."""
    of = descent.norms()
    return exact(descent.root(of.F**2 / of.s1, of.L * of.F**2 / of.s1**2), factor * 2 * of.s1 / of.L)


@verifies(SF_T8iid)
def test_gradient_over_its_largest_singular_value() -> None:
    gradient_over_its_largest()


@control(SF_T8iid, sharpens="2 -> 2.02")
def test_that_threshold_is_exact() -> None:
    gradient_over_its_largest(NEAR)


@check(SF_T8ns)
def inexact_rule(r: int, factor: Fraction = ONE) -> Evidence:
    """The bound along diag(phi) vanishes at eta = c sbar/L for c = factor 2 tau."""
    import sympy

    s, phi = (sympy.symbols(f"{name}1:{r + 1}", positive=True) for name in ("s", "phi"))
    L = sympy.Symbol("L", positive=True)
    gain, squares = sum(x * p for x, p in zip(s, phi, strict=True)), sum(p * p for p in phi)
    c = factor * 2 * one_step.inexact_ratio(r, sum(s), gain, squares)
    return exact(c * sum(s) / (r * L), descent.root(gain, L * squares))


@verifies(SF_T8ns)
def test_inexact_rule() -> None:
    for r in (1, 2, 3):
        inexact_rule(r)


@control(SF_T8ns, changes="2 tau -> 2.02 tau")
def test_inexact_rule_is_exact() -> None:
    inexact_rule(2, NEAR)


# --- runs on quadratics with Kronecker curvature -----------------------------------------------------------------


def quadratics(count: int, m: int, n: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(B, A, Delta): eigenvalues exp(U(-spread, spread)) between random eigenvectors, Gaussian errors."""
    draw = stream("rule, quadratics", m, n, spread)
    left, right = haar(m, draw, (count,)), haar(n, draw, (count,))
    b, a = (
        np.exp(draw.uniform(-spread, spread, (count, m))),
        np.exp(draw.uniform(-spread, spread, (count, n))),
    )
    B, A = (left * b[:, None, :]) @ left.mT, (right * a[:, None, :]) @ right.mT
    return B, A, draw.standard_normal((count, m, n))


@check(SF_T8i, SF_T8pl, SF_T8iii)
def run(problem: tuple[np.ndarray, ...], c: float, steps: int, over_L: bool = True) -> Evidence:
    """Every step of eta = c sbar/L obeys the decrease of (i), the contraction with mu, and the one with nr = 1."""
    require(over_L, "step over L")
    B, A, error = problem
    ends = [np.linalg.eigvalsh(X)[:, [0, -1]] for X in (B, A)]
    mu, L = (ends[0] * ends[1]).T
    parts = []
    for _ in range(steps):
        G = B @ error @ A
        factor = polar(G)
        rank = np.maximum(np.asarray(factor.rank, dtype=float), 1.0)  # 1 where G has become 0, too
        f = np.sum(error * G, axis=(-2, -1)) / 2
        N, squares = np.sum(G * factor.q, axis=(-2, -1)), np.sum(G * G, axis=(-2, -1))
        nr = N**2 / np.where(squares > 0, squares, 1.0)
        eta = c * N / rank / (L if over_L else 1.0)
        error = error - eta[:, None, None] * factor.q
        after = np.sum(error * (B @ error @ A), axis=(-2, -1)) / 2
        # Products of matrices of at most 4 rows: each term of f is right to 16 eps L |Delta|^2.
        noise = 64 * 2.0**-52 * L * np.sum(error * error, axis=(-2, -1)) + 64 * 2.0**-52 * f
        claims = [
            f - c * (2 - c) * N**2 / (2 * L * rank),
            (1 - c * (2 - c) * nr * mu / (L * rank)) * f,
        ]
        claims.append((1 - c * (2 - c) * mu / (L * rank)) * f)
        parts += [measured(after, claimed, noise, "<=") for claimed in claims]
    return every(*parts)


@verifies(SF_T8i, SF_T8pl, SF_T8iii)
def test_five_hundred_quadratics() -> None:
    for m, n in ((1, 1), (2, 3), (3, 3), (4, 2), (4, 4)):
        for c in (0.3, 1.0, 1.999):
            run(quadratics(100, m, n, 2.0), c, 12)


@control(SF_T8iii, drops="step over L")
def test_without_the_unit_of_the_loss_it_diverges() -> None:
    """L is about e^4 here: the same rule without 1/L is c = L."""
    run(quadratics(20, 3, 3, 2.0), 1.0, 5, over_L=False)
