"""A lower bound of the threshold ratio over all spectra, by multipliers, in balls.

With x = s/F, phi = p_K(... p_1(x)) and lambda = sum x/r, tau >= t means sum (x phi - t lambda phi^2) >= 0.  The sum
equals sum k(x) + zeta sum x^2 (`k` below) for all multipliers e and zeta, since sum (x - lambda) = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FINEST = 40  # halvings of [0, 1]


def k(x: Any, phi: Any, mean: Any, e: Any, zeta: Any, target: Any) -> Any:
    """x phi - e x - zeta x^2 + mean (e - target phi^2)."""
    return x * (phi - e - zeta * x) + mean * (e - target * phi * phi)


@dataclass
class Outputs:
    """phi over the cells [i, i + 1]/2^level, as balls, each computed once; `image` maps the ends of an interval."""

    image: Callable[[Any, Any], Any]

    def __post_init__(self) -> None:
        self._cells: dict[tuple[int, int], Any] = {}

    def over(self, cell: tuple[int, int]) -> Any:
        if cell not in self._cells:
            i, level = cell
            self._cells[cell] = self.image(_dyadic(i, level), _dyadic(i + 1, level))
        return self._cells[cell]


def least(
    outputs: Outputs, means: tuple[Any, Any], e: Any, zeta: Any, target: Any, lo: Any, hi: Any, more: Any = 0
) -> Any:
    """A ball below k + `more` on [lo, hi] for all means between the two: positive, if it can be shown to be.

    k is linear in the mean, so its ends serve.  Cells are halved where their ball is not positive; the lower end of
    the lowest ball comes back, or the first ball that is not positive though its cell is the finest.
    """
    from flint import arb

    waiting, lowest = [(0, 0)], None
    while waiting:
        i, level = cell = waiting.pop()
        start, end = _dyadic(i, level), _dyadic(i + 1, level)
        if end < lo or start > hi:
            continue
        phi, x = outputs.over(cell), start.union(end)
        found = [k(x, phi, mean, e, zeta, target) + more for mean in means]
        if all(value > 0 for value in found):
            lower = min((value.lower() for value in found), key=float)
            lowest = lower if lowest is None or lower < lowest else lowest
        elif level == FINEST:
            return min(found, key=lambda value: float(value.lower()))
        else:
            waiting += [(2 * i + 1, level + 1), (2 * i, level + 1)]
    return arb(0) if lowest is None else lowest


def _dyadic(i: int, level: int) -> Any:
    from flint import arb

    return arb(i) / (1 << level)


def both_sides(r: int) -> tuple[Any, Any]:
    """sum (x phi - t lambda phi^2), lambda = sum x/r, and sum k(x) + zeta sum x^2, for r formal modes."""
    import sympy

    x, phi = (sympy.symbols(f"{name}1:{r + 1}") for name in ("x", "phi"))
    e, zeta, t = sympy.symbols("e zeta t")
    mean = sum(x) / sympy.Integer(r)
    pairs = list(zip(x, phi, strict=True))
    left = sum(a * p - t * mean * p**2 for a, p in pairs)
    return left, sum(k(a, p, mean, e, zeta, t) for a, p in pairs) + zeta * sum(a * a for a in x)
