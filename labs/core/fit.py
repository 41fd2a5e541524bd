"""Exponents of power laws, with confidence intervals.

A law of a finite system holds between two of its sizes, and drifts near them; a quantity with resonances scatters
with its phase.  So that neither poses as an exponent: the range of a fit is a function of those sizes and never of
the data (`scaling_range`), what is fitted is a mean over evenly spread phases (`phases`), and the interval contains
what the slope changes within the range (`scaling_exponent`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.core.arrays import check_positive, check_real, check_shape, require_host


@dataclass(frozen=True)
class Exponent:
    """The slope of log y against log x, and half the width of its confidence interval."""

    value: float
    half_width: float

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the confidence interval."""
        return self.value - self.half_width, self.value + self.half_width


def exponent(x: np.ndarray, y: np.ndarray, level: float = 0.95) -> Exponent:
    """Host routine: the exponent p of y ~ x^p by least squares in the logarithms, with its confidence interval.

        p = sum (u_i - mean u) v_i / sum (u_i - mean u)^2,  u = log x, v = log y
        half width = t sqrt(sum residual^2 / ((n - 2) sum (u_i - mean u)^2)),  t Student's quantile of n - 2

    x, y   (n,), finite and positive, n >= 3, x not all equal (the interval supposes independent errors of log y that
           have one normal law)
    level  0 < level < 1: how often the interval contains the true exponent

    Raises ValueError for what is not as above.  Source: any textbook on linear regression.
    """
    require_host(x=x, y=y)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.size < 3:
        raise ValueError(f"x must be a vector of at least 3 numbers, got shape {x.shape}")
    check_shape(x.shape, y=y)
    if y.ndim != 1:
        raise ValueError(f"y must be a vector as long as x, got shape {y.shape}")
    check_positive(x=x, y=y)
    _check_number(level=level)
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level!r}")
    from scipy.special import stdtrit

    u, v = np.log(x) - np.mean(np.log(x)), np.log(y) - np.mean(np.log(y))
    spread = float(u @ u)
    if spread == 0.0:
        raise ValueError(f"x must not be constant, got {x[0]} only")
    value = float(u @ v) / spread
    freedom = x.size - 2
    residual = v - value * u
    error = (float(residual @ residual) / (freedom * spread)) ** 0.5
    return Exponent(value, float(stdtrit(freedom, 0.5 + level / 2)) * error)


def _check_number(**named: float) -> None:
    """Raise ValueError unless each argument is one real number (it may be infinite)."""
    for name, x in named.items():
        if np.ndim(x) != 0:
            raise ValueError(f"{name} must be a number, got an array of shape {np.shape(x)}")
    check_real(**named)


@dataclass(frozen=True)
class ScalingExponent:
    """The exponent of a law over its range.

    value        the slope of log y against log x over the range
    half_width   half the width of its interval: `scatter` + `drift`
    scatter      half the width of the interval of linear regression, as `exponent` has it
    drift        how far apart the slopes over the thirds of the range are
    first, last  the smallest and the largest x of the range;  points: how many there are
    """

    value: float
    half_width: float
    scatter: float
    drift: float
    first: float
    last: float
    points: int

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the interval."""
        return self.value - self.half_width, self.value + self.half_width


def phases(count: int) -> np.ndarray:
    """Host routine: evenly spread phases (k + 1/2)/count, k = 0..count-1, none of them 0, where resonances are.

    Their mean of a smooth periodic function converges faster than any power of 1/count, of any other as count^-2.
    Raises ValueError unless count is an integer >= 1.  Source: the midpoint rule.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be an integer >= 1, got {count!r}")
    return (np.arange(count) + 0.5) / count


def scaling_range(x: np.ndarray, lower: float, upper: float, factor: float = 10.0) -> np.ndarray:
    """Host routine: which of x are well between two sizes of a system: factor * lower <= x <= upper/factor: (n,).

    lower, upper  the sizes at which the law ends, lower > 0; upper may be infinite
    factor        >= 1: how far from either the law is trusted

    The rule knows nothing of what is measured at x: fix the sizes and the factor before a fit.
    Raises ValueError for what is not as above.  Source: derived here.
    """
    require_host(x=x, lower=lower, upper=upper, factor=factor)
    _check_number(lower=lower, upper=upper, factor=factor)
    x = np.asarray(x, dtype=float)
    check_shape((None,), x=x)
    check_positive(x=x, lower=lower, factor=factor)
    if not upper > 0.0:
        raise ValueError(f"upper must be positive, got {upper!r}")
    if factor < 1.0:
        raise ValueError(f"factor must be at least 1, got {factor!r}")
    return (x >= factor * lower) & (x <= upper / factor)


def scaling_exponent(
    x: np.ndarray,
    y: np.ndarray,
    *,
    lower: float,
    upper: float,
    factor: float = 10.0,
    level: float = 0.95,
) -> ScalingExponent:
    """Host routine: the exponent p of y ~ x^p between the sizes `lower` and `upper` of a system.

        y <- mean over phases;   the range of `scaling_range`;   p by `exponent` over the range
        half width = its interval + (largest - smallest p over the lower, middle and upper third of the range)

    Corrections to the law that come from its ends and have died out in the middle third move p by less than the
    second term (two ends may bend the outer thirds alike): it is the error that regression cannot know.

    x  (n,) finite and positive, ascending;  y (n,), or (n, phases), measured at `phases(count)`; finite and positive
    Raises ValueError for what is not as above, and unless the range holds at least 9 points, 3 in each third.
    Source: derived here.
    """
    require_host(x=x, y=y)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    inside = scaling_range(x, lower, upper, factor)
    if x.ndim != 1 or np.any(np.diff(x) <= 0.0):
        raise ValueError(f"x must be an ascending vector, got {x}")
    if y.ndim not in (1, 2) or y.shape[0] != x.size or y.size == 0:
        raise ValueError(f"y must have shape ({x.size},) or ({x.size}, phases), got shape {y.shape}")
    check_positive(y=y)
    if np.count_nonzero(inside) < 9:
        ends = f"[{factor * lower:g}, {upper / factor:g}]"
        raise ValueError(f"x must have at least 9 points in the range {ends}, got {np.count_nonzero(inside)}")
    means = (np.mean(y, axis=1) if y.ndim == 2 else y)[inside]
    x = x[inside]
    whole = exponent(x, means, level)
    parts = zip(np.array_split(x, 3), np.array_split(means, 3), strict=True)
    slopes = [exponent(times, values).value for times, values in parts]
    drift = max(slopes) - min(slopes)
    return ScalingExponent(
        value=whole.value,
        half_width=whole.half_width + drift,
        scatter=whole.half_width,
        drift=drift,
        first=float(x[0]),
        last=float(x[-1]),
        points=x.size,
    )
