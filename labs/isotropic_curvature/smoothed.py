"""A kink rounded off: how sharp must a kink be for the update to look orthogonalised?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class SmoothedKink:
    """H' = A up to r - delta/2, B from r + delta/2 on, and linear between: Kink(r, A, B) with H'' finite.

        H(x) = A x + (B - A) (x - lo)^2 / (2 delta)   for lo <= x <= hi,    lo, hi = r -+ delta/2,
        H(x) = A x + (B - A) (x - r)                  beyond (equal to the kink's),

    so that kappa is about (B - A) r / (delta H') inside the ramp and -1 outside.  It offers what curvature.py
    describes.  Near the kink the optimum is r (1, ..., 1) up to O(delta) (ICM-X8).

    r > 0, 0 <= A < B, 0 < delta <= 2 r, all finite; ValueError otherwise.
    """

    r: float
    A: float
    B: float
    delta: float
    terms = None
    kinks = ()
    superquadratic = False  # w = H'/x falls beyond the ramp
    strictly_convex = False

    def __post_init__(self) -> None:
        for name in ("r", "A", "B", "delta"):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.floating) and math.isfinite(value) and value >= 0):
                raise ValueError(f"SmoothedKink: {name} must be a finite number >= 0, got {value!r}")
        if not (self.A < self.B and 0 < self.delta <= 2 * self.r):
            raise ValueError(
                "SmoothedKink: 0 <= A < B and 0 < delta <= 2 r are needed, got "
                f"r = {self.r!r}, A = {self.A!r}, B = {self.B!r}, delta = {self.delta!r}"
            )

    @property
    def breaks(self) -> tuple[float, ...]:
        """The ends of the ramp (its beginning is no break where it is 0)."""
        ends = float(self.r - self.delta / 2), float(self.r + self.delta / 2)
        return tuple(x for x in ends if x > 0)

    def _along(self, x: Array) -> Array:
        """How far along the ramp: 0 at its beginning, 1 at its end, beyond on both sides."""
        return (np.asarray(x, dtype=float) - (self.r - self.delta / 2)) / self.delta

    def __call__(self, x: Array) -> Array:
        """Host routine: H(x)."""
        along = self._along(x)
        on = np.clip(along, 0.0, 1.0)
        return self.A * x + (self.B - self.A) * self.delta * (on**2 / 2 + np.maximum(along - 1.0, 0.0))

    def slope(self, x: Array) -> Array:
        """Host routine: H'(x)."""
        return self.A + (self.B - self.A) * np.clip(self._along(x), 0.0, 1.0)

    def weight(self, x: Array) -> Array:
        """Host routine: w(x) = H'(x)/x."""
        return self.slope(x) / x

    def weight_slope(self, x: Array) -> Array:
        """Host routine: w'(x): w = s + (A - s lo)/x on the ramp, with s = (B - A)/delta, and A/x or B/x outside."""
        along = self._along(x)
        inside = (self.B - self.A) * (self.r / self.delta - 0.5) - self.A
        return np.select([along < 0, along > 1], [-self.A, -self.B], inside) / np.asarray(x, dtype=float) ** 2

    def elasticity(self, x: Array) -> Array:
        """Host routine: kappa(x) = x w'/w; -1 where H' = 0 (also there it is the limit of small slopes)."""
        slope = self.slope(x)
        flat = slope == 0
        return np.where(flat, -1.0, x * x * self.weight_slope(x) / np.where(flat, 1.0, slope))

    @property
    def subquadratic(self) -> bool:
        """Whether w falls on the ramp too: A >= s lo."""
        return (self.B - self.A) * (self.r / self.delta - 0.5) <= self.A

    @property
    def slope_at_zero(self) -> float:
        return float(self.A)

    @property
    def slope_at_infinity(self) -> float:
        return float(self.B)

    @property
    def weight_at_zero(self) -> float:
        """w(0+); finite where A = 0 and the ramp begins at 0."""
        if self.A > 0:
            return math.inf
        return self.B / self.delta if self.delta == 2 * self.r else 0.0
