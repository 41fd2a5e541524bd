"""NDS-X7: power laws of curvature.  Muon leads for a while; both use exact line search."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law
from labs.curvature_nds import spectra
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_X7a, NDS_X7b, NDS_X7c, NDS_X7d, NDS_X7e, balls, modes
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, enclosed, every, exact, measured, require

HALF = Fraction(1, 2)


@cache
def margins(q: int, decay: Fraction, alignment: Fraction, steps: int, bits: int) -> tuple[Any, ...]:
    """1 - Phi_T(Muon)/Phi_T(GD) in balls, T = 0, ..., steps."""
    with balls.precision(bits):
        return tuple(balls.margins(q, decay, alignment, steps))


@check(NDS_X7a)
def overtaken_at(
    q: int, decay: Fraction, T: int, bits: int, late: int = 0, alignment: Fraction = HALF
) -> Evidence:
    """Muon's loss is below GD's before T steps, and above it then (and `late` steps more are claimed)."""
    found = margins(q, decay, alignment, T + late, bits)
    return every(enclosed(found[T + late], "<"), *(enclosed(x, ">") for x in found[1 : T + late]))


@check(NDS_X7e)
def ahead_without_alignment(q: int, decay: Fraction, T: int, bits: int, sooner: int = 0) -> Evidence:
    """The same from the second step on, all gradients equal; T - sooner is claimed."""
    require(True, "equal gradients")
    found = margins(q, decay, Fraction(0), T, bits)
    return every(enclosed(found[T - sooner], "<"), *(enclosed(x, ">") for x in found[2 : T - sooner]))


@verifies(NDS_X7a)
@pytest.mark.parametrize(
    ("q", "decay", "T", "bits"),
    [
        (10, "1", 20, 200),
        (30, "1", 65, 350),
        pytest.param(88, "13/10", 1031, 3600, marks=pytest.mark.long),
    ],
)
def test_gd_overtakes_muon(q: int, decay: str, T: int, bits: int) -> None:
    """Balls lose about three digits of two a step."""
    overtaken_at(q, Fraction(decay), T, bits)


@restates(NDS_X7a)
def test_gd_overtakes_muon_after_a_change_of_units() -> None:
    """The same crossings by descent in floating point, with curvatures and gradients in other units."""
    for q, decay, T in ((10, 1.0, 20), (30, 1.0, 65), (88, 1.3, 1031)):
        w = 7e4 * power_law(q, decay)
        gd, muon = (descend(w, 3e-3 * np.sqrt(w), rule, T + 100).log_loss[1:] for rule in ("gd", "muon"))
        assert np.array_equal(muon < gd, np.arange(1, T + 101) < T)
    overtaken_at(10, Fraction(1), 20, 250)


@control(NDS_X7a, changes="T_x -> T_x + 1")
def test_not_one_step_later() -> None:
    overtaken_at(10, Fraction(1), 20, 250, late=1)
    overtaken_at(30, Fraction(1), 65, 350, late=1)


@control(NDS_X7a, changes="sigma = w^(1/2) -> w")
def test_full_alignment_is_never_overtaken() -> None:
    """Muon is exact after one step."""
    overtaken_at(10, Fraction(1), 20, 200, alignment=Fraction(1))


@verifies(NDS_X7e)
@pytest.mark.parametrize(
    ("q", "decay", "T", "bits"),
    [
        (10, "1", 10, 200),
        (30, "1", 46, 350),
        pytest.param(88, "13/10", 797, 2800, marks=pytest.mark.long),
    ],
)
def test_ahead_without_alignment(q: int, decay: str, T: int, bits: int) -> None:
    ahead_without_alignment(q, Fraction(decay), T, bits)


@control(NDS_X7e, changes="T_x -> T_x - 1")
def test_not_one_step_sooner() -> None:
    ahead_without_alignment(10, Fraction(1), 10, 200, sooner=1)
    ahead_without_alignment(30, Fraction(1), 46, 350, sooner=1)


@restates(NDS_X7e)
def test_ahead_without_alignment_by_descent() -> None:
    w = power_law(88, 1.3)
    gd, muon = (descend(w, np.ones(88), rule, 900).log_loss[2:] for rule in ("gd", "muon"))
    assert np.array_equal(muon < gd, np.arange(2, 901) < 797)
    ahead_without_alignment(10, Fraction(1), 10, 250)


@check(NDS_X7d)
def same_first_step(factor: Fraction = Fraction(1)) -> Evidence:
    """One mode and any others with the sum of curvatures W, all gradients equal (one of them `factor` times)."""
    import sympy

    w, W, k, sigma = sympy.symbols("w W k sigma", positive=True)
    state = [Mode(1, w, factor * sigma), Mode(k, W / k, sigma)]
    muon = modes.stepped(state, lambda mode: 1)
    gd = modes.stepped(state, modes.gd)
    require(factor == 1, "equal gradients")
    return every(*(exact(x.r, y.r) for x, y in zip(muon, gd, strict=True)))


@verifies(NDS_X7d)
def test_equal_gradients_give_the_same_first_step() -> None:
    same_first_step()


@control(NDS_X7d, drops="equal gradients")
def test_unequal_gradients_do_not() -> None:
    same_first_step(Fraction(101, 100))


@cache
def log_losses(q: int, decay: float, alignment: float, rule: str) -> np.ndarray:
    w = power_law(q, decay)
    return descend(w, w**alignment, rule, 2000).log_loss


@check(NDS_X7b)
def late_rate_of_muon(q: int, decay: float, alignment: float = 0.5) -> Evidence:
    """Over the steps 1000 to 2000, against labs' law, relative."""
    w, log = power_law(q, decay), log_losses(q, decay, alignment, "muon")
    law = float(spectra.laggard_rate(w, w**alignment))
    return measured(float(log[1000] - log[2000]) / 1000 / law, 1.0, 0.015, margin=0.1)


@verifies(NDS_X7b)
def test_late_rates_of_power_laws() -> None:
    for q, decay in ((10, 1.0), (30, 1.0), (88, 1.3)):
        late_rate_of_muon(q, decay)


@control(NDS_X7b, changes="beta = 1/2 -> 3/2, where the heaviest mode starts farthest")
def test_the_heaviest_mode_is_no_laggard() -> None:
    late_rate_of_muon(40, 1.0, 1.5)


def test_printed_late_rates() -> None:
    """From T/2 to T = 2000; GD's still falls slowly (NDS-X16.b lets it do nothing else)."""
    for q, decay, *printed in (
        (10, 1.0, "0.145", "0.411"),
        (30, 1.0, "0.0339", "0.145"),
        (88, 1.3, "0.00388", "0.0130"),
    ):
        for rule, rate in zip(("muon", "gd"), printed, strict=True):
            log = log_losses(q, decay, 0.5, rule)
            assert abs((log[1000] - log[2000]) / 1000 / float(rate) - 1) < 0.01


@check(NDS_X7c)
def ahead_for(q: int, decay: float, steps: int) -> Evidence:
    """log Phi of Muon against GD's, 1 <= T <= steps."""
    w = power_law(q, decay)
    gd, muon = (descend(w, np.sqrt(w), rule, steps).log_loss[1:] for rule in ("gd", "muon"))
    # Errors of the logarithms are below steps^2 eps; the lead is at least 0.02.
    return measured(muon - gd, 0.0, steps**2 * 2.0**-52, "<", margin=0.01)


@verifies(NDS_X7c)
def test_a_steep_spectrum_keeps_the_lead_in_sight() -> None:
    ahead_for(88, 3.3, 2000)


@control(NDS_X7c, changes="c = 3.3 -> 1.3")
def test_a_flatter_one_does_not() -> None:
    ahead_for(88, 1.3, 1200)


def test_printed_ratios_of_the_first_steps() -> None:
    """q = 88: 0.019 against 0.627 after ten steps; 5.2e-3 against 0.47 after twenty."""
    w = power_law(88, 1.3)
    losses = [descend(w, np.sqrt(w), rule, 20).loss for rule in ("muon", "gd")]
    found = [[f"{x[T] / x[0]:.3g}" for T in (10, 20)] for x in losses]
    assert found == [["0.019", "0.00517"], ["0.627", "0.466"]]


def test_balls_follow_the_recursion() -> None:
    """Against fractions, on curvatures 1, 1/2, 1/3 with equal gradients."""
    with balls.precision(200):
        found = balls.margins(3, Fraction(1), Fraction(0), 5)
    state = [Mode(Fraction(1), w, Fraction(1)) for w in fractions("1", "1/2", "1/3")]
    gd, muon = ([modes.loss(x) for x in modes.run(state, rule, 5)] for rule in (modes.gd, modes.muon))
    for ball, x, y in zip(found, muon, gd, strict=True):
        assert ball.overlaps(1 - balls.ball(x / y))
