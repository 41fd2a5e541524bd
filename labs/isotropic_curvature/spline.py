"""A smooth curvature function with few parameters: what measured curvature is fitted with.

With s = x^e, e = 1 or 2, the convex (e = 1) or super-quadratic (e = 2) curvature functions are the convex
nondecreasing functions f(s) = H(x) with f(0) = 0.  Here f'' is linear between knots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

Array = Any


class Values(NamedTuple):
    """f, f' and f'' at some s, a column for each column of parameters."""

    value: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


def evaluate(s: np.ndarray, t: np.ndarray, e: int, start: np.ndarray, rates: np.ndarray) -> Values:
    """Host routine: f at s (N,) where f'(t_1) = start and f''(t_j) = rates_j, linear between the knots t (j,) of s.

    start (c,), rates (j, c): c functions at once.  Outside the knots f is a constant plus a multiple of s^(2/e), that
    is of x^2, so that w = H'/x is constant there.
    """
    step = np.diff(t)[:, None]
    slope = start + np.vstack([0 * start, np.cumsum((rates[:-1] + rates[1:]) / 2 * step, axis=0)])
    gain = slope[:-1] * step + (2 * rates[:-1] + rates[1:]) * step**2 / 6
    value = start * t[0] * e / 2 + np.vstack([0 * start, np.cumsum(gain, axis=0)])
    j = np.clip(np.searchsorted(t, s, side="right") - 1, 0, t.size - 2)
    inner = np.clip(s, t[0], t[-1])
    d, bend = (inner - t[j])[:, None], (rates[j + 1] - rates[j]) / step[j]
    f = value[j] + d * (slope[j] + d * (rates[j] / 2 + d * bend / 6))
    f1 = slope[j] + d * (rates[j] + d * bend / 2)
    f2 = rates[j] + d * bend
    outside = ((s < t[0]) | (s >= t[-1]))[:, None]
    ratio, edge = (s / inner)[:, None], inner[:, None]
    # The multiple's value at the end knot; below the knots it is all of f.
    quadratic = np.where(outside, f1 * edge * e / 2, 0.0)
    return Values(
        (f - quadratic) + quadratic * ratio ** (2 / e),
        f1 * ratio ** (2 / e - 1),
        np.where(outside, f1 * (2 / e - 1) / edge * ratio ** (2 / e - 2), f2),
    )


@dataclass(frozen=True)
class ConvexSpline:
    """H(x) = f(x^e) with f'' linear between knots, and w constant outside them; what curvature.py describes.

    knots  (j,), j >= 2, positive and increasing radii; start = f' at the first, rates (j,) = f'' at each, all
           nonnegative and not all zero; e = 1: H convex; e = 2: H super-quadratic.  Raises ValueError for others.
    """

    knots: tuple[float, ...]
    start: float
    rates: tuple[float, ...]
    e: int = 1
    terms = None
    kinks = ()
    slope_at_zero = 0.0
    slope_at_infinity = math.inf

    def __post_init__(self) -> None:
        if self.e not in (1, 2):
            raise ValueError(f"ConvexSpline: e must be 1 or 2, got {self.e!r}")
        t = np.asarray(self.knots, dtype=float)
        if t.size < 2 or not np.all((t > 0) & (t < math.inf)) or np.any(np.diff(t) <= 0):
            raise ValueError(
                f"ConvexSpline: knots must be two or more positive increasing numbers, got {self.knots!r}"
            )
        numbers = np.array([self.start, *self.rates], dtype=float)
        if (
            len(self.rates) != t.size
            or not np.all((numbers >= 0) & (numbers < math.inf))
            or not np.any(numbers)
        ):
            raise ValueError(
                "ConvexSpline: start and rates, one for each knot, must be finite, nonnegative and not all zero, "
                f"got {self.start!r} and {self.rates!r}"
            )

    @cached_property
    def _parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.array(self.knots) ** self.e, np.array([self.start]), np.array(self.rates)[:, None]

    def _at(self, x: Array) -> tuple[np.ndarray, Values]:
        x = np.asarray(x, dtype=float)
        t, start, rates = self._parameters
        parts = evaluate(x.ravel() ** self.e, t, self.e, start, rates)
        return x, Values(*(part[:, 0].reshape(x.shape) for part in parts))

    def __call__(self, x: Array) -> Array:
        """H(x) = f(x^e)."""
        return self._at(x)[1].value

    def slope(self, x: Array) -> Array:
        """H'(x) = e x^{e-1} f'."""
        x, f = self._at(x)
        return self.e * x ** (self.e - 1) * f.slope

    def weight(self, x: Array) -> Array:
        """w(x) = H'(x)/x."""
        return self.slope(x) / x

    def weight_slope(self, x: Array) -> Array:
        """w'(x) = e (e-2) x^{e-3} f' + e^2 x^{2e-3} f''."""
        x, f = self._at(x)
        e = self.e
        return e * (e - 2) * x ** (e - 3.0) * f.slope + e**2 * x ** (2.0 * e - 3) * f.curvature

    def elasticity(self, x: Array) -> Array:
        """Host routine: kappa(x) = x w'/w = e s f''/f' + e - 2; inf where H' rises from 0, 0 where it is 0."""
        x, f = self._at(x)
        rises = f.slope > 0
        share = x**self.e * f.curvature / np.where(rises, f.slope, 1.0)
        return np.where(rises, self.e * share + self.e - 2, np.where(f.curvature > 0, math.inf, 0.0))

    @property
    def breaks(self) -> tuple[float, ...]:
        """The knots: w' has corners there (and jumps at the first and the last)."""
        return tuple(map(float, self.knots))

    @property
    def superquadratic(self) -> bool:
        return self.e == 2

    @property
    def subquadratic(self) -> bool:
        return self.e == 2 and not any(self.rates)

    @property
    def strictly_convex(self) -> bool:
        return self.start > 0 and (self.e == 2 or all(rate > 0 for rate in self.rates))

    @property
    def weight_at_zero(self) -> float:
        """w up to the first knot."""
        return self.e * self.start * float(self.knots[0]) ** (self.e - 2)
