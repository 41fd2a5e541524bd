"""Exponents of power laws, with confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.core.arrays import check_positive, check_shape, require_host


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
    check_shape((None,), x=x)
    check_shape(x.shape, y=y)
    check_positive(x=x, y=y)
    if x.ndim != 1 or x.size < 3:
        raise ValueError(f"x must be a vector of at least 3 numbers, got shape {x.shape}")
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
