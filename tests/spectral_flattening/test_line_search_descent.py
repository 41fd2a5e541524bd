"""SF-K6.c, e, k: what is guaranteed of gradient descent's step, and when Muon's is better."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.polar import polar
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import line_search_factor
from labs.spectral_flattening.conditioning_forms import aligned_factor, guaranteed_factor, kantorovich
from tests.referee import check, control, verifies
from tests.spectral_flattening.curvatures import EPS, FACTORS, RANKS, increments, kappa, pairs
from tests.spectral_flattening.kantorovich import kantorovich_inequality
from tests.spectral_flattening.rationals import fractions, gradient, inner, semidefinite
from tests.tightness import worst_case
from theory.evidence import Evidence, every, exact, measured
from theory.spectral_flattening.conditioning_factors import SF_K6c, SF_K6e, SF_K6k

ONE = Fraction(1)


# --- gradient descent --------------------------------------------------------------------------------------------


@check(SF_K6c)
def kantorovich_for_any_number_of_modes() -> Evidence:
    """Kantorovich's inequality; f after over f before is 1 - 1/(sum w h sum w/h) with w = s^2/sum s^2."""
    import sympy

    s, h = sympy.symbols("s1:4", positive=True), sympy.symbols("h1:4", positive=True)
    total = sum(x * x for x in s)
    product = sum(x * x * k for x, k in zip(s, h, strict=True)) * sum(
        x * x / k for x, k in zip(s, h, strict=True)
    )
    return every(kantorovich_inequality(), exact(aligned_factor(h, s, s), 1 - total**2 / product))


@check(SF_K6c)
def kantorovich_for_two_modes(factor: Fraction = ONE) -> Evidence:
    """The factor of two modes (kappa, 1) is at most factor * ((kappa - 1)/(kappa + 1))^2, less a square."""
    import sympy

    kappa, x, y = sympy.symbols("kappa x y", positive=True)
    bound = factor * kantorovich(kappa)
    return exact(aligned_factor((kappa, 1), (x, y), (x, y)), bound, "<=", witness={kappa: 3, x: 1, y: 1})


@check(SF_K6c)
def descent_factor(B: np.ndarray, A: np.ndarray, delta: np.ndarray, factor: float = 1.0) -> Evidence:
    """The same for matrices, by `line_search_factor`."""
    bound = kantorovich(kappa(np.linalg.eigvalsh(B)) * kappa(np.linalg.eigvalsh(A)))
    # 1 - bound = 4 kappa/(kappa + 1)^2 is about 4/kappa, whose relative error is eps kappa at most.
    return measured(float(line_search_factor(B, A, delta, "gd")), factor * bound, 64 * len(B) * EPS, "<=")


@verifies(SF_K6c)
def test_kantorovich() -> None:
    kantorovich_for_any_number_of_modes()
    kantorovich_for_two_modes()
    rng = stream("kantorovich")
    for n in (2, 6):
        for B, A in pairs(n, "kantorovich"):
            descent_factor(B, A, rng.standard_normal((n, n)))


@verifies(SF_K6c)
def test_kantorovich_is_sharp() -> None:
    def instance(p: np.ndarray) -> tuple[Any, ...]:
        return np.diag([p[0], 1.0]), np.eye(1) * p[1], np.array([[1.0], [p[2]]])

    found = worst_case(
        descent_factor,
        instance,
        dimension=3,
        lower=0.05,
        upper=20.0,
        stream=stream("kantorovich, worst"),
        starts=2,
    )
    assert found > 0.999


@control(SF_K6c, sharpens="bound times 0.99")
def test_kantorovich_has_no_room() -> None:
    kantorovich_for_two_modes(Fraction(99, 100))
    descent_factor(np.diag([9.0, 1.0]), np.eye(1), np.array([[1.0], [9.0]]), factor=0.99)


# --- which guarantee is better -----------------------------------------------------------------------------------


@check(SF_K6e)
def better_guarantee(factor: Fraction = ONE) -> Evidence:
    """1 - nr mu/L_op is below, at, above 1 - mu/L as nr is above, at, below factor * L_op/L."""
    import sympy

    L, mu, w = sympy.symbols("L mu w", positive=True)
    smooth = L * (1 + increments("v"))
    plain = guaranteed_factor(1, mu, L)
    near = {w: Fraction(1, 1000)}

    def guarantee(times: Any) -> Any:
        return guaranteed_factor(factor * times * smooth / L, mu, smooth)

    below = dict.fromkeys(guarantee(1 + w).free_symbols | {L}, 1) | near
    return every(
        exact(guarantee(1 + w), plain, "<", witness=below),
        exact(guarantee(1), plain),
        exact(guarantee(1 / (1 + w)), plain, ">"),
    )


@verifies(SF_K6e)
def test_which_guarantee_is_better() -> None:
    better_guarantee()


@control(SF_K6e, sharpens="L_op/L -> 0.98 L_op/L")
def test_the_nuclear_rank_that_is_needed() -> None:
    better_guarantee(Fraction(98, 100))


# --- which step is better ----------------------------------------------------------------------------------------


@check(SF_K6k)
def better_step(factor: Fraction = ONE) -> Evidence:
    """rho_M is below, at, above rho(G) as nr is above, at, below factor * <Q, H[Q]>/c(G): formal norms and forms."""
    import sympy

    N2, F2, k, w = sympy.symbols("N2 F2 k w", positive=True)  # k = <Q, H[Q]>
    energy = sympy.Symbol("energy", positive=True)

    def shares(times: Any) -> tuple[Any, Any]:
        """At nr = times * factor * k/c, so that <G, H[G]> = c F^2 is:"""
        steep = times * factor * k * F2**2 / N2
        return 1 - N2 / (k * energy), 1 - F2**2 / (steep * energy)

    one = dict.fromkeys((N2, F2, k, energy), 1) | {w: Fraction(1, 1000)}
    return every(
        exact(*shares(1 + w), "<", witness=one),
        exact(*shares(sympy.Integer(1))),
        exact(*shares(1 / (1 + w)), ">"),
    )


@check(SF_K6k)
def better_step_in_rationals(b: Sequence[Fraction], a: Sequence[Fraction], s: Sequence[Fraction]) -> Evidence:
    """The same for m x n gradients with rational bases: the sign of the difference, whatever it is."""
    m, n = len(b), len(a)
    B, A = semidefinite(b), semidefinite(a, 2)
    inverses = semidefinite([1 / x for x in b]), semidefinite([1 / x for x in a], 2)
    G, Q = gradient(s, m, n)
    energy = inner(G, inverses[0] @ G @ inverses[1])
    F2, flat, steep = inner(G, G), inner(Q, B @ Q @ A), inner(G, B @ G @ A)
    muon, descent = 1 - inner(G, Q) ** 2 / (flat * energy), 1 - F2**2 / (steep * energy)
    nuclear_rank, needed = inner(G, Q) ** 2 / F2, flat * F2 / steep
    sense = "<" if nuclear_rank > needed else ">" if nuclear_rank < needed else "=="
    return exact(muon, descent, sense)


@check(SF_K6k)
def better_step_in_floats(B: np.ndarray, A: np.ndarray, delta: np.ndarray) -> Evidence:
    """The same by `line_search_factor`: (rho(G) - rho_M) (nr c(G)/<Q, H[Q]> - 1) >= 0."""
    G = B @ delta @ A
    Q = polar(G).q
    F2 = np.sum(G * G)
    excess = np.sum(Q * G) ** 2 / F2 * np.sum(G * (B @ G @ A)) / F2 / np.sum(Q * (B @ Q @ A)) - 1
    muon, descent = (float(line_search_factor(B, A, delta, rule)) for rule in ("muon", "gd"))
    return measured((descent - muon) * np.sign(excess), 0.0, 64 * len(B) * EPS, ">=")


@verifies(SF_K6k)
def test_which_step_is_better() -> None:
    better_step()
    for b, a in FACTORS:
        for s in (*RANKS, fractions("1", "1/100")):
            better_step_in_rationals(b, a, s)
    rng = stream("better step")
    for n in (2, 6):
        for B, A in pairs(n, "better step"):
            better_step_in_floats(B, A, rng.standard_normal((n, n)))


@control(SF_K6k, sharpens="<Q, H[Q]>/c(G) times 0.98")
def test_the_nuclear_rank_that_a_step_needs() -> None:
    better_step(Fraction(98, 100))
