"""The drift of a margin and of its error, in field arithmetic and in arrays; and how scalar arguments are taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import Array, Namespace, array_namespace, check_double, check_finite, device


def off_peak(K: Any, alpha: Any) -> Any:
    """1 - pi = alpha (K - 1)/K, the probability of all wrong answers together."""
    return alpha * (K - 1) / K


def drift_ratio(up: Any, down: Any, K: Any, alpha: Any) -> Any:
    """g = K/(e^m + K - 1) - alpha as a function of e^m = up/down."""
    return K * down / (up + (K - 1) * down) - alpha


def error_drift_ratio(up: Any, down: Any, rise: Any, K: Any, alpha: Any) -> Any:
    """gamma = alpha pi expm1(e)/(1 + pi expm1(e)) as a function of e^e = up/down, with rise = up - down."""
    off = off_peak(K, alpha)
    return alpha * (1 - off) * rise / (off * down + (1 - off) * up)


def margin_drift(xp: Namespace, m: Array, K: Array, alpha: Array) -> Array:
    """g(m), m an array, without overflow."""
    up, down, _ = _parts(xp, m)
    return drift_ratio(up, down, K, alpha)


def shifted_margin_drift(xp: Namespace, m: Array, K: Array, alpha: Array, shift: Array) -> Array:
    """g(m) e^shift for alpha = 0; shift is 0 where alpha > 0, and elsewhere at most the least positive margin."""
    up, down, above = _parts(xp, m)
    return K * xp.where(above, xp.exp(xp.minimum(shift - m, 0.0 * m)), 1.0) / (up + (K - 1.0) * down) - alpha


def error_drift(xp: Namespace, e: Array, K: Array, alpha: Array) -> Array:
    """gamma(e), e an array, without overflow and with a small relative error."""
    up, down, above = _parts(xp, e)
    rise = xp.expm1(-xp.abs(e))
    return error_drift_ratio(up, down, xp.where(above, -rise, rise), K, alpha)


def _parts(xp: Namespace, x: Array) -> tuple[Array, Array, Array]:
    """(up, down) with e^x = up/down, the larger of them 1, and where x > 0.

    What underflows stops at the least normal number: a memory of one item would divide by it.
    """
    less = xp.exp(-xp.clip(xp.abs(x), None, 708.0))
    above = x > 0.0
    return xp.where(above, 1.0, less), xp.where(above, less, 1.0), above


def noiseless_time(xp: Namespace, m: Array, K: Array) -> Array:
    """u(m) without noise."""
    return (xp.expm1(m) + (K - 1.0) * m) / K


def noisy_time(xp: Namespace, m: Array, gap: Array, K: Array, alpha: Array) -> Array:
    """u(m) with noise, by log1p of the margin where that is near 0, by the gap m* - m where it would cancel."""
    some = xp.where(alpha > 0.0, alpha, 0.5)
    pi = 1.0 - off_peak(K, some)
    x = -some * xp.expm1(xp.clip(m, None, 700.0)) / (K * (1.0 - some))
    far = x > -0.5
    near = xp.log(xp.where(far, 1.0, -pi * xp.expm1(-xp.where(far, 1.0, gap)) / (1.0 - some)))
    log = xp.where(far, xp.log1p(xp.where(far, x, 0.0)), near)
    return ((K - 1.0) * m - (K / some) * log) / (K * pi)


def check_numbers(**named: Any) -> None:
    """Raise ValueError unless each argument is one real, finite number: for routines that take no arrays."""
    for name, x in named.items():
        if np.ndim(x) != 0:
            raise ValueError(f"{name} must be a number, got an array of shape {np.shape(x)}")
    check_finite(**named)


def broadcast(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The batch axes of all arguments together; a ValueError that names them where they do not fit."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        names, (first, *_) = " and ".join(f"{name} {shape}" for name, shape in shapes.items()), shapes
        raise ValueError(
            f"{first} must have batch axes that broadcast with the others', got {names}"
        ) from None


def checked(**named: Array) -> tuple[Any, list[Array], Any]:
    """The namespace, the arguments as arrays of float64, and what makes the answer: a number where all are numbers.

    Raises ValueError unless each is an array of float64, all of one library, or a number.
    """
    check_finite(**named)
    arrays = {name: x for name, x in named.items() if not isinstance(x, int | float)}
    check_double(**arrays)
    first = next(iter(arrays.values()), np.zeros(()))
    xp, home = array_namespace(*arrays.values(), first), device(first)
    values = [xp.asarray(x, dtype=xp.float64, device=home) for x in named.values()]
    return xp, values, (lambda x: x) if arrays else float
