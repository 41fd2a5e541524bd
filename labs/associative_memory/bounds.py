"""What theory says of gradient descent on the memory: stable steps, bounds from both sides, numbers of steps.

Groups of equal size whose masses are a power law, ptilde_i = i^-beta/Z, i <= M, have the frequencies p_1 i^-beta.
With a step eta, kappa = eta p_1, and phi(u) the excess that gradient flow leaves of an item at u = (time) p_j,

    L(T) - L* ~ (kappa T)^-(1 - 1/beta)/(beta Z) int u^(-1/beta) phi(u) du.

Cost, where nothing is said of it: some tens of elementary operations per number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labs.associative_memory._drifts import check_numbers, checked, noiseless_time, noisy_time
from labs.associative_memory.flow_time import flow_margin
from labs.associative_memory.margins import (
    error_drift,
    item_excess,
    item_loss,
    least_loss,
    margin_drift,
    optimal_margin,
    peak,
)
from labs.core.arrays import Array, check_nonnegative, check_positive, require_host

# Nodes of the double exponential rule, sinh of whose last reaches what float64 distinguishes from an end: e^-57.
NODES, REACH = 1601, 3.6

# A quadrature that moves by more than this, relatively, when every second node is dropped has not converged.
QUADRATURE = 1e-9


def critical_step(K: Array, alpha: Array) -> Array:
    """Kernel: 2/(alpha pi): up to this eta p_j an item's optimum attracts gradient descent; infinite without noise.

    The multiplier at the optimum is 1 - eta p_j alpha pi.  K >= 1 and alpha in [0, 1] broadcast; a ValueError else.
    Source: derived here (AML-P9); Li et al. 2026, Proposition 5.4, as reported: eta p_1 of order one.
    """
    pi = peak(K, alpha)
    xp, [alpha, pi], back = checked(alpha=alpha, pi=pi)
    noisy = alpha > 0.0
    return back(xp.where(noisy, 2.0 / xp.where(noisy, alpha * pi, 1.0), math.inf))


def global_step(K: Array) -> Array:
    """Kernel: 8 (K - 1)/K: below this eta p_j gradient descent converges from every margin, whatever the noise.

    gamma' <= K/(4 (K - 1)) everywhere.  K >= 1, a number or an array of float64; a ValueError for anything else.
    Source: derived here (AML-P9).
    """
    peak(K, 0.0)
    return 8.0 * (K - 1.0) / K


def potential(m: Array, K: Array) -> Array:
    """Kernel: Phi(m) = e^m - 1 + (K - 1) m, which every noiseless step of size h = eta p_j raises by h K at least.

    m <= 709 (beyond, e^m overflows) and K >= 1 broadcast.  h K t <= Phi(m_t) <= e^h h K t along descent from 0.
    Raises ValueError for anything else.
    Source: derived here (AML-T3).
    """
    peak(K, 0.0)
    xp, [K, m], back = checked(K=K, m=m)
    return back(xp.expm1(m) + (K - 1.0) * m)


def margin_for(eps: Array, K: Array) -> Array:
    """Kernel: log((K - 1)/(e^eps - 1)), the margin at which an item without noise has the loss eps.

    eps > 0 and K >= 1 broadcast (K = 1: -inf).  Raises ValueError for anything else.
    Source: derived here (AML-T3).
    """
    check_positive(eps=eps)
    peak(K, 0.0)
    xp, [K, eps], back = checked(K=K, eps=eps)
    alone = K <= 1.0
    log = xp.log(xp.where(alone, 1.0, K - 1.0)) - (eps + xp.log(-xp.expm1(-eps)))
    return back(xp.where(alone, -math.inf, log))


@dataclass(frozen=True)
class StepsTo:
    """The number of steps after which a loss is at most eps: at least `lower`, at most `upper`."""

    lower: int
    upper: int


def steps_to(eps: float, rule: str, *, K: int, eta: float, p: float | None = None) -> StepsTo:
    """Host routine: how many noiseless steps until L_j <= eps.

        gd    e^-h Phi(m_eps)/(h K) <= T <= ceil(Phi(m_eps)/(h K)),   h = eta p,   of an item of frequency p
        muon  T = ceil(m_eps/eta), all items at once, for equal frequencies
        ngd   T = ceil(m_eps sqrt(K - 1)/eta), all items at once, for equal frequencies

    m_eps = log((K - 1)/(e^eps - 1)); nothing is to do where m_eps <= 0.
    eps, eta, p > 0, K an integer >= 2; p for gd alone (equal frequencies: 1/K).  Raises ValueError for anything else.
    Source: derived here (AML-T3, AML-T4, AML-X5a).
    """
    require_host(eps=eps, eta=eta)
    check_numbers(eps=eps, eta=eta)
    check_positive(eps=eps, eta=eta)
    if isinstance(K, bool) or not isinstance(K, int) or K < 2:
        raise ValueError(f"K must be an integer >= 2, got {K!r}")
    if rule not in ("gd", "muon", "ngd"):
        raise ValueError(f"rule must be 'gd', 'muon' or 'ngd', got {rule!r}")
    m = max(margin_for(eps, K), 0.0)
    if rule != "gd":
        if p is not None:
            raise ValueError(f"p must be left out unless rule is 'gd', got {p!r}")
        steps = math.ceil(m / eta * (math.sqrt(K - 1) if rule == "ngd" else 1.0))
        return StepsTo(steps, steps)
    p = 1.0 / K if p is None else p
    check_numbers(p=p)
    check_positive(p=p)
    h = eta * p
    steps = potential(m, K) / (h * K)
    return StepsTo(math.ceil(math.exp(-h) * steps), math.ceil(steps))


def item_lower_bound(t: Array, K: Array, alpha: Array, h: Array) -> Array:
    """Kernel: (log K - L*) (1 - h K/(2 (K - 1)))^t <= L_j(t) - L*, gradient descent from W = 0 with h = eta p_j.

    t >= 0, K >= 2, alpha in [0, 1], 0 < h < 2 (K - 1)/K, numbers or arrays of float64, broadcast.
    Raises ValueError for anything else.
    Source: derived here (AML-P11); reported of Li et al. 2026 in the form e^(-h t) log K.
    """
    check_nonnegative(t=t)
    check_positive(h=h)
    start = least_loss(K, alpha)
    xp, [K, start, t, h], back = checked(K=K, start=start, t=t, h=h)
    enough = K >= 2.0
    rate = h * K / (2.0 * xp.where(enough, K - 1.0, 1.0))
    if not bool(xp.all(enough & (rate < 1.0))):
        if not bool(xp.all(enough)):
            raise ValueError(f"K must be at least 2, got {K}")
        raise ValueError(f"h must be below 2 (K - 1)/K, got {h} with K = {K}")
    return back((xp.log(K) - start) * xp.exp(t * xp.log1p(-rate)))


def gd_lower_bound(T: float, K: float, alpha: float, beta: float, M: int, kappa: float = 1.0) -> float:
    """Host routine: a lower bound of L(T) - L* for gradient descent with p_1 (eta_0 + ... + eta_(T-1)) = kappa T.

        (l(m*/2) - l(m*)) (i^(1-beta) - (M + 1)^(1-beta))/(Z (beta - 1)),
        i = ceil((2 (1 - alpha) kappa T/m*)^(1/beta)),

    l the loss of an item: from i on no margin comes beyond m*/2.  0 where i > M.
    T, kappa > 0; alpha in (0, 1); beta > 1; M groups of K/M items.  Raises ValueError for anything else.
    Source: Li et al. 2026, Theorem 5.7, as reported; this form derived here (AML-T8a).
    """
    _check_law(K, alpha, beta, kappa, M, least=0.0)
    _check_end(T, M)
    best = optimal_margin(K, alpha)
    first = max(1, math.ceil((2 * (1 - alpha) * kappa * T / best) ** (1 / beta)))
    mass = max(first ** (1 - beta) - (M + 1) ** (1 - beta), 0.0) / (_normaliser(beta, M) * (beta - 1))
    return (item_loss(best / 2, K, alpha) - item_loss(best, K, alpha)) * mass


def gd_asymptotic_lower_bound(K: float, alpha: float, beta: float, kappa: float = 1.0) -> float:
    """Host routine: lim T^(1-1/beta) (sum of `item_lower_bound` over infinitely many groups).

        Gamma(1 - 1/beta) (log K - L*)/(beta zeta(beta)) * (kappa K/(2 (K - 1)))^-(1 - 1/beta)

    Arguments and errors as `gd_constant`.  Source: derived here (AML-P11).
    """
    _check_law(K, alpha, beta, kappa, None)
    power = 1 - 1 / beta
    rate = kappa * K / (2 * (K - 1))
    gap = math.log(K) - least_loss(K, alpha)
    return math.gamma(power) * gap * rate**-power / (beta * _normaliser(beta, None))


def gd_constant(K: float, alpha: float, beta: float, kappa: float = 1.0, M: int | None = None) -> float:
    """Host routine: c of gradient descent's law L(T) - L* ~ c T^-(1 - 1/beta), log K << kappa T << M^beta.

        c = kappa^-(1 - 1/beta)/(beta Z) int_0^inf u^(-1/beta) phi(u) du,   Z = sum_(i <= M) i^-beta

    K >= 2 (any real number), alpha in [0, 1), beta > 1, kappa = eta p_1 > 0 a stable step; M = None: infinitely many
    groups, Z = zeta(beta).  Of a finite M only Z knows, so that masses sum to one: c belongs to times at which the
    last groups are not begun.  What their end does to the law is in `gd_excess`.
    Relative error about 1e-12.  Cost: one quadrature of 1601 nodes, about a millisecond.
    Raises ValueError for bad arguments, RuntimeError if the quadrature fails.
    Source: derived here (AML-T8b).
    """
    _check_law(K, alpha, beta, kappa, M)
    return kappa ** -(1 - 1 / beta) * _integral(K, alpha, beta) / (beta * _normaliser(beta, M))


def gd_excess(T: float, K: float, alpha: float, beta: float, M: int, kappa: float = 1.0) -> float:
    """Host routine: L(T) - L* of gradient descent with M groups of K/M items and a stable kappa = eta p_1.

        (kappa T)^-(1 - 1/beta)/(beta Z) int u^(-1/beta) phi(u) du,  u/(kappa T) from (M + 1/2)^-beta to (1/2)^-beta

    The midpoint rule for the sum over the groups, flow in the place of steps: right for large T, beyond M^beta too.
    Arguments, errors and cost as `gd_constant`, M given; T > 0.  Source: derived here (AML-T8b).
    """
    _check_law(K, alpha, beta, kappa, M)
    _check_end(T, M)
    time = kappa * T
    value = _integral(K, alpha, beta, time * (M + 0.5) ** -beta, time * 0.5**-beta)
    return time ** -(1 - 1 / beta) * value / (beta * _normaliser(beta, M))


def leading_log_constant(K: float, alpha: float, beta: float) -> float:
    """Host routine: what `gd_constant` tends to, in ratio, as K -> infinity (kappa = 1, M infinite).

        (1 - alpha) log K (log K/(1 - alpha))^(1-1/beta)/(beta zeta(beta) (1 - 1/beta) (2 - 1/beta))

    At K = 10^3..10^5 it is 4-10 % too large.  Arguments and errors as `gd_constant`.
    Source: derived here (AML-T8c).
    """
    _check_law(K, alpha, beta, 1.0, None)
    power, log = 1 - 1 / beta, math.log(K)
    scale = beta * _normaliser(beta, None) * power * (1 + power)
    return (1 - alpha) * log * (log / (1 - alpha)) ** power / scale


@dataclass(frozen=True)
class Halving:
    """What gradient descent with a halving step promises (`halving_guarantee`).

    smallest  n, the steps per stage, must be at least this
    first     eta_0 p_min, the first step of the rarest item
    stages    how many stages until eta p_1 < 1/Gamma
    error, excess   what every |e| and every item's excess is at most, at the end
    """

    smallest: int
    first: float
    stages: int
    error: float
    excess: float


def halving_guarantee(K: float, alpha: float, each: int, spread: float) -> Halving:
    """Host routine: n = `each` steps at eta_0, n at eta_0/2, ...: what is left of every item's excess.

    Gamma = max(alpha, pi K/(K - 1)) and eta_0 p_min Gamma = m*; the last stage has 1/(2 Gamma) <= eta p_1 < 1/Gamma.
    With gamma_1 = min(gamma(1), -gamma(-1)), gamma_2 = min(gamma(2), -gamma(-2))/2, n >= Gamma/gamma_1 and m* >= 1/2

        |e| <= 2 exp(-gamma_2 n/(2 Gamma)),    excess <= exp(-gamma_2 n/Gamma)/2.

    spread = p_max/p_min >= 1.  Raises ValueError for other arguments, not for m* < 1/2 or a small n: there the
    numbers are no bounds.
    Source: derived here (AML-X3).
    """
    _check_law(K, alpha, 2.0, 1.0, None, least=0.0)
    if isinstance(each, bool) or not isinstance(each, int) or each < 1:
        raise ValueError(f"each must be an integer >= 1, got {each!r}")
    check_numbers(spread=spread)
    if spread < 1:
        raise ValueError(f"spread must be at least 1, got {spread}")
    reach = max(alpha, peak(K, alpha) * K / (K - 1))
    one, two = (min(error_drift(float(e), K, alpha), -error_drift(-float(e), K, alpha)) / e for e in (1, 2))
    first = optimal_margin(K, alpha) / reach
    halvings = max(0, math.floor(math.log2(first * reach * spread)) + 1)
    exponent = two * each / reach
    return Halving(
        math.ceil(reach / one), first, halvings + 1, 2 * math.exp(-exponent / 2), math.exp(-exponent) / 2
    )


def _check_law(K: float, alpha: float, beta: float, kappa: float, M: int | None, least: float = -1.0) -> None:
    """Raise ValueError unless K >= 2, least < alpha < 1, alpha >= 0, beta > 1, kappa > 0, M >= 1 or None."""
    require_host(K=K, alpha=alpha, beta=beta, kappa=kappa)
    check_numbers(K=K, alpha=alpha, beta=beta, kappa=kappa)
    check_positive(kappa=kappa)
    if K < 2:
        raise ValueError(f"K must be at least 2, got {K}")
    if not (max(least, 0.0) <= alpha < 1 and alpha > least):
        raise ValueError(f"alpha must be {'in (0, 1)' if least == 0 else 'in [0, 1)'}, got {alpha}")
    if not beta > 1:
        raise ValueError(f"beta must be above 1, got {beta}")
    if M is not None and (isinstance(M, bool) or not isinstance(M, int) or M < 1):
        raise ValueError(f"M must be a positive integer or None, got {M!r}")


def _check_end(T: float, M: int | None) -> None:
    """Raise ValueError unless T > 0, and M is given: of infinitely many groups `gd_constant` knows the law."""
    require_host(T=T)
    check_numbers(T=T)
    check_positive(T=T)
    if M is None:
        raise ValueError("M must be a positive integer, got None")


def _normaliser(beta: float, M: int | None) -> float:
    """sum_(i <= M) i^-beta; zeta(beta) for M = None."""
    from scipy.special import zeta

    return float(zeta(beta)) if M is None else float(zeta(beta) - zeta(beta, M + 1))


def _integral(K: float, alpha: float, beta: float, start: float = 0.0, end: float = math.inf) -> float:
    """int u^(-1/beta) phi(u) du over [start, end], by parts: with F = u^power/power and dphi = -((K - 1)/K) g dm

    F phi at the end - F phi at the start + ((K - 1)/K) int F(u(m)) g(m) dm.
    """
    power = 1 - 1 / beta
    best = optimal_margin(K, alpha)
    # Without noise the integrand falls like e^(-m/beta).
    farthest = best if alpha else math.log(K) + 45.0 * beta
    low = flow_margin(start, K, alpha, 1.0)
    high = min(farthest, flow_margin(end, K, alpha, 1.0)) if end < math.inf else farthest

    def boundary(u: float, m: float) -> float:
        if u in (0.0, math.inf):
            return 0.0
        left = item_excess(m - best, K, alpha) if alpha else item_loss(m, K, alpha)
        return u**power / power * left

    t = np.linspace(-REACH, REACH, NODES)
    exponent = np.pi * np.sinh(t)
    near_low, near_high = 1 / (1 + np.exp(-exponent)), 1 / (1 + np.exp(exponent))
    m = low + (high - low) * near_low
    gap = (farthest - high) + (high - low) * near_high
    u = noisy_time(np, m, gap, K, alpha) if alpha else noiseless_time(np, m, K)
    g = -error_drift(-gap, K, alpha) if alpha else margin_drift(m, K, alpha)
    values = u**power / power * g * (high - low) * near_low * near_high * np.pi * np.cosh(t)
    step = t[1] - t[0]
    fine, coarse = step * np.sum(values), 2 * step * np.sum(values[::2])
    if not abs(fine - coarse) <= QUADRATURE * abs(fine):
        raise RuntimeError(
            f"the integral over the flow did not converge: {coarse} with half the nodes, {fine}"
        )
    return float(boundary(end, high) - boundary(start, low) + (K - 1) / K * fine)
