"""Contour integrals through a saddle point: (1/(2 pi i)) int exp(L(z)) f(z) dz, in relative precision.

The contour is z = x + i sigma sinh y, with z measured from the saddle point of L on the real axis, where |exp L| is
largest: nothing cancels.  sigma = L''(0)^(-1/2), and x = sigma bend (cosh y - 1) at first, with bend =
sigma^3 L'''(0)/3 the curvature there of the path of steepest descent; it is cut at LARGEST_BEND, and x stays below
`reach`, because further out that path may turn back.  Derived here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any

# The trapezoidal rule in y converges geometrically, as long as exp L is analytic and does not grow in a strip around
# the contour; its nearest singularity is at distance sigma/sqrt 2 or more.  With these values its error is at the
# level of rounding for up to 1024 factors, spikes over a bulk among them (measured; 0.06 leaves 1e-10 there).
STEP, LARGEST_BEND = 0.04, 0.25
BLOCK = 32  # nodes at a time, until one adds less than CUT
CUT = 1e-18
# With every second node the error is about the square root of that with all: a difference of COARSE leaves 1e-12.
COARSE = 1e-6


def log1p(z: Array) -> Array:
    """log(1 + z) for complex z off the cut, to the relative precision of its real part (np.log1p keeps eps only)."""
    return 0.5 * np.log1p(z.real * (2 + z.real) + z.imag**2) + 1j * np.arctan2(z.imag, 1 + z.real)


def saddle_nodes(
    log_integrand: Callable[[Array], Array], second: float, third: float, reach: float = math.inf
) -> tuple[Array, Array]:
    """Nodes z (C,) and complex weights (C,) with integral = sum Re(weight f(z)), for f(conj z) = conj f(z).

    log_integrand(z)  L(z) - L(0) for an array z of offsets from the saddle point.
    second, third     L''(0) > 0 and L'''(0).
    reach             the largest Re z of the contour.
    Raises RuntimeError where the integrand has not decayed after 6400 nodes, or every second node is not enough for
    six digits of the integral of exp L.
    """
    sigma = 1 / math.sqrt(second)
    bend = sigma * min(max(third * sigma**3 / 3, -LARGEST_BEND), LARGEST_BEND)
    nodes, weights, total, coarse = [], [], 0.0, 0.0
    for block in range(200):
        y = STEP * (np.arange(BLOCK) + BLOCK * block)
        parabola = bend * (np.cosh(y) - 1)
        slowed = 1 + np.maximum(parabola, 0.0) / reach
        z = parabola / slowed + 1j * sigma * np.sinh(y)
        dz = (bend * np.sinh(y) / slowed**2 + 1j * sigma * np.cosh(y)) * np.where(y == 0, 0.5, 1.0)
        weight = np.exp(log_integrand(z)) * dz * (STEP / (1j * np.pi))
        nodes.append(z)
        weights.append(weight)
        total += float(np.sum(weight.real))
        coarse += 2 * float(np.sum(weight[::2].real))
        if abs(weight[-1]) <= CUT * total:
            break
    if not (abs(weight[-1]) <= CUT * total and abs(coarse - total) <= COARSE * total):
        raise RuntimeError(
            f"saddle_nodes did not converge: {abs(coarse / total - 1):.1e} between every second node and all"
        )
    return np.concatenate(nodes), np.concatenate(weights)
