"""Who is ahead when, from the recursion in modes: rates by two steps of each rule, orders by powers of rates.

a = m/(q - m), rho, s are symbols or fractions; modes are counted in units of q - m.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import count
from typing import Any, NamedTuple

from theory.curvature_nds import modes
from theory.curvature_nds.modes import Mode

Number = Any


class Rates(NamedTuple):
    """Factors of the loss: GD's per step, Muon's in its first step, Muon's in its second."""

    kappa: Number
    gamma: Number
    later: Number


@cache
def rates(a: Number, rho: Number, s: Number) -> Rates:
    """One step of GD, two of Muon, for symbols with s != rho; Muon's signs after its first step are those of s < rho.

    (For s > rho both residuals are the opposite ones, which changes no factor.)
    """
    import sympy

    start = _start(a, rho, s)
    gd = modes.stepped(start, modes.gd)
    first = modes.stepped(start, lambda mode: 1)
    second = modes.stepped(first, lambda mode: -1 if mode.w == rho else 1)
    before, after = modes.loss(start), modes.loss(first)
    return Rates(*map(sympy.cancel, (modes.loss(gd) / before, after / before, modes.loss(second) / after)))


def first_margin(a: Number, rho: Number, s: Number) -> Number:
    """kappa - gamma."""
    found = rates(a, rho, s)
    return found.kappa - found.gamma


def late_margin(a: Number, rho: Number, s: Number) -> Number:
    """kappa - g^2."""
    found = rates(a, rho, s)
    return found.kappa - found.later


def losses(a: Fraction, rho: Fraction, s: Fraction, steps: int) -> tuple[list[Fraction], list[Fraction]]:
    """Losses of GD and of Muon after 0, ..., steps steps, along runs in fractions."""
    start = _start(a, rho, s)
    gd, muon = (modes.run(start, rule, steps) for rule in (modes.gd, modes.muon))
    return [modes.loss(x) for x in gd], [modes.loss(x) for x in muon]


def run_rates(a: Fraction, rho: Fraction, s: Fraction) -> Rates:
    """The factors along runs in fractions; `later` is 0 where the first step is exact.

    Raises ValueError unless the losses of both are geometric over three steps, Muon's from the first one on.
    """
    gd, muon = losses(a, rho, s, 3)
    later = muon[2] / muon[1] if muon[1] else Fraction(0)
    if gd[2] * gd[2] != gd[1] * gd[3] or gd[1] * gd[1] != gd[0] * gd[2] or muon[3] != later * muon[2]:
        raise ValueError("the losses are not geometric")
    return Rates(gd[1] / gd[0], muon[1] / muon[0], later)


def lower_after(of: Rates, T: int) -> bool:
    """Whether Muon's loss after T >= 1 steps is below GD's."""
    return of.gamma * of.later ** (T - 1) < of.kappa**T


def change_of_order(of: Rates) -> int:
    """The first T whose order is not that of T = 1.  Raises ValueError where there is none."""
    first = lower_after(of, 1)
    if of.later <= of.kappa if first else of.later >= of.kappa:
        raise ValueError("the order never changes")
    return next(T for T in count(2) if lower_after(of, T) != first)


def tau(of: Rates) -> Any:
    """1 + ln(kappa/gamma)/ln(later/kappa), as an Arb ball."""
    from flint import arb, fmpq

    kappa, gamma, later = (arb(fmpq(x.numerator, x.denominator)) for x in of)
    return 1 + (kappa / gamma).log() / (later / kappa).log()


def _start(a: Number, rho: Number, s: Number) -> list[Mode]:
    one = rho / rho
    return [Mode(a, rho, s), Mode(one, one, one)]
