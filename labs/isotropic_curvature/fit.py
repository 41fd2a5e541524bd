"""From measured curvature to a curvature function, and to what the theory then says about updates.

A measured curve, the loss's second and higher order against the length of the perturbation, is noisy and need not
be convex.  `fit_curvature` finds a convex (or super-quadratic) H near it; `slope_intervals` finds the local log-log
slopes that are left once the curve is trusted to a stated accuracy.  Both use that with s = x^e, e = 1 or 2, the
class is that of the convex nondecreasing functions f(s) = H(x), f(0) = 0 (spline.py).

Derived here; Su 2025 reports the measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from labs.core.arrays import check_positive, require_host
from labs.isotropic_curvature.efficiency import gradient_descent_guarantee_mixed
from labs.isotropic_curvature.spline import ConvexSpline, evaluate

# growth: the exponent e above.
GROWTH = {"convex": 1, "superquadratic": 2}
# The default knots: one per octave, from so many octaves below the least length, because H there is its integral
# from 0.
OCTAVES_BELOW = 3


@dataclass(frozen=True)
class CurvatureFit:
    """A curvature function near measured values, and what it implies on [lo, hi], where it was measured.

    H            the curvature function, for `solve` and the rest; its knots and parameters are its own.
    growth       "convex" or "superquadratic".
    residuals    (N,) of H(x)/value - 1, in the order of the lengths.
    log_error    max |log(H(x)/value)|, the eps of ICM-X18 on the lengths measured.
    slopes       (N,) local log-log slopes x H'/H of H at the lengths.
    slope_range  the least and largest x H'/H over [lo, hi] (on 64 radii per knot: to about 1e-4).
    elasticity   (kappa_-, kappa_+): bounds on kappa = x w'/w over [lo, hi], with 0 between them.  ICM-X1: where rho
                 stays in [lo, hi], q_i/q_j lies between (g_i/g_j)/(1 + kappa_+) and (g_i/g_j)/(1 + kappa_-).
    """

    H: ConvexSpline
    growth: str
    residuals: np.ndarray
    log_error: float
    slopes: np.ndarray
    slope_range: tuple[float, float]
    elasticity: tuple[float, float]

    @property
    def homogenization_limit(self) -> float:
        """1 + kappa_+: no ratio g_i/g_j shrinks by more (ICM-X1), for updates with rho in [lo, hi]."""
        return 1.0 + self.elasticity[1]

    @property
    def gradient_descent_guarantee(self) -> float:
        """1/C_alpha, alpha the largest slope less 2: what tuned gradient descent reaches at least (ICM-X13).

        0, which says nothing, for a fit that is not super-quadratic.
        """
        if self.growth != "superquadratic":
            return 0.0
        return gradient_descent_guarantee_mixed(max(self.slope_range[1] - 2.0, 0.0))

    @property
    def transfer(self) -> float:
        """e^{-2 eps}: what the optimum for H, shrunk by e^{-eps}, reaches under any curvature this close (ICM-X18).

        For a super-quadratic fit, and as far as the curvature stays within eps between the lengths measured.
        """
        return math.exp(-2.0 * self.log_error)


def fit_curvature(
    lengths: np.ndarray,
    values: np.ndarray,
    *,
    growth: str = "convex",
    knots: np.ndarray | None = None,
    noise: np.ndarray | float = 1.0,
) -> CurvatureFit:
    """Host routine: the curvature function nearest to measured values, by nonnegative least squares.

        min over H of sum_i ((H(x_i)/y_i - 1)/noise_i)^2

    lengths, values  (N,), positive, finite; the lengths distinct, in any order: H(x_i) is about y_i.
    growth           "convex": H' is nondecreasing; "superquadratic": w = H'/x is.
    knots            (j,), j >= 2, positive and increasing; by default one per octave, from an eighth of the least
                     length to the largest.
    noise            relative standard deviations, (N,) or one for all.

    H' as a function of x (w as a function of x^2) rises with a rate that is nonnegative, linear between the knots,
    and those are the unknowns; outside the knots w is constant.  So the elasticity is finite: steps of H' or w, which
    the same program could have as unknowns, are kinks, and ICM-X1 would say nothing.
    Cost O(N j^2).  Raises ValueError for bad lengths, values, growth, knots, noise, RuntimeError where the nearest H
    is 0 at some length (values far from any curvature function).
    """
    from scipy.optimize import nnls

    x, y = _measurements(lengths, values, growth)
    t = _default_knots(x) if knots is None else np.asarray(knots, dtype=np.float64)
    if t.ndim != 1 or t.size < 2 or not np.all((t > 0) & (t < math.inf)) or np.any(np.diff(t) <= 0):
        raise ValueError(f"knots must be at least two positive, finite, increasing numbers, got {knots!r}")
    deviation = np.asarray(noise, dtype=np.float64)
    if deviation.size not in (1, x.size) or not np.all((deviation > 0) & (deviation < math.inf)):
        raise ValueError(f"noise must be positive, one number or one for each length, got {noise!r}")
    e, unit = GROWTH[growth], np.eye(t.size + 1)
    matrix = evaluate(x**e, t**e, e, unit[0], unit[1:]).value / (y * deviation)[:, None]
    size = np.linalg.norm(matrix, axis=0)
    used = np.flatnonzero(size)  # not so a knot beyond the lengths
    unknown = np.zeros(t.size + 1)
    unknown[used] = nnls(matrix[:, used] / size[used], np.ones(x.size) / deviation)[0] / size[used]
    H = ConvexSpline(tuple(t.tolist()), float(unknown[0]), tuple(unknown[1:].tolist()), e)
    fitted = np.asarray(H(x))
    if not np.all(fitted > 0):
        raise RuntimeError(f"the nearest {growth} H is 0 at the length {float(np.max(x[fitted <= 0]))}")
    lo, hi = float(np.min(x)), float(np.max(x))
    dense = np.geomspace(lo, hi, 64 * t.size)
    local = dense * np.asarray(H.slope(dense)) / np.asarray(H(dense))
    return CurvatureFit(
        H=H,
        growth=growth,
        residuals=fitted / y - 1,
        log_error=float(np.max(np.abs(np.log(fitted / y)))),
        slopes=x * np.asarray(H.slope(x)) / fitted,
        slope_range=(float(np.min(local)), float(np.max(local))),
        elasticity=_elasticity(H, lo, hi),
    )


def slope_intervals(
    lengths: np.ndarray, values: np.ndarray, tolerance: float, *, growth: str = "convex"
) -> np.ndarray:
    """Host routine: the local log-log slopes x H'/H, one-sided ones included, that the data leave open: (N, 2).

    lengths, values  as in `fit_curvature`; tolerance > 0: |log(H(x_i)/y_i)| <= tolerance is all that is trusted.
    growth           the class of H: all convex nondecreasing ones with H(0) = 0, or all with H'/x nondecreasing.

    A convex nondecreasing f exists through given values at the lengths, and 0 at 0, if and only if its chords rise.
    The least slope at x_i is that of the chord to its left, the largest that of the chord to its right, over
    H(x_i): linear programs after division by H(x_i) (Charnes and Cooper 1962).  Beyond the last length nothing is
    known: the upper end there is inf.
    Cost: 2 N programs of N unknowns.  Raises ValueError for bad arguments, also where no H of the class is that near.
    """
    from scipy.optimize import linprog

    x, y = _measurements(lengths, values, growth)
    if not 0 < tolerance < math.inf:
        raise ValueError(f"tolerance must be a finite number > 0, got {tolerance!r}")
    order = np.argsort(x)
    e = GROWTH[growth]
    s, y = (x[order] / np.max(x)) ** e, y[order]
    count = s.size
    # Unknowns r_j = H(x_j)/y_j and a scale, all divided by H(x_i)/y_i.  Chords by r: (N, N).
    step = np.diff(s, prepend=0.0)
    chords = (np.diag(y) - np.diag(y[:-1], -1)) / step[:, None]
    falls = np.vstack([-chords[:1], chords[:-1] - chords[1:]])
    falls /= np.max(np.abs(falls), axis=1, keepdims=True)
    band = np.vstack([np.eye(count), -np.eye(count)])
    edges = np.repeat([-math.exp(tolerance), math.exp(-tolerance)], count)
    constraints = np.block([[falls, np.zeros((count, 1))], [band, edges[:, None]]])
    out = np.full((count, 2), math.inf)
    for i in range(count):
        for side, sign in ((i, 1.0), (i + 1, -1.0)):
            if side == count:
                continue
            chord = np.append(chords[side], 0.0) * (s[i] / y[i])
            one = np.zeros((1, count + 1))
            one[0, i] = 1.0
            answer = linprog(
                sign * chord,
                A_ub=constraints,
                b_ub=np.zeros(3 * count),
                A_eq=one,
                b_eq=[1.0],
                bounds=(0, None),
            )
            if answer.status != 0:
                raise ValueError(f"tolerance must leave some H with {growth} growth, got {tolerance!r}")
            out[order[i], 0 if sign > 0 else 1] = e * sign * answer.fun
    return out


def _measurements(lengths: Any, values: Any, growth: str) -> tuple[np.ndarray, np.ndarray]:
    require_host(lengths=lengths, values=values)
    x, y = np.asarray(lengths, dtype=np.float64), np.asarray(values, dtype=np.float64)
    check_positive(lengths=x, values=y)
    if x.ndim != 1 or x.size < 2 or np.unique(x).size < x.size:
        raise ValueError(
            f"lengths must be an array of shape (N,), N >= 2, of distinct numbers, got {lengths!r}"
        )
    if y.shape != x.shape:
        raise ValueError(f"values must be an array of the shape {x.shape} of lengths, got shape {y.shape}")
    if growth not in GROWTH:
        raise ValueError(f"growth must be one of {', '.join(GROWTH)}, got {growth!r}")
    return x, y


def _elasticity(H: ConvexSpline, lo: float, hi: float) -> tuple[float, float]:
    """Bounds on kappa = e s f''/f' + e - 2 for x in [lo, hi], with 0 between them.

    Where f'' = a + b s and f' = c + a s + b s^2/2 it is stationary at the roots of (a b/2) s^2 + 2 b c s + a c.
    """
    t = np.array(H.knots) ** H.e
    slopes = np.asarray(H.slope(H.knots)) / (H.e * np.array(H.knots) ** (H.e - 1))
    points = [lo, hi, *(x for x in H.knots if lo < x < hi)]
    for i, (f1, (f2, f2_next), step) in enumerate(
        zip(slopes[:-1], pairwise(H.rates), np.diff(t), strict=True)
    ):
        b = (f2_next - f2) / step
        a, c = f2 - b * t[i], f1 - f2 * t[i] + b * t[i] ** 2 / 2
        roots = np.roots([a * b / 2, 2 * b * c, a * c])
        inside = roots.real[(roots.imag == 0) & (roots.real > t[i]) & (roots.real < t[i + 1])] ** (1 / H.e)
        points += [float(x) for x in inside if lo < x < hi]
    kappa = np.asarray(H.elasticity(points))
    return min(0.0, float(np.min(kappa))), max(0.0, float(np.max(kappa)))


def _default_knots(x: np.ndarray) -> np.ndarray:
    lo, hi = float(np.min(x)) / 2**OCTAVES_BELOW, float(np.max(x))
    return np.geomspace(lo, hi, 1 + max(1, round(math.log2(hi / lo))))
