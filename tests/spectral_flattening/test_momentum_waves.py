"""SF-T7: sign descent with momentum on a parabola, and its triangle waves."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.momentum import (
    buffer_at_top,
    largest_wave,
    shift_limit,
    sign_momentum,
    wave_margin,
)
from tests.referee import check, control, restates, verifies
from theory.evidence import Evidence, every, exact, require
from theory.spectral_flattening import dynamics_momentum as theory
from theory.spectral_flattening.dynamics_momentum import SF_T7d, SF_T7e, SF_T7f, SF_T7g

BETAS = {
    Fraction(9, 10): 7,
    Fraction(99, 100): 24,
    Fraction(199, 200): 34,
    Fraction(499, 500): 54,
    Fraction(999, 1000): 77,
}


ONE = Fraction(1)


def start_of(N: int, beta: Fraction) -> tuple[Fraction, Fraction]:
    """(w, m) at the top of the wave, by labs' closed form."""
    return Fraction(N, 2), buffer_at_top(Fraction(N), beta, beta**N)


def goes_round(N: int, beta: Fraction, shift: Fraction = Fraction(0)) -> bool:
    """Whether the wave, shifted with its buffer, comes back after N steps down and N up: exactly, step by step."""
    w, m = start_of(N, beta)
    begin = (w + shift, m + shift / (1 - beta))
    orbit = theory.orbit(*begin, beta, 2 * N)
    down_and_up = [begin[0] - k for k in range(N + 1)] + [begin[0] - N + k for k in range(1, N + 1)]
    return [w for w, _ in orbit] == down_and_up and orbit[-1] == begin


# --- which waves are cycles ----------------------------------------------------------------------------------------


@check(SF_T7d)
def wave_is_a_cycle(N: int, beta: Fraction, upper: Fraction = ONE) -> Evidence:
    """The orbit goes round if and only if 0 < m_0 < upper N/2; m_0 by the sum, by the recursion, and by labs."""
    require(0 < beta < 1, "0 < beta < 1")
    w, m = start_of(N, beta)
    total = -sum(beta ** (N - i) * (w - i) for i in range(1, N + 1)) / (1 + beta**N)
    buffers = theory.buffers_down(N, beta)
    return every(
        exact(m, total),
        exact(m, buffers[0]),
        exact(buffers[-1], (w - m) / beta),
        exact(int(min(buffers) > 0), int(0 < m < upper * w)),
        exact(int(goes_round(N, beta)), int(0 < m < upper * w)),
    )


@check(SF_T7d)
def buffer_for_all_lengths(change: int = 0) -> Evidence:
    """The sum in closed form, for symbolic N and beta, against labs'; the middle of a wave follows from its ends.

    Increments: delta' = beta delta - 1, so delta <= 0 makes every later one negative.
    """
    import sympy

    m0, N, beta = theory.buffer_by_summation()
    fall = sympy.Symbol("fall", nonnegative=True)
    return every(
        exact(m0, buffer_at_top(N + change, beta, beta**N)),
        exact(beta * (-fall) - 1, 0, "<"),
    )


@verifies(SF_T7d)
@pytest.mark.parametrize(("beta", "largest"), BETAS.items(), ids=str)
def test_waves_are_cycles_where_the_buffer_says_so(beta: Fraction, largest: int) -> None:
    found = {N: goes_round(N, beta) for N in (1, 2, 3, largest // 2, largest, largest + 1, 2 * largest)}
    assert found == {N: largest >= N for N in found}
    for N in found:
        wave_is_a_cycle(N, beta)
    buffer_for_all_lengths()


@control(SF_T7d, sharpens="N/2 -> 1.03 N/2")
def test_the_next_wave_is_left() -> None:
    wave_is_a_cycle(25, Fraction(99, 100), Fraction(103, 100))


@control(SF_T7d, changes="N -> N + 1 in the buffer")
def test_another_buffer_does_not_close_the_wave() -> None:
    buffer_for_all_lengths(1)


@check(SF_T7e)
def waves_up_to(beta: Fraction, largest: int) -> Evidence:
    """All lengths with u < 1 (no longer one can do): the margin is positive exactly up to `largest`, m_0 always."""
    require(0 < beta < 1, "0 < beta < 1")
    power, evidence = Fraction(1), []
    signs, tops = [], []
    for N in range(1, math.ceil(2 / (1 - beta)) + 1):
        power *= beta
        signs.append(wave_margin(Fraction(N), beta, power) > 0)
        if largest + 20 >= N:
            top = buffer_at_top(Fraction(N), beta, power)
            tops.append(top > 0)
            evidence.append(exact(int(top < Fraction(N, 2)), int(signs[-1])))
    return every(
        *evidence,
        exact(signs.index(False), largest),
        exact(sum(signs), largest),
        exact(sum(tops), len(tops)),
        exact(largest_wave(beta), largest),
    )


@check(SF_T7e)
def margin_for_all_lengths(sign: int = 1) -> Evidence:
    """N/2 - m_0 is beta/(1-beta)^2 times labs' margin, for symbolic N and beta; m_0 > 0 for all beta, N = 1 ... 9."""
    import sympy

    m0, N, beta = theory.buffer_by_summation()
    shrunk = 1 / (1 + sympy.Symbol("v", positive=True))
    tops = [buffer_at_top(sympy.Integer(n), shrunk, shrunk**n) for n in range(1, 10)]
    margin = wave_margin(N, beta, beta**N)
    return every(
        exact(N / 2 - m0, sign * beta / (1 - beta) ** 2 * margin),
        *(exact(top, 0, ">") for top in tops),
    )


@verifies(SF_T7e)
@pytest.mark.parametrize(("beta", "largest"), list(BETAS.items())[:4], ids=str)
def test_admissible_lengths_are_an_interval(beta: Fraction, largest: int) -> None:
    waves_up_to(beta, largest)


@verifies(SF_T7e)
def test_the_margin_decides_for_all_lengths() -> None:
    margin_for_all_lengths()


@verifies(SF_T7e)
@pytest.mark.long
def test_admissible_lengths_near_one() -> None:
    waves_up_to(Fraction(999, 1000), 77)


@control(SF_T7e, changes="N_max -> N_max + 1, and the sign of the margin")
def test_one_more_is_not_admissible() -> None:
    waves_up_to(Fraction(9, 10), 8)
    margin_for_all_lengths(-1)


# --- how large they are ------------------------------------------------------------------------------------------


@check(SF_T7f)
def bracket_for_all_betas(six: Fraction = Fraction(6)) -> Evidence:
    """The two series term by term, and the two ends of the bracket; a = 1 - beta, u = N a/2, N^2 = six/(...).

    artanh(u)/u - 1 = sum u^(2k)/(2k+1),  log(1/beta)/a - 1 = sum a^k/(k+1),  k >= 1.
    """
    import sympy

    v, k = sympy.Symbol("v", positive=True), sympy.Symbol("k", nonnegative=True, integer=True)
    a = 1 / (1 + v)
    low, high = six / (a * (1 + 3 * a / 2)), six / (a * (1 - a))
    u_low, u_high = (square * a * a / 4 for square in (low, high))  # u^2
    return every(
        exact(1 / (2 * (k + 1) + 1), sympy.Rational(1, 3), "<="),
        exact(1 / (k + 2), sympy.Rational(1, 2), "<="),
        # At the lower end artanh(u)/u - 1 <= u^2/(3(1-u^2)) <= a/2 <= log(1/beta)/a - 1: still a cycle.
        exact(u_low / (3 * (1 - u_low)), a / 2, "<="),
        # At the upper end log(1/beta)/a - 1 <= a/(2(1-a)) <= u^2/3 <= artanh(u)/u - 1: no cycle.
        exact(a / (2 * (1 - a)), u_high / 3, "<="),
        exact(sympy.limit(sympy.sqrt(high / low), v, sympy.oo), 1),
    )


@check(SF_T7f)
def largest_in_the_bracket(beta: Fraction, six: Fraction = Fraction(6)) -> Evidence:
    """N_max^2 <= 6/(a(1-a)) and (N_max + 1)^2 > 6/(a(1+3a/2)): integers."""
    a, N = 1 - beta, largest_wave(beta)
    return every(
        exact(N * N, six / (a * (1 - a)), "<="),
        exact((N + 1) ** 2, six / (a * (1 + 3 * a / 2)), ">"),
    )


@verifies(SF_T7f)
def test_the_largest_wave_grows_like_a_root() -> None:
    bracket_for_all_betas()
    for beta in [*BETAS, Fraction(1, 2), Fraction(1, 100), 1 - Fraction(1, 10**6)]:
        largest_in_the_bracket(beta)


@control(SF_T7f, sharpens="6 -> 5.9 and 6.1")
def test_the_six_is_sharp() -> None:
    bracket_for_all_betas(Fraction(59, 10))
    bracket_for_all_betas(Fraction(61, 10))
    largest_in_the_bracket(1 - Fraction(1, 10**6), Fraction(59, 10))
    largest_in_the_bracket(1 - Fraction(1, 10**6), Fraction(61, 10))


def test_printed_largest_waves() -> None:
    assert {float(beta): largest_wave(float(beta)) for beta in BETAS} == {
        float(b): N for b, N in BETAS.items()
    }


# --- shifted and disturbed -----------------------------------------------------------------------------------------


@check(SF_T7g)
def shifted_wave(N: int, beta: Fraction, share: Fraction) -> Evidence:
    """The wave shifted by share times labs' limit goes round if and only if |share| < 1."""
    require(largest_wave(beta) >= N, "N <= N_max")
    require(0 < beta < 1, "0 < beta < 1")
    shift = share * shift_limit(Fraction(N), beta, beta**N)
    return exact(int(goes_round(N, beta, shift)), 1)


@check(SF_T7g)
def disturbed_buffer(N: int, beta: Fraction, disturbance: Fraction, rate: int = 1) -> Evidence:
    """After a period w is back, and the buffer off by beta^(2 N rate) times what it was."""
    require(largest_wave(beta) >= N, "N <= N_max")
    require(0 < beta < 1, "0 < beta < 1")
    w, m = start_of(N, beta)
    end = theory.orbit(w, m + disturbance, beta, 2 * N)[-1]
    return every(exact(end[0], w), exact(end[1] - m, beta ** (2 * N * rate) * disturbance))


@verifies(SF_T7g)
@pytest.mark.parametrize("beta", list(BETAS)[:4], ids=str)
def test_cycles_forget_the_buffer_and_keep_the_shift(beta: Fraction) -> None:
    largest = largest_wave(beta)
    for N in (1, largest // 2, largest):
        for share in (Fraction(99, 100), Fraction(-99, 100)):
            shifted_wave(N, beta, share)
        for disturbance in (Fraction(1, 1000), Fraction(-1, 1000)):
            disturbed_buffer(N, beta, disturbance)


@control(SF_T7g, sharpens="the limit -> 1.01 of it")
def test_a_larger_shift_leaves_the_wave() -> None:
    shifted_wave(3, Fraction(9, 10), Fraction(101, 100))
    shifted_wave(24, Fraction(99, 100), Fraction(101, 100))


@control(SF_T7g, changes="beta^(2N) -> beta^(4N)")
def test_the_buffer_is_forgotten_at_the_rate_beta() -> None:
    disturbed_buffer(3, Fraction(9, 10), Fraction(1, 1000), rate=2)


# --- labs' loop ----------------------------------------------------------------------------------------------------


@restates(SF_T7g)
def test_from_rest_a_start_may_lie_on_a_cycle() -> None:
    """w_0 = 12.002 at beta = .99: the wave of 24 steps, shifted by .002, which is what is left of 12.002."""
    high, low = sign_momentum(np.asarray(12.002), np.asarray(0.0), 0.99, 4000, 200)
    # The weights are w_0 minus integers: rounding of a number near 12, once for each step.
    np.testing.assert_allclose([high, low], [12.002, -11.998], atol=4000 * 2e-15)
    shifted_wave(
        24,
        Fraction(99, 100),
        Fraction(1, 500) / shift_limit(Fraction(24), Fraction(99, 100), Fraction(99, 100) ** 24),
    )


def test_the_loop_follows_the_exact_orbit() -> None:
    for beta in (0.5, 0.75):  # dyadic, so that a few steps are exact
        for w, m in ((3.25, 0.0), (-1.5, 2.5)):
            exact_orbit = theory.orbit(
                Fraction(w), Fraction(beta) * Fraction(m) + Fraction(w), Fraction(beta), 12
            )
            tail = [x for x, _ in exact_orbit[-5:]]
            high, low = sign_momentum(np.asarray(w), np.asarray(m), beta, 12, 5)
            assert (float(high), float(low)) == (float(max(tail)), float(min(tail)))


def test_waves_of_every_start_are_no_larger_than_the_largest() -> None:
    """From rest, 400 starts: the amplitudes reached, in steps, are whole and at most N_max."""
    w = np.linspace(0.05, 40.0, 400)
    high, low = sign_momentum(w, np.zeros(400), 0.9, 3000, 100)
    steps = high - low
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert set(np.round(steps).astype(int)) <= set(range(8))
    assert np.max(np.round(steps)) >= 5


def test_the_mode_recursion_has_the_same_momentum() -> None:
    high, low = sign_momentum(np.asarray(2.3), np.asarray(0.0), 0.9, 500, 40)
    run = descend_modes(np.ones(1), np.array([2.3]), "muon", 500, momentum=0.9, checkpoints=range(461, 500))
    points = [float(d[0]) for d in run.checkpoints.values()]
    np.testing.assert_allclose([high, low], [max(points), min(points)], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"tail": 0}, "tail"),
        ({"beta": 1.0}, "beta"),
        ({"eta": 0.0}, "eta"),
        ({"w0": np.asarray(np.nan)}, "w0"),
    ],
)
def test_bad_waves_are_refused(change: dict, argument: str) -> None:
    given = {"w0": np.asarray(1.0), "m0": np.asarray(0.0), "beta": 0.9, "steps": 10, "tail": 2} | change
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        sign_momentum(**given)
    for beta in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match=r"^beta must be in \(0, 1\), got "):
            largest_wave(beta)
