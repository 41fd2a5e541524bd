"""POL-X2, POL-X2': how fast the flow of a regression is, and its closed form where C and B commute."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.operators import regression
from labs.polar_flow.reduced import commuting_flow, commuting_level, reduced_flow
from labs.polar_flow.self_polar import self_polar_flow
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.polar_flow import (
    POL_X2_c,
    POL_X2_d,
    POL_X2p_a,
    POL_X2p_b,
    commuting,
)


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


# --- rates -------------------------------------------------------------------------------------------------------


@check(POL_X2_c)
def rate_of_the_distance(factor: Fraction) -> Evidence:
    """-d|Z|^2/dt = 2 tr(B (C + B)^{-1/2}) >= 2 factor tr(B)/sigma_max, k = 2, with C + B = diag(s + v, s)^2."""
    import sympy

    s, v, x, z = sympy.symbols("s v x z", positive=True)
    pulled = x / (s + v) + z / s
    witness = {s: 1, v: 1, x: 1, z: Fraction(1, 1000)}
    return exact(pulled, factor * (x + z) / (s + v), ">=", witness=witness)


@check(POL_X2_c)
def exponential_bound(C: np.ndarray, B: np.ndarray, t: float, factor: float = 1.0) -> Evidence:
    """|Z(t)| exp(factor t/sigma_max(W(0))) <= |Z(0)|, |Z|^2 = tr B, for the k x k system."""
    top = float(np.sqrt(np.linalg.eigvalsh(C + B)[-1]))
    end = reduced_flow(C, B, np.array([t * top])).B[-1]
    grown = np.sqrt(np.trace(end)) * np.exp(factor * t)
    return measured(grown, np.sqrt(np.trace(B)), 1e-6 * np.sqrt(np.trace(B)), "<=")


@verifies(POL_X2_c)
def test_the_distance_falls_exponentially() -> None:
    rate_of_the_distance(Fraction(1))
    drawn = stream("polar flow: exponential bound")
    for k in (1, 3):
        for t in (0.1, 1.0, 3.0):
            roots = drawn.standard_normal((2, k, k))
            C, B = roots @ roots.swapaxes(-1, -2)
            exponential_bound(C, B, t)


@verifies(POL_X2_c)
def test_the_exponential_bound_is_nearly_attained() -> None:
    """Where Z is small beside W_par and points along its largest singular value."""

    def instance(p: np.ndarray) -> tuple[Any, ...]:
        return np.diag([1.0, p[0]]), np.diag([p[1], 1e-3 * p[1]]), 0.5

    best = worst_case(
        exponential_bound,
        instance,
        dimension=2,
        lower=1e-4,
        upper=1.0,
        stream=stream("worst rate"),
        starts=2,
        steps=15,
    )
    assert best > 0.98


@control(POL_X2_c, sharpens="exp(-t/sigma_max) -> exp(-1.03 t/sigma_max)")
def test_the_exponential_bound_is_sharp() -> None:
    rate_of_the_distance(Fraction(103, 100))
    exponential_bound(np.diag([1.0]), np.diag([1e-4]), 1.0, factor=1.03)


@check(POL_X2_d)
def asymptotic_rate(C: np.ndarray, B: np.ndarray, t: float, which: int = -1) -> Evidence:
    """-d log |Z|/dt between t and t + 1/2, against 1/sqrt(eigenvalue of C)."""
    ends = reduced_flow(C, B, np.array([t, t + 0.5]), tolerance=1e-13).B
    values, vectors = np.linalg.eigh(C)
    require(vectors[:, -1] @ B @ vectors[:, -1] > 0, "Z has a part along the leading right singular vector")
    rate = np.log(
        np.trace(ends[0]) / np.trace(ends[1])
    )  # of |Z|^2, over a time of 1/2: of |Z| over a time of 1
    # (C + B)^{-1/2} differs from C^{-1/2} by |B|/(2 C); and the second value's part decays 4 times as fast.
    error = np.trace(ends[0]) + 1e-8 / np.trace(ends[1]) * np.trace(C + B) * 1e-5
    return measured(rate, values[which] ** -0.5, 10 * error, margin=0.1)


@verifies(POL_X2_d)
def test_the_rate_is_that_of_the_largest_value() -> None:
    asymptotic_rate(np.diag([1.0, 0.04]), rotation(0.7) @ np.diag([6.0, 0.5]) @ rotation(0.7).T, 8.0)
    asymptotic_rate(np.diag([1.0, 0.09, 0.04]), np.ones((3, 3)), 6.0)


@control(POL_X2_d, changes="sigma_max -> the next singular value")
def test_the_rate_is_not_that_of_the_next_value() -> None:
    asymptotic_rate(np.diag([1.0, 0.04]), np.diag([6.0, 0.5]), 8.0, which=0)


# --- closed form -------------------------------------------------------------------------------------------------


@check(POL_X2p_a)
def closed_form_solves_the_equation(factor: int = 1) -> Evidence:
    """dT/d sigma = -1/slope for theory's integral; labs' level over kappa is it at sigma = kappa (1 + d)."""
    import sympy

    sigma, kappa, T = commuting.elapsed()
    slope = commuting.slope_from_system()[2]
    d = sympy.Symbol("d", positive=True)
    at = {sigma: kappa * (1 + d)}
    level = kappa * commuting_level(d, factor * sympy.log(d / (2 + d)))
    rate = sympy.diff(level, d) / kappa  # d level/d sigma
    return every(
        exact(sympy.diff(T, sigma) * slope, -1),
        exact(slope, -(1 - kappa**2 / sigma**2)),
        exact(rate, (-1 / slope).subs(at)),
    )


@check(POL_X2p_a)
def closed_form_in_balls(sigma0: Fraction, kappa: Fraction, t: Fraction, eta: float = 1.0) -> Evidence:
    """The time down to labs' sigma, moved by 1e-13 of itself either way, lies on either side of t."""
    from flint import arb, fmpq

    sigma = float(
        commuting_flow(np.array(float(sigma0)), np.array(float(kappa)), np.array(float(t)), eta=eta)
    )

    def time_to(share: float) -> Any:
        start, floor = (arb(fmpq(x.numerator, x.denominator)) for x in (sigma0, kappa))
        return commuting.elapsed_ball(arb(sigma) * (1 + arb(share)), floor, start) - arb(
            fmpq(t.numerator, t.denominator)
        )

    return every(enclosed(time_to(-1e-13), ">"), enclosed(time_to(1e-13), "<"))


@check(POL_X2p_a)
def edges_in_rationals(sigma0: Fraction, at_rest: bool, eta: Fraction = Fraction(1)) -> Evidence:
    """kappa = 0: (sigma0 - eta t)_+; kappa = sigma0: sigma0; labs' numbers, whose dyadic arguments lose nothing."""
    times = [Fraction(k, 4) for k in range(14)]
    found = commuting_flow(
        np.array(float(sigma0)), np.array(float(sigma0) * at_rest), np.array([float(t) for t in times])
    )
    left = [sigma0 if at_rest else max(sigma0 - eta * t, Fraction(0)) for t in times]
    return every(*(exact(Fraction(float(x)), y) for x, y in zip(found, left, strict=True)))


@check(POL_X2p_a)
def pairs_follow_the_system(C: np.ndarray, B: np.ndarray, t: float) -> Evidence:
    """Singular values by the k x k system, and pair by pair in order."""
    crossed = np.linalg.norm(C @ B - B @ C)
    require(crossed <= 1e-12 * np.linalg.norm(C) * np.linalg.norm(B), "CB = BC")
    start, kappa = (np.sqrt(np.linalg.eigvalsh(M)[::-1]) for M in (C + B, C))
    # Steps of tolerance 1e-10, some ten of them.
    return measured(
        commuting_flow(start, kappa, np.array(t)), reduced_flow(C, B, np.array([t])).sigma[0], 1e-8
    )


def turned(values: list[float], angle: float) -> np.ndarray:
    return rotation(angle) @ np.diag(values) @ rotation(angle).T


@verifies(POL_X2p_a)
def test_pairs_follow_the_system() -> None:
    for angle in (0.0, 0.7):
        pairs_follow_the_system(turned([1.0, 0.04], angle), turned([6.0, 0.5], angle), 1.0)


@control(POL_X2p_a, drops="CB = BC")
def test_pairs_do_not_follow_a_system_that_does_not_commute() -> None:
    pairs_follow_the_system(turned([1.0, 0.04], 0.0), turned([6.0, 0.5], 0.7), 1.0)
    pairs_follow_the_system(turned([1.0, 0.04], 0.0), turned([6.0, 0.5], 0.02), 1.0)


@verifies(POL_X2p_a)
def test_the_closed_form() -> None:
    edges_in_rationals(Fraction(5, 2), at_rest=False)
    edges_in_rationals(Fraction(5, 2), at_rest=True)
    closed_form_solves_the_equation()
    for sigma0, kappa, t in (
        (10, 1, 2),
        (10, 1, 9),
        (5, 1, 4),
        (3, 2, 1),
        (1, Fraction(1, 1000), Fraction(1, 2)),
    ):
        closed_form_in_balls(Fraction(sigma0), Fraction(kappa), Fraction(t))


@control(POL_X2p_a, changes="artanh -> 2 artanh; eta -> 1.02 eta")
def test_another_closed_form_is_rejected() -> None:
    closed_form_solves_the_equation(factor=2)
    closed_form_in_balls(Fraction(10), Fraction(1), Fraction(2), eta=1.02)
    edges_in_rationals(Fraction(5, 2), at_rest=False, eta=Fraction(51, 50))


def test_edges_of_the_closed_form() -> None:
    """kappa = 0: extinction at sigma(0)/eta; sigma(0) = kappa: at rest; late: the distance to kappa, relatively."""
    times = np.array([0.0, 1.0, 2.0, 3.0])
    assert commuting_flow(np.array(2.0), np.array(0.0), times).tolist() == [2.0, 1.0, 0.0, 0.0]
    assert commuting_flow(np.array(2.0), np.array(0.0), times, eta=2.0).tolist() == [2.0, 0.0, 0.0, 0.0]
    assert commuting_flow(np.array(1.5), np.array(1.5), times).tolist() == [1.5] * 4
    assert commuting_flow(np.array(0.0), np.array(0.0), times).tolist() == [0.0] * 4
    tiny = commuting_flow(np.array(2.0), np.array([1e-250, 1e-150, 1e-12]), np.array(1.0))
    np.testing.assert_allclose(tiny, 1.0, rtol=1e-14)
    late = commuting_flow(np.array(2.0), np.array(1.0), np.array([10.0, 11.0])) - 1.0
    assert late[0] / late[1] == pytest.approx(np.exp(2.0), rel=1e-5)


def test_bad_input() -> None:
    eye, times = np.eye(2), np.array([0.0, 1.0])
    for bad in (-eye, np.diag([1.0, -1e-6]), np.array([[1.0, 0.5], [0.0, 1.0]])):
        for C, B0, name in ((bad, eye, "C"), (eye, bad, "B0")):
            with pytest.raises(ValueError, match=rf"^{name} must be symmetric positive semidefinite, got "):
                reduced_flow(C, B0, times)
    with pytest.raises(
        ValueError, match=r"^sigma0, kappa, t must broadcast, got shapes \(2,\), \(3,\), \(\)"
    ):
        commuting_flow(np.ones(2), np.zeros(3), np.array(1.0))


def test_the_system_stops_where_a_singular_value_is_gone() -> None:
    """C singular and commuting: extinction at sigma(0), the other value by its own closed form."""
    times = np.linspace(0.0, 4.0, 9)
    found = reduced_flow(np.diag([1.0, 0.0]), np.diag([3.0, 2.25]), times).sigma
    first, second = (commuting_flow(np.array(s), np.array(k), times) for s, k in ((2.0, 1.0), (1.5, 0.0)))
    np.testing.assert_allclose(found, np.sort([first, second], axis=0)[::-1].T, atol=1e-5)


@check(POL_X2p_b)
def printed_values(angle: float) -> Evidence:
    """Both singular values at t = 1, by the k x k system, by the flow itself, and by pairs in order."""
    C, B = np.diag([1.0, 0.04]), rotation(angle) @ np.diag([6.0, 0.5]) @ rotation(angle).T
    times = np.array([1.0])
    true = reduced_flow(C, B, times).sigma[0]
    # W = W_par on top of Z, which X = [I, 0] separates.
    W0 = np.vstack([np.diag([1.0, 0.2]), rotation(angle) @ np.diag(np.sqrt([6.0, 0.5])) @ rotation(angle).T])
    flow = self_polar_flow(regression(np.eye(2, 4)), W0, times).spectra[0]
    start = np.sqrt(np.linalg.eigvalsh(C + B)[::-1])
    pairs = commuting_flow(start, np.array([1.0, 0.2]), np.array(1.0))
    digits = 5.1e-6  # five digits printed
    return every(
        measured(true, [1.74830, 0.53132], digits),
        measured(flow, [1.74830, 0.53132], digits),
        measured(pairs, [1.79576, 0.21831], digits),
    )


@verifies(POL_X2p_b)
def test_printed_values_where_the_matrices_do_not_commute() -> None:
    printed_values(0.7)


@control(POL_X2p_b, changes="R(0.7) -> R(0.6)")
def test_printed_values_are_those_of_the_angle() -> None:
    printed_values(0.6)
