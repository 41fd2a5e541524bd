"""Curvature functions with kinks: H' jumps at some lengths, which is what can make a flat spectrum optimal.

They offer what curvature.py describes, `kinks`, the triples (c, H'_-(c), H'_+(c)) where H' jumps, and `steps`, which
says whether `heights` are those of the slope H' or of the weight w between the `breaks`.  At a kink itself slope and
weight are those of the right side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


def _check_steps(name: str, breaks: Sequence[float], heights: Sequence[float]) -> None:
    """Strictly increasing positive breaks; one height more, finite, nonnegative, nondecreasing, not all zero."""
    if any(not (math.isfinite(c) and c > 0) for c in breaks) or any(np.diff(breaks) <= 0):
        raise ValueError(f"{name}: breaks must be finite, positive and increasing, got {tuple(breaks)!r}")
    if len(heights) != len(breaks) + 1:
        raise ValueError(
            f"{name}: heights must have one entry more than breaks, got {len(heights)} and {len(breaks)}"
        )
    fine = all(math.isfinite(h) and h >= 0 for h in heights) and heights[-1] > 0
    if not fine or any(np.diff(heights) < 0):
        raise ValueError(
            f"{name}: heights must be finite, nonnegative, nondecreasing (H is convex) and not all zero, "
            f"got {tuple(heights)!r}"
        )


def _steps(x: Array, breaks: Sequence[float], heights: Sequence[float]) -> Array:
    """The step function with these heights between the breaks, continuous from the right."""
    return np.asarray(heights, dtype=float)[np.searchsorted(np.asarray(breaks, dtype=float), x, side="right")]


def _increments(breaks: Sequence[float], heights: Sequence[float]) -> list[tuple[float, float]]:
    """(c, by how much the steps rise at c), with c = 0 for the first height."""
    rises = np.diff(np.asarray(heights, dtype=float), prepend=0.0)
    return list(zip([0.0, *map(float, breaks)], map(float, rises), strict=True))


class _StepsOfSlope:
    """What Kink and PiecewiseSlope share: everything follows from `breaks` and `heights`, the steps of H'."""

    breaks: Sequence[float]
    heights: Sequence[float]
    terms = None
    steps = "slope"
    superquadratic = False  # w = H'/x falls between the kinks
    strictly_convex = False

    def __call__(self, x: Array) -> Array:
        """Host routine: H(x), the sum of rises times (x - c)_+."""
        x = np.asarray(x, dtype=float)
        return sum(rise * np.maximum(x - c, 0.0) for c, rise in _increments(self.breaks, self.heights))

    def slope(self, x: Array) -> Array:
        """Host routine: H'(x)."""
        return _steps(x, self.breaks, self.heights)

    def weight(self, x: Array) -> Array:
        """Host routine: w(x) = H'(x)/x."""
        return self.slope(x) / x

    def weight_slope(self, x: Array) -> Array:
        """Host routine: w'(x) = -H'(x)/x^2 between the kinks."""
        return -self.slope(x) / np.asarray(x, dtype=float) ** 2

    def elasticity(self, x: Array) -> Array:
        """Host routine: kappa(x) = x w'/w = -1 between the kinks (where H' = 0, as the limit of small slopes)."""
        return np.full_like(np.asarray(x, dtype=float), -1.0)

    @property
    def kinks(self) -> tuple[tuple[float, float, float], ...]:
        """(c, left slope, right slope) at every break where the slope rises."""
        steps = zip(self.breaks, self.heights[:-1], self.heights[1:], strict=True)
        return tuple((float(c), float(a), float(b)) for c, a, b in steps if a < b)

    @property
    def subquadratic(self) -> bool:
        return not self.kinks

    @property
    def slope_at_zero(self) -> float:
        return float(self.heights[0])

    @property
    def slope_at_infinity(self) -> float:
        return float(self.heights[-1])

    @property
    def weight_at_zero(self) -> float:
        return math.inf if self.heights[0] > 0 else 0.0


@dataclass(frozen=True)
class PiecewiseSlope(_StepsOfSlope):
    """H convex and piecewise linear: H' has the value heights[j] between breaks[j-1] and breaks[j].

    breaks   (j,) positive and increasing; heights (j + 1,) nonnegative and nondecreasing, the last positive.
    Raises ValueError for others.
    """

    breaks: tuple[float, ...]
    heights: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "breaks", tuple(map(float, self.breaks)))
        object.__setattr__(self, "heights", tuple(map(float, self.heights)))
        _check_steps("PiecewiseSlope", self.breaks, self.heights)


@dataclass(frozen=True)
class Kink(_StepsOfSlope):
    """H' = A up to the length r and B beyond: H(x) = A x + (B - A)(x - r)_+ (Su 2025; assumption A3).

    0 <= A <= B, B > 0, r > 0, all finite; ValueError otherwise.
    """

    r: float
    A: float
    B: float

    def __post_init__(self) -> None:
        for name in ("r", "A", "B"):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.floating) and math.isfinite(value) and value >= 0):
                raise ValueError(f"Kink: {name} must be a finite number >= 0, got {value!r}")
        if not (self.r > 0 and self.A <= self.B and self.B > 0):
            raise ValueError(
                f"Kink: r > 0 and 0 <= A <= B with B > 0 are needed, got r = {self.r!r}, A = {self.A!r}, "
                f"B = {self.B!r}"
            )

    @property
    def breaks(self) -> tuple[float, ...]:  # type: ignore[override]
        return (float(self.r),)

    @property
    def heights(self) -> tuple[float, ...]:  # type: ignore[override]
        return (float(self.A), float(self.B))


@dataclass(frozen=True)
class PiecewiseWeight:
    """H whose weight w = H'/x is a step function: w = heights[j] between breaks[j-1] and breaks[j].

    Piecewise quadratic, and super-quadratic (A2), since H convex means that w rises at every break.
    breaks   (j,) positive and increasing; heights (j + 1,) nonnegative and nondecreasing, the last positive.
    Raises ValueError for others.
    """

    breaks: tuple[float, ...]
    heights: tuple[float, ...]
    terms = None
    steps = "weight"
    superquadratic = True
    slope_at_zero = 0.0
    slope_at_infinity = math.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "breaks", tuple(map(float, self.breaks)))
        object.__setattr__(self, "heights", tuple(map(float, self.heights)))
        _check_steps("PiecewiseWeight", self.breaks, self.heights)

    def __call__(self, x: Array) -> Array:
        """Host routine: H(x), the sum of rises times (x^2 - c^2)_+ / 2."""
        x = np.asarray(x, dtype=float)
        return sum(
            rise * np.maximum(x - c, 0.0) * (x + c) / 2 for c, rise in _increments(self.breaks, self.heights)
        )

    def slope(self, x: Array) -> Array:
        """Host routine: H'(x) = w(x) x."""
        return self.weight(x) * x

    def weight(self, x: Array) -> Array:
        """Host routine: w(x)."""
        return _steps(x, self.breaks, self.heights)

    def weight_slope(self, x: Array) -> Array:
        """Host routine: w' = 0 between the kinks."""
        return np.zeros_like(np.asarray(x, dtype=float))

    def elasticity(self, x: Array) -> Array:
        """Host routine: kappa = 0 between the kinks."""
        return np.zeros_like(np.asarray(x, dtype=float))

    @property
    def kinks(self) -> tuple[tuple[float, float, float], ...]:
        """(c, left slope, right slope) at every break where the weight rises."""
        steps = zip(self.breaks, self.heights[:-1], self.heights[1:], strict=True)
        return tuple((c, c * low, c * high) for c, low, high in steps if low < high)

    @property
    def subquadratic(self) -> bool:
        return not self.kinks

    @property
    def strictly_convex(self) -> bool:
        return self.heights[0] > 0

    @property
    def weight_at_zero(self) -> float:
        return self.heights[0]
