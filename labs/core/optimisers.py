"""One step of each optimiser, for one array of parameters: pure functions from (weights, gradient, state).

The state comes back with the new weights; it begins as zeros.  All arrays of a call broadcast against each
other, so one call steps a batch of networks, each with a rate of its own: shape the rate (..., 1, 1) for
matrices.  Weight decay and schedules are the caller's.
"""

from __future__ import annotations

from labs.core.arrays import Array, array_namespace, check_finite, check_positive, check_shape
from labs.core.polar import msign


def momentum_step(
    weights: Array, gradient: Array, velocity: Array, rate: float | Array, momentum: float = 0.9
) -> tuple[Array, Array]:
    """Kernel: stochastic gradient descent with heavy-ball momentum: (new weights, new velocity).

        v <- momentum v + g,   w <- w - rate v

    Any shapes that broadcast.  Raises ValueError for arrays that are not finite, a rate that is not positive, a
    momentum outside [0, 1).
    """
    _check(rate, {"momentum": momentum}, weights=weights, gradient=gradient, velocity=velocity)
    velocity = momentum * velocity + gradient
    return weights - rate * velocity, velocity


def adam_step(
    weights: Array,
    gradient: Array,
    first: Array,
    second: Array,
    step: int,
    rate: float | Array,
    momentum: float = 0.9,
    memory: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Array, Array, Array]:
    """Kernel: Adam (Kingma and Ba 2015): (new weights, new first moment, new second moment).

        m <- b1 m + (1 - b1) g,   s <- b2 s + (1 - b2) g^2,
        w <- w - rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon)

    b1 = momentum, b2 = memory, t = step = 1, 2, ...  Any shapes that broadcast.  Raises ValueError as
    `momentum_step`, and for a step below 1.
    """
    arrays = {"weights": weights, "gradient": gradient, "first": first, "second": second}
    _check(rate, {"momentum": momentum, "memory": memory}, **arrays)
    if step < 1:
        raise ValueError(f"step must be an integer >= 1, got {step!r}")
    xp = array_namespace(gradient)
    first = momentum * first + (1.0 - momentum) * gradient
    second = memory * second + (1.0 - memory) * gradient * gradient
    size = xp.sqrt(second / (1.0 - memory**step)) + epsilon
    return weights - rate * (first / (1.0 - momentum**step)) / size, first, second


def muon_step(
    weights: Array, gradient: Array, velocity: Array, rate: float | Array, momentum: float = 0.95
) -> tuple[Array, Array]:
    """Kernel: Muon with Nesterov momentum and the exact polar factor: (new weights, new velocity).

        v <- b v + (1 - b) g,   w <- w - rate sqrt(max(1, m/n)) polar(b v + (1 - b) g)

    for matrices (..., m, n); b = momentum (Jordan et al. 2024, whose five Newton-Schulz steps are another
    map).  Directions in which the argument has no singular value above max(m, n) eps times the largest are
    not moved.  Cost: that of `labs.core.polar.msign`.  Raises ValueError as `momentum_step`.
    """
    _check(rate, {"momentum": momentum}, weights=weights, gradient=gradient, velocity=velocity)
    check_shape((None, None), weights=weights, gradient=gradient, velocity=velocity)
    velocity = momentum * velocity + (1.0 - momentum) * gradient
    m, n = gradient.shape[-2:]
    update = msign(momentum * velocity + (1.0 - momentum) * gradient)
    return weights - rate * (max(1.0, m / n) ** 0.5 * update), velocity


def _check(rate: float | Array, momenta: dict[str, float], **arrays: Array) -> None:
    check_finite(**arrays)
    check_positive(rate=rate)
    for name, value in momenta.items():
        if not 0.0 <= value < 1.0:
            raise ValueError(f"{name} must be in [0, 1), got {value!r}")
