"""ICM-T4b, ICM-T4d.c: the minimal kink is exponentially large in the dimension, and by how much."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import geometric, power_law, two_level
from labs.isotropic_curvature import kink_closed_forms
from labs.isotropic_curvature.zonoid import entropy_bound
from tests.isotropic_curvature.kinks import KINK_ERROR, least
from tests.isotropic_curvature.menu import ball
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.isotropic_curvature import entropy, two_levels
from theory.isotropic_curvature.minimal_kink import ICM_T4dc
from theory.isotropic_curvature.orthogonalisation import ICM_T4ba, ICM_T4bb, ICM_T4bc, ICM_T4bd, ICM_T4be

ONE, HALF = Fraction(1), Fraction(1, 2)
HARMONIC = tuple(1.0 / i for i in range(1, 17))


def _pairs() -> tuple[Any, Any, Any, Any]:
    """(n, g_a, g_b, B_min) with n = 2p + 2 and g_a = g_b (1 + v); B_min from labs, of the problem with A = 0."""
    import sympy

    p, low = sympy.symbols("p low", positive=True)
    v = sympy.Symbol("v", nonnegative=True)
    n = 2 * p + 2
    return n, low * (1 + v), low, kink_closed_forms.pair_kink(low * (1 + v), low, n)


# --- ICM-T4b.a: A = 0 ------------------------------------------------------------------------------------------


@check(ICM_T4ba)
def steps_of_the_proof(power: Fraction) -> Evidence:
    """E exp((1 - 1/v) z^2/2) = v^power term by term, E_nu f = 0 for all g: then B >= (sum g) prod v_i^(-power)."""
    import sympy

    j = sympy.Symbol("j", nonnegative=True)
    g = sympy.symbols("g1:4", positive=True)
    require(all(gi.is_positive for gi in g), "A3")
    require(len(g) > 0, "k = n")
    exponent = sympy.Rational(power.numerator, power.denominator)
    return every(
        exact(entropy.tilted_ratio(j), entropy.binomial_ratio(exponent, j)),
        exact(entropy.mean_of_tilt(g), 0),
    )


@check(ICM_T4ba)
def blocks_of_even_size(k0: int, n: int, exponent: int) -> Evidence:
    """B/sum g = 1/P(t > tau) >= prod_i (gbar/g_i)^(exponent/2) for all tau = s/(1 + s), by polynomials in s."""
    import sympy

    s = sympy.Symbol("s", positive=True)
    tails = two_levels.even_tails(k0, n, s / (1 + s))
    mass, first = sympy.factor(tails.mass), sympy.factor(tails.first)
    rest = sympy.factor(mass - first)
    require(0 < k0 < n, "k = n")
    require(s.is_positive, "A3")
    # g_i/gbar is n first/(k0 mass) and n rest/((n - k0) mass) on the two blocks.
    powers = exponent * k0 // 2, exponent * (n - k0) // 2
    product = (n * first / k0) ** powers[0] * (n * rest / (n - k0)) ** powers[1]
    return exact(product / mass ** (sum(powers) + 1), 1, ">=", witness={s: 100} if exponent > 1 else None)


@check(ICM_T4ba)
def arcs_of_the_circle(exponent: int) -> Evidence:
    """n = 2, x = sum g/B and d = (g_1 - g_2)/sum g = sin(pi x)/(pi x): x^2 <= (1 - d^2)^exponent on [0.01, 0.99]."""
    require(exponent > 0, "A3")
    require(True, "k = n")

    def room(x: Any) -> Any:
        return (1 - x.sinc_pi() ** 2) ** exponent - x * x

    return enclosed(room, ">", box=[(Fraction(1, 100), Fraction(99, 100))])


@check(ICM_T4ba)
def bound_on_the_zoo(g: tuple[float, ...], exponent: float = 1.0) -> Evidence:
    """labs' minimal kink against (sum g) prod (gbar/g_i)^(exponent/2), and labs' own bound against that product."""
    spectrum = np.array(g)
    factor = float(np.exp(0.5 * np.sum(np.log(np.mean(spectrum) / spectrum))))
    B = least(g)[0]
    require(min(g) > 0, "k = n")
    require(B > 0, "A3")
    return every(
        measured(B / sum(g), factor**exponent, KINK_ERROR * factor, ">="),
        measured(entropy_bound(spectrum) / (sum(g) * factor), 1.0, 1e-13 * len(g)),
    )


@check(ICM_T4ba)
def size_quoted(n: int, s: str, digits: str, unit: str) -> Evidence:
    """prod (gbar/g_i)^(1/2) for g_i = i^-s, to the digits quoted (half a unit of the last), as a ball."""
    from flint import arb

    g = [arb(i) ** -arb(s) for i in range(1, n + 1)]
    mean = sum(g) / n
    product = arb(1)
    for gi in g:
        product *= mean / gi
    require(n > 0, "k = n")
    require(True, "A3")
    return enclosed(abs(product.sqrt() - arb(digits)) - arb(unit) / 2, "<=")


@verifies(ICM_T4ba)
def test_the_steps_of_the_proof() -> None:
    steps_of_the_proof(HALF)


@verifies(ICM_T4ba)
def test_blocks_and_arcs() -> None:
    for k0, n in ((2, 4), (4, 6), (4, 8)):
        blocks_of_even_size(k0, n, 1)
    arcs_of_the_circle(1)


@verifies(ICM_T4ba)
def test_the_bound_on_spectra() -> None:
    for g in (HARMONIC, (1.0, 0.7, 0.4, 0.2, 0.1), (1.0, 1e-6), (1.0, 1.0, 0.5, 0.5)):
        bound_on_the_zoo(g)


@verifies(ICM_T4ba)
@pytest.mark.parametrize(
    ("n", "s", "digits", "unit"),
    [(16, "1", "18.17", "0.01"), (128, "1", "9.4e19", "1e18"), (128, "0.5", "8.6e3", "100")],
)
def test_quoted_sizes(n: int, s: str, digits: str, unit: str) -> None:
    size_quoted(n, s, digits, unit)


@control(ICM_T4ba, changes="exponent n/2 -> n (1/i, n = 16: 330 > 71.6)")
def test_the_square_of_the_bound() -> None:
    steps_of_the_proof(ONE)
    blocks_of_even_size(4, 8, 2)
    arcs_of_the_circle(2)
    bound_on_the_zoo(HARMONIC, exponent=2.0)


@restates(ICM_T4ba)
def test_the_bound_in_other_units() -> None:
    bound_on_the_zoo(tuple(1e-150 * x for x in (1.0, 0.4, 0.1)))


# --- ICM-T4b.b: with a slope before the kink -------------------------------------------------------------------


@check(ICM_T4bb)
def doubled_levels(y: tuple[Fraction, Fraction], A: Fraction, factor: Fraction) -> Evidence:
    """n = 4, g = E[h u] for h = A + 1{t > 1 - y}: entropy of h/sum g > (factor/2) sum log(gbar/g_i), for all y."""
    from flint import arb

    require(A >= 0, "A3")
    require(len(y) > 1, "k = n")
    start = ball(A)

    def room(y: Any) -> Any:
        high, low = two_levels.spectrum(two_levels.pair_tails(arb(1), y, y), 2, 4, start, start + 1)
        total = start + y
        wanted = ball(factor) * ((total / (4 * high)).log() + (total / (4 * low)).log())
        return entropy.two_valued_entropy(start / total, (start + 1) / total) - wanted

    return enclosed(room, ">", box=[y])


@check(ICM_T4bb)
def entropy_at_the_least_kink(g: tuple[float, ...], share: float, factor: float = 1.0) -> Evidence:
    """The same at labs' B_min, A = share n g_n; both sides to 1e-11."""
    spectrum, A = np.array(g), share * len(g) * min(g)
    total = sum(g)
    low, high = A / total, least(g, A)[0] / total
    require(low < high, "A3")
    require(min(g) > 0, "k = n")
    theta = (1 - low) / (high - low)
    value = theta * high * np.log(high) + (1 - theta) * (low * np.log(low) if low else 0.0)
    wanted = factor * 0.5 * np.sum(np.log(np.mean(spectrum) / spectrum))
    return measured(value, wanted, KINK_ERROR * (1 + wanted), ">=")


@check(ICM_T4bb, ICM_T4bc)
def labs_bound_is_below(g: tuple[float, ...], share: float) -> Evidence:
    """labs' entropy_bound, the larger of the two, is at most labs' B_min."""
    spectrum, A = np.array(g), share * len(g) * min(g)
    B = least(g, A)[0]
    require(A < B, "A3")
    require(min(g) > 0, "k = n")
    return measured(entropy_bound(spectrum, A), B, KINK_ERROR * B, "<=")


NEARLY = (Fraction(1, 10**7), Fraction(1, 10**7))


@verifies(ICM_T4bb)
def test_the_entropy_of_two_values() -> None:
    for A in (Fraction(1, 50), Fraction(1, 5), HALF):
        doubled_levels((Fraction(1, 20), Fraction(9, 10)), A, ONE)
    doubled_levels(NEARLY, Fraction(0), ONE)
    for share in (0.1, 0.9):
        entropy_at_the_least_kink((1.0, 0.7, 0.4, 0.2, 0.1), share)


@verifies(ICM_T4bb, ICM_T4bc)
def test_the_larger_bound_of_labs() -> None:
    for g, share in (((1.0, 0.7, 0.4, 0.2, 0.1), 0.9), ((1.0, 1.0, 0.5, 0.5), 0.5)):
        labs_bound_is_below(g, share)


@control(ICM_T4bb, sharpens="1/2 -> 0.525")
def test_the_entropy_of_two_values_is_sharp() -> None:
    doubled_levels(NEARLY, Fraction(0), Fraction(105, 100))
    entropy_at_the_least_kink((1.0, 1.0, 1e-7, 1e-7), 0.0, factor=1.05)


# --- ICM-T4b.c, d: the same without it, and exactly ------------------------------------------------------------


@check(ICM_T4bc)
def shifted_pairs(factor: Fraction) -> Evidence:
    """k0 = 2, every n: labs' B_min - A over the bound of g' is g'_a/gbar', at least factor."""
    import sympy

    n, high, low, _ = _pairs()
    A = sympy.Symbol("A", positive=True)
    shifted = kink_closed_forms.pair_kink(high + A / n, low + A / n, n, A) - A
    mean = (2 * high + (n - 2) * low) / n
    require(n.is_positive, "k = n")
    require(A.is_positive, "A3")
    # B - A = (sum g') (gbar'/g'_b)^p, against the bound (sum g') (gbar'/g'_a) (gbar'/g'_b)^p.
    power = sympy.Symbol("power", positive=True)
    named = two_levels.name_power(shifted, sympy.cancel(mean / low), (n - 2) / 2, power)
    return every(exact(named, n * mean * power), exact(high, factor * mean, ">="))


@check(ICM_T4bd)
def factor_of_pairs(power: int) -> Evidence:
    """k0 = 2, every n, A = 0: B_min = (g_a/gbar)^power (sum g) (gbar/g_a) (gbar/g_b)^((n-2)/2)."""
    import sympy

    n, high, low, least = _pairs()
    mean = (2 * high + (n - 2) * low) / n
    require(n.is_positive, "k = n")
    require(low.is_positive, "A3")
    root = sympy.Symbol("root", positive=True)
    named = two_levels.name_power(least, sympy.cancel(mean / low), (n - 2) / 2, root)
    return exact(named / (n * mean * (mean / high) * root), (high / mean) ** power)


@check(ICM_T4bd)
def factor_measured(g_a: float, g_b: float, n: int, power: int = 1) -> Evidence:
    """The same, between labs' minimal_kink and entropy_bound."""
    g = np.array([g_a, g_a, *[g_b] * (n - 2)])
    require(n > 2, "k = n")
    require(g_b > 0, "A3")
    ratio = least(tuple(g))[0] / entropy_bound(g)
    return measured(ratio / (g_a / np.mean(g)) ** power, 1.0, KINK_ERROR)


@verifies(ICM_T4bc)
def test_shifted_pairs() -> None:
    shifted_pairs(ONE)


@control(ICM_T4bc, sharpens="bound -> 1.01 times it")
def test_shifted_pairs_are_sharp() -> None:
    shifted_pairs(Fraction(101, 100))


@verifies(ICM_T4bd)
def test_the_factor_of_pairs() -> None:
    factor_of_pairs(1)
    for n in (4, 7):
        factor_measured(1.0, 0.2, n)


@control(ICM_T4bd, changes="g_a/gbar -> (g_a/gbar)^2")
def test_another_factor_of_pairs() -> None:
    factor_of_pairs(2)
    factor_measured(1.0, 0.2, 5, power=2)


# --- ICM-T4b.e: neither contains the other ---------------------------------------------------------------------

Instance = tuple[tuple[Fraction, Fraction], Fraction]


@check(ICM_T4be)
def bounds_cross(entropic: Instance, shifted: Instance) -> Evidence:
    """g = (g_a, g_a, g_b, g_b): at the B of ICM-T4b.c that of ICM-T4b.b fails for the first, holds for the other."""

    def room(instance: Instance) -> Any:
        levels, A = instance
        spectrum = [levels[0], levels[0], levels[1], levels[1]]
        reduced = [gi - A / 4 for gi in spectrum]
        B = ball(A) + ball(sum(reduced, Fraction(0))) * ball(entropy.squared_factor(reduced)).sqrt()
        total = ball(sum(spectrum, Fraction(0)))
        wanted = ball(entropy.squared_factor(spectrum)).log() / 2
        return entropy.two_valued_entropy(ball(A) / total, B / total) - wanted

    return every(enclosed(room(entropic), "<"), enclosed(room(shifted), ">"))


MILD: Instance = ((ONE, HALF), ONE)
NEAR_THE_END: Instance = ((ONE, HALF), Fraction(9, 5))
GRADED: Instance = ((ONE, Fraction(1, 10)), Fraction(1, 5))


@verifies(ICM_T4be)
def test_the_bounds_cross() -> None:
    bounds_cross(MILD, GRADED)
    bounds_cross(MILD, NEAR_THE_END)


@control(ICM_T4be, changes="A = 1 -> A = 9/5 for (1, 1, 1/2, 1/2)")
def test_near_the_end_the_shifted_bound_is_larger() -> None:
    bounds_cross(NEAR_THE_END, GRADED)


# --- ICM-T4d.c: the prefactor ----------------------------------------------------------------------------------

FAMILIES = {
    "i^-1/4": lambda n: power_law(n, 0.25),
    "i^-1/2": lambda n: power_law(n, 0.5),
    "1/i": lambda n: power_law(n, 1.0),
    "halves": two_level,
    "0.95^i": lambda n: geometric(n, 0.95),
}


def prediction(g: np.ndarray, e: float = math.e) -> tuple[float, float]:
    """(sqrt(pi)/e) s and s = sqrt(sum (g_i/gbar - 1)^2)."""
    s = float(np.sqrt(np.sum((g / np.mean(g) - 1) ** 2)))
    return float(np.sqrt(np.pi) / e * s), s


@check(ICM_T4dc)
def prefactor(family: str, n: int, e: float = math.e) -> Evidence:
    """0 <= B_min/((sqrt(pi)/e) s bound) - 1 <= 2/s, from labs."""
    g = np.asarray(FAMILIES[family](n))
    factor, s = prediction(g, e)
    over = least(tuple(map(float, g)))[0] / (entropy_bound(g) * factor) - 1
    require(np.min(g) > 0, "k = n")
    require(n > 0, "A3")
    return every(measured(over, 0.0, KINK_ERROR, ">="), measured(over, 2 / s, KINK_ERROR, "<="))


@check(ICM_T4dc)
def prefactor_quoted() -> Evidence:
    """g_i = 1/i, n = 128: 19.309 times the bound, where 18.2 is predicted."""
    g = power_law(128)
    require(g.size > 0, "k = n")
    require(True, "A3")
    over = least(tuple(map(float, g)))[0] / entropy_bound(g)
    return every(measured(over, 19.309, 5e-4), measured(prediction(g)[0], 18.2, 0.05))


@verifies(ICM_T4dc)
def test_the_prefactor() -> None:
    for family, n in (("i^-1/2", 8), ("halves", 32), ("0.95^i", 64)):
        prefactor(family, n)
    prefactor_quoted()


@verifies(ICM_T4dc)
@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
def test_the_prefactor_in_high_dimension(family: str) -> None:
    for n in (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256):
        prefactor(family, n)


@control(ICM_T4dc, changes="e_0 = 2.718... -> 2.4")
def test_another_prefactor() -> None:
    prefactor("0.95^i", 64, e=2.4)
