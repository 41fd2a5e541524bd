"""Curvature functions H: what a step costs, as a function of the length of the perturbed output.

H is defined on [0, inf) with H(0) = 0, nondecreasing and convex (Su 2025, section 2; assumption A1 here).
Each offers, for floats and arrays alike,

    H(x), H.slope(x) = H', H.weight(x) = w = H'/x, H.weight_slope(x) = w', H.elasticity(x) = x w'/w,

and the facts that theorems ask for: `superquadratic` (A2: w nondecreasing), `subquadratic` (w nonincreasing),
`strictly_convex`, `slope_at_zero` = H'(0+), `slope_at_infinity`, `weight_at_zero` = w(0+), `breaks` (points where
w' is not smooth), `kinks` (triples (c, H'_-(c), H'_+(c)) where H' jumps: see kinked.py), and `terms`, the pairs
(exponent, coefficient) where H is a sum of powers, else None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = Any
Function = Callable[[Any], Any]


class _SumOfPowers:
    """What Power and Polynomial share: everything follows from `terms`."""

    breaks: tuple[float, ...] = ()
    kinks = ()

    @property
    def terms(self) -> tuple[tuple[float, float], ...]:
        raise AttributeError("terms")  # both subclasses define it

    def __call__(self, x: Array) -> Array:
        """H(x) = sum_m c_m x^{p_m}."""
        return sum(c * x**p for p, c in self.terms)

    def slope(self, x: Array) -> Array:
        """H'(x) = sum_m c_m p_m x^{p_m - 1}."""
        return sum(c * p * x ** (p - 1) for p, c in self.terms)

    def weight(self, x: Array) -> Array:
        """w(x) = H'(x)/x = sum_m c_m p_m x^{p_m - 2}."""
        return sum(c * p * x ** (p - 2) for p, c in self.terms)

    def weight_slope(self, x: Array) -> Array:
        """w'(x) = sum_m c_m p_m (p_m - 2) x^{p_m - 3}."""
        return sum(c * p * (p - 2) * x ** (p - 3) for p, c in self.terms)

    def elasticity(self, x: Array) -> Array:
        """kappa(x) = x w'(x)/w(x): the mean of p_m - 2 under weights c_m p_m x^{p_m}; finite at x = 0 too.

        Nondecreasing in x (its derivative is x^{-1} times a variance), so its range on [lo, hi] is
        [elasticity(lo), elasticity(hi)].
        """
        lowest = self.terms[0][0]
        weights = [c * p * x ** (p - lowest) for p, c in self.terms]
        mean = sum(w * (p - 2) for w, (p, _) in zip(weights, self.terms, strict=True))
        return mean / sum(weights)

    @property
    def superquadratic(self) -> bool:
        return all(p >= 2 for p, _ in self.terms)

    @property
    def subquadratic(self) -> bool:
        return all(p <= 2 for p, _ in self.terms)

    @property
    def strictly_convex(self) -> bool:
        return any(p > 1 for p, _ in self.terms)

    @property
    def slope_at_zero(self) -> float:
        return sum(c for p, c in self.terms if p == 1)

    @property
    def slope_at_infinity(self) -> float:
        return math.inf if self.strictly_convex else self.slope_at_zero

    @property
    def weight_at_zero(self) -> float:
        return math.inf if self.terms[0][0] < 2 else sum(2 * c for p, c in self.terms if p == 2)


def _check_term(p: float, c: float, name: str) -> tuple[float, float]:
    if not (isinstance(p, int | float) and math.isfinite(p) and p >= 1):
        raise ValueError(f"{name}: the exponent must be a finite number >= 1 (H is convex), got {p!r}")
    if not (isinstance(c, int | float) and math.isfinite(c) and c > 0):
        raise ValueError(f"{name}: the coefficient must be a finite number > 0, got {c!r}")
    return float(p), float(c)


@dataclass(frozen=True)
class Power(_SumOfPowers):
    """H(x) = c x^p with p >= 1, c > 0: kappa = p - 2, super-quadratic for p >= 2.

    Raises ValueError for other p, c.
    """

    p: float
    c: float = 1.0

    def __post_init__(self) -> None:
        _check_term(self.p, self.c, "Power")

    @property
    def terms(self) -> tuple[tuple[float, float], ...]:
        return ((float(self.p), float(self.c)),)


@dataclass(frozen=True)
class Polynomial(_SumOfPowers):
    """H(x) = sum of c x^p over the items p: c of `coefficients`, any real exponents p >= 1, all c > 0.

    `Polynomial({2: 0.5, 4: 1.0})` is x^2/2 + x^4.  Raises ValueError for an empty mapping or other p, c.
    """

    coefficients: Mapping[float, float] = field(hash=False)

    def __post_init__(self) -> None:
        if not self.coefficients:
            raise ValueError("Polynomial: coefficients must name at least one term, got none")
        for p, c in self.coefficients.items():
            _check_term(p, c, "Polynomial")

    @property
    def terms(self) -> tuple[tuple[float, float], ...]:
        return tuple(sorted((float(p), float(c)) for p, c in self.coefficients.items()))


@dataclass(frozen=True, repr=False)
class Custom:
    """Any smooth H, by its value, slope H' and second derivative, as functions of NumPy arrays.

    value, slope, curvature   H, H', H'' on (0, inf).
    weight_slope              w' = (H'' - H'/x)/x; give it where that difference loses digits you need.
    slope_at_zero, slope_at_infinity, weight_at_zero
                              limits of H' and of w; the defaults are those of an H that begins like x^2 or
                              flatter and grows faster than linearly.
    breaks                    points where H'' jumps or is not smooth.
    domain                    where the assumptions are tested, on 400 points spaced evenly in log x.
    convex                    False allows an H that is not convex or not nondecreasing; then only statements
                              that do not need A1 are promised.

    `superquadratic`, `subquadratic` and `strictly_convex` are what the grid shows: w nondecreasing, w
    nonincreasing, H'' > 0 there.
    Raises ValueError where H is not finite, H' does not fit H or H'' does not fit H' on the grid (to 1e-5, by
    central differences), or H is not convex and nondecreasing although `convex` says so.
    """

    value: Function
    slope_function: Function
    curvature: Function
    weight_slope_function: Function | None = None
    slope_at_zero: float = 0.0
    slope_at_infinity: float = math.inf
    weight_at_zero: float | None = None
    breaks: tuple[float, ...] = ()
    domain: tuple[float, float] = (1e-4, 1e1)
    convex: bool = True
    name: str = "H"
    superquadratic: bool = field(init=False)
    subquadratic: bool = field(init=False)
    strictly_convex: bool = field(init=False)
    terms = None
    kinks = ()

    def __post_init__(self) -> None:
        lo, hi = self.domain
        if not 0 < lo < hi < math.inf:
            raise ValueError(f"Custom: domain must be 0 < lo < hi < inf, got {self.domain!r}")
        x = np.geomspace(lo, hi, 400)
        h, dh, ddh = (np.asarray(f(x), dtype=float) for f in (self.value, self.slope, self.curvature))
        for name, y in (("value", h), ("slope", dh), ("curvature", ddh)):
            if y.shape != x.shape or not np.all(np.isfinite(y)):
                raise ValueError(
                    f"Custom: {name} must be finite and of the shape of x on the domain {self.domain}"
                )
        self._check_derivatives(x, dh, ddh)
        if self.convex and (np.any(dh < 0) or np.any(ddh < -1e-12 * np.abs(dh) / x)):
            raise ValueError(
                "Custom: H must be convex and nondecreasing on its domain (or pass convex=False)"
            )
        if self.weight_at_zero is None:
            object.__setattr__(
                self, "weight_at_zero", math.inf if self.slope_at_zero > 0 else float(dh[0] / x[0])
            )
        steps, noise = ddh - dh / x, 1e-9 * np.abs(dh / x)
        object.__setattr__(self, "superquadratic", bool(np.all(steps >= -noise)))
        object.__setattr__(self, "subquadratic", bool(np.all(steps <= noise)))
        object.__setattr__(self, "strictly_convex", bool(np.all(ddh > 0)))

    def _check_derivatives(self, x: np.ndarray, dh: np.ndarray, ddh: np.ndarray) -> None:
        """Central differences with step 1e-4 x err by about 1e-8 of the next derivatives; breaks are left out."""
        step = 1e-4 * x
        away = np.all([np.abs(x - b) > 2 * step for b in self.breaks] or [x > 0], axis=0)
        for name, f, df in (("slope", self.value, dh), ("curvature", self.slope, ddh)):
            difference = (np.asarray(f(x + step)) - np.asarray(f(x - step))) / (2 * step)
            scale = np.abs(df) + np.abs(np.asarray(f(x))) / x
            if np.any(np.abs(difference - df)[away] > 1e-5 * scale[away] + 1e-300):
                raise ValueError(
                    f"Custom: {name} is not the derivative of the function before it on the domain"
                )

    def __repr__(self) -> str:
        return f"Custom({self.name})"

    def __call__(self, x: Array) -> Array:
        return self.value(x)

    def slope(self, x: Array) -> Array:
        """H'(x)."""
        return self.slope_function(x)

    def weight(self, x: Array) -> Array:
        """w(x) = H'(x)/x."""
        return self.slope_function(x) / x

    def weight_slope(self, x: Array) -> Array:
        """w'(x)."""
        if self.weight_slope_function is not None:
            return self.weight_slope_function(x)
        return (self.curvature(x) - self.slope_function(x) / x) / x

    def elasticity(self, x: Array) -> Array:
        """kappa(x) = x w'(x)/w(x)."""
        return x * self.weight_slope(x) / self.weight(x)
