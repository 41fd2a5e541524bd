"""GD against Muon on two levels of curvature: closed forms for every number of steps, and who wins where.

Curvature rho on m of q modes and 1 on the others, gradient s there and 1 elsewhere; exact line search for both.
Everything depends on three numbers, a = m/(q - m), rho and s.  With x = a s^2 and p = x/(1 + x),

    loss_T/loss_0 = kappa^T  (GD),     gamma g^(2(T-1))  (Muon, T >= 1).

The small functions are field arithmetic: floats, arrays, fractions, sympy symbols and balls.
Source: Wang et al. 2026 as reported (kappa in another form, the mean sharpness); the rest is derived here.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from labs.core.arrays import Array, array_namespace, check_positive, device

Number = Any

# From within a factor of 2 of the root: 6 leave rounding for a and rho - 1 from 1e-12 to 1e12.
NEWTON_STEPS = 8
# Of a, rho and s and their inverses: s^4 rho^2 a^2 and what it is multiplied by stay below 1e300.
LARGEST = 1e30


# --- rates -------------------------------------------------------------------------------------------------


def gd_factor(a: Number, rho: Number, s: Number) -> Number:
    """kappa, GD's factor of the loss per step: x (rho - 1)^2 / ((x rho + 1)(x + rho)), x = a s^2."""
    x = a * s * s
    return x * (rho - 1) ** 2 / ((x * rho + 1) * (x + rho))


def gd_gain(a: Number, rho: Number, s: Number) -> Number:
    """1 - kappa = rho (x + 1)^2 / ((x rho + 1)(x + rho)), without cancellation."""
    x = a * s * s
    return rho * (x + 1) ** 2 / ((x * rho + 1) * (x + rho))


def muon_first_factor(a: Number, rho: Number, s: Number) -> Number:
    """gamma, Muon's factor of the loss in its first step: a (rho - s)^2 / ((a rho + 1)(a s^2 + rho))."""
    return a * (rho - s) ** 2 / ((a * rho + 1) * (a * s * s + rho))


def muon_first_gain(a: Number, rho: Number, s: Number) -> Number:
    """1 - gamma = rho (a s + 1)^2 / ((a rho + 1)(a s^2 + rho)), without cancellation."""
    return rho * (a * s + 1) ** 2 / ((a * rho + 1) * (a * s * s + rho))


def muon_root_factor(a: Number, rho: Number) -> Number:
    """g, whose square is Muon's factor of the loss in every later step: (a rho - 1)/(a rho + 1)."""
    return (a * rho - 1) / (a * rho + 1)


def muon_gain(a: Number, rho: Number) -> Number:
    """1 - g^2 = 4 a rho/(1 + a rho)^2, without cancellation."""
    return 4 * a * rho / (1 + a * rho) ** 2


# --- margins: by how much Muon is ahead, as products of factors whose signs decide --------------------------


def first_step_sign(a: Number, rho: Number, s: Number) -> Number:
    """D = a s^2 (2 rho - 1 - s) + rho (1 + s) - 2 s: for s > 1, Muon's first step is the better one iff D > 0."""
    return a * s * s * (2 * rho - 1 - s) + rho * (1 + s) - 2 * s


def first_step_margin(a: Number, rho: Number, s: Number) -> Number:
    """kappa - gamma = a rho (s - 1) D / ((a rho + 1)(x + rho)(x rho + 1))."""
    x = a * s * s
    below = (a * rho + 1) * (x + rho) * (x * rho + 1)
    return a * rho * (s - 1) * first_step_sign(a, rho, s) / below


def lower_rate_sign(a: Number, rho: Number, s: Number) -> Number:
    """Positive iff rho > rho_lo: 2 a s (rho - 1) + (a rho - 1)(1 + x)."""
    return 2 * a * s * (rho - 1) + (a * rho - 1) * (1 + a * s * s)


def upper_rate_sign(a: Number, rho: Number, s: Number) -> Number:
    """For a < 1 positive iff rho < rho_hi: 2 a s (rho - 1) - (a rho - 1)(1 + x)."""
    return 2 * a * s * (rho - 1) - (a * rho - 1) * (1 + a * s * s)


def rate_margin(a: Number, rho: Number, s: Number) -> Number:
    """kappa - g^2, the product of the two signs above times rho / ((1 + a rho)^2 (x rho + 1)(x + rho))."""
    x = a * s * s
    signs = lower_rate_sign(a, rho, s) * upper_rate_sign(a, rho, s)
    return rho * signs / ((1 + a * rho) ** 2 * (x * rho + 1) * (x + rho))


def lowest_ratio(a: Number, s: Number) -> Number:
    """rho_lo, above which Muon's late rate is the better one: (1 + 2 a s + x) / (a (1 + 2 s + x))."""
    x = a * s * s
    return (1 + 2 * a * s + x) / (a * (1 + 2 * s + x))


def highest_ratio(a: Number, s: Number) -> Number:
    """rho_hi, up to which it is, where 1 - 2 s + x > 0 (infinite else): (1 - 2 a s + x) / (a (1 - 2 s + x))."""
    x = a * s * s
    return (1 - 2 * a * s + x) / (a * (1 - 2 * s + x))


# --- normalised directional sharpness, in units of the low curvature ------------------------------------------


def mean_sharpness_gd(a: Number, rho: Number, s: Number, T: int) -> Number:
    """Mean NDS of GD over T steps: 1 + (rho - 1)/2 for even T, and (rho - 1)(p - 1/2)/T more for odd T."""
    x = a * s * s
    middle = (rho + 1) / 2
    return middle if T % 2 == 0 else middle + (rho - 1) * (x - 1) / (2 * T * (x + 1))


def mean_sharpness_muon(a: Number, rho: Number) -> Number:
    """NDS of Muon at every step that it takes: (a rho + 1)/(a + 1), the mean curvature."""
    return (a * rho + 1) / (a + 1)


# --- all at once -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoLevel:
    """GD against Muon, per item, in units of the low curvature and gradient.

    a, rho, s   the three numbers;  p the share of the gradient's energy on the high level
    kappa       GD's factor of the loss per step;  log_kappa its logarithm
    gamma       Muon's factor in the first step;  log_gamma its logarithm
    g           the root of Muon's factor in later steps, with its sign;  log_g2 the logarithm of that factor
    s_star      Muon's first step is the better one iff 1 < s < s_star
    rho_lo, rho_hi   where a < 1, Muon's late rate is the better one iff rho_lo < rho < rho_hi (inf: no upper end)
    region      1: Muon's loss is lower after every T; 2: first only; 3: late only; 4: never (see `win_region`)
    crossing    region 2: the first T at which Muon's loss is not lower; 3: the first at which it is; 1 and 4: inf
    """

    a: Array
    rho: Array
    s: Array
    p: Array
    kappa: Array
    gamma: Array
    g: Array
    log_kappa: Array
    log_gamma: Array
    log_g2: Array
    s_star: Array
    rho_lo: Array
    rho_hi: Array
    region: Array
    crossing: Array

    def loss_gd(self, T: int) -> Array:
        """Loss of GD after T >= 0 steps, over that at the start (T log_kappa is its logarithm)."""
        _check_steps(T, 0)
        return self.kappa**T

    def loss_muon(self, T: int) -> Array:
        """Loss of Muon after T >= 0 steps, over that at the start (log_gamma + (T - 1) log_g2, if T > 0)."""
        _check_steps(T, 0)
        return self.gamma * (self.g * self.g) ** (T - 1) if T else self.gamma**0

    def mean_nds_gd(self, T: int) -> Array:
        """Mean NDS of GD over T >= 1 steps; it takes them all if rho > 1."""
        _check_steps(T, 1)
        return mean_sharpness_gd(self.a, self.rho, self.s, T)

    def mean_nds_muon(self) -> Array:
        """Mean NDS of Muon over the steps that it takes: one if s = rho, two if a rho = 1, all else."""
        return mean_sharpness_muon(self.a, self.rho)


def two_level(m: Number, q: Number, rho: Number, s: Number) -> TwoLevel:
    """Kernel: the closed forms of GD and Muon, both with exact line search, on two levels of curvature.

    m, q  m of the q modes are on the high level, 0 < m < q (only m/q counts, which need not be rational)
    rho   curvature of the high level over that of the low one, >= 1
    s     gradient on the high level over that on the low one, > 0

    Numbers, or arrays that broadcast, a = m/(q - m), rho and s between 1e-30 and 1e30 (beyond, products of them leave
    the range of floating point numbers).  Rates and their logarithms have a relative error of a few eps, near 1 too.
    Within a few eps of a border rounding decides on the region; `crossing` then is large, or off by one at a tie.
    Cost O(1) an item.  Raises ValueError for values outside these ranges.
    Source: Wang et al. 2026 as reported for kappa and the mean NDS; the rest is derived here (NDS-P2 to T2e).
    """
    check_positive(m=m, q=q, rho=rho, s=s)
    m, q, rho, s = _arrays(m, q, rho, s)
    xp = array_namespace(m)
    if not bool(xp.all(m < q)):
        raise ValueError("m must be below q, got m >= q: then there is one level")
    _check_ratio(rho)
    a = m / (q - m)
    _check_range(**{"m/(q - m)": a}, rho=rho, s=s)
    first, late = first_step_margin(a, rho, s), rate_margin(a, rho, s)
    kappa, gamma, g = gd_factor(a, rho, s), muon_first_factor(a, rho, s), muon_root_factor(a, rho)
    log_kappa = _log(kappa, gd_gain(a, rho, s))
    log_gamma = _log(gamma, muon_first_gain(a, rho, s))
    log_g2 = _log(g * g, muon_gain(a, rho))
    above = 1.0 - 2.0 * s + a * s * s
    region = _region(gamma, first, late)
    return TwoLevel(
        a=a,
        rho=rho,
        s=s,
        p=a * s * s / (1.0 + a * s * s),
        kappa=kappa,
        gamma=gamma,
        g=g,
        log_kappa=log_kappa,
        log_gamma=log_gamma,
        log_g2=log_g2,
        s_star=_largest_alignment(a, rho),
        rho_lo=lowest_ratio(a, s),
        rho_hi=xp.where(above > 0.0, highest_ratio(a, xp.where(above > 0.0, s, 0.25)), math.inf),
        region=region,
        crossing=_crossing(region, kappa, gamma, g * g, first, late),
    )


def win_region(alpha: Number, rho: Number, s: Number) -> Array:
    """Kernel: which of GD and Muon, both with exact line search, has the lower loss after T steps: 1, 2, 3 or 4.

        1  Muon, for every T >= 1        kappa > gamma, kappa >= g^2; and s = rho > 1, where gamma = 0
        2  Muon first, GD later          kappa > gamma, kappa < g^2
        3  GD first, Muon later          kappa <= gamma, kappa > g^2
        4  never Muon                    kappa <= gamma, kappa <= g^2

    alpha  share of the modes on the high level, in (0, 1);  rho >= 1 and s > 0 as for `two_level`; they broadcast,
           and alpha/(1 - alpha), rho and s are between 1e-30 and 1e30

    The signs are those of polynomials in a, rho and s.  Cost O(1) an item.  Raises ValueError for other values.
    Source: derived here (NDS-T2d).
    """
    check_positive(alpha=alpha, rho=rho, s=s)
    alpha, rho, s = _arrays(alpha, rho, s)
    xp = array_namespace(alpha)
    if not bool(xp.all(alpha < 1.0)):
        raise ValueError(f"alpha must be below 1, got {float(xp.max(alpha))}")
    _check_ratio(rho)
    a = alpha / (1.0 - alpha)
    _check_range(**{"alpha/(1 - alpha)": a}, rho=rho, s=s)
    return _region(
        xp.abs(rho - s),
        (s - 1.0) * first_step_sign(a, rho, s),
        lower_rate_sign(a, rho, s) * upper_rate_sign(a, rho, s),
    )


def _region(gamma: Array, first: Array, late: Array) -> Array:
    """The region, from gamma and from the margins kappa - gamma and kappa - g^2 (or numbers of their signs)."""
    xp = array_namespace(gamma)
    at_once = (first > 0.0) & ((late >= 0.0) | (gamma == 0.0))
    one = xp.ones_like(gamma, dtype=xp.int64)
    return xp.where(at_once, one, xp.where(first > 0.0, 2 * one, xp.where(late > 0.0, 3 * one, 4 * one)))


def _crossing(region: Array, kappa: Array, gamma: Array, g2: Array, first: Array, late: Array) -> Array:
    """ceil(tau) in region 2, floor(tau) + 1 in region 3, tau = 1 + log(kappa/gamma)/log(g^2/kappa); inf elsewhere."""
    xp = array_namespace(kappa)
    crosses = (region == 2) | (region == 3)
    kappa = xp.where(crosses, kappa, 1.0)
    ahead = -_log(xp.where(crosses, gamma / kappa, 0.5), xp.where(crosses, first / kappa, 0.5))
    change = _log(xp.where(crosses, g2 / kappa, 0.5), xp.where(crosses, late / kappa, 0.5))
    tau = 1.0 + ahead / change
    return xp.where(region == 2, xp.ceil(tau), xp.where(region == 3, xp.floor(tau) + 1.0, math.inf))


def _log(value: Array, gap: Array) -> Array:
    """log(value), where value = 1 - gap and both are known to a few eps; -inf at 0."""
    xp = array_namespace(value)
    near = xp.abs(gap) < 0.5
    plain = xp.log(xp.where(value > 0.0, value, 1.0))
    return xp.where(near, xp.log1p(xp.where(near, -gap, 0.0)), xp.where(value > 0.0, plain, -math.inf))


def _largest_alignment(a: Array, rho: Array) -> Array:
    """s*, the root of `first_step_sign` above rho.

    In u = s - rho it is c0 + c1 u - c2 u^2 - a u^3, c0, c2 > 0: concave, and one bound on its root for each way of
    setting the two positive terms against one negative term.  From the least bound Newton's method descends.
    """
    xp = array_namespace(a)
    y = a * rho + 1.0
    c0, c1, c2 = rho * (rho - 1.0) * y, y * (rho - 2.0), a * (rho + 1.0)
    up = xp.where(c1 > 0.0, c1, 0.0)
    by_cube = xp.maximum((2.0 * c0 / a) ** (1.0 / 3.0), (2.0 * up / a) ** 0.5)
    by_square = xp.maximum((2.0 * c0 / c2) ** 0.5, 2.0 * up / c2)
    u = xp.minimum(by_cube, by_square)
    for _ in range(NEWTON_STEPS):
        value, slope = c0 + u * (c1 - u * (c2 + u * a)), c1 - u * (2.0 * c2 + 3.0 * u * a)
        u = u - xp.where(value < 0.0, value, 0.0) / xp.where(value < 0.0, slope, 1.0)
    return rho + u


def _arrays(*numbers: Number) -> tuple[Array, ...]:
    """Numbers and arrays as arrays of one library that broadcast together; NumPy's if all are plain numbers."""
    home = next((x for x in numbers if not isinstance(x, int | float)), np.asarray(0.0))
    xp, place = array_namespace(home), device(home)
    arrays = [
        xp.asarray(float(x), dtype=home.dtype, device=place) if isinstance(x, int | float) else x
        for x in numbers
    ]
    array_namespace(*arrays)
    try:
        return tuple(xp.broadcast_arrays(*arrays))
    except ValueError:
        shapes = [tuple(x.shape) for x in arrays]
        raise ValueError(f"arguments must broadcast, got the shapes {shapes}") from None


def _check_steps(steps: int, least: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < least:
        raise ValueError(f"T must be an integer >= {least}, got {steps!r}")


def _check_range(**named: Array) -> None:
    xp = array_namespace(*named.values())
    inside = {name: (x >= 1.0 / LARGEST) & (x <= LARGEST) for name, x in named.items()}
    if not bool(reduce(operator.and_, map(xp.all, inside.values()))):
        name = next(name for name, good in inside.items() if not bool(xp.all(good)))
        raise ValueError(f"{name} must be between {1.0 / LARGEST:g} and {LARGEST:g}, got one that is not")


def _check_ratio(rho: Array) -> None:
    xp = array_namespace(rho)
    if not bool(xp.all(rho >= 1.0)):
        raise ValueError(f"rho must be at least 1, got {float(xp.min(rho))}")
