"""What is measured on one matrix of a trained network, as rows of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from figures.isotropic_curvature._networks import FLAT, GRADIENT, OWN, POLAR, SINGLE, SIZES, Layer
from labs.isotropic_curvature.fit import CurvatureFit, fit_curvature
from labs.isotropic_curvature.measure import CLEAR, local_slopes
from labs.isotropic_curvature.nodes import sphere_nodes

DECADES = (1e-3, 10.0)  # of length, in units of the matrix's own
SURE = 0.2  # a slope counts where the half-width of its interval is below this
# H is convex where the chords of values against x rise, super-quadratic where those against x^2 do.  A fit uses the
# lengths up to the first chord that is below an earlier one by more than this share: about what the choice of
# directions leaves open.
GROWTH = {"convex": 1, "superquadratic": 2}
FALL = 0.03
FEWEST = 4  # lengths, for a fit
BOUNDS = (
    "convex_to",
    "convex_error",
    "superquadratic_to",
    "superquadratic_error",
    "steepest",
    "homogenization_limit",
    "gradient_descent_guarantee",
    "transfer",
)

Row = dict[str, Any]


def lengths_of(scale: str) -> np.ndarray:
    """The lengths, in units of the matrix's own."""
    return np.geomspace(*DECADES, SIZES[scale].lengths)


def steepest(layer: Layer, scale: str) -> Row:
    """The largest sure slope over random directions with a flat spectrum, and at which length.

    NaN where the slope is not sure at the least length: where curvature has no sure sign, there is nothing to grow.
    """
    (_, directions), *_ = layer.directions(layer.gradient(), {FLAT: SIZES[scale].directions[1]})
    lengths = lengths_of(scale)
    middle, slope, half = local_slopes(lengths, *layer.even(directions, lengths))
    sure = np.where(half < SURE, slope, -np.inf)
    at = int(np.argmax(sure))
    return {"length": middle[at], "slope": slope[at] if sure[0] > -np.inf else np.nan}


def measured(layer: Layer, scale: str) -> dict[str, list[Row]]:
    """Rows "even" and "slopes" by direction, "isotropy", "fit" and "spectra"."""
    size, lengths = SIZES[scale], lengths_of(scale)
    counts = {FLAT: size.directions[0], OWN: size.directions[1], SINGLE: size.directions[1]}
    gradient = layer.gradient()
    rows: dict[str, list[Row]] = {name: [] for name in ("even", "slopes", "isotropy", "fit", "spectra")}
    curves, means = {}, {}
    for kind, directions in layer.directions(gradient, counts):
        even, rounding = layer.even(directions, lengths)
        curves[kind], floor = even, np.mean(rounding, axis=0)
        means[kind] = np.where(np.mean(even, axis=0) > CLEAR * floor, np.mean(even, axis=0), np.nan)
        rows["even"].append(
            {
                "direction": kind,
                "length": lengths,
                "mean": np.mean(even, axis=0),
                "low": np.min(even, axis=0),
                "high": np.max(even, axis=0),
                "rounding": floor,
            }
        )
        middle, slope, half = local_slopes(lengths, even, rounding)
        rows["slopes"].append({"direction": kind, "length": middle, "slope": slope, "half": half})
    rows["isotropy"].append(
        {
            "length": lengths,
            "spread": np.std(curves[FLAT], axis=0, ddof=1) / means[FLAT],
            "gradient": np.mean(curves[GRADIENT], axis=0) / means[OWN],
            "polar": np.mean(curves[POLAR], axis=0) / means[FLAT],
        }
    )
    m, n = layer.shape
    if m >= n:  # else no direction moves all inputs by one length, and H cannot be read off
        x = lengths * layer.scale
        convex, steep = (fitted(x, means[FLAT], growth) for growth in GROWTH)
        uncertain = np.nanmax(
            half_width(curves[FLAT]) / np.where(x <= steep.hi, means[FLAT], np.nan), initial=0.0
        )
        rows["fit"].append(summary(convex, steep, float(uncertain)))
        singular = np.linalg.svd(gradient, compute_uv=False)
        for kind, q in ((FLAT, np.ones(n)), (OWN, singular), (SINGLE, np.ones(1))):
            shape, half = growth(curves[kind])
            expected = predicted(means[FLAT], lengths, q, n)
            ratio = {"ratio": shape / (expected / expected[0]), "half": half / (expected / expected[0])}
            rows["spectra"].append({"direction": kind, "length": lengths} | ratio)
    return rows


def growth(even: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over directions in units of that at the least length, and the half-width of its 95 % interval.

    At short lengths the mean is the trace of the Hessian times |D|^2, whatever the spectrum: that says nothing of
    one H for all spectra, and its sampling error is left out by the division (jackknife, Student).
    """
    from scipy.special import stdtrit

    count = len(even)
    without = (np.sum(even, axis=0) - even) / (count - 1)
    ratios = without / without[:, :1]
    deviation = np.sqrt((count - 1) / count * np.sum((ratios - np.mean(ratios, axis=0)) ** 2, axis=0))
    mean = np.mean(even, axis=0)
    return mean / mean[0], stdtrit(count - 1, 0.975) * deviation


def half_width(even: np.ndarray) -> np.ndarray:
    """Of the 95 % interval of the mean over directions (Student)."""
    from scipy.special import stdtrit

    return stdtrit(len(even) - 1, 0.975) * np.std(even, axis=0, ddof=1) / np.sqrt(len(even))


@dataclass(frozen=True)
class Fitted:
    """A curvature function, and the lengths from which and up to which it was fitted; none with too few of them."""

    curve: CurvatureFit | None = None
    lo: float = np.nan
    hi: float = np.nan

    def __getattr__(self, name: str) -> Any:
        """What the curve says, or NaN."""
        return getattr(self.curve, name) if self.curve else np.nan


def fitted(x: np.ndarray, values: np.ndarray, growth: str) -> Fitted:
    """The curvature function of this growth, as far as the values have it."""
    first = int(np.argmax(np.isfinite(values)))
    x, values = x[first:], values[first:]
    chords = np.diff(values, prepend=0.0) / np.diff(x ** GROWTH[growth], prepend=0.0)
    highest = np.maximum.accumulate(chords)
    count = int(np.argmin(np.append(chords >= (1 - FALL) * highest, False)))
    if count < FEWEST:
        return Fitted()
    return Fitted(fit_curvature(x[:count], values[:count], growth=growth), x[0], x[count - 1])


def summary(convex: Fitted, steep: Fitted, uncertain: float) -> Row:
    """What the fits imply: their ranges and errors, and the bounds of ICM-X1, ICM-X13 and ICM-X18.

    For the last, H is known up to the error of the fit and the uncertainty of the means that it was fitted to.
    """
    values = (
        convex.hi,
        convex.log_error,
        steep.hi,
        steep.log_error,
        steep.slope_range[1] if steep.curve else np.nan,
        steep.homogenization_limit,
        steep.gradient_descent_guarantee,
        np.exp(-2 * (steep.log_error + np.log1p(uncertain))),
    )
    return dict(zip(BOUNDS, values, strict=True))


def predicted(flat: np.ndarray, lengths: np.ndarray, q: np.ndarray, n: int) -> np.ndarray:
    """E H(r rho(q)), |q|^2 = n, for the H measured along flat directions: H(r) is the value there.

    A parabola below the least length, linear between lengths in logarithms; NaN where more than 1 % of the sphere's
    4096 nodes are beyond the last, or the values do not all have a sign.
    """
    if not np.all(flat > 0):
        return np.full(lengths.shape, np.nan)
    rho = np.sqrt(sphere_nodes(n, 4096)[:, : q.size] @ (q**2 * (n / np.sum(q**2))))
    r = lengths[:, None] * rho
    H = np.exp(np.interp(np.log(r), np.log(lengths), np.log(flat)))
    H = np.where(r < lengths[0], flat[0] * (r / lengths[0]) ** 2, H)
    inside = np.mean(r > lengths[-1] * (1 + 1e-12), axis=1) <= 0.01
    return np.where(inside, np.mean(H, axis=1), np.nan)
