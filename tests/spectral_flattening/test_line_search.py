"""SF-K6.a, b, d: what a step of the best length leaves of the loss, and what is guaranteed of Muon's."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.polar import polar
from labs.core.spectrum import haar, matrix, zoo
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import line_search_factor
from labs.spectral_flattening.conditioning_forms import guaranteed_factor
from labs.spectral_flattening.thresholds import spectral_smoothness
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.curvatures import EPS, FACTORS, RANKS, increments, pairs, turned
from tests.spectral_flattening.rationals import fractions, gradient, inner, semidefinite
from theory.evidence import Evidence, every, exact, measured
from theory.spectral_flattening import line_search, pencils
from theory.spectral_flattening.conditioning_factors import SF_K6a, SF_K6b, SF_K6d

ONE = Fraction(1)
SHARPER = Fraction(101, 100)


# --- the factor --------------------------------------------------------------------------------------------------


@check(SF_K6a)
def share_left(B: Any, A: Any, delta: Any, D: Any, factor: Fraction = ONE) -> Evidence:
    """min over eta of f(W - eta D)/f(W) = 1 - factor * <G, D>^2/(<D, H[D]> <G, H^-1[G]>), for matrices of symbols."""
    along, curvature, energy = line_search.forms(B, A, B * delta * A, D)
    claimed = 1 - factor * along**2 / (curvature * energy)
    distinct = {symbol: k for k, symbol in enumerate(sorted(claimed.free_symbols, key=str), 2)}
    return exact(line_search.least_share(B, A, delta, D), claimed, witness=distinct)


@check(SF_K6a)
def factor_in_floats(
    B: np.ndarray, A: np.ndarray, delta: np.ndarray, rule: str, schedule: Any = None
) -> Evidence:
    """`line_search_factor` against the least of f(W - eta D) by golden section, and the formula with solves."""
    from scipy.optimize import minimize_scalar

    G = B @ delta @ A
    D = update(rule, G, schedule)

    def loss(X: np.ndarray) -> float:
        return float(np.sum(X * (B @ X @ A))) / 2

    along, curved = float(np.sum(G * D)), float(np.sum(D * (B @ D @ A)))
    best = minimize_scalar(
        lambda t: loss(delta - t * along / curved * D) / loss(delta), bracket=(0.5, 1.0), method="golden"
    )
    found = float(line_search_factor(B, A, delta, rule, schedule=schedule))
    energy = float(np.sum(G * np.linalg.solve(B, np.linalg.solve(A, G.T).T)))
    # Rounding of the polar factor and of the solves, over the share that is lost.
    error = 256 * len(B) * EPS * np.linalg.cond(B) * np.linalg.cond(A)
    return every(
        measured(found, float(best.fun), error), measured(found, 1 - along**2 / (curved * energy), error)
    )


def update(rule: str, G: np.ndarray, schedule: Any = None) -> np.ndarray:
    """D for a rule; polynomials applied to the singular values."""
    if rule in ("gd", "ngd"):
        return G
    u, s, vt = np.linalg.svd(G, full_matrices=False)
    x = s / np.linalg.norm(s)
    for a, b, c in schedule or ():
        x = float(a) * x + float(b) * x**3 + float(c) * x**5
    return (u * (x if schedule else 1.0)) @ vt


@verifies(SF_K6a)
def test_the_factor_is_a_number_of_the_direction() -> None:
    import sympy

    x, y, p, q = sympy.symbols("x y p q")
    B, A = pencils.symmetric("b"), sympy.Matrix([[sympy.Symbol("a", positive=True)]])
    share_left(B, A, sympy.Matrix([x, y]), sympy.Matrix([p, q]))
    modes = [sympy.diag(*sympy.symbols(f"{name}1 {name}2", positive=True)) for name in "ba"]
    share_left(modes[0], modes[1], sympy.Matrix([[1, x], [1, 2]]), sympy.Matrix([[p, 1], [3, 1]]))


@verifies(SF_K6a)
def test_line_search_factors_in_floats() -> None:
    from labs.core.polar.schedules import CUBIC, TUNED

    rng = stream("line search")
    for m, n in ((1, 1), (4, 4), (3, 5), (5, 3)):
        B, A = (turned(np.exp(rng.uniform(-2, 2, k)), rng) for k in (m, n))
        delta = rng.standard_normal((m, n))
        for rule in ("gd", "ngd", "muon", "scaled-muon"):
            factor_in_floats(B, A, delta, rule)
        for schedule in ((CUBIC,) * 3, (TUNED,) * 5):
            factor_in_floats(B, A, delta, "muon", schedule)


@control(SF_K6a, changes="coefficient 1 -> 1.01")
def test_the_coefficient_of_the_factor() -> None:
    import sympy

    x, y, p, q = sympy.symbols("x y p q")
    B, A = pencils.symmetric("b"), sympy.Matrix([[sympy.Symbol("a", positive=True)]])
    share_left(B, A, sympy.Matrix([x, y]), sympy.Matrix([p, q]), SHARPER)


# --- Muon, by the nuclear rank -----------------------------------------------------------------------------------


def planar_forms() -> tuple[Any, ...]:
    """<Q, H[Q]>, <G, H^-1[G]>, F^2, mu, L_(2) for all 2 x 2 gradients and all B, A; and a witness, flat.

    In the eigenbases of B and A.  Q is a rotation by any angle (a reflection has the same squares of entries), and G
    enters through the squares of its entries.
    """
    y, v, w = increments("y v w")
    cells = [(i, j) for i in range(2) for j in range(2)]
    h = {(i, j): (1 + v, 1)[i] * (1 + w, 1)[j] for i, j in cells}
    squares = dict(zip(cells, increments("g11 g12 g21 g22"), strict=True))
    curvature = sum(h[i, j] * (1 if i == j else y) / (1 + y) for i, j in cells)
    energy = sum(squares[cell] / h[cell] for cell in cells)
    flat = dict.fromkeys((y, v, w), 0) | {squares[i, j]: int(i == j) for i, j in cells}
    return curvature, energy, sum(squares.values()), 1, h[0, 0] + h[1, 1], flat


@check(SF_K6b)
def muon_factor_of_all_planar_gradients(factor: Fraction = ONE) -> Evidence:
    """factor * <Q, H[Q]> <G, H^-1[G]> <= L_(2) F^2/mu, which is rho_M <= 1 - factor * nr mu/L_(2)."""
    curvature, energy, F2, mu, smooth, flat = planar_forms()
    return exact(factor * curvature * energy, smooth * F2 / mu, "<=", witness=flat)


@check(SF_K6d)
def scaled_muon_of_all_planar_gradients(factor: Fraction = ONE) -> Evidence:
    """f_+ = f - N^2/L_op + N^2 <Q, H[Q]>/(2 L_op^2) <= (1 - factor * nr mu/L_op) f, f = <G, H^-1[G]>/2.

    <Q, H[Q]> <= L_op and <G, H^-1[G]> <= F^2/mu for all 2 x 2; with their slacks as symbols the rest is formal.
    """
    import sympy

    curvature, energy, F2, mu, smooth, _ = planar_forms()
    k, t, m, N2 = sympy.symbols("k t m N2", positive=True)
    spare, missing = increments("spare missing")
    L_op, f = k + spare, t / 2
    after = f - N2 / L_op + N2 * k / (2 * L_op**2)
    guarantee = guaranteed_factor(factor * N2 / (m * (t + missing)), m, L_op) * f
    sharp = dict.fromkeys((k, t, m, N2), 1) | {spare: 0, missing: 0}
    return every(
        exact(curvature, smooth, "<="),
        exact(energy, F2 / mu, "<="),
        exact(after, guarantee, "<=", witness=sharp),
    )


@check(SF_K6b, SF_K6d)
def in_rationals(
    b: Sequence[Fraction], a: Sequence[Fraction], s: Sequence[Fraction], factor: Fraction = ONE
) -> Evidence:
    """The same for m x n gradients of any rank with rational bases that differ from those of B and A."""
    m, n, r = len(b), len(a), len(s)
    B, A = semidefinite(b), semidefinite(a, 2)
    inverses = semidefinite([1 / x for x in b]), semidefinite([1 / x for x in a], 2)
    G, Q = gradient(s, m, n)
    modes = [x * y for x, y in zip(sorted(b, reverse=True), sorted(a, reverse=True), strict=False)]
    N2, F2, mu = inner(G, Q) ** 2, inner(G, G), min(b) * min(a)
    curvature, energy = inner(Q, B @ Q @ A), inner(G, inverses[0] @ G @ inverses[1])
    after = energy / 2 - N2 / sum(modes) + N2 * curvature / (2 * sum(modes) ** 2)
    nuclear_rank = factor * N2 / F2
    return every(
        exact(1 - N2 / (curvature * energy), guaranteed_factor(nuclear_rank, mu, sum(modes[:r])), "<="),
        exact(after, guaranteed_factor(nuclear_rank, mu, sum(modes)) * energy / 2, "<="),
    )


@check(SF_K6b, SF_K6d)
def muon_factor(B: np.ndarray, A: np.ndarray, delta: np.ndarray, factor: float = 1.0) -> Evidence:
    """rho_M <= 1 - factor * nr mu/L_(r), mu by the nonzero eigenvalues, and the step N/L_op; by `labs`."""
    G = B @ delta @ A
    found = polar(G)
    nuclear, F2 = float(np.sum(found.q * G)), float(np.sum(G * G))
    mu = np.prod([min(x for x in np.linalg.eigvalsh(S) if x > 1e-13 * np.max(np.abs(S))) for S in (B, A)])
    rank = int(found.rank)
    smooth, smooth_r = float(spectral_smoothness(B, A)), float(spectral_smoothness(B, A, rank=rank))
    after = delta - nuclear / smooth * found.q
    share = float(np.sum(after * (B @ after @ A)) / np.sum(delta * G))
    # The shares are rounded by eps times the condition number of B (.) A on the range of G at most.
    error = 64 * len(B) * EPS * (1 + float(np.linalg.norm(B, 2) * np.linalg.norm(A, 2) / mu) ** 0.5)
    rho = float(line_search_factor(B, A, delta, "muon"))
    nuclear_rank = factor * nuclear**2 / F2
    return every(
        measured(rho, guaranteed_factor(nuclear_rank, mu, smooth_r), error, "<="),
        measured(share, guaranteed_factor(nuclear_rank, mu, smooth), error, "<="),
    )


@verifies(SF_K6b, SF_K6d)
def test_the_nuclear_rank_bounds_the_factor() -> None:
    for b, a in FACTORS:
        for s in RANKS:
            in_rationals(b, a, s)


@verifies(SF_K6b)
def test_muon_factor_of_all_planar_gradients() -> None:
    muon_factor_of_all_planar_gradients()


@verifies(SF_K6d)
def test_scaled_muon_of_all_planar_gradients() -> None:
    scaled_muon_of_all_planar_gradients()


@verifies(SF_K6b, SF_K6d)
def test_the_nuclear_rank_bounds_the_factor_in_floats() -> None:
    rng = stream("line search, zoo")
    for n in (2, 6):
        for B, A in pairs(n, "line search"):
            muon_factor(B, A, rng.standard_normal((n, n)))
        for s in zoo(n, rng).values():
            B, A = (turned(np.exp(rng.uniform(-1, 1, k)), rng) for k in (n, n + 3))
            muon_factor(B, A, matrix(s, n, n + 3, rng))
    muon_factor(np.diag([3.0, 1.0, 0.0]), np.diag([2.0, 0.0]), rng.standard_normal((3, 2)))


@restates(SF_K6b, SF_K6d)
def test_the_factor_of_a_transposed_and_rescaled_problem() -> None:
    rng = stream("line search, restated")
    B, A = (turned(np.exp(rng.uniform(-1, 1, k)), rng) for k in (3, 5))
    delta = rng.standard_normal((3, 5))
    muon_factor(A, B, delta.T)
    muon_factor(1e-40 * B, 1e60 * A, 1e20 * delta)


@control(SF_K6b, sharpens="nr -> 1.01 nr")
def test_the_bound_of_muon_has_no_room() -> None:
    muon_factor_of_all_planar_gradients(SHARPER)
    in_rationals(fractions("2", "2"), fractions("3", "3"), RANKS[2], SHARPER)
    muon_factor(np.eye(4), np.eye(4), haar(4, stream("isotropic")), factor=1.01)


@control(SF_K6d, sharpens="nr -> 1.01 nr")
def test_the_guarantee_of_scaled_muon_has_no_room() -> None:
    scaled_muon_of_all_planar_gradients(SHARPER)
    in_rationals(fractions("2", "2"), fractions("3", "3"), RANKS[2], SHARPER)
    muon_factor(np.eye(4), np.eye(4), haar(4, stream("isotropic")), factor=1.01)
