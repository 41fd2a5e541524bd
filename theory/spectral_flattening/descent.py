"""The descent lemma, solved: thresholds and best steps derived from the bound, for formal norms of a gradient.

A spectrum of any rank r enters only through its norms: sums over modes are the symbols r = q^2, N, F^2 and s_1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Norms:
    """Formal norms of a gradient, q = sqrt(r), and the two smoothness constants; all positive."""

    N: Any
    F: Any
    s1: Any
    q: Any
    L: Any
    L_op: Any


def norms() -> Norms:
    """The symbols."""
    import sympy

    return Norms(*sympy.symbols("N F s_1 q L L_op", positive=True))


@dataclass(frozen=True)
class Direction:
    """What the bound knows of an update D: <G, D>, |D|_F^2 and |D|_op."""

    gain: Any
    squares: Any
    spectral: Any


def directions(of: Norms) -> dict[str, Direction]:
    """D = G, Q and q G/F."""
    return {
        "gd": Direction(of.F**2, of.F**2, of.s1),
        "muon": Direction(of.N, of.q**2, 1),
        "ngd": Direction(of.q * of.F, of.q**2, of.q * of.s1 / of.F),
    }


def bound(eta: Any, gain: Any, curvature: Any) -> Any:
    """f(W) - eta <G, D> + eta^2 curvature/2, less f(W)."""
    return -eta * gain + curvature * eta**2 / 2


def root(gain: Any, curvature: Any) -> Any:
    """The positive step at which the bound vanishes."""
    import sympy

    eta = sympy.Symbol("eta", positive=True)
    (solution,) = sympy.solve(bound(eta, gain, curvature), eta)
    return solution


def least(gain: Any, curvature: Any) -> tuple[Any, Any]:
    """(step, value) where the bound is least."""
    import sympy

    eta = sympy.Symbol("eta", positive=True)
    (step,) = sympy.solve(sympy.diff(bound(eta, gain, curvature), eta), eta)
    return step, sympy.cancel(bound(step, gain, curvature))


def yardstick(number: int, optimiser: str, of: Norms) -> Any:
    """Row `number` of SF-T3 for one optimiser, from the bound."""
    import sympy

    D = directions(of)[optimiser]
    frobenius, spectral = of.L * D.squares, of.L_op * D.spectral**2
    if number in (4, 6, 7):
        by_spectral_norm = number == 6 or (number == 7 and optimiser == "muon")
        return -least(D.gain, spectral if by_spectral_norm else frobenius)[1]
    size = {1: 1, 2: D.spectral, 3: sympy.sqrt(D.squares), 5: D.spectral}[number]
    return root(D.gain, spectral if number == 5 else frobenius) * size
