"""Gradient flow of one margin, solved: the time to reach a margin, and the margin at a time.

dm/dt = p g(m), m(0) = 0, t = eta times the number of steps.  With u = p t and B = K pi = K - alpha (K - 1)

    alpha = 0:  u = (e^m - 1 + (K - 1) m)/K,
                m = A - omega(A - log(K - 1)),  A = (K u + 1)/(K - 1),   omega + log omega = z (Wright's function);
    alpha > 0:  u = ((K - 1) m - (K/alpha) log1p(-alpha expm1(m)/(K (1 - alpha))))/B,   m < m*.
"""

from __future__ import annotations

from typing import Any

from labs.associative_memory._drifts import checked, error_drift, margin_drift, noiseless_time, noisy_time
from labs.associative_memory.margins import optimal_margin
from labs.core.arrays import Array, check_nonnegative, check_positive

# Fritsch, Shafer and Crowley's step multiplies the digits by four: from two correct ones three steps are enough.
WRIGHT_STEPS = 4

# A gap below m* e^-LAST is nothing beside m*.
LAST = 45.0
MOST_STEPS = 200


def wright_omega(z: Array) -> Array:
    """Kernel: omega(z) for real z: the positive root of omega + log omega = z; omega(z) = W(e^z), Lambert's function.

    z  (...), finite, of float64, or a number.  Relative error a few eps (1 + |z|) for negative z, a few eps above.
    In array operations alone, so that it works in every namespace (SciPy's wrightomega takes NumPy arrays only).
    Cost: 4 steps of fourth order.  Raises ValueError for anything else.
    Source: Fritsch, Shafer and Crowley 1973.
    """
    xp, [z], back = checked(z=z)
    low = xp.exp(xp.clip(z, None, 1.0))
    high = xp.clip(z, 1.0, None)
    omega = xp.where(z < 1.0, low / (1.0 + 0.6 * low), high - xp.log(high) * high / (1.0 + high))
    # Where e^z underflows omega is e^z; the steps would divide by it.
    gone = omega <= 1e-300
    omega = xp.where(gone, 1.0, omega)
    for _ in range(WRIGHT_STEPS):
        rest = z - omega - xp.log(omega)
        rest = xp.where(gone, 0.0, rest)
        part = rest / (1.0 + omega)
        q, r = 2.0 + 4.0 * part / 3.0, part / (1.0 + omega)
        omega = omega * (1.0 + part * (q - r) / (q - 2.0 * r))
    return back(xp.where(gone, low, omega))


def flow_time(margin: Array, K: Array, alpha: Array, p: Array) -> Array:
    """Kernel: t = u/p (eta times steps) in which gradient flow brings the margin of an item from 0 to `margin`.

    0 <= margin < m*, margin <= 709; K >= 2; alpha in [0, 1); p > 0; numbers or arrays of float64, broadcast.
    Gradient descent at step eta is behind or ahead of it by O(eta p) in margin.  Uniformly accurate as alpha -> 0;
    near m* what matters is the gap m* - margin, rounded as the margin is.
    Raises ValueError for anything else.
    Source: derived here (AML-T2).
    """
    check_nonnegative(margin=margin)
    check_positive(p=p)
    xp, [K, alpha, m, p], back = checked(K=K, alpha=alpha, margin=margin, p=p)
    _check_memory(xp, K, alpha)
    best = optimal_margin(K, alpha)
    if not bool(xp.all(m < best)):
        raise ValueError(f"margin must be below m* = log(1 + K (1 - alpha)/alpha), got {margin}")
    noisy = alpha > 0.0
    gap = xp.where(noisy, best - m, 1.0)
    return back(xp.where(noisy, noisy_time(xp, m, gap, K, alpha), noiseless_time(xp, m, K)) / p)


def flow_margin(time: Array, K: Array, alpha: Array, p: Array) -> Array:
    """Kernel: the margin of an item after gradient flow from 0 for `time` >= 0 (eta times steps).

    K >= 2; alpha in [0, 1); p > 0; numbers or arrays of float64, broadcast.  Relative error a few eps.
    Without noise by Wright's function, else by Newton steps in y, m* - m = m* e^-y, kept inside a bracket; both end
    with one Newton step in m, where small margins have all their digits.
    Cost: about 10 exponentials and logarithms per step of the slowest item.
    Raises ValueError for bad arguments, RuntimeError if the steps did not converge.
    Source: derived here (AML-T2).
    """
    check_nonnegative(time=time)
    check_positive(p=p)
    xp, [K, alpha, t, p], back = checked(K=K, alpha=alpha, time=time, p=p)
    _check_memory(xp, K, alpha)
    u, K, alpha = xp.broadcast_arrays(p * t, K, alpha)
    noisy = alpha > 0.0
    best = xp.where(noisy, optimal_margin(K, alpha), 1.0)
    some = xp.where(noisy, alpha, 0.5)
    m = xp.where(
        noisy, _noisy_margin(xp, xp.where(noisy, u, 0.0), best, K, some), _noiseless_margin(xp, u, K)
    )
    # One Newton step, du/dm = 1/g: where m is small its last digits come from here; at m* the drift is 0.
    gap = xp.where(noisy, best - m, 1.0)
    resting = gap <= best * 1e-8
    gap = xp.where(resting, best, gap)
    reached = xp.where(
        noisy, noisy_time(xp, xp.where(resting, 0.0, m), gap, K, some), noiseless_time(xp, m, K)
    )
    polished = m - (reached - u) * margin_drift(xp, m, K, alpha)
    return back(xp.where(resting, m, xp.where(u <= 0.0, 0.0, polished)))


def _check_memory(xp: Any, K: Array, alpha: Array) -> None:
    for name, x, expected, good in (
        ("K", K, "at least 2", K >= 2.0),
        ("alpha", alpha, "at least 0 and below 1", (alpha >= 0.0) & (alpha < 1.0)),
    ):
        if not bool(xp.all(good)):
            raise ValueError(f"{name} must be {expected}, got {x}")


def _noiseless_margin(xp: Any, u: Array, K: Array) -> Array:
    """The smaller of two forms is the more accurate: A - omega cancels where omega is large, log(omega) where not."""
    a = (K * u + 1.0) / (K - 1.0)
    log = xp.log(K - 1.0)
    omega = wright_omega(a - log)
    return xp.where(omega > 1.0, log + xp.log(omega), a - omega)


def _noisy_margin(xp: Any, u: Array, best: Array, K: Array, alpha: Array) -> Array:
    """Newton steps for u(y) = u, y in [0, LAST]; a step that leaves the bracket is replaced by its middle."""
    low, high = 0.0 * u, LAST + 0.0 * u
    y = xp.clip(u * margin_drift(xp, low, K, alpha) / best, None, LAST)
    for _ in range(MOST_STEPS):
        gap = best * xp.exp(-y)
        miss = noisy_time(xp, -best * xp.expm1(-y), gap, K, alpha) - u
        low, high = xp.where(miss < 0.0, y, low), xp.where(miss < 0.0, high, y)
        step = y + miss * error_drift(xp, -gap, K, alpha) / gap  # dy/du = -gamma(-gap)/gap
        done = (xp.abs(step - y) <= 1e-13 * (1.0 + y)) | (high - low <= 1e-13 * (1.0 + y))
        inside = done | ((step > low) & (step < high))
        after = xp.where(inside, step, (low + high) / 2.0)
        y = after
        if bool(xp.all(done)):
            return -best * xp.expm1(-y)
    raise RuntimeError(f"the margin at a time did not converge in {MOST_STEPS} steps")
