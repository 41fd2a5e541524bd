"""The instances that the model's claims meet: curvature functions, spectra, and gradients made from updates.

Every positive spectrum q is the optimal update of one gradient, g_i = q_i lambda_i(q) (ICM-K.a).  So a claim
about pairs (g, q) can be asked of any q, at the accuracy of one expectation; a few tests go through the
solver instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.isotropic_curvature import Custom, Kink, PiecewiseSlope, PiecewiseWeight, Polynomial, Power
from tests.isotropic_curvature.device import dual_norm, expect
from theory.isotropic_curvature import plane

Plane = tuple[Fraction, Fraction]  # two singular values, exactly

# Relative accuracy of expect is about 1e-14 (its own tests); a ratio of two weights has twice that.
RATIO_ERROR = 1e-12


def _sinh_over_x_slope(x: np.ndarray) -> np.ndarray:
    """(cosh x - sinh x / x) / x; by its series below 1, where the difference loses digits."""
    series, term = np.zeros_like(x), np.ones_like(x)
    for k in range(1, 12):
        term = term * x**2 / (2 * k * (2 * k + 1))
        series = series + 2 * k * term / x
    large = np.maximum(x, 1.0)
    return np.where(x < 1.0, series, (np.cosh(large) - np.sinh(large) / large) / large)


COSH = Custom(
    lambda x: 2 * np.sinh(x / 2) ** 2,
    np.sinh,
    np.cosh,
    weight_slope_function=_sinh_over_x_slope,
    name="cosh x - 1",
)

# w nondecreasing (A2).
SUPERQUADRATIC: dict[str, Any] = {
    **{f"x^{p}": Power(p) for p in (2.1, 2.5, 3.0, 4.0, 6.0, 10.0, 40.0)},
    "x^2/2 + x^4": Polynomial({2: 0.5, 4: 1.0}),
    "x^2/2 + x^5": Polynomial({2: 0.5, 5: 1.0}),
}
# w nonincreasing.
SUBQUADRATIC: dict[str, Any] = {f"x^{p}": Power(p) for p in (1.2, 1.4, 1.5, 1.8, 1.95)}
# w jumps upwards: super-quadratic too, with kinks and an elasticity that is no function.
STEPPED: dict[str, Any] = {
    "w = 1, 2, 8": PiecewiseWeight((0.1, 0.6), (1.0, 2.0, 8.0)),
    "w = 0.1, 5": PiecewiseWeight((0.3,), (0.1, 5.0)),
}
# H' is a step function: convex, neither super- nor sub-quadratic.
KINKED: dict[str, Any] = {
    "H' = 0.2, 4": Kink(1.0, 0.2, 4.0),
    "H' = 0, 1, 9": PiecewiseSlope((0.4, 1.0), (0.0, 1.0, 9.0)),
}
# The sizes 2, ..., 8: some in the default run, the others in the long one.
SIZES = [(2, 3, 5, 8), pytest.param((4, 6, 7), marks=pytest.mark.long)]
# w falls, then rises.
MIXED = Polynomial({1.5: 1.0, 4.0: 1.0})
# Flat up to 1: convex and nondecreasing, but not strictly increasing.
FLAT = Custom(
    lambda x: np.maximum(x - 1, 0.0) ** 2 / 2,
    lambda x: np.maximum(x - 1, 0.0),
    lambda x: np.where(x > 1, 1.0, 0.0),
    breaks=(1.0,),
    name="max(x - 1, 0)^2 / 2",
)


def elasticity_range(H: Any, q: np.ndarray, n: int) -> tuple[float, float]:
    """(kappa_-, kappa_+): bounds of the elasticity where rho lives, with 0 between them.

    rho runs through [q_k, q_1] if k = n, else through (0, q_1]; for all functions here the elasticity is
    nondecreasing, so the ends bound it.
    """
    lowest = np.min(q) if n == len(q) else 1e-300
    ends = [0.0, float(H.elasticity(lowest)), float(H.elasticity(np.max(q)))]
    return min(ends), max(ends)


def spectra(n: int, purpose: str) -> Iterator[np.ndarray]:
    """The zoo at length n, in descending order, without its zeros, where two entries are left."""
    for s in zoo(n, stream(purpose, n)).values():
        positive = np.sort(s[s > 0])[::-1]
        if len(positive) > 1:
            yield positive


def gradient_of(H: Any, q: np.ndarray, n: int | None = None) -> np.ndarray:
    """The gradient for which q > 0 is optimal."""
    return np.asarray(expect(H, q, n, order=1)[1])


def weights(H: Any, q: np.ndarray, n: int | None = None) -> np.ndarray:
    """lambda_i(q)."""
    return gradient_of(H, q, n) / q


def pairs(values: np.ndarray) -> np.ndarray:
    """values_i / values_j for all i < j."""
    i, j = np.triu_indices(len(values), 1)
    return values[i] / values[j]


def hessian_of(H: Any, q: np.ndarray, n: int | None = None) -> np.ndarray:
    """The Hessian of phi."""
    return np.asarray(expect(H, q, n)[2])


def rationals(*numbers: str) -> list[Fraction]:
    """Exact numbers from their texts."""
    return [Fraction(x) for x in numbers]


def ball(x: Fraction) -> Any:
    """A fraction as an Arb ball."""
    from flint import arb, fmpq

    return arb(fmpq(x.numerator, x.denominator))


def dual_norm_ball(g: Plane) -> tuple[Any, list[Any]]:
    """N*(g) at n = 2 as one ball, and the spectrum that (nearly) attains it, as exact numbers.

    The trial spectrum comes from labs; whatever it is, the two bounds are true.
    """
    q = [Fraction(float(x)) for x in dual_norm(np.array([float(x) for x in g]))[1]]
    below, above = plane.dual_norm_bracket([ball(x) for x in g], [ball(x) for x in q])
    return below.union(above), [ball(x) for x in q]
