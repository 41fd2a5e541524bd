"""The entropy bound of the minimal kink, step by step.

Let 0 <= h <= B with E[h u] = g and tau = sum g = E h.  For any function f of a normal vector z = radius zeta,

    B E e^f >= E[h e^f] = tau E_nu e^f >= tau exp(E_nu f),      nu = the law with the density h/tau,

by h <= B and by Jensen.  Take f = sum_i (1 - 1/v_i) z_i^2 / 2 with v_i = g_i/gbar: under nu, E_nu z_i^2 = n g_i/tau
= v_i, so that E_nu f = sum (v_i - 1)/2 = 0, and E e^f = prod_i E exp((1 - 1/v_i) z^2/2) = prod_i v_i^(1/2).
Hence B >= tau prod_i v_i^(-1/2).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any


def tilted_ratio(j: Any) -> Any:
    """E exp(c z^2/2) as a series in c: its coefficient of c^(j+1) over that of c^j.

    E z^(2j+2)/E z^(2j) = 2j + 1 by parts, and the factor 1/(2^j j!) brings 1/(2 (j + 1)).
    """
    return (2 * j + 1) / (2 * (j + 1))


def binomial_ratio(power: Any, j: Any) -> Any:
    """The same for (1 - c)^(-power); c = 1 - 1/v makes it v^power."""
    return (power + j) / (j + 1)


def mean_of_tilt(g: Sequence[Any]) -> Any:
    """E_nu f for the law with second moments n g_i/sum g."""
    n, total = len(g), sum(g)
    second = [n * gi / total for gi in g]
    return sum((1 - 1 / v) * v for v in second) / 2


def squared_factor(g: Sequence[Any]) -> Any:
    """prod_i gbar/g_i, the square of (AM/GM)^(n/2)."""
    mean = sum(g) / Fraction(len(g))
    return prod((mean / gi for gi in g), start=Fraction(1))


def two_valued_entropy(low: Any, high: Any) -> Any:
    """E[x log x] for the law on the balls {low, high} with mean 1; 0 <= low < 1 < high."""
    theta = (1 - low) / (high - low)
    below = 0 if low == 0 else (1 - theta) * low * low.log()
    return theta * high * high.log() + below
