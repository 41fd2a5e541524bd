"""NDS-X11: a linear memory with a long tail, GD, sign descent and Muon on it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law
from labs.core.streams import stream
from labs.curvature_nds.memory import long_tail_memory
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.matrices import fractions, inner, orthogonal
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import (
    NDS_X11a,
    NDS_X11b,
    NDS_X11c,
    NDS_X11d,
    NDS_X11e,
    NDS_X11h,
    balls,
)
from theory.evidence import Evidence, enclosed, every, exact, measured, require

ONE = Fraction(1)
EPS = 2.0**-52


# --- the model, in matrices of fractions -------------------------------------------------------------------------


def memory(f: Sequence[Fraction], u: np.ndarray, v: np.ndarray, W: np.ndarray) -> Fraction:
    """L(W) = sum f_i |W u_i - v_i|^2/2, from the definition."""
    return sum(x * inner(W @ u[:, [i]] - v[:, [i]], W @ u[:, [i]] - v[:, [i]]) for i, x in enumerate(f)) / 2


def curvature(f: Sequence[Fraction], u: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """H[Z]."""
    return sum((x * Z @ np.outer(u[:, i], u[:, i]) for i, x in enumerate(f)), start=0 * Z)


def sharpness(f: Sequence[Fraction], u: np.ndarray, Z: np.ndarray) -> Any:
    return inner(Z, curvature(f, u, Z)) / inner(Z, Z)


def facts(f: Sequence[Fraction], u: np.ndarray, v: np.ndarray, powers: Sequence[Fraction]) -> np.ndarray:
    """sum_i powers_i v_i u_i^T."""
    return sum(
        (x * np.outer(v[:, i], u[:, i]) for i, x in enumerate(powers)), start=0 * np.outer(v[:, 0], u[:, 0])
    )


FREQUENCIES = fractions("1/2", "1/4", "3/20", "1/10")


@check(NDS_X11a)
def differentiated(f: Sequence[Fraction], sign: int = -1) -> Evidence:
    """L(W) is its second-order expansion at 0: gradient and curvature against the definition, in any direction."""
    u, v = orthogonal(4), orthogonal(5, 1)[:, :4]
    draw = stream("directions of the memory")
    Z = np.array([[Fraction(int(x), 7) for x in row] for row in draw.integers(-9, 10, (5, 4))], dtype=object)
    G = sign * facts(f, u, v, f)
    expanded = memory(f, u, v, 0 * Z) + inner(G, Z) + inner(Z, curvature(f, u, Z)) / 2
    mode = np.outer(v[:, 1], u[:, 1])
    return every(
        exact(memory(f, u, v, Z), expanded),
        *(exact(x, 0) for x in (curvature(f, u, mode) - f[1] * mode).flat),
    )


@check(NDS_X11b)
def sharpness_of_both(f: Sequence[Fraction], power: int = 3) -> Evidence:
    """In matrices of fractions."""
    u, v = orthogonal(4), orthogonal(5, 1)[:, :4]
    gd, muon = (sharpness(f, u, facts(f, u, v, z)) for z in (f, [ONE] * len(f)))
    return every(
        exact(gd, sum(x**power for x in f) / sum(x * x for x in f)), exact(muon, Fraction(1, len(f)))
    )


@check(NDS_X11b)
def closed_forms_of_labs(f: np.ndarray) -> Evidence:
    """Against the first steps of labs' descent with w = sigma = f."""
    found, f = long_tail_memory(f), f / np.sum(f, axis=-1, keepdims=True)
    gd, muon = (descend(f, f, rule, 1).nds[..., 0] for rule in ("gd", "muon"))
    # Sums of N positive terms.
    error = 4 * f.shape[-1] * EPS
    ratio = np.array([found.nds_gd / gd, found.nds_muon / muon, found.ratio / (gd / muon)])
    return measured(ratio, 1.0, error)


@check(NDS_X11d)
def one_step_of_muon(f: Sequence[Fraction], w: Sequence[Fraction]) -> Evidence:
    """The line-searched step along sum v_i u_i^T, the loss after it from the definition; w: its frequencies."""
    u, v = orthogonal(4), orthogonal(5, 1)[:, :4]
    Z = facts(f, u, v, [ONE] * len(f))
    G = facts(w, u, v, f)
    eta = inner(G, Z) / inner(Z, curvature(w, u, Z))
    return exact(memory(w, u, v, eta * Z), 0)


@check(NDS_X11e)
def signs_with_coordinate_inputs(f: Sequence[Fraction], turned: bool = False) -> Evidence:
    """S(sgn G), u_i = e_i (or turned), v an orthogonal matrix without zeros."""
    u = orthogonal(4) if turned else orthogonal(4) @ orthogonal(4).T
    v = orthogonal(4, 1) @ orthogonal(4, 2)
    require(not turned, "u_i = e_i")
    assert (v != 0).all()
    G = facts(f, u, v, f)
    signs = np.array([[Fraction((x > 0) - (x < 0)) for x in row] for row in G], dtype=object)
    return exact(sharpness(f, u, signs), Fraction(1, len(f)))


@verifies(NDS_X11a, NDS_X11b, NDS_X11d, NDS_X11e)
def test_the_memory_in_fractions() -> None:
    for f in (FREQUENCIES, fractions("97/100", "1/100", "1/100", "1/100")):
        differentiated(f)
        sharpness_of_both(f)
        one_step_of_muon(f, f)
        signs_with_coordinate_inputs(f)


@control(NDS_X11a, changes="sign of the gradient")
def test_the_gradient_points_away() -> None:
    differentiated(FREQUENCIES, 1)


@control(NDS_X11b, changes="f^3 -> f^4")
def test_another_mean_of_frequencies() -> None:
    sharpness_of_both(FREQUENCIES, 4)


@control(NDS_X11d, changes="w = f -> one frequency by one per cent")
def test_one_step_needs_equal_spectra() -> None:
    one_step_of_muon(FREQUENCIES, [*FREQUENCIES[:3], FREQUENCIES[3] * Fraction(101, 100)])


@control(NDS_X11e, drops="u_i = e_i")
def test_rotated_inputs_make_a_gap() -> None:
    signs_with_coordinate_inputs(FREQUENCIES, turned=True)


@restates(NDS_X11b)
def test_closed_forms_by_descent() -> None:
    closed_forms_of_labs(np.stack([power_law(64, z) for z in (0.0, 0.5, 1.0, 1.5)]))
    closed_forms_of_labs(1e-3 * power_law(1000, 2.0))


@restates(NDS_X11d)
def test_one_step_by_descent() -> None:
    f = power_law(64, 1.0)
    assert descend(f, f, "muon", 1).loss[1] == 0.0
    one_step_of_muon(FREQUENCIES, FREQUENCIES)


# --- growth with the imbalance -----------------------------------------------------------------------------------


@check(NDS_X11c)
def pair_of_means(missing: int = 0) -> Evidence:
    """(E_a - E_b) Z_a Z_b is the sum over i < j of (l_i - l_j)(x_i^a x_j^b - x_i^b x_j^a), and these are positive.

    Here N = 3 with l_1 = 0, any l_2 < l_3 and x_1 > x_2 > x_3; (a, b) = (2, 3) and (1, 3), which the derivative of
    log(N sum f^3/sum f^2), f = x/Z_1 and x_i = exp(-z l_i), adds up: 2 (E_2 - E_3) + (E_1 - E_3).
    """
    import sympy

    x = sympy.symbols("x1:4", positive=True)
    l = (sympy.Integer(0), *sympy.symbols("l2:4", real=True))
    c, v, k = sympy.symbols("c v k", positive=True)
    Z = {a: sum(y**a for y in x) for a in (1, 2, 3)}
    E = {a: sum(m * y**a for m, y in zip(l, x, strict=True)) / Z[a] for a in (1, 2, 3)}
    pairs = {
        (a, b): sum(
            (l[i] - l[j]) * (x[i] ** a * x[j] ** b - x[i] ** b * x[j] ** a)
            for i in range(3)
            for j in range(i + 1, 3)
        )
        for a, b in ((2, 3), (1, 3))
    }
    # d x_i/dz = -l_i x_i.
    ratio = Z[3] / Z[2] / Z[1] ** (1 - missing)
    derivative = sum(-m * y * sympy.diff(sympy.log(ratio), y) for m, y in zip(l, x, strict=True))
    total = 2 * pairs[2, 3] / (Z[2] * Z[3]) + pairs[1, 3] / (Z[1] * Z[3])
    return every(
        exact(derivative, 2 * (E[2] - E[3]) + (E[1] - E[3])),
        exact(2 * (E[2] - E[3]) + (E[1] - E[3]), total),
        # x_i = c (1 + v) > x_j = c, l_j = l_i + k.
        *(
            exact(-k * ((c * (1 + v)) ** a * c**b - (c * (1 + v)) ** b * c**a), 0, ">")
            for a, b in ((2, 3), (1, 3))
        ),
    )


@check(NDS_X11c)
def ratio_grows(N: int, exponents: Sequence[float], reverse: bool = False) -> Evidence:
    """Labs' ratio at increasing imbalance."""
    ratio = long_tail_memory(np.stack([power_law(N, z) for z in exponents])).ratio
    steps = np.diff(ratio) * (-1 if reverse else 1)
    return measured(steps, 0.0, N * EPS * ratio[1:], ">")


@verifies(NDS_X11c)
def test_the_ratio_grows_with_the_imbalance() -> None:
    pair_of_means()
    for N in (2, 64, 1000):
        ratio_grows(N, list(np.linspace(0.0, 3.0, 31)))


@control(NDS_X11c, changes="frequencies that do not add up to one")
def test_frequencies_add_up() -> None:
    pair_of_means(1)


# --- GD's first gain ---------------------------------------------------------------------------------------------


def mean_logarithm(N: int, power: Any) -> Any:
    """E of ln i under i^(-power), in balls."""
    weights = [balls.ball(i) ** -power for i in range(1, N + 1)]
    total = sum(weights[1:], start=weights[0])
    return sum((balls.ball(i).log() * w for i, w in enumerate(weights[1:], 2)), start=balls.ball(0)) / total


def variance_of_logarithm(N: int, power: Any) -> Any:
    """Var of ln i under i^(-power), in balls."""
    weights = [balls.ball(i) ** -power for i in range(1, N + 1)]
    total = sum(weights[1:], start=weights[0])
    mean = mean_logarithm(N, power)
    return (
        sum(((balls.ball(i).log() - mean) ** 2 * w for i, w in enumerate(weights, 1)), start=balls.ball(0))
        / total
    )


@check(NDS_X11h)
def gain_is_monotone_on(N: int, ends: tuple[str, str], sense: str) -> Evidence:
    """f(z) = d/dz log((sum f^2)^2/sum f^3) = 3 E_3 - 4 E_2 + E_1 between the ends, E_k at the power k z.

    On a box f is f(middle) + f'(box)(box - middle).  f(0) = 0, so that from 0 on f/z is a mean of f'.
    """

    def value(z: Any) -> Any:
        return 3 * mean_logarithm(N, 3 * z) - 4 * mean_logarithm(N, 2 * z) + mean_logarithm(N, z)

    def derivative(z: Any) -> Any:
        return (
            8 * variance_of_logarithm(N, 2 * z)
            - 9 * variance_of_logarithm(N, 3 * z)
            - variance_of_logarithm(N, z)
        )

    def on_box(z: Any) -> Any:
        return value(z.mid()) + derivative(z) * (z - z.mid())

    low, high = fractions(*ends)
    return enclosed(on_box if low else derivative, sense, box=[(low, high)], budget=600)


@verifies(NDS_X11h)
def test_the_gain_of_gd_is_not_monotone() -> None:
    gain_is_monotone_on(64, ("0", "1/20"), "<")
    gain_is_monotone_on(64, ("1/20", "91/100"), "<")
    gain_is_monotone_on(64, ("93/100", "3"), ">")


@control(NDS_X11h, changes="0.91 -> 0.93")
def test_the_gain_has_its_least_value_in_between() -> None:
    gain_is_monotone_on(64, ("9/10", "93/100"), "<")


def test_printed_ratios_and_gains() -> None:
    found = long_tail_memory(np.stack([power_law(64, z) for z in (0.0, 0.5, 1.0, 1.5, 2.0)]))
    assert [f"{x:.3f}" for x in found.ratio[:4]] == ["1.000", "2.184", "9.952", "23.763"]
    assert [f"{x:.3f}" for x in found.gain_gd] == ["1.000", "0.652", "0.466", "0.580", "0.707"]
    assert [f"{64 * x:.3g}" for x in found.nds_sign[1:4]] == ["1.75", "6.7", "15.5"]
    np.testing.assert_allclose(found.nds_muon, 1 / 64, rtol=4 * EPS)


def test_gains_are_line_searched_decreases() -> None:
    """By descent: the share of the loss that one step of GD removes."""
    f = power_law(64, 1.5)
    loss = descend(f, f, "gd", 1).loss
    assert abs(1 - loss[1] / loss[0] - long_tail_memory(f).gain_gd) < 1e-14


def test_facts_that_never_occur_do_not_count() -> None:
    f = np.concatenate([power_law(5), np.zeros(3)])
    full, part = long_tail_memory(f), long_tail_memory(f[:5])
    assert full.nds_muon == part.nds_muon == 1 / 5
    assert full.ratio == pytest.approx(part.ratio, rel=4 * EPS)
    with pytest.raises(ValueError, match="f must have a positive entry"):
        long_tail_memory(np.zeros(3))
