"""SF-K6.f to j: Muon with the best step on aligned modes, where its worst case is known."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.streams import stream
from labs.spectral_flattening.conditioning import line_search_factor
from labs.spectral_flattening.conditioning_forms import aligned_factor, kantorovich, worst_aligned_factor
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.curvatures import EPS, increments, kappa, positive_spectra
from tests.spectral_flattening.kantorovich import kantorovich_inequality
from tests.tightness import worst_case
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import line_search
from theory.spectral_flattening.conditioning_factors import SF_K6f, SF_K6g, SF_K6h, SF_K6i, SF_K6j

ONE = Fraction(1)


# --- the worst case over all spectra -----------------------------------------------------------------------------


@check(SF_K6f)
def below_the_supremum(r: int, factor: Fraction = ONE) -> Evidence:
    """rho_M < 1 - factor * h_min/sum h for every spectrum of r modes; equality in the limit of one mode at h_min."""
    import sympy

    low = sympy.Symbol("h", positive=True)
    h = [low, *(low + v for v in sympy.symbols(f"v2:{r + 1}", nonnegative=True))]
    s = sympy.symbols(f"s1:{r + 1}", positive=True)
    supremum = worst_aligned_factor(factor * low, sum(h))
    nearly = {low: 1, s[0]: 1} | {x: Fraction(1, 1000) for x in s[1:]} | {k - low: 1 for k in h[1:]}
    rho = aligned_factor(h, s, [1] * r)
    return every(
        exact(rho, supremum, "<", witness=nearly), exact(rho.subs(dict.fromkeys(s[1:], 0)), supremum)
    )


@check(SF_K6f, SF_K6j)
def aligned_matrices(h: np.ndarray, d: np.ndarray, factor: float = 1.0) -> Evidence:
    """`line_search_factor` of B = diag(h^0.3), A = diag(h^0.7), Delta = diag(d): closed form and both bounds,

    1 - factor * h_min/sum h and factor * ((kappa - 1)/(kappa + 1))^2.
    """
    rho = float(line_search_factor(np.diag(h**0.3), np.diag(h**0.7), np.diag(d), "muon"))
    error = 64 * len(h) * EPS
    return every(
        measured(rho, aligned_factor(h, h * np.abs(d), np.ones(len(h))), error),
        measured(rho, worst_aligned_factor(factor * np.min(h), np.sum(h)), error, "<="),
        measured(rho, factor * kantorovich(kappa(np.abs(d))), error, "<="),
    )


@check(SF_K6g)
def worse_than_descent(r: int, factor: Fraction = ONE) -> Evidence:
    """1 - h_min/sum h > factor * ((kappa - 1)/(kappa + 1))^2 for h = 1 = h_min, kappa, and r - 2 modes between."""
    require(r >= 2, "r >= 2")
    v = increments("v")
    between = [1 + increments(f"w{i}") for i in range(r - 2)]  # that they are at most kappa is not needed
    h = [ONE, 1 + v, *between][:r]
    top, witness = (ONE, None) if r == 1 else (1 + v, {x - 1: 0 for x in between} | {v: 1000})
    return exact(worst_aligned_factor(ONE, sum(h)), factor * kantorovich(top), ">", witness=witness)


@verifies(SF_K6f, SF_K6g)
def test_the_worst_case_of_muon() -> None:
    for r in (2, 3, 4):
        below_the_supremum(r)
        worse_than_descent(r)


@verifies(SF_K6f, SF_K6j)
def test_the_worst_case_in_floats() -> None:
    rng = stream("aligned modes")
    for n in (2, 8):
        for h in positive_spectra(n, "aligned modes").values():
            for d in (rng.standard_normal(n), np.ones(n), 1 / h, h):
                aligned_matrices(h, d)


@verifies(SF_K6f)
def test_the_worst_case_is_approached() -> None:
    def instance(p: np.ndarray) -> tuple[Any, ...]:
        return np.array([30.0, 3.0, 1.0]), np.array([p[0], p[1], 1.0])

    found = worst_case(
        aligned_matrices,
        instance,
        dimension=2,
        lower=1e-6,
        upper=1.0,
        stream=stream("aligned, worst"),
        starts=2,
    )
    assert found > 0.9999


@control(SF_K6f, sharpens="h_min/sum h -> 1.01 h_min/sum h")
def test_the_supremum_has_no_room() -> None:
    below_the_supremum(3, Fraction(101, 100))
    aligned_matrices(np.array([2.0, 1.0]), np.array([1e-5, 1.0]), factor=1.01)


@control(SF_K6g, sharpens="worse by more than a factor 1.01")
def test_muon_is_hardly_worse_where_kappa_is_large() -> None:
    worse_than_descent(2, Fraction(101, 100))


@control(SF_K6g, drops="r >= 2")
def test_a_single_mode_is_solved_by_both() -> None:
    worse_than_descent(1)


# --- two modes ---------------------------------------------------------------------------------------------------


@check(SF_K6h)
def two_modes(h: Sequence[Any], d: Sequence[Any], steps: int = 2) -> Evidence:
    """After one best step of Muon the gradient is flat; each later step leaves ((kappa - 1)/(kappa + 1))^2 of f.

    The modes need not be two: then h, d hold numbers, kappa = h_1/h_2, and the flatness of the first two is asked.
    """
    require(len(h) == 2, "two modes")
    require(d[0] ** 2 != d[1] ** 2, "|d_1| != |d_2|")
    rate = kantorovich(h[0] / h[1])
    now = list(d)
    evidence = []
    for step in range(steps):
        signs = [1 if x.is_positive else -1 for x in now] if step == 0 else slopes(h, now)
        after = line_search.aligned_step(h, now, signs)
        if step:
            evidence.append(
                exact(line_search.aligned_loss(h, after) / line_search.aligned_loss(h, now), rate)
            )
        now = after
        first, second = slopes(h, now)[:2]
        evidence.append(exact(first**2, second**2))
    return every(*evidence)


def slopes(h: Sequence[Any], d: Sequence[Any]) -> list[Any]:
    """The gradient.  Once it is flat, GD's direction is Muon's."""
    return [x * y for x, y in zip(h, d, strict=True)]


@check(SF_K6h)
def rate_of_two_modes(kappa_h: float, printed: str, steps: int = 6) -> Evidence:
    """The printed rate, from steps by `line_search_factor` on a 2 x 2 problem that starts at random."""
    h, d = np.array([kappa_h, 1.0]), stream("two modes", kappa_h).standard_normal(2)
    factors = []
    for _ in range(steps):
        factors.append(float(line_search_factor(np.diag(h), np.eye(2), np.diag(d), "muon")))
        signs = np.sign(d)
        d = d - np.sum(h * d * signs) / np.sum(h) * signs
    return measured(factors[1:], float(printed), 0.5e-6)


@verifies(SF_K6h)
def test_two_modes_fall_into_the_worst_case_of_descent() -> None:
    import sympy

    k, x, y = sympy.symbols("kappa x y", positive=True)
    one = sympy.Integer(1)
    two_modes((k, one), (x, y))
    two_modes((k, one), (x, -y))
    rate_of_two_modes(10.0, "0.669421")
    rate_of_two_modes(100.0, "0.960788")


@control(SF_K6h, drops="two modes")
def test_a_third_mode_breaks_the_identity() -> None:
    import sympy

    two_modes([sympy.Integer(k) for k in (10, 1, 2)], [sympy.Integer(k) for k in (1, 3, 1)])


@control(SF_K6h, changes="0.669421 -> 0.669")
def test_the_rate_of_two_modes() -> None:
    rate_of_two_modes(10.0, "0.669")


# --- more modes --------------------------------------------------------------------------------------------------


@check(SF_K6i)
def slowest_orbit(rule: str, predicted: float, digits: float, h: np.ndarray, starts: int = 300) -> Evidence:
    """The least asymptotic 1 - f_+/f over random starts, times sum h: the mean over 500 steps after 1500."""
    d = stream("slowest orbits").standard_normal((starts, h.size))
    shares = []
    for _ in range(2000):
        s = h * d
        D = np.sign(s) if rule == "muon" else s
        before = np.sum(h * d * d, axis=-1)
        d = d - (np.sum(s * D, axis=-1) / np.sum(h * D * D, axis=-1))[:, None] * D
        shares.append(np.sum(h * d * d, axis=-1) / before)
        d /= np.max(np.abs(d), axis=-1, keepdims=True)  # the factor does not depend on the size
    left = np.exp(np.mean(np.log(shares[1500:]), axis=0))
    return measured(np.min(1 - left) * np.sum(h), predicted, digits, margin=1.0)


TEN = np.geomspace(100, 1, 10)


@verifies(SF_K6i)
def test_the_slowest_orbits() -> None:
    assert f"{3.99 / np.sum(TEN):.4f}" == "0.0161"
    slowest_orbit("muon", 3.99, 0.005, TEN)


@control(SF_K6i, changes="Muon -> GD")
def test_descent_is_faster_in_its_worst_case() -> None:
    slowest_orbit("gd", 3.99, 0.005, TEN)


def test_the_slowest_orbits_of_descent() -> None:
    worst = 4 * 100 / 101**2
    assert f"{worst:.4f}" == "0.0392"
    evidence = slowest_orbit("gd", worst * float(np.sum(TEN)), 0.01, TEN)
    assert evidence.verdict == "holds", evidence


# --- the condition number of the error ---------------------------------------------------------------------------


@check(SF_K6j)
def error_bounds_the_factor() -> Evidence:
    """Kantorovich's inequality with weights h d and x = d; rho_M = 1 - (sum h d)^2/(sum h sum h d^2)."""
    import sympy

    h, d = sympy.symbols("h1:4", positive=True), sympy.symbols("d1:4", positive=True)
    rho = aligned_factor(h, slopes(h, d), [1] * 3)
    forms = [sum(k * x**power for k, x in zip(h, d, strict=True)) for power in range(3)]
    return every(kantorovich_inequality(), exact(rho, 1 - forms[1] ** 2 / (forms[0] * forms[2])))


@check(SF_K6j)
def error_of_two_modes(factor: Fraction = ONE) -> Evidence:
    """Two modes with d = (kappa, 1) and any curvatures: the bound less the factor is a square."""
    import sympy

    k, a, b = sympy.symbols("kappa h1 h2", positive=True)
    rho = aligned_factor((a, b), (a * k, b), (1, 1))
    return exact(rho, factor * kantorovich(k), "<=", witness={k: 3, a: 1, b: 3})


@verifies(SF_K6j)
def test_the_error_bounds_the_factor() -> None:
    error_bounds_the_factor()
    error_of_two_modes()


@restates(SF_K6j)
def test_the_error_bounds_the_factor_for_permuted_modes_and_signs() -> None:
    h, d = np.array([1.0, 30.0, 4.0]), np.array([-2.0, 0.3, 1.0])
    aligned_matrices(h, d)
    aligned_matrices(1e80 * h[::-1].copy(), -1e-90 * d[::-1].copy())


@control(SF_K6j, sharpens="bound times 0.99")
def test_the_error_bound_has_no_room() -> None:
    error_of_two_modes(Fraction(99, 100))
    aligned_matrices(np.array([1.0, 3.0]), np.array([3.0, 1.0]), factor=0.99)
