"""Activations: a name stands for a function y of x, and for its derivative as a function of x and y.

"gelu" is the form with tanh that GPT-2 uses, x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.  All are smooth but
"relu", max(x, 0), whose derivative at 0 is taken to be 0.
"""

from __future__ import annotations

import math
from typing import Any

from labs.core.arrays import Array


def _gelu_tanh(xp: Any, x: Array) -> Array:
    return xp.tanh(math.sqrt(2.0 / math.pi) * x * (1.0 + 0.044715 * x * x))


def _gelu_slope(xp: Any, x: Array, y: Array) -> Array:
    t = _gelu_tanh(xp, x)
    inner = math.sqrt(2.0 / math.pi) * (1.0 + 0.134145 * x * x)
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner


def _softplus(xp: Any, x: Array) -> Array:
    return xp.where(x > 0.0, x, 0.0 * x) + xp.log1p(xp.exp(-xp.abs(x)))


def _positive(xp: Any, x: Array) -> Array:
    return xp.astype(x > 0.0, x.dtype)


ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "tanh": (lambda xp, x: xp.tanh(x), lambda xp, x, y: 1.0 - y * y),
    "gelu": (lambda xp, x: 0.5 * x * (1.0 + _gelu_tanh(xp, x)), _gelu_slope),
    "softplus": (_softplus, lambda xp, x, y: 0.5 * (1.0 + xp.tanh(0.5 * x))),
    "sine": (lambda xp, x: xp.sin(x), lambda xp, x, y: xp.cos(x)),
    "identity": (lambda xp, x: x, lambda xp, x, y: xp.ones_like(x)),
    "relu": (lambda xp, x: x * _positive(xp, x), lambda xp, x, y: _positive(xp, x)),
}


def check_activation(name: str) -> None:
    """Raise ValueError unless `name` is one of ACTIVATIONS."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {tuple(ACTIVATIONS)}, got {name!r}")
