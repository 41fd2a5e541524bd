"""How good is a simple update?  The share of the optimal decrease that gradient descent or Muon reach.

eff(D) = max_t (-F(t D)) / (-min F): the step t is tuned, the direction D is given.  Only singular values enter (Su
2025; ICM-T1), D sharing the singular vectors of G.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from labs.core.arrays import check_nonnegative, check_shape, require_host
from labs.core.sphere import expect
from labs.core.sphere._powers import log_gamma_ratio
from labs.isotropic_curvature._start import _radius
from labs.isotropic_curvature.curvature import Power
from labs.isotropic_curvature.power_means import log_mean_power
from labs.isotropic_curvature.solver import solve

Array = Any

# Spectra this close to their mean (relative difference of the squares) take a series in that difference: the
# crossover compares two numbers that differ by its square only.
CLOSE = 0.2
CLOSE_TERMS = 40  # 0.2^40 = 1e-28, times a binomial coefficient of the exponent


def efficiency(g: Array, H: Any, direction: Any, n: int | None = None) -> float:
    """Host routine: eff(D), the share of the best one-step decrease that the direction D reaches (ICM-X13, X14).

        eff(D) = max_{t >= 0} (-F(t D)) / (-min F),   F(Q) = E H(|Q zeta|) - <Q, G>

    g          (k,), finite, nonnegative singular values of G.
    H          a curvature function.
    direction  "gd": D = G; "muon": D = U V^T, ones where g > 0; or the singular values of D, (k,), in the order of g.
    n          dimension of zeta, at least k (default k).

    Between 0 and 1, but for the solver's error (1e-13 relative).  Cost: one `solve`, one `best_step`.
    Raises ValueError for bad input and where F has no negative minimum: dead zone, g = 0, F unbounded below.
    Source: derived here (Su 2025 states the model).
    """
    g = _spectrum("g", g)
    spectrum = _direction(g, direction)
    best = solve(g, H, n=n)
    if best.status != "optimal":
        raise ValueError(
            "g and H must have an optimal update with a decrease to compare with, got the status "
            f'"{best.status}" of solve'
        )
    return best_step(g, H, spectrum, n)[1] / -float(best.value)


def best_step(g: Array, H: Any, direction: Any, n: int | None = None) -> tuple[float, float]:
    """Host routine: (t, max_t (-F(t D))), the tuned step along a direction and what it decreases.

    Arguments as in `efficiency`.  F(t D) is convex in t, with slope E[rho H'(t rho)] - <D, g>, rho = |D zeta|.  For
    H = c x^p:  t^{p-1} = <D, g>/(p c E rho^p) and a decrease of ((p-1)/p) t <D, g>; else a root in log t.
    (0, 0) in the dead zone of D, <D, g> <= H'(0+) E rho.  Cost: one `expect` for a power, else 10-20.
    Raises ValueError for bad input and where F(t D) is unbounded below, <D, g> >= H'(inf) E rho.
    """
    g = _spectrum("g", g)
    spectrum = _direction(g, direction)
    if not np.any(spectrum > 0):
        return 0.0, 0.0
    scale = float(np.max(spectrum))
    ray = spectrum / scale
    gain = float(ray @ g)
    length = float(expect(Power(1.0), ray, n, order=0)[0]) if _has_edges(H) else 1.0
    if gain <= H.slope_at_zero * length:
        return 0.0, 0.0
    if gain >= H.slope_at_infinity * length:
        raise ValueError(
            f"direction must have a finite best step, but F falls without end along it for {H!r}"
        )
    if H.terms is not None and len(H.terms) == 1:
        ((p, c),) = H.terms
        unit = float(expect(Power(p), ray, n, order=0)[0])
        t = (gain / (p * c * unit)) ** (1 / (p - 1))
        return t / scale, (p - 1) / p * t * gain

    def excess(log_t: float) -> float:
        """d F(t D)/dt over <D, g>; infinite where a trial step overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            slope = float(ray @ expect(H, math.exp(log_t) * ray, n, order=1)[1]) / gain
        return slope - 1 if math.isfinite(slope) else 1e300

    # About the root: rho replaced by its root mean square.
    radius = math.sqrt(float(ray @ ray) / (n or g.size))
    t = math.exp(
        _increasing_root(excess, math.log(float(_radius(np, np.asarray(gain / radius), H)) / radius))
    )
    return t / scale, t * gain - float(expect(H, t * ray, n, order=0)[0])


def gradient_descent_guarantee(p: float, n: int | None = None) -> float:
    """Host routine: what eff(G) is at least for H = c x^p, p >= 2, whatever G is (ICM-X13).

        n = None:  (E|Z|^p)^{-1/(p-1)},  Z standard normal (every m, n);
        else:      (n^{p/2} E|zeta_1|^p)^{-1/(p-1)},  zeta uniform on S^{n-1}: for G of rank at most n.

    E|Z|^p = 2^{p/2} Gamma((p+1)/2)/sqrt(pi), E|zeta_1|^p = (1/2)_{p/2}/(n/2)_{p/2}.  Raises ValueError for other p
    or n.
    """
    if not (isinstance(p, int | float) and 2 <= p < math.inf):
        raise ValueError(f"p must be a finite number >= 2, got {p!r}")
    half = p / 2
    log_moment = log_gamma_ratio(0.5, half)
    if n is None:
        log_moment += half * math.log(2)
    else:
        if isinstance(n, bool) or n != int(n) or n < 1:
            raise ValueError(f"n must be an integer >= 1 or None, got {n!r}")
        log_moment += half * math.log(n) - log_gamma_ratio(n / 2, half)
    return math.exp(-log_moment / (p - 1))


def gradient_descent_guarantee_mixed(alpha: float) -> float:
    """Host routine: what eff(G) is at least if w is nondecreasing and 2 <= x H'/H <= 2 + alpha (ICM-X13).

        1/C,  C = E max(Z^2, |Z|^{2+alpha}) = P(3/2, 1/2) + E|Z|^{2+alpha} Q((3+alpha)/2, 1/2),

    Z standard normal, P and Q the regularised incomplete gamma functions.  Raises ValueError for alpha < 0.
    """
    from scipy.special import gammainc, gammaincc

    if not (isinstance(alpha, int | float) and 0 <= alpha < math.inf):
        raise ValueError(f"alpha must be a finite number >= 0, got {alpha!r}")
    order = (3 + alpha) / 2
    moment = math.exp(log_gamma_ratio(0.5, 1 + alpha / 2) + (1 + alpha / 2) * math.log(2))
    return 1 / (float(gammainc(1.5, 0.5)) + moment * float(gammaincc(order, 0.5)))


def crossover_exponent(g: Array) -> float:
    """Host routine: p_c(g), above which Muon beats gradient descent for H = x^p, and below which it loses (ICM-X14).

        N_p(g) = sum g^2 / sum g   at p = p_c > 2,   N_p(g) = (E rho^p)^{1/p}

    g (k,), finite, nonnegative, in any order.  Zeros are dropped, and zeta is taken on S^{k-1} for the k entries that
    are left: both efficiencies depend on those alone (ICM-X3).  p_c tends to (k + 6)/2 where they are nearly equal,
    and grows without bound as all but one fade.  Relative error about 1e-12.
    Raises ValueError where Muon is gradient descent: fewer than two positive entries, or all of them equal.
    """
    g = _spectrum("g", g)
    r = np.sort(g[g > 0])[::-1]
    if r.size < 2 or r[0] == r[-1]:
        raise ValueError(f"g must have at least two different positive entries, got {g}")
    r = r / r[0]
    mean = float(np.mean(r))
    away = (r - mean) / mean
    delta = away * (2 + away)  # (r/mean)^2 - 1
    if np.max(np.abs(delta)) < CLOSE:
        excess = _close_excess(away, delta)
    else:
        # log(sum r^2/sum r), r_1 = 1, accurate where all others are faint.
        target = math.log1p(float(r[1:] @ r[1:])) - math.log1p(float(np.sum(r[1:])))

        def excess(log_p: float) -> float:
            return log_mean_power(r, math.exp(log_p), r.size) - target

    return math.exp(_increasing_root(excess, math.log((r.size + 6) / 2)))


def _close_excess(away: np.ndarray, delta: np.ndarray) -> Callable[[float], float]:
    """log(N_p/mean)/v - log(1 + v)/v in terms of g/mean = 1 + away, v = mean of away^2.

    rho^2/mean^2 = 1 + delta.u, and E (delta.u)^j = j! c_j/(n/2)_j with c_j from the power sums of delta.
    """
    n, v = away.size, float(np.mean(away**2))
    sums = [n * v]  # sum delta = sum away^2, as sum away = 0
    sums += [float(np.sum(delta**l)) for l in range(2, CLOSE_TERMS + 1)]
    moments, series = [], [1.0]
    ratio = 1.0
    for j in range(1, CLOSE_TERMS + 1):
        series.append(sum(sums[l - 1] * series[j - l] for l in range(1, j + 1)) / (2 * j))
        ratio *= j / (n / 2 + j - 1)
        moments.append(ratio * series[j])

    def excess(log_p: float) -> float:
        p = math.exp(log_p)
        total, binomial = 0.0, 1.0
        for j, moment in enumerate(moments, start=1):
            binomial *= (p / 2 - j + 1) / j
            total += binomial * moment
        return (math.log1p(total) / p - math.log1p(v)) / v

    return excess


def _increasing_root(f: Callable[[float], float], start: float) -> float:
    """Where an increasing function changes sign: growing steps from `start` until it is bracketed, then Brent."""
    from scipy.optimize import brentq

    f = cache(f)  # the ends of the bracket are asked for again
    lo = hi = start
    step = 0.25
    while f(lo) > 0:
        lo, step = lo - step, 2 * step
    while f(hi) < 0:
        hi, step = hi + step, 2 * step
    return start if lo == hi else float(brentq(f, lo, hi, xtol=1e-15, rtol=8.9e-16))


def _spectrum(name: str, s: Array) -> np.ndarray:
    require_host(**{name: s})
    s = np.asarray(s, dtype=np.float64)
    check_shape((None,), **{name: s})
    if s.ndim != 1:
        raise ValueError(f"{name} must be one spectrum, of shape (k,), got shape {s.shape}")
    check_nonnegative(**{name: s})
    return s


def _direction(g: np.ndarray, direction: Any) -> np.ndarray:
    """The singular values that a direction stands for."""
    if isinstance(direction, str):
        if direction not in ("gd", "muon"):
            raise ValueError(f'direction must be "gd", "muon" or a spectrum, got {direction!r}')
        return g if direction == "gd" else np.where(g > 0, 1.0, 0.0)
    spectrum = _spectrum("direction", direction)
    if spectrum.size != g.size or not np.any(spectrum > 0):
        raise ValueError(f"direction must have {g.size} entries, not all zero, got {spectrum}")
    return spectrum


def _has_edges(H: Any) -> bool:
    """Whether H' starts above 0 or ends below infinity."""
    return bool(H.slope_at_zero > 0 or H.slope_at_infinity < math.inf)
