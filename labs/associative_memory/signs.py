"""Sign descent of one margin: what Muon does to equally frequent items, and aligned sign descent to any.

With one group the residual of Muon is a multiple of I - J/K, so that its margin moves by the step size towards the
best margin m* (AML-T6); aligned sign descent moves it by twice the step size, whatever the frequencies (AML-T10).
In the error e = m - m*, from e_0 = -m*,

    e_{t+1} = e_t - eta_t sgn e_t,

and with a constant step the errors end in a two-cycle, -theta eta and (1 - theta) eta, where theta is the fractional
part of m*/eta, its phase.  What is left depends on the phase (nothing at phase 0, a resonance), so that laws are
about the mean over phases.
"""

from __future__ import annotations

import math

import numpy as np

from labs.associative_memory._drifts import check_numbers, checked
from labs.associative_memory.margins import item_excess, peak
from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_real,
    check_shape,
    device,
    require_host,
)
from labs.core.fit import phases

# Gauss and Legendre's rule for the mean over phases.  The excess is analytic but for log-singularities at
# e = log((1 - pi)/pi) +- i pi: with 32 nodes the error is below 1e-14 up to eta = 2, 1e-6 at eta = 20.
NODES = 32


def sign_errors(start: Array, steps: Array) -> Array:
    """Kernel: the errors of sign descent, e_{t+1} = e_t - eta_t sgn e_t: (...), (..., T) -> (..., T + 1), e_0 first.

    start  (...) finite: e_0, from W = 0 minus the optimal margin
    steps  (..., T) finite and >= 0: the step sizes of Muon, or twice those of aligned sign descent

    sgn 0 = 0: an error of exactly 0 stays.  The absolute error is T eps max(|start|, steps).
    Cost: T times O(1) operations on the batch.  Raises ValueError for anything else.
    Source: derived here (AML-T6, AML-T10).
    """
    check_shape((None,), steps=steps)
    check_double(start=start, steps=steps)
    check_finite(start=start)
    check_nonnegative(steps=steps)
    xp = array_namespace(start, steps)
    e = start + 0.0 * steps[..., 0]
    errors = [e]
    for t in range(steps.shape[-1]):
        e = e - steps[..., t] * xp.sign(e)
        errors.append(e)
    return xp.stack(errors, axis=-1)


def two_cycle(target: Array, eta: Array) -> tuple[Array, Array]:
    """Kernel: the two errors between which a constant step ends: -theta eta and (1 - theta) eta.

        theta = target/eta - floor(target/eta);  both are 0 where theta = 0

    target  (...) finite and >= 0: the optimal margin;  eta (...) positive; they broadcast.
    The absolute error is eps times the target: of a step with a large target/eta only the digits of theta that
    doubles hold are known.  Raises ValueError for anything else.
    Source: derived here (AML-T6).
    """
    check_double(target=target, eta=eta)
    check_nonnegative(target=target)
    check_positive(eta=eta)
    xp = array_namespace(target, eta)
    below = xp.remainder(target, eta)
    return -below, xp.where(below > 0.0, eta - below, 0.0)


def phase_averaged_excess(eta: Array, K: Array, alpha: Array) -> Array:
    """Kernel: what a constant step leaves of an item's loss in the mean over phases: (...).

        (1/(2 eta)) Int_{-eta}^{eta} (log1p(pi expm1(e)) - pi e) de = pi (1 - pi) eta^2/6 + O(eta^4)

    the mean of the two-cycle's two excesses over a uniform phase: together they cover [-eta, eta] evenly.

    eta       (...) an array, finite and >= 0
    K, alpha  (...) arrays or numbers, K >= 1, 0 < alpha <= 1; they broadcast
    By a rule of 32 nodes: error below 1e-14 relative up to eta = 2, 1e-6 at 20.  Raises ValueError for anything else.
    Source: derived here (AML-T6).
    """
    check_double(eta=eta)
    check_nonnegative(eta=eta)
    check_real(K=K, alpha=alpha)
    xp = array_namespace(eta, K, alpha)
    nodes, weights = (xp.asarray(x, device=device(eta)) for x in np.polynomial.legendre.leggauss(NODES))
    K, alpha = (x if isinstance(x, int | float) else x[..., None] for x in (K, alpha))
    return xp.sum(weights * item_excess(eta[..., None] * nodes, K, alpha), axis=-1) / 2.0


def stratified_steps(target: float, near: float, count: int) -> np.ndarray:
    """Host routine: step sizes close to `near` at evenly spread phases: target/eta_k = n + (k + 1/2)/count.

    n = max(1, floor(target/near)), k = 0..count-1: (count,), descending, none of them resonant.
    Raises ValueError unless target and near are positive numbers and count is an integer >= 1.
    Source: derived here (AML-T7: random phases need hundreds of draws).
    """
    require_host(target=target, near=near)
    check_numbers(target=target, near=near)
    check_positive(target=target, near=near)
    return target / (max(1, math.floor(target / near)) + phases(count))


def operator_norm_bound(K: Array, R: Array) -> Array:
    """Kernel: the least loss of a noiseless memory of K equally frequent items with |W|_op <= R.

        log(1 + (K - 1) e^-R),  at What = R (I - J/K)

    so that t updates of operator norm at most eta cannot beat t steps of Muon: R = eta t.

    K >= 1 and R >= 0, finite: numbers or arrays of float64, broadcast; of two numbers the answer is one.
    Raises ValueError for anything else.
    Source: derived here (AML-X1).
    """
    check_nonnegative(R=R)
    peak(K, 0.0)  # says what is wrong with K
    xp, [K, R], back = checked(K=K, R=R)
    return back(xp.log1p((K - 1.0) * xp.exp(-R)))
